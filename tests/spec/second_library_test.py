"""The second implementation and the library talk to each other, either of them as either end."""
import itertools
import os
import random
import unittest

from library_peer import KEY_LOG, PEER, Library
from second_end import OUR_MEDIA, OurEnd
from second_self_test import *


class Responder:
    """Bob, whose session begins with the first message that opens."""

    def __init__(self, prekeys, draw):
        self.prekeys, self.draw = prekeys, draw
        self.begin()

    def begin(self):
        self.session = None

    def seal(self, plaintext, fresh=False):
        return self.session.seal(plaintext, fresh)

    def open(self, message):
        if self.session:
            return self.session.open(message)
        self.session, *opened = accept(self.prekeys.device, self.prekeys, message, self.draw)
        return tuple(opened)


def two_ends(library, rng, we_begin, one_time=True):
    """(Alice, Bob): one of them the library."""
    ours = Device(Identity(rng.randbytes(32)), rng.randbytes(32))
    if not we_begin:
        prekeys = Prekeys(ours, rng.randbytes, one_time, one_time)
        library.ask("initiate", write_bundle(prekeys.bundle()))
        return library, Responder(prekeys, rng.randbytes)
    bundle = library.bytes_of("bundle")[0] if one_time else [library.bytes_of("bundle")[0] for _ in range(2)][1]
    assert len(bundle) == (1517 if one_time else 1485)
    library.begin()
    return initiate(ours, parse_bundle(bundle), rng.randbytes)[0], library


@unittest.skipUnless(PEER, "no peer program")
class WithTheLibrary(unittest.TestCase):
    def each_way(self, check, seeds=1):
        """Calls check(rng, alice, bob) with the library as either end, with and without a one-time prekey."""
        for we_begin, one_time, seed in itertools.product((True, False), (True, False), range(seeds)):
            with self.subTest(we_begin=we_begin, one_time=one_time, seed=seed), Library(PEER, seed) as library:
                rng = random.Random(seed)
                check(rng, *two_ends(library, rng, we_begin, one_time))

    def deliver(self, end, flight, rng):
        """Opens one of the next messages in flight, damaged and genuine and again."""
        message, plaintext, export = flight.pop(rng.randrange(min(3, len(flight))))
        if rng.random() < 0.3:
            self.assertRaises(Refused, end.open, altered(message, rng.randrange(len(message))))
        self.assertEqual(end.open(message), (plaintext, export))
        if rng.random() < 0.3:
            self.assertRaisesRegex(Refused, "replayed", end.open, message)

    def test_a_conversation_survives_loss_and_disorder(self):
        def converse(rng, alice, bob):
            to_alice, to_bob, begun = [], [], False
            for _ in range(200):
                end, flight, out = rng.choice([(alice, to_alice, to_bob), (bob, to_bob, to_alice)])
                what = rng.random()
                if what < 0.45 and (begun or end is alice):
                    plaintext = rng.randbytes(rng.choice([0, 1, 256, 16384]))
                    message, export, _ = end.seal(plaintext, rng.random() < 0.4)
                    out.append((message, plaintext, export))
                elif what < 0.55 and flight:
                    flight.pop(rng.randrange(len(flight)))  # lost
                elif flight:
                    self.deliver(end, flight, rng)
                    begun = True
            for end, flight in (alice, to_alice), (bob, to_bob):
                while flight:
                    self.deliver(end, flight, rng)
            self.assertTrue(begun)

        self.each_way(converse, seeds=4)

    def test_a_first_message_begins_one_session_only(self):
        def begin_again(_, alice, bob):
            message = alice.seal(b"")[0]
            bob.open(message)
            bob.begin()
            self.assertRaisesRegex(Refused, "replayed", bob.open, message)

        self.each_way(begin_again)

    def test_a_thousand_messages_of_a_chain_may_be_skipped_and_no_more(self):
        def skip(_, alice, bob):
            bob.open(alice.seal(b"")[0])
            bob.seal(b"")
            sealed = [alice.seal(b"%d" % n) for n in range(1002)]
            self.assertRaisesRegex(Refused, "too_many_skipped", bob.open, sealed[1001][0])
            self.assertEqual(bob.open(sealed[1000][0]), (b"1000", sealed[1000][1]))
            self.assertEqual(bob.open(sealed[999][0])[0], b"999")
            self.assertEqual(bob.open(sealed[1001][0])[0], b"1001")

        self.each_way(skip)

    def test_a_hundred_messages_of_a_new_chain_may_be_skipped_and_no_more(self):
        def skip(_, alice, bob):
            for sender, receiver in (alice, bob), (bob, alice), (alice, bob):
                sealed = [sender.seal(b"%d" % n)[0] for n in range(102)]
                self.assertRaisesRegex(Refused, "too_many_skipped", receiver.open, sealed[101])
                for n in 100, 99, 101:  # 99 is one of the last sixteen
                    self.assertEqual(receiver.open(sealed[n])[0], b"%d" % n)

        self.each_way(skip)

    def test_two_thousand_skipped_keys_are_held_and_the_oldest_go_first(self):
        def skip(_, alice, bob):
            sealed = [alice.seal(b"%d" % n)[0] for n in range(2505)]
            for last in 0, 1001, 2002, 2504:  # skips 0, 1000, 1000 and 501
                bob.open(sealed[last])
                bob.seal(b"")
            self.assertRaisesRegex(Refused, "replayed", bob.open, sealed[501])
            self.assertEqual(bob.open(sealed[502])[0], b"502")

        self.each_way(skip)

    def test_sixteen_skipped_keys_are_held_until_something_is_sealed(self):
        def skip(_, alice, bob):
            sealed = [alice.seal(b"%d" % n)[0] for n in range(60)]
            bob.open(sealed[30])
            self.assertRaisesRegex(Refused, "replayed", bob.open, sealed[13])
            self.assertEqual(bob.open(sealed[14])[0], b"14")
            bob.seal(b"")
            bob.open(sealed[59])
            for n in 15, 31, 58:
                self.assertEqual(bob.open(sealed[n])[0], b"%d" % n)

        self.each_way(skip)

    def test_both_step_when_asked_and_answered_and_name_refusals_alike(self):
        def talk(_, alice, bob):
            kinds = []
            for sender, receiver, fresh in [(alice, bob, True), (alice, bob, False), (bob, alice, False),
                                            (alice, bob, False), (alice, bob, True), (bob, alice, True),
                                            (bob, alice, True), (alice, bob, True)]:
                message, export, stepped = sender.seal(b"plain", fresh)
                kinds.append((message[1], stepped))
                if message[1] != INITIAL:
                    sealed_at = len(message) - 21
                    for at in (2, 25, 26, sealed_at - 1, sealed_at, len(message) - 1):
                        error = "unknown_session" if at < sealed_at else "forged"
                        self.assertRaisesRegex(Refused, error, receiver.open, altered(message, at))
                self.assertRaisesRegex(Refused, "unsupported_version", receiver.open, b"\2" + message[1:])
                self.assertRaisesRegex(Refused, "malformed", receiver.open, b"\1\4" + message[2:])
                self.assertEqual(receiver.open(message), (b"plain", export))
            self.assertEqual(kinds, [(1, True), (1, False), (2, True), (3, False), (2, True), (2, True),
                                     (2, False), (2, True)])

        self.each_way(talk)

    def test_five_chains_back_nothing_opens(self):
        def wait(_, alice, bob):
            bob.open(alice.seal(b"")[0])
            alice.open(bob.seal(b"")[0])
            late = []
            for _ in range(10):
                late.append(alice.seal(b"late", True)[0])
                bob.open(alice.seal(b"")[0])
                alice.open(bob.seal(b"", True)[0])
            self.assertRaisesRegex(Refused, "unknown_session", bob.open, late[4])
            for message in late[5:]:
                self.assertEqual(bob.open(message)[0], b"late")

        self.each_way(wait)

    def test_both_refuse_a_signed_bundle_whose_keys_are_bad(self):
        bob = Device(Identity(bytes(32)), bytes(32))
        for name in "spk", "kem":
            prekeys = Prekeys(bob, random.Random(1).randbytes)
            bundle = prekeys.bundle()
            bad = {"spk": bytes(32), "kem": b"\xff" * 3 + bundle.kem[3:]}[name]
            kind, label, number = {"spk": (X25519, SIGNED_PREKEY, bundle.spk_id),
                                   "kem": (ML_KEM_768, KEM_PREKEY, bundle.kem_id)}[name]
            signature = bob.sign(label + number + encode(kind, bad))
            bundle = bundle._replace(**{name: bad, f"{name}_signature": signature})
            with self.subTest(name), Library(PEER, 1) as library:
                self.assertRaisesRegex(Refused, "bad_key", lambda: initiate(
                    bob, parse_bundle(write_bundle(bundle)), os.urandom))
                self.assertRaisesRegex(Refused, "bad_key", library.ask, "initiate", write_bundle(bundle))


@unittest.skipUnless(PEER, "no peer program")
class CallsWithTheLibrary(unittest.TestCase):
    def setUp(self):
        if KEY_LOG:
            open(KEY_LOG, "w").close()
        self.calls = OurEnd(self)

    def we_call(self):
        """An active call that we began; the streams of both sides."""
        calls = self.calls
        calls.sessions.dial(parse_bundle(calls.bundle))
        calls.begin(True, calls.rng.randbytes(16))
        a = calls.rng.randbytes(32)
        offer, got = calls.send(OFFER, write_streams(OUR_MEDIA, sas_commitment(calls.call_id, a)))
        self.assertEqual(list(got), [RINGING])  # nothing else is sent until its user accepts
        got = calls.outputs(calls.library.ask("answer", b"here 1"))
        streams, answer = got[ANSWER]
        calls.agreed(offer, answer, a, streams.token)
        self.assertEqual(got[ROUTE][0], b"here 1")
        calls.check_number(got)
        self.assertEqual(calls.send(ROUTE, b"there 2")[1], {"route": "there 2"})
        calls.check_short_string(calls.send(REVEAL, a)[1])
        with self.assertRaisesRegex(Refused, "replayed"):
            calls.send(REVEAL, a)
        return OUR_MEDIA, streams.ssrcs

    def library_calls(self):
        calls = self.calls
        got = calls.outputs(calls.library.ask("dial", calls.ours.identity, write_bundle(calls.prekeys.bundle())))
        streams, offer = got[OFFER]
        self.assertEqual((streams.flags, streams.channels, streams.block_ms), (3, 1, 10))
        b = calls.rng.randbytes(32)
        answer, got = calls.send(ANSWER, write_streams(OUR_MEDIA, b))
        a = got[REVEAL][0]
        self.assertEqual(streams.token, sas_commitment(calls.call_id, a))
        calls.agreed(offer, answer, a, b)
        calls.check_number(got)
        calls.check_short_string(got)
        return streams.ssrcs, OUR_MEDIA

    def rekey_both_ways(self, media):
        calls = self.calls
        number = calls.keys.next_number()
        request, got = calls.send(REKEY, be32(number))
        calls.keys.ask(number, request)
        self.assertEqual(got[REKEYED][0], number)
        calls.keys.answered(number, got[REKEYED][1])
        calls.check_log(media, number, [TO_CALLEE if calls.we_call else TO_CALLER])
        got = calls.outputs(calls.library.ask("rekey"))
        asked = 0
        while REKEY in got:  # a second follows if the first could not step
            number, request = got[REKEY]
            calls.keys.check_request(number)
            response, got = calls.send(REKEYED, be32(number))
            calls.keys.answer(number, request, response)
            calls.check_log(media, number)
            asked += 1
        self.assertIn(asked, (1, 2))

    def test_calls_either_way_agree_on_every_key_and_number(self):
        for begin in self.we_call, self.library_calls, self.library_calls, self.we_call:
            media = begin()
            self.calls.check_log(media, 0)
            self.rekey_both_ways(media)
            if begin == self.we_call:
                self.assertEqual(self.calls.send(HANG_UP, b"\0")[1], {"ended": "hung up"})
            else:
                self.assertEqual(self.calls.outputs(self.calls.library.ask("hang_up"))[HANG_UP][0], b"\0")
        self.assertLessEqual(len(self.calls.sessions.sessions), 2)

    def test_a_reveal_that_does_not_match_ends_the_call(self):
        calls = self.calls
        calls.sessions.dial(parse_bundle(calls.bundle))
        calls.begin(True, calls.rng.randbytes(16))
        calls.send(OFFER, write_streams(OUR_MEDIA, bytes(32)))
        calls.outputs(calls.library.ask("answer", b"here 1"))
        got = calls.send(REVEAL, bytes(32))[1]
        self.assertEqual(got[HANG_UP][0], b"\5")
        self.assertNotIn("short_auth", got)

    def test_codes_are_taken_crosswise(self):
        calls = self.calls
        code = calls.library.bytes_of("code", calls.ours.identity)[0]
        scan_code(code, calls.ours.identity, calls.theirs)
        ours = write_code(calls.ours.identity, calls.theirs)
        calls.library.ask("scan", ours, calls.ours.identity)
        for bad, error in (code, "wrong_identity"), (b"\2" + ours[1:], "unsupported_version"):
            self.assertRaisesRegex(Refused, error, calls.library.ask, "scan", bad, calls.ours.identity)

    def test_a_late_message_of_a_lost_session_does_not_bring_it_back(self):
        calls = self.calls

        def dialled(prekeys):
            word, = calls.library.ask("dial", calls.ours.identity, write_bundle(prekeys.bundle()))
            return bytes.fromhex(word.split(":")[1])

        lost, opened, _ = accept(calls.ours, calls.prekeys, dialled(calls.prekeys), calls.rng.randbytes)
        hang_up = write_signal(HANG_UP, parse_signal(opened)[1], b"\1")
        self.assertEqual(len(calls.library.ask("receive", lost.seal(hang_up)[0])), 1)
        late = lost.seal(hang_up)[0]
        renewed = Prekeys(calls.ours, calls.rng.randbytes, 2, 2)  # we lost everything
        session, opened, _ = accept(calls.ours, renewed, dialled(renewed), calls.rng.randbytes)
        hang_up = write_signal(HANG_UP, parse_signal(opened)[1], b"\1")
        calls.library.ask("receive", session.seal(hang_up)[0])  # by which it knows that we have that session
        self.assertRaisesRegex(Refused, "unknown_call", calls.library.ask, "receive", late)
        session.open(dialled(renewed))

    def test_a_dial_that_nobody_answered_is_followed_by_one_in_another_session_by_another_bundle(self):
        calls = self.calls

        def dialled(bundle):
            word, = calls.library.ask("dial", calls.ours.identity, bundle)
            return bytes.fromhex(word.split(":")[1])

        prekeys = Prekeys(calls.ours, calls.rng.randbytes, 3, 3)
        spoilt = write_bundle(prekeys.bundle())
        spoilt = spoilt[:-5] + bytes([spoilt[-5] ^ 1]) + spoilt[-4:]
        headers = [parse_message(dialled(spoilt)).initial_header for _ in range(2)]
        self.assertEqual(*headers)
        self.assertRaisesRegex(Refused, "forged", accept, calls.ours, prekeys, dialled(spoilt), calls.rng.randbytes)
        accept(calls.ours, prekeys, dialled(write_bundle(prekeys.bundle())), calls.rng.randbytes)

    def test_device_lists_say_whose_devices_count(self):
        calls, known = self.calls, KnownDevices()
        listed = parse_device_list(calls.library.bytes_of("devices")[0])
        self.assertEqual((listed.identity, len(listed.devices)), (calls.theirs, 1))
        self.assertEqual(known.check(parse_bundle(calls.bundle).certificate)[0], listed.devices[0])
        newer = calls.library.bytes_of("devices")[0]
        self.assertEqual(known.learn(newer), (set(), set()))
        self.assertRaisesRegex(Refused, "outdated", known.learn, newer)

        lists = [calls.identity.device_list(n, devices) for n, devices in
                 ((1, [calls.ours.public, Identity(b"2" * 32).public]), (2, [Identity(b"2" * 32).public]))]
        calls.library.ask("learn", lists[0])
        self.we_call()
        calls.library.ask("learn", lists[1])
        self.assertRaisesRegex(Refused, "outdated", calls.library.ask, "learn", lists[0])
        calls.sessions.sessions = []
        calls.sessions.dial(parse_bundle(calls.library.bytes_of("account")[1]))
        self.assertRaisesRegex(Refused, "revoked", calls.send, OFFER, write_streams(OUR_MEDIA, bytes(32)))
        for bad in altered(lists[1], 100), lists[1] + b"\0", lists[1][:150]:
            self.assertRaisesRegex(Refused, "bad_signature|malformed|truncated|bad_key", calls.library.ask, "learn", bad)

    def test_signals_that_break_their_format_are_refused(self):
        calls, call = self.calls, bytes(16)
        calls.sessions.dial(parse_bundle(calls.bundle))
        for kind, body in [(0, b""), (12, b""), (GRANT, b""), (RINGING, b"\0"), (MEDIA, bytes(4)), (MEDIA, be32(1) + b"\10"), (PICTURES, b"\3"),
                           (ROUTE, b""), (ROUTE, bytes(201)), (HANG_UP, b"\10"), (REVEAL, bytes(31)),
                           (REKEY, bytes(3)), (REKEYED, bytes(5)), (OFFER, write_streams((3, 3, 4), bytes(32))),
                           (OFFER, write_streams((3, 4, 3), bytes(32))), (OFFER, write_streams((4, 3, 3), bytes(32))),
                           (OFFER, write_streams((1, 2, 3), bytes(31) + b"\0", flags=8)), (ANSWER, bytes(16))]:
            signal = write_signal(kind, call, body)
            self.assertRaisesRegex(Refused, "malformed", parse_signal, signal)
            with self.subTest(signal.hex()), self.assertRaisesRegex(Refused, "malformed|truncated"):
                calls.library.ask("receive", calls.sessions.seal(signal)[0])

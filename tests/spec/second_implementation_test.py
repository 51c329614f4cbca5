#!/usr/bin/env python3
"""Holds the second implementation against the worked example and, where its peer program is given, the library.

usage: second_implementation_test.py FIRST_CALL_JSON [PEER...]
PEER runs peer_main.cpp. With SOTTO_KEYLOGFILE set, the library must have written its keys there. Exits with 77 if
libsodium 1.0.22 is not there.
"""
import itertools
import json
import os
import random
import struct
import sys
import unittest

sys.dont_write_bytecode = True  # the source tree stays as it is
try:
    from second_implementation import *
    from library_peer import Library
except OSError as error:
    sys.exit(print("skipped:", error) or 77)
if not hasattr(SODIUM, "crypto_kem_mlkem768_dec"):
    sys.exit(print("skipped: libsodium has no ML-KEM") or 77)

EXAMPLE = {section: {name: bytes.fromhex(value) if name != "safety number" else value for name, value in values.items()}
           for section, values in json.load(open(sys.argv[1])).items()}
PEER = sys.argv[2:]
KEY_LOG = os.environ.get("SOTTO_KEYLOGFILE")
OFFER_SECTION, ANSWER_SECTION = "The offer, Alice's first message", "The answer, Bob's first message"


def filled_from(first):
    """Section 13's draws: the k-th, from 0, is filled with the byte first + k."""
    values = iter(range(first, 256))
    return lambda size: bytes([next(values)]) * size


def media_body(audio_ssrc, video_ssrc):
    return struct.pack(">BBBBII", 3, 1, 20, 0, audio_ssrc, video_ssrc)


def altered(data, at):
    return data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1:]


class FirstCall:
    """Both ends of the worked example, before the offer is sealed."""

    def __init__(self):
        alice_draw, self.bob_draw = filled_from(0xA0), filled_from(0xB0)
        self.alice, self.bob = Identity(alice_draw(32)), Identity(self.bob_draw(32))
        self.prekeys = Prekeys(self.bob, self.bob_draw)
        self.bundle = self.prekeys.bundle()
        self.alice_session, self.agreed = initiate(self.alice, parse_bundle(write_bundle(self.bundle)), alice_draw)

    def accept(self, message):
        return accept(self.prekeys, message, self.bob_draw)


def recompute():
    """Every value of the example from its draws and its call id; of its plaintexts only the SSRCs are taken."""
    def chain(name, session):
        private = session.private
        message_key, export, following = kdf_ck(session.sending)
        return {f"{name} private": private, name: x25519_public(private), "root key": session.root,
                "chain key": session.sending, "message key": message_key, "export secret": export,
                "next chain key": following}

    def text(kind, section):
        media = parse_signal(EXAMPLE[section]["plaintext"])[2]
        return write_signal(kind, call_id, media_body(media.audio_ssrc, media.video_ssrc))

    first, call_id = FirstCall(), EXAMPLE["Media keys"]["call id"]
    alice, bob, prekeys, bundle, session = first.alice, first.bob, first.prekeys, first.bundle, first.alice_session
    offer = chain("A0", session) | {"DH(A0, SPK_B)": dh(session.private, bundle.spk),
                                    "plaintext": text(OFFER, OFFER_SECTION)}
    offer["message"] = session.seal(offer["plaintext"])[0]
    session, *_ = first.accept(offer["message"])
    answer = chain("B0", session) | {"DH(B0, A0)": dh(session.private, session.peer),
                                     "plaintext": text(ANSWER, ANSWER_SECTION)}
    answer["message"] = session.seal(answer["plaintext"])[0]
    binding = call_binding(call_id, alice.public, bob.public)
    secret = call_secret(offer["export secret"], answer["export secret"], binding)
    return {
        "Identities": {
            "Alice seed": alice.seed, "Alice identity": alice.public, "Alice X(identity)": x_form(alice.public),
            "Bob seed": bob.seed, "Bob identity": bob.public, "Bob X(identity)": x_form(bob.public),
            "safety number": safety_number(alice.public, bob.public)},
        "Bob's bundle": {
            "signed prekey private": prekeys.spk_private, "signed prekey": bundle.spk,
            "signed prekey signature": bundle.spk_signature, "KEM prekey seed": prekeys.kem_seed,
            "KEM prekey": bundle.kem, "KEM prekey signature": bundle.kem_signature,
            "one-time prekey private": EXAMPLE["Bob's bundle"]["one-time prekey private"],
            "one-time prekey": bundle.opk, "bundle": write_bundle(bundle)},
        "PQXDH": first.agreed,
        OFFER_SECTION: offer,
        ANSWER_SECTION: answer,
        "Media keys": {"call id": call_id, "call secret": secret} | {
            f"epoch {epoch} {('audio', 'video')[medium]} to {('callee', 'caller')[direction]}":
                srtp_key(secret, epoch, direction, medium, binding)
            for epoch in (0, 1) for direction in (0, 1) for medium in (0, 1)}}


class WorkedExample(unittest.TestCase):
    def test_every_value_follows_from_the_draws(self):
        computed = recompute()
        self.assertEqual(EXAMPLE.keys(), computed.keys())
        for section, values in EXAMPLE.items():
            self.assertEqual(values.keys(), computed[section].keys())
            for name, value in values.items():
                with self.subTest(section=section, name=name):
                    self.assertEqual(computed[section][name], value)

    def test_its_messages_open_from_their_bytes(self):
        first = FirstCall()
        session, *opened = first.accept(EXAMPLE[OFFER_SECTION]["message"])
        self.assertEqual(opened, [EXAMPLE[OFFER_SECTION]["plaintext"], EXAMPLE[OFFER_SECTION]["export secret"]])
        self.assertEqual(first.alice_session.open(EXAMPLE[ANSWER_SECTION]["message"]),
                         (EXAMPLE[ANSWER_SECTION]["plaintext"], EXAMPLE[ANSWER_SECTION]["export secret"]))
        self.assertEqual(first.alice_session.seal(b"")[0][1], ORDINARY)


class Refusals(unittest.TestCase):
    def refuses(self, messages, open_message):
        for message in messages:
            with self.assertRaises(Refused, msg=message.hex()):
                open_message(message)

    def test_a_first_message_with_a_damaged_byte_or_cut_short_spends_nothing(self):
        first, message = FirstCall(), EXAMPLE[OFFER_SECTION]["message"]
        draw, first.bob_draw = first.bob_draw, lambda size: bytes(range(size))
        self.refuses([altered(message, at) for at in range(len(message))], first.accept)
        self.refuses([message[:size] for size in range(len(message))], first.accept)
        first.bob_draw = draw
        first.accept(message)
        self.refuses([message], first.accept)  # its EK_A is known and its one-time prekey gone

    def test_a_message_with_a_damaged_byte_or_cut_short_changes_nothing(self):
        first, message = FirstCall(), EXAMPLE[ANSWER_SECTION]["message"]
        first.alice_session.draw = lambda size: bytes(range(size))
        self.refuses([altered(message, at) for at in range(len(message))], first.alice_session.open)
        self.refuses([message[:size] for size in range(len(message))], first.alice_session.open)
        first.alice_session.open(message)
        self.refuses([message], first.alice_session.open)

    def test_another_version_is_refused(self):
        first, two = FirstCall(), bytes([2])
        self.refuses([two + EXAMPLE[OFFER_SECTION]["message"][1:]], first.accept)
        self.refuses([two + EXAMPLE[ANSWER_SECTION]["message"][1:]], first.alice_session.open)
        self.refuses([two + write_bundle(first.bundle)[1:]], parse_bundle)
        self.refuses([two + EXAMPLE[OFFER_SECTION]["plaintext"][1:]], parse_signal)

    def test_a_bundle_with_a_damaged_signed_byte_or_cut_short_is_refused(self):
        bundle = EXAMPLE["Bob's bundle"]["bundle"]
        self.refuses([altered(bundle, at) for at in range(1385)], parse_bundle)
        self.refuses([bundle[:size] for size in range(len(bundle))] + [bundle + b"\0"], parse_bundle)


class Responder:
    """Bob, whose session begins with the first message that opens."""

    def __init__(self, prekeys, draw):
        self.prekeys, self.draw = prekeys, draw
        self.begin()

    def begin(self):
        self.session = None

    def seal(self, plaintext):
        return self.session.seal(plaintext)

    def open(self, message):
        if self.session:
            return self.session.open(message)
        self.session, *opened = accept(self.prekeys, message, self.draw)
        return tuple(opened)


def two_ends(library, rng, we_begin, one_time=True):
    """(Alice, Bob): one of them the library."""
    ours = Identity(rng.randbytes(32))
    if not we_begin:
        prekeys = Prekeys(ours, rng.randbytes, one_time)
        library.ask("initiate", write_bundle(prekeys.bundle()))
        return library, Responder(prekeys, rng.randbytes)
    bundle = library.bytes_of("bundle")[0] if one_time else [library.bytes_of("bundle")[0] for _ in range(2)][1]
    assert len(bundle) == (1421 if one_time else 1389)
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
        """Opens one of the messages in flight, damaged and genuine and again."""
        message, plaintext, export = flight.pop(rng.randrange(len(flight)))
        if rng.random() < 0.3:
            self.assertRaises(Refused, end.open, altered(message, rng.randrange(len(message))))
        self.assertEqual(end.open(message), (plaintext, export))
        if rng.random() < 0.3:
            self.assertRaises(Refused, end.open, message)

    def test_a_conversation_survives_loss_and_disorder(self):
        def converse(rng, alice, bob):
            to_alice, to_bob, begun = [], [], False
            for _ in range(200):
                end, flight, out = rng.choice([(alice, to_alice, to_bob), (bob, to_bob, to_alice)])
                what = rng.random()
                if what < 0.45 and (begun or end is alice):
                    plaintext = rng.randbytes(rng.choice([0, 1, 256, 16384]))
                    message, export = end.seal(plaintext)
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
            self.assertRaises(Refused, bob.open, message)

        self.each_way(begin_again)

    def test_a_thousand_messages_of_a_chain_may_be_skipped_and_no_more(self):
        def skip(_, alice, bob):
            bob.open(alice.seal(b"")[0])
            bob.seal(b"")
            sealed = [alice.seal(b"%d" % n) for n in range(1002)]
            self.assertRaises(Refused, bob.open, sealed[1001][0])
            self.assertEqual(bob.open(sealed[1000][0]), (b"1000", sealed[1000][1]))
            self.assertEqual(bob.open(sealed[999][0])[0], b"999")
            self.assertEqual(bob.open(sealed[1001][0])[0], b"1001")

        self.each_way(skip)

    def test_a_hundred_messages_of_a_new_chain_may_be_skipped_and_no_more(self):
        def skip(_, alice, bob):
            for sender, receiver in (alice, bob), (bob, alice), (alice, bob):
                sealed = [sender.seal(b"%d" % n)[0] for n in range(102)]
                self.assertRaises(Refused, receiver.open, sealed[101])
                for n in 100, 99, 101:  # 99 is one of the last sixteen
                    self.assertEqual(receiver.open(sealed[n])[0], b"%d" % n)

        self.each_way(skip)

    def test_two_thousand_skipped_keys_are_held_and_the_oldest_go_first(self):
        def skip(_, alice, bob):
            sealed = [alice.seal(b"%d" % n)[0] for n in range(2505)]
            for last in 0, 1001, 2002, 2504:  # skips 0, 1000, 1000 and 501
                bob.open(sealed[last])
                bob.seal(b"")
            self.assertRaises(Refused, bob.open, sealed[501])
            self.assertEqual(bob.open(sealed[502])[0], b"502")

        self.each_way(skip)

    def test_sixteen_skipped_keys_are_held_until_something_is_sealed(self):
        def skip(_, alice, bob):
            sealed = [alice.seal(b"%d" % n)[0] for n in range(60)]
            bob.open(sealed[30])
            self.assertRaises(Refused, bob.open, sealed[13])
            self.assertEqual(bob.open(sealed[14])[0], b"14")
            bob.seal(b"")
            bob.open(sealed[59])
            for n in 15, 31, 58:
                self.assertEqual(bob.open(sealed[n])[0], b"%d" % n)

        self.each_way(skip)

    def test_both_refuse_a_signed_bundle_whose_keys_are_bad(self):
        bob = Identity(bytes(32))
        for name in "spk", "kem":
            prekeys = Prekeys(bob, random.Random(1).randbytes)
            bad = {"spk": bytes(32), "kem": b"\xff" * 3 + prekeys.kem[3:]}[name]
            kind, label, number = {"spk": (X25519, SIGNED_PREKEY, prekeys.spk_id),
                                   "kem": (ML_KEM_768, KEM_PREKEY, prekeys.kem_id)}[name]
            signature = bob.sign(label + number + encode(kind, bad))
            bundle = prekeys.bundle()._replace(**{name: bad, f"{name}_signature": signature})
            with self.subTest(name), Library(PEER, 1) as library:
                self.assertRaises(Refused, lambda: initiate(bob, parse_bundle(write_bundle(bundle)), os.urandom))
                self.assertRaisesRegex(Refused, "bad_key", library.ask, "initiate", write_bundle(bundle))


@unittest.skipUnless(PEER, "no peer program")
class CallsWithTheLibrary(unittest.TestCase):
    def setUp(self):
        if KEY_LOG:
            open(KEY_LOG, "w").close()
        self.rng = random.Random(7)
        self.ours = Identity(self.rng.randbytes(32))
        self.library = self.enterContext(Library(PEER, 7))

    def signals(self, session, words):
        """What the library's words hold: opened signals with their export secrets, and all else by name."""
        opened = {}
        for word in words:
            name, value = word.split(":")
            if name == "signal":
                plaintext, export = session.open(bytes.fromhex(value))
                kind, call_id, body = parse_signal(plaintext)
                opened[kind] = (call_id, body, export)
            else:
                opened[name] = value
        return opened

    def check_keys(self, call_id, caller, callee, caller_media, callee_media, secrets):
        """The library's key log against our own lines; each line is there once."""
        if not KEY_LOG:
            return print("no key log: keys not compared", file=sys.stderr)
        binding = call_binding(call_id, caller, callee)
        secret = call_secret(*secrets, binding)
        ours = [key_log_line(call_id, 0, media[medium], srtp_key(secret, 0, direction, medium, binding))
                for direction, media in enumerate([caller_media, callee_media]) for medium in (0, 1)]
        with open(KEY_LOG) as lines:
            self.assertEqual(sorted(ours), sorted(lines.read().splitlines()))

    def test_we_call_and_the_library_answers(self):
        theirs, bundle = self.library.bytes_of("account")
        session = initiate(self.ours, parse_bundle(bundle), self.rng.randbytes)[0]
        call_id, media = self.rng.randbytes(16), (0x01020304, 0xF5F6F7F8)
        offer, offer_export = session.seal(write_signal(OFFER, call_id, media_body(*media)))
        self.assertEqual(self.library.ask("receive", offer), [])  # nothing is sent until its user accepts
        got = self.signals(session, self.library.ask("answer", b"here 1"))
        answered, body, answer_export = got[ANSWER]
        self.assertEqual(answered, call_id)
        self.assertEqual(got[ROUTE][:2], (call_id, b"here 1"))
        self.assertEqual(bytes.fromhex(got["activated"]).decode(), safety_number(self.ours.public, theirs))
        self.check_keys(call_id, self.ours.public, theirs, media, body[-2:], (offer_export, answer_export))
        self.assertEqual(self.library.ask("receive", session.seal(write_signal(ROUTE, call_id, b"there 2"))[0]),
                         ["route:" + b"there 2".hex()])
        self.assertRaises(Refused, self.library.ask, "receive", offer)
        self.assertEqual(self.library.ask("receive", session.seal(write_signal(HANG_UP, call_id, b"\0"))[0]),
                         ["ended:" + b"hung up".hex()])

    def test_both_refuse_signals_that_break_their_format(self):
        body, call_id = media_body(1, 2), bytes(16)
        good = write_signal(OFFER, call_id, body)
        broken = [good[:255], good + b"\0", good[:-1] + b"\1", write_signal(5, call_id, body),
                  write_signal(ROUTE, call_id, b""), write_signal(ROUTE, call_id, bytes(201)),
                  write_signal(HANG_UP, call_id, b"\5"), write_signal(ANSWER, call_id, media_body(3, 3))]
        broken += [write_signal(OFFER, call_id, b) for b in (b"", body[:-1], body + b"\0")]
        broken += [write_signal(OFFER, call_id, body[:at] + bytes([value]) + body[at + 1:])
                   for at, value in ((0, 4), (1, 0), (1, 3), (2, 15), (3, 1))]
        session = initiate(self.ours, parse_bundle(self.library.bytes_of("account")[1]), self.rng.randbytes)[0]
        for signal in broken:
            with self.subTest(signal.hex()), self.assertRaises(Refused):
                parse_signal(signal)
            with self.subTest(signal.hex()), self.assertRaisesRegex(Refused, "malformed|truncated"):
                self.library.ask("receive", session.seal(signal)[0])
        self.assertEqual(self.library.ask("receive", session.seal(good)[0]), [])

    def test_the_library_calls_and_we_answer(self):
        theirs, _ = self.library.bytes_of("account")
        prekeys = Prekeys(self.ours, self.rng.randbytes)
        word, = self.library.ask("dial", self.ours.public, write_bundle(prekeys.bundle()))
        session, offer, offer_export = accept(prekeys, bytes.fromhex(word.split(":")[1]), self.rng.randbytes)
        kind, call_id, body = parse_signal(offer)
        self.assertEqual((kind, body.flags, body.channels, body.block_ms), (OFFER, 3, 1, 20))
        media = (0x01020304, 0xF5F6F7F8)
        answer, answer_export = session.seal(write_signal(ANSWER, call_id, media_body(*media)))
        got = self.signals(session, self.library.ask("receive", answer))
        self.assertEqual(bytes.fromhex(got["activated"]).decode(), safety_number(self.ours.public, theirs))
        self.check_keys(call_id, theirs, self.ours.public, body[-2:], media, (offer_export, answer_export))
        got = self.signals(session, self.library.ask("hang_up"))
        self.assertEqual(got[HANG_UP][:2], (call_id, b"\0"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)

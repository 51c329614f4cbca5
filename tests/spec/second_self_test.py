"""The second implementation against itself: every refusal that docs/protocol.md names, by its name."""
import random
import struct
import unittest

from second_call import *
from second_ratchet import *


def altered(data, at):
    return data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1:]


class Pair:
    """Alice and Bob, and the first message of their session."""

    def __init__(self, seed=1, kem_count=1, opk_count=1):
        self.rng = random.Random(seed)
        self.draw = self.rng.randbytes
        self.alice_identity, self.bob_identity = Identity(self.draw(32)), Identity(self.draw(32))
        self.alice, self.bob = Device(self.alice_identity, self.draw(32)), Device(self.bob_identity, self.draw(32))
        self.prekeys = Prekeys(self.bob, self.draw, kem_count, opk_count)
        self.bundle = self.prekeys.bundle()
        self.to_bob, _ = initiate(self.alice, parse_bundle(write_bundle(self.bundle)), self.draw)
        self.first, self.export, _ = self.to_bob.seal(b"first")

    def accept(self, message, known=None):
        session, *opened = accept(self.bob, self.prekeys, message, self.draw, known)
        return session, tuple(opened)

    def sessions(self):
        """Both, with one message opened each way."""
        to_alice, _ = self.accept(self.first)
        self.to_bob.open(to_alice.seal(b"")[0])
        return self.to_bob, to_alice


class Refusals(unittest.TestCase):
    def refuses(self, error, function, *arguments):
        with self.assertRaises(Refused) as caught:
            function(*arguments)
        self.assertRegex(str(caught.exception), f"^({error})$")


class Devices(Refusals):
    def setUp(self):
        self.identity = Identity(bytes(32))
        self.devices = [Device(self.identity, bytes([n]) * 32) for n in range(1, 4)]
        self.keys = [device.public for device in self.devices]

    def test_a_certificate_with_any_byte_changed_is_refused(self):
        certificate = self.devices[0].certificate
        self.assertEqual(check_certificate(certificate), (self.identity.public, self.keys[0]))
        for at in range(128):
            self.refuses("bad_key|bad_signature", check_certificate, altered(certificate, at))

    def test_keys_off_the_curve_of_low_order_or_of_another_subgroup_are_refused(self):
        low = bytes([1]) + bytes(31)
        noncanonical = bytes([0xEE]) + b"\xff" * 30 + b"\x7f"
        for bad in low, noncanonical, bytes([2]) + bytes(31), bytes(32):
            self.refuses("bad_key", check_certificate, bad + self.devices[0].certificate[32:])

    def test_a_device_list_revokes_whom_it_leaves_out_and_no_older_one_counts(self):
        known = KnownDevices()
        known.check(self.devices[0].certificate)
        self.assertEqual(known.learn(self.identity.device_list(7, self.keys[:2])), ({self.keys[1]}, set()))
        known.check(self.devices[1].certificate)
        self.refuses("revoked", known.check, self.devices[2].certificate)
        self.refuses("outdated", known.learn, self.identity.device_list(7, self.keys))
        self.assertEqual(known.learn(self.identity.device_list(8, self.keys[2:])), ({self.keys[2]}, set(self.keys[:2])))
        self.refuses("revoked", known.check, self.devices[0].certificate)

    def test_a_device_list_that_breaks_its_form_is_refused(self):
        data = self.identity.device_list(1, self.keys)
        for size in range(len(data)):
            self.refuses("truncated", parse_device_list, data[:size])
        for at in range(len(data)):
            self.refuses("truncated|malformed|unsupported_version|bad_key|bad_signature", parse_device_list,
                         altered(data, at))
        self.refuses("malformed", parse_device_list, data + b"\0")
        swapped = data[:38] + data[134:230] + data[38:134] + data[230:-64]
        self.refuses("malformed", parse_device_list, swapped + sign(self.identity.private, DEVICE_LIST_LABEL + swapped))


class Bundles(Refusals):
    def test_a_bundle_with_a_damaged_signed_byte_or_another_size_is_refused(self):
        pair = Pair()
        for data in write_bundle(pair.bundle), write_bundle(pair.prekeys.bundle()):
            self.assertIn(len(data), (1485, 1517))
            for at in range(1485):
                self.refuses("unsupported_version|malformed|truncated|bad_key|bad_signature", parse_bundle,
                             altered(data, at)) if at not in range(1481, 1485) else None
            for size in range(len(data)):
                self.refuses("truncated", parse_bundle, data[:size])
            self.refuses("malformed", parse_bundle, data + b"\0")
            self.refuses("unsupported_version", parse_bundle, b"\2" + data[1:])

    def test_an_id_of_nothing_is_malformed(self):
        bundle = Pair().bundle
        for name in "spk_id", "kem_id":
            self.refuses("malformed", parse_bundle, write_bundle(bundle._replace(**{name: NO_ID})))

    def test_one_time_prekeys_are_handed_out_once_and_then_the_last_resort(self):
        pair = Pair(kem_count=2)
        bundles = [pair.bundle] + [pair.prekeys.bundle() for _ in range(3)]
        self.assertEqual(len({bundle.kem_id for bundle in bundles}), 3)
        self.assertEqual(bundles[2].kem, bundles[3].kem)
        self.assertEqual([len(bundle.opk) for bundle in bundles], [32, 0, 0, 0])

    def test_former_prekeys_count_until_the_next_renewal(self):
        for renewals, error in (1, None), (2, "unknown_prekey"):
            pair = Pair()
            for _ in range(renewals):
                pair.prekeys.renew()
            self.refuses(error, pair.accept, pair.first) if error else pair.accept(pair.first)


class FirstMessages(Refusals):
    def test_any_byte_changed_spends_nothing(self):
        pair = Pair()
        for at in range(len(pair.first)):
            self.refuses("unsupported_version|malformed|truncated|too_large|unknown_prekey|unknown_session|bad_key|"
                         "bad_signature|forged", pair.accept, altered(pair.first, at))
        for size in range(len(pair.first)):
            self.refuses("truncated" if size < 2542 else "forged", pair.accept, pair.first[:size])
        self.assertEqual(pair.accept(pair.first)[1], (b"first", pair.export))
        self.refuses("replayed", pair.accept, pair.first)

    def test_the_errors_come_in_the_order_of_the_page(self):
        pair = Pair()
        certificate, message = altered(pair.first, 2 + 70), altered(pair.first, len(pair.first) - 1)
        self.refuses("bad_signature", pair.accept, certificate)
        self.refuses("forged", pair.accept, message)
        self.refuses("forged", pair.accept, altered(pair.first, 1262 + 3))
        for at in 2 + 160, 2 + 164, 2 + 168:
            self.refuses("unknown_prekey", pair.accept, altered(pair.first, at))
        known = KnownDevices()
        known.learn(pair.alice_identity.device_list(1, [pair.bob.public]))
        self.refuses("revoked", pair.accept, pair.first, known)
        pair.accept(pair.first)
        self.refuses("replayed", pair.accept, certificate)

    def test_one_time_prekeys_serve_once(self):
        pair = Pair()
        again, _ = initiate(pair.alice, pair.bundle, pair.draw)
        pair.accept(pair.first)
        self.refuses("unknown_prekey", pair.accept, again.seal(b"")[0])

    def test_later_initial_messages_find_their_session(self):
        pair = Pair()
        to_alice, _ = pair.accept(pair.first)
        second, export, stepped = pair.to_bob.seal(b"second", fresh=True)
        self.assertFalse(stepped)  # not answered
        self.assertEqual(to_alice.open(second), (b"second", export))
        self.assertEqual(second[2:1262], pair.first[2:1262])


class Messages(Refusals):
    def test_sizes_are_those_of_the_page(self):
        pair = Pair()
        self.assertEqual(len(pair.to_bob.seal(bytes(256))[0]), 2798)
        alice, bob = pair.sessions()
        self.assertEqual([len(alice.seal(bytes(256), fresh)[0]) for fresh in (False, True)], [354, 2626])
        self.refuses("too_large", bob.seal, bytes(16385))
        message = alice.seal(bytes(16384))[0]
        self.refuses("too_large", bob.open, message + b"\0")
        bob.open(message)

    def test_any_byte_changed_changes_nothing(self):
        alice, bob = Pair().sessions()
        for fresh in False, True:
            message, export, stepped = alice.seal(b"plain", fresh)
            self.assertEqual(stepped, fresh)
            for at in range(len(message)):
                self.refuses("unsupported_version|malformed|truncated|unknown_session" if at < len(message) - 21
                             else "forged", bob.open, altered(message, at))
            for size in range(len(message)):
                self.refuses("truncated|forged", bob.open, message[:size])
            self.assertEqual(bob.open(message), (b"plain", export))
            self.refuses("replayed", bob.open, message)

    def test_a_header_without_what_its_step_needs_is_malformed(self):
        pair = Pair()
        alice, bob = pair.sessions()
        for kind, more in (ANSWERED, b""), (INITIAL, bytes(1184)):
            before = bytes([VERSION, kind]) + bytes(CLEAR[kind])
            header = xaead_seal(alice.nhks, bytes(24), bytes(40) + more, alice.ad + before)
            self.refuses("malformed", bob.open, before + bytes(24) + header + bytes(16))
        alice.step()
        bob.open(alice.seal(b"")[0])
        alice.answered = True  # a step of hers with none of Bob's between
        alice.step()
        self.refuses("unknown_session", bob.open, alice.seal(b"")[0])

    def test_keys_in_a_header_that_are_no_keys_are_refused(self):
        for name, bad in ("kem", b"\xff" * 1184), ("public", bytes(32)):
            alice, bob = Pair().sessions()
            alice.step()
            setattr(alice, name, bad)
            self.refuses("bad_key", bob.open, alice.seal(b"")[0])

    def test_a_chain_steps_by_itself_after_a_hundred(self):
        alice, bob = Pair().sessions()
        steps = [alice.seal(b"")[2] for _ in range(202)]
        self.assertEqual([at for at, stepped in enumerate(steps) if stepped], [99])  # one was sealed before

    def test_skips_are_bounded(self):
        pair = Pair()
        sealed = [pair.first] + [pair.to_bob.seal(b"")[0] for _ in range(1102)]
        self.refuses("too_many_skipped", pair.accept, sealed[101])
        bob, _ = pair.accept(sealed[100])
        self.refuses("replayed", bob.open, sealed[83])  # sixteen are held until something is sealed
        bob.open(sealed[84])
        self.refuses("too_many_skipped", bob.open, sealed[1102])
        bob.open(sealed[1101])

    def test_keys_of_four_chains_are_kept(self):
        alice, bob = Pair().sessions()
        late = []
        for _ in range(10):
            late.append(alice.seal(b"late", fresh=True)[0])
            bob.open(alice.seal(b"")[0])
            alice.open(bob.seal(b"", fresh=True)[0])
        for message in late[:5]:
            self.refuses("unknown_session", bob.open, message)
        for message in late[5:]:
            bob.open(message)
            self.refuses("replayed", bob.open, message)

    def test_what_is_restored_steps_or_begins_anew(self):
        alice, bob = Pair().sessions()
        self.assertTrue(alice.restored().seal(b"")[2])
        self.refuses("unknown_session", bob.restored().seal, b"")


class Signals(Refusals):
    def test_every_kind_is_read_as_written_and_its_breaches_are_refused(self):
        call, streams = bytes(range(16)), write_streams((1, 2, 3), bytes(32))
        good = {OFFER: streams, ANSWER: streams, ROUTE: b"here", HANG_UP: b"\7", REVEAL: bytes(32),
                REKEY: be32(7), REKEYED: be32(7), RINGING: b"", MEDIA: be32(1) + b"\7", PICTURES: b"\2"}
        good = [(kind, call, body) for kind, body in good.items()]
        good += [(OFFER, call, streams + bytes(32)), (GRANT, NO_CALL, be32(1) + bytes(32))]
        for kind, of, body in good:
            signal = write_signal(kind, of, body)
            self.assertEqual(parse_signal(signal)[:2], (kind, of))
            broken = [signal[:255], signal + b"\0", signal[:-1] + b"\1"]
            broken += [write_signal(kind, of, b"")] if kind != RINGING else []
            broken += [write_signal(kind, of, body + b"\0")] if kind != ROUTE else [write_signal(kind, of, bytes(201))]
            for bad in broken:
                self.refuses("malformed", parse_signal, bad)
            self.refuses("unsupported_version", parse_signal, b"\2" + signal[1:])
        equal = [(OFFER, write_streams(ssrcs, bytes(32))) for ssrcs in ((3, 3, 4), (3, 4, 3), (4, 3, 3))]
        self.refuses("malformed", parse_signal, write_grant(0, bytes(32)))
        self.refuses("malformed", parse_signal, write_signal(GRANT, call, be32(1) + bytes(32)))
        for kind, body in [(0, b""), (12, b""), (HANG_UP, b"\10"), (ANSWER, streams + bytes(32)), (RINGING, b"\0"),
                           (MEDIA, be32(1) + b"\10"), (PICTURES, b"\3")] + equal + [
                (OFFER, streams[:at] + bytes([value]) + streams[at + 1:])
                for at, value in ((0, 8), (1, 0), (1, 3), (2, 15), (3, 1))]:
            self.refuses("malformed", parse_signal, write_signal(kind, call, body))


class GivenAndHeld(Refusals):
    def setUp(self):
        self.rng = random.Random(11)
        self.bob, self.alice = Capabilities(self.rng.randbytes), Capabilities(self.rng.randbytes)

    def take(self, grant):
        return self.alice.take((b"bob", b"his device"), parse_signal(grant)[2])

    def rings(self):
        held = self.alice.held.get((b"bob", b"his device"), Grant(0, b"")).capability
        offer = parse_signal(write_signal(OFFER, bytes(16), write_streams((1, 2, 3), bytes(32), capability=held)))[2]
        return self.bob.rings(b"alice", offer)

    def test_what_was_given_rings_until_it_is_revoked(self):
        self.assertFalse(self.rings())
        first = self.bob.grant(b"alice")
        self.assertEqual(self.bob.grant(b"alice"), first)
        self.assertNotEqual(parse_signal(self.bob.grant(b"carol"))[2].capability, parse_signal(first)[2].capability)
        self.assertTrue(self.take(first))
        self.assertFalse(self.take(first))
        self.assertTrue(self.rings())
        self.bob.revoke(b"alice")
        self.assertFalse(self.rings())
        second = self.bob.grant(b"alice")
        self.assertFalse(self.rings())
        self.assertTrue(self.take(second))
        self.refuses("outdated", self.take, first)
        self.assertTrue(self.rings())
        self.bob.older_copy_noticed()
        self.assertFalse(self.rings())
        self.assertTrue(self.take(self.bob.grant(b"alice")))
        self.assertTrue(self.rings())


class Calls(Refusals):
    def setUp(self):
        self.binding = call_binding(bytes(16), b"a" * 32, b"b" * 32)
        secret = call_secret(b"o" * 32, b"a" * 32, self.binding)
        self.caller, self.callee = MediaKeys(True, secret, self.binding), MediaKeys(False, secret, self.binding)

    def check_packet(self, sender, receiver):
        epoch = receiver.epoch_of(sender.mki())
        for medium in STREAMS:
            self.assertEqual(sender.sending_key(medium), receiver.receiving_key(epoch, medium))
        receiver.authenticated(epoch)
        self.assertIn(receiver.epoch_of(sender.mki()), receiver.held())
        receiver.two_seconds_passed()

    def test_keys_differ_by_generation_epoch_direction_and_medium(self):
        keys = {srtp_key(bytes(64), *of, self.binding) for of in
                [(g, d, e, m) for g in (0, 1) for d in (0, 1) for e in (0, 1) for m in STREAMS]}
        self.assertEqual(len(keys), 24)

    def test_both_follow_each_other_through_epochs_and_generations(self):
        for asker, other in (self.caller, self.callee), (self.callee, self.caller):
            for _ in range(300):  # past the MKI's byte
                asker.turn()
                self.check_packet(asker, other)
            number = asker.next_number()
            asker.ask(number, b"request")
            other.answer(number, b"request", b"response")
            self.check_packet(other, asker)
            asker.answered(number, b"response")
            self.check_packet(asker, other)
            self.assertEqual(other.sending, (number, 0))
            self.check_packet(other, asker)
        self.caller.turn()
        self.caller.turn()
        self.refuses("unknown_epoch", self.callee.epoch_of, self.caller.mki())

    def test_rekeys_that_cross_repeat_or_come_too_late_are_refused(self):
        self.caller.ask(1, b"callers")
        self.callee.ask(1, b"callees")
        self.refuses("wrong_state", self.caller.answer, 1, b"callees", b"")
        self.callee.answer(1, b"callers", b"response")
        self.refuses("wrong_state", self.callee.answered, 1, b"")
        self.refuses("replayed", self.callee.answer, 1, b"callers", b"")
        self.caller.ask(2, b"anew")
        self.refuses("wrong_state", self.caller.answered, 1, b"response")
        self.callee.answer(2, b"anew", b"response")
        self.caller.answered(2, b"response")
        self.refuses("replayed", self.caller.answer, 2, b"late", b"")
        self.check_packet(self.caller, self.callee)
        self.assertEqual(set(self.callee.secrets), {2})

    def test_a_number_that_would_share_the_mki_of_the_generation_it_receives_under_is_refused(self):
        self.refuses("malformed", self.callee.answer, 256, b"request", b"")
        self.callee.answer(255, b"request", b"response")
        self.refuses("key_exhausted", self.callee.next_number)
        self.caller.ask(255, b"request")
        self.caller.answered(255, b"response")
        self.check_packet(self.caller, self.callee)
        self.assertEqual(self.callee.next_number(), 256)

    def test_a_later_generation_depends_on_the_first(self):
        secrets = {generation_secret(rekey_salt(secret), b"request", b"response", 1, self.binding)
                   for secret in (bytes(64), b"\1" + bytes(63))}
        self.assertEqual(len(secrets), 2)

    def test_the_short_string_is_four_of_sixty_four_and_depends_on_everything(self):
        base = [bytes(64), b"a" * 32, b"b" * 32, self.binding]
        strings = [short_string(*base)] + [short_string(*base[:at], base[at] + b"\1", *base[at + 1:]) for at in (0, 3)]
        strings += [short_string(base[0], b"x" * 32, base[2], base[3]), short_string(base[0], base[1], b"x" * 32, base[3])]
        self.assertEqual(len({tuple(s) for s in strings}), 5)
        self.assertTrue(all(len(s) == 4 and max(s) < 64 for s in strings))

    def test_a_scanned_code_names_both_crosswise(self):
        code = write_code(b"a" * 32, b"b" * 32)
        scan_code(code, b"b" * 32, b"a" * 32)
        self.refuses("wrong_identity", scan_code, code, b"a" * 32, b"b" * 32)
        self.refuses("malformed", scan_code, code + b"\0", b"b" * 32, b"a" * 32)
        self.refuses("unsupported_version", scan_code, b"\2" + code[1:], b"b" * 32, b"a" * 32)

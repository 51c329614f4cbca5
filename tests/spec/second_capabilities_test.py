"""Capabilities, given and shown between the second implementation and the library."""
import unittest

from library_peer import PEER
from second_end import OUR_MEDIA, OurEnd
from second_self_test import *


@unittest.skipUnless(PEER, "no peer program")
class CapabilitiesWithTheLibrary(Refusals):
    def setUp(self):
        self.calls = OurEnd(self)

    def take_grant(self, capabilities, message):
        kind, _, grant = parse_signal(self.calls.sessions.open(message)[0])
        self.assertEqual(kind, GRANT)
        return capabilities.take(self.calls.theirs, grant)

    def offer_shows(self, capability):
        calls = self.calls
        calls.begin(True, calls.rng.randbytes(16))
        body = write_streams(OUR_MEDIA, bytes(32), capability=capability)
        self.assertEqual(list(calls.send(OFFER, body)[1]), [RINGING])
        self.assertEqual(calls.send(HANG_UP, b"\2")[1], {"ended": "cancelled"})

    def test_a_contact_rings_the_library_by_what_it_gave(self):
        calls, ours = self.calls, Capabilities(self.calls.rng.randbytes)
        grant, revoke, hashes = ((lambda *a, c=command: calls.library.bytes_of(c, *a)) for command in
                                 ("grant", "revoke", "hashes"))
        calls.library.ask("know", calls.ours.identity)  # from now on its contacts alone may ring
        calls.sessions.dial(parse_bundle(calls.bundle))
        self.assertRaisesRegex(Refused, "not_permitted", self.offer_shows, b"")
        first, = grant(calls.ours.identity, write_bundle(calls.prekeys.bundle()))
        again, = grant(calls.ours.identity, write_bundle(calls.prekeys.bundle()))
        self.assertEqual((first[1], len(first)), (1, 2798))
        self.assertTrue(self.take_grant(ours, first))
        self.assertFalse(self.take_grant(ours, again))
        held = ours.held[calls.theirs]
        self.assertEqual((held.number, hashes()), (1, (capability_hash(held.capability),)))
        for wrong in b"", bytes(32), altered(held.capability, 31):
            self.assertRaisesRegex(Refused, "not_permitted", self.offer_shows, wrong)
        self.offer_shows(held.capability)
        revoke(calls.ours.identity)
        self.assertEqual(hashes(), ())
        self.assertRaisesRegex(Refused, "not_permitted", self.offer_shows, held.capability)
        self.assertTrue(self.take_grant(ours, grant(calls.ours.identity, write_bundle(calls.prekeys.bundle()))[0]))
        self.assertEqual(ours.held[calls.theirs].number, 2)
        self.assertRaisesRegex(Refused, "not_permitted", self.offer_shows, held.capability)
        self.offer_shows(ours.held[calls.theirs].capability)

    def test_the_library_rings_by_what_it_was_given(self):
        calls, ours = self.calls, Capabilities(self.calls.rng.randbytes)
        calls.library.ask("know", calls.ours.identity)
        calls.sessions.dial(parse_bundle(calls.bundle))

        def given(grant):
            return calls.library.ask("receive", calls.sessions.seal(grant)[0])

        def rings():
            got = calls.outputs(calls.library.ask("dial", calls.ours.identity, write_bundle(calls.prekeys.bundle())))
            return ours.rings(calls.theirs, got[OFFER][0]), got.get("capability")

        self.assertEqual(rings(), (False, None))
        first = ours.grant(calls.theirs)
        self.assertEqual(given(first), [])
        self.assertEqual(rings(), (True, ours.hashes()[0].hex()))
        ours.revoke(calls.theirs)
        self.assertFalse(rings()[0])
        given(ours.grant(calls.theirs))
        self.assertRaisesRegex(Refused, "outdated", given, first)
        self.assertEqual(rings(), (True, ours.hashes()[0].hex()))

    def test_the_library_keeps_no_capability_of_a_stranger(self):
        calls = self.calls
        calls.sessions.dial(parse_bundle(calls.bundle))
        grant = calls.sessions.seal(Capabilities(calls.rng.randbytes).grant(calls.theirs))[0]
        self.assertRaisesRegex(Refused, "not_permitted", calls.library.ask, "receive", grant)

    def test_offers_and_grants_of_other_sizes_are_refused(self):
        calls, streams = self.calls, write_streams((1, 2, 3), bytes(32))
        calls.sessions.dial(parse_bundle(calls.bundle))
        for kind, body in [(OFFER, streams + bytes(31)), (ANSWER, streams + bytes(32)), (GRANT, bytes(36)),
                           (GRANT, be32(1) + bytes(31)), (GRANT, be32(1) + bytes(33))]:
            signal = write_signal(kind, NO_CALL, body)
            self.refuses("malformed", parse_signal, signal)
            self.refuses("malformed", calls.library.ask, "receive", calls.sessions.seal(signal)[0])

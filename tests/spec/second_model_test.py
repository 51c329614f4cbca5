"""Bounded model checks of the ratchet (section 5), of sessions (section 6) and of media generations (section 8).

Every order of a few steps, then long random walks: messages are lost, repeated and overtake one another at any point.
"""
import copy
import itertools
import random
import unittest
from unittest import mock

import second_ratchet
from second_call import *
from second_ratchet import *


def symbolic():
    """Keys that agree like the real ones and cost nothing: their secrets are hashes of what both sides know."""
    def kem(seed):
        public = (sha512(seed) * 19)[:1184]
        return public, public

    return mock.patch.multiple(
        second_ratchet, x25519_public=lambda private: private, kem_pair=kem, check_kem_key=lambda public: None,
        dh=lambda private, public: sha512(min(private, public) + max(private, public))[:32],
        encapsulate=lambda public, m: (m * 34, sha512(public + m)[:32]),
        decapsulate=lambda private, ciphertext: sha512(private + ciphertext[:32])[:32])


class KeysUsed:
    """Stands before AEAD and sees that no key seals twice."""

    def __init__(self):
        self.keys = set()

    def __call__(self, key, plaintext, ad):
        assert key not in self.keys, "two sealings under one key"
        self.keys.add(key)
        return aead_seal(key, plaintext, ad)


def two_sessions(rng):
    """Alice's and Bob's, as PQXDH leaves them."""
    agreed = Agreed(*(rng.randbytes(32) for _ in range(3)), rng.randbytes(64))
    alice, bob, spk = Session(agreed, rng.randbytes), Session(agreed, rng.randbytes), rng.randbytes(32)
    alice.initial_header, alice.peer, alice.nhks, alice.nhkr = bytes(1260), spk, agreed.hk_a, agreed.nhk_b
    alice.step()
    bob.private = bob.public = spk
    bob.nhks, bob.nhkr = agreed.nhk_b, agreed.hk_a
    return alice, bob


class Ratchet(unittest.TestCase):
    def recovers(self, ends):
        """Whatever was lost: from now on each side's messages open, and with two steps each, the secrets are new."""
        ends = [copy.copy(end) for end in ends]
        roots = {end.root for end in ends}
        for sender in (0, 1, 0, 1, 0):
            if ends[sender].peer:  # Bob has nobody to write to before Alice's first
                message, export, _ = ends[sender].seal(b"", fresh=True)
                self.assertEqual(ends[1 - sender].open(message), (b"", export))
        self.assertTrue(roots.isdisjoint(end.root for end in ends))

    def explore(self, ends, flights, depth):
        """flights[end]: what is under way to it."""
        self.recovers(ends)
        self.states += 1
        if depth == 0:
            return
        for sender, fresh in itertools.product((0, 1), (False, True)):
            if ends[sender].peer:
                after = [copy.copy(end) for end in ends]
                message = after[sender].seal(b"", fresh)[:2]
                under_way = list(flights)
                under_way[1 - sender] += (message,)
                self.explore(after, under_way, depth - 1)
        for receiver in (0, 1):
            for at in {0, len(flights[receiver]) - 1} if flights[receiver] else ():
                after, under_way = [copy.copy(end) for end in ends], list(flights)
                message, export = flights[receiver][at]
                self.assertEqual(after[receiver].open(message), (b"", export))
                with self.assertRaisesRegex(Refused, "replayed"):
                    after[receiver].open(message)
                under_way[receiver] = flights[receiver][:at] + flights[receiver][at + 1:]
                self.explore(after, under_way, depth - 1)

    def test_every_order_of_six_events_leaves_both_sides_able_to_talk(self):
        with symbolic():
            self.states = 0
            self.explore(two_sessions(random.Random(1)), [(), ()], 6)
            self.assertGreater(self.states, 1000)

    def test_long_conversations_survive_loss_disorder_and_repetition_and_no_key_seals_twice(self):
        for seed in range(40):
            rng, used = random.Random(seed), KeysUsed()
            with self.subTest(seed=seed), symbolic(), mock.patch.object(second_ratchet, "aead_seal", used):
                ends, flights, chains, opened = two_sessions(rng), ([], []), [0, 0], [0, 0]
                for _ in range(300):
                    end, what = rng.randrange(2), rng.random()
                    if what < 0.5 and ends[end].peer:
                        message, export, stepped = ends[end].seal(b"", rng.random() < 0.4)
                        chains[end] += stepped
                        flights[1 - end].append((message, export, chains[end]))
                    elif what < 0.6 and flights[end]:
                        flights[end].pop(rng.randrange(len(flights[end])))
                    elif flights[end]:
                        message, export, chain = flights[end].pop(rng.choice([0, rng.randrange(len(flights[end]))]))
                        if opened[end] - chain > CHAINS_KEPT:
                            self.assertRaisesRegex(Refused, "unknown_session", ends[end].open, message)
                        else:
                            self.assertEqual(ends[end].open(message), (b"", export))
                            self.assertRaisesRegex(Refused, "replayed", ends[end].open, message)
                            opened[end] = max(opened[end], chain)
                self.recovers(ends)


class Client:
    """A device with its sessions with one other."""

    def __init__(self, rng):
        self.device = Device(Identity(rng.randbytes(32)), rng.randbytes(32))
        self.prekeys = Prekeys(self.device, rng.randbytes, 0, 0)
        self.sessions = Sessions(self.device, self.prekeys, rng.randbytes)

    def restart(self, lost):
        sessions = self.sessions
        restored = {id(session): session.restored() for session in sessions.sessions} if not lost else {}
        sessions.sessions = [restored[id(s)] for s in sessions.sessions if id(s) in restored]
        sessions.retired = [restored[id(s)] for s in sessions.retired if id(s) in restored]


class SessionsOfTwo(unittest.TestCase):
    def test_whoever_dials_restarts_or_loses_its_state_is_reached_again(self):
        for seed in range(25):
            rng, used = random.Random(seed), KeysUsed()
            with self.subTest(seed=seed), mock.patch.object(second_ratchet, "aead_seal", used):
                clients, flights = [Client(rng), Client(rng)], ([], [])
                bundles = [parse_bundle(write_bundle(client.prekeys.bundle())) for client in clients]
                for _ in range(60):
                    end, what = rng.randrange(2), rng.random()
                    sessions = clients[end].sessions
                    if what < 0.05:
                        lost = rng.random() < 0.3
                        clients[end].restart(lost)
                        if lost:  # and with its sessions its prekeys
                            clients[end].prekeys.renew(0, 0)
                            clients[end].prekeys.former = None
                            bundles[end] = clients[end].prekeys.bundle()
                    elif what < 0.5:
                        sessions.dial(bundles[1 - end])
                        flights[1 - end].append(sessions.seal(b"", fresh=True))
                    elif what < 0.6 and flights[end]:
                        flights[end].pop(0)
                    elif flights[end]:
                        message, export, _ = flights[end].pop(rng.randrange(len(flights[end])))
                        try:
                            self.assertEqual(sessions.open(message), (b"", export))
                        except Refused as refused:  # of a session or of prekeys that were lost
                            self.assertIn(str(refused), ("unknown_session", "unknown_prekey"))
                for end in (0, 1, 0):
                    clients[end].sessions.dial(bundles[1 - end])
                    message, export, _ = clients[end].sessions.seal(b"", fresh=True)
                    self.assertEqual(clients[1 - end].sessions.open(message), (b"", export))

    def test_no_copy_of_a_stored_state_seals_under_a_key_that_was_used(self):
        rng, used = random.Random(5), KeysUsed()
        with mock.patch.object(second_ratchet, "aead_seal", used):
            alice, bob = Client(rng).sessions, Client(rng).sessions
            alice.dial(bob.prekeys.bundle())
            copies = []
            for _ in range(4):
                bob.open(alice.seal(b"")[0])
                alice.open(bob.seal(b"", fresh=True)[0])
                alice.seal(b"", fresh=True)  # lost
                copies += [alice.sessions[0].restored(), bob.sessions[0].restored()]
            for stored, _ in itertools.product(copies, range(3)):
                again = stored.restored()
                if again.can_seal:
                    again.seal(b"")


class Side:
    """MediaKeys, and where it stood when its packets that may still be under way were sent."""

    def __init__(self, keys):
        self.keys, self.sent_under = keys, frozenset()

    def copy(self):
        other = copy.copy(self)
        other.keys = copy.copy(self.keys)
        other.keys.secrets = dict(self.keys.secrets)
        return other

    def state(self):
        k = self.keys
        return (frozenset(k.secrets.items()), k.asked, k.sent, k.seen, k.agreed, k.sending, k.receiving,
                self.sent_under)


class Generations(unittest.TestCase):
    """Two sides and the signals between them, each of which arrives once (the ratchet sees to that) or never."""
    HIGHEST = 2  # number of a rekey

    def check(self, sides):
        """Whatever a side may send now opens at the other."""
        for sender, receiver in (sides, sides[::-1]):
            self.assertIn(sender.keys.sending, receiver.keys.held())
            self.assertEqual(sender.keys.sending_secret, receiver.keys.secrets[sender.keys.sending[0]])

    def ask(self, sides, signals, at):
        number = sides[at].keys.next_number()
        request = b"%d rekey %d" % (at, number)
        sides[at].keys.ask(number, request)
        return signals | {(1 - at, REKEY, number, request)}

    def deliver(self, sides, signals, signal, ten_seconds_old=False):
        signals = signals - {signal}
        to, kind, number, export = signal
        try:
            if kind == REKEYED:
                sides[to].keys.answered(number, export)
            else:
                response = b"%d rekeyed %d" % (to, number)
                sides[to].keys.answer(number, export, response, ten_seconds_old)
                signals |= {(1 - to, REKEYED, number, response)}
        except Refused:
            pass
        return signals

    def packet(self, sides, sender, under):
        receiver = sides[1 - sender].keys
        if under in receiver.held():
            receiver.authenticated(under)
            receiver.two_seconds_passed()  # at once: nothing may depend on that grace

    def followers(self, sides, signals):
        """(sides, signals) after each event that may come next."""
        def after(event, *arguments):
            fresh = [side.copy() for side in sides]
            there = event(fresh, *arguments)
            for old, new in zip(sides, fresh):
                self.assertGreaterEqual(new.keys.sending, old.keys.sending)  # no key comes back
                if new.keys.sending != old.keys.sending:
                    new.sent_under |= {old.keys.sending}
            return fresh, signals if there is None else there

        for at in (0, 1):
            keys, peer = sides[at].keys, sides[1 - at].keys
            if keys.next_number() <= self.HIGHEST:
                yield after(lambda fresh: self.ask(fresh, signals, at))
            for under in sides[at].sent_under | {keys.sending}:
                yield after(self.packet, at, under)
            if keys.sending == peer.receiving and keys.sending[1] == 0:  # the 20 s without media see to that
                yield after(lambda fresh: fresh[at].keys.turn())
        for signal in signals:
            yield after(lambda fresh: self.deliver(fresh, signals, signal))
            if signal[1] == REKEY and sides[signal[0]].keys.asked:
                yield after(lambda fresh: self.deliver(fresh, signals, signal, True))

    def recovers(self, sides):
        """All signals are lost; the next request that gets through, and packets both ways, and both are in it."""
        for at in (0, 1):
            fresh = [side.copy() for side in sides]
            if at == 1 and fresh[0].keys.asked:
                continue  # the caller's counts, and it asks anew by itself
            signals = self.ask(fresh, frozenset(), at)
            number = fresh[at].keys.sent
            signals = self.deliver(fresh, signals, *signals)
            signals = self.deliver(fresh, signals, *signals)
            for sender in (at, 1 - at):
                self.packet(fresh, sender, fresh[sender].keys.sending)
            for side in fresh:
                self.assertEqual((side.keys.sending, side.keys.receiving), ((number, 0), (number, 0)))

    def test_every_order_of_two_sides_rekeying_at_once_leaves_no_packet_without_its_key(self):
        start = [Side(MediaKeys(is_caller, b"G(0)", b"")) for is_caller in (True, False)]
        seen, recovered, waiting = set(), set(), [(start, frozenset())]
        while waiting:
            sides, signals = waiting.pop()
            state = (sides[0].state(), sides[1].state(), signals)
            if state in seen:
                continue
            seen.add(state)
            self.check(sides)
            if state[:2] not in recovered:
                recovered.add(state[:2])
                self.recovers(sides)
            waiting.extend(self.followers(sides, signals))
        self.assertGreater(len(seen), 10000)


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""The worked example (section 14 of docs/protocol.md) and the other vectors, recomputed from their plain randomness."""
import json
import os
import sys
import unittest

from second_call import *
from second_ratchet import *

TEXTS = ("safety number", "symbols")  # all other values are bytes


def load(name):
    with open(os.path.join(os.path.dirname(sys.argv[1]), name)) as file:
        return json.load(file)


def in_bytes(sections):
    return {title: {name: value if name in TEXTS else bytes.fromhex(value) for name, value in values.items()}
            for title, values in sections.items()}


class PlainDraws:
    """Section 14's: the k-th, from 0, is the two bytes who, k as often as they fit."""

    def __init__(self, who):
        self.who, self.made = who, []

    def __call__(self, size):
        self.made.append((bytes([self.who, len(self.made)]) * size)[:size])
        return self.made[-1]


class Parties:
    """Both ends, before the first message is sealed. bundles: how many Bob has handed out by then."""

    def __init__(self, bundles=1):
        self.alice_draw, self.bob_draw = PlainDraws(0xA0), PlainDraws(0xB0)
        self.alice_identity, self.bob_identity = Identity(self.alice_draw(32)), Identity(self.bob_draw(32))
        self.alice = Device(self.alice_identity, self.alice_draw(32))
        self.bob = Device(self.bob_identity, self.bob_draw(32))
        self.prekeys = Prekeys(self.bob, self.bob_draw)
        for _ in range(bundles):
            self.bundle = self.prekeys.bundle()
        self.alice_session, self.agreed = initiate(self.alice, parse_bundle(write_bundle(self.bundle)), self.alice_draw)
        self.has_one_time = self.bundle.opk_id != NO_ID
        if not self.has_one_time:
            del self.agreed["DH4"]

    def accept(self, message):
        """Bob's session, what it opened with, and that message's export secret."""
        return accept(self.bob, self.prekeys, message, self.bob_draw)

    def beginning(self):
        """The first three sections."""
        return {"Identities": self.identities(), "Bob's bundle": self.bobs_bundle(), "PQXDH": self.agreed}

    def identities(self):
        ours, theirs = self.alice.identity, self.bob.identity
        values = {"safety number": safety_number(ours, theirs), "QR code shown by Alice": write_code(ours, theirs)}
        for name, identity, device in ("Alice", self.alice_identity, self.alice), ("Bob", self.bob_identity, self.bob):
            values |= {f"{name} identity seed": identity.seed, f"{name} identity": identity.public,
                       f"{name} device seed": device.seed, f"{name} device": device.public,
                       f"{name} X(device)": x_form(device.public), f"{name} certificate": device.certificate,
                       f"{name} device list": identity.device_list(1, [device.public])}
        return values

    def bobs_bundle(self):
        bundle, made = self.bundle, self.bob_draw.made
        values = {"signed prekey private": made[2], "signed prekey id": bundle.spk_id,
                  "signed prekey": bundle.spk, "signed prekey signature": bundle.spk_signature,
                  "KEM prekey seed": made[9 if self.has_one_time else 4],
                  "KEM prekey id": bundle.kem_id, "KEM prekey": bundle.kem,
                  "KEM prekey signature": bundle.kem_signature, "bundle": write_bundle(bundle)}
        if self.has_one_time:
            values |= {"one-time prekey private": made[7], "one-time prekey id": bundle.opk_id,
                       "one-time prekey": bundle.opk}
        return values


class Side:
    """One end of the ratchet: what its session has, and what only its draws tell."""

    def __init__(self, letter, session, first_step=None):
        self.letter, self.session, self.steps = letter, session, 0
        self.first_step = first_step  # the draw it began with, if that step is made

    def step(self, peer_name):
        """Every value of a step."""
        session, made = self.session, self.session.draw.made
        if self.first_step is None:
            at, peer_kem = len(made), session.peer_kem
            session.step()
        else:
            at, peer_kem = self.first_step, b""
        name, self.first_step, self.steps = f"{self.letter}{self.steps}", None, self.steps + 1
        values = {f"{name} private": made[at], name: session.public, f"{name} KEM seed": made[at + 1],
                  f"{name} KEM key": kem_pair(made[at + 1])[0], f"DH({name}, {peer_name})": dh(made[at], session.peer),
                  "root key": session.root, "chain key": session.sending, "header key": session.hks,
                  "next header key": session.nhks}
        if peer_kem:
            ct, ss = encapsulate(peer_kem, made[at + 2])
            values |= {"ML-KEM encapsulation m": made[at + 2], "ct": ct, "ss": ss}
        return values

    def seal(self, plaintext, stepping_to=None):
        """Every value of one message. stepping_to: the peer's ratchet key, by its name, if it steps."""
        session = self.session
        values = self.step(stepping_to) if stepping_to else {}
        message_key, export, following = kdf_ck(session.sending)
        sealed = session.seal(plaintext)
        message = parse_message(sealed[0])
        header = xaead_open(session.hks, message.nonce, message.header, session.ad + message.header_ad)
        return values | {"message key": message_key, "export secret": export, "next chain key": following,
                         "header nonce": session.draw.made[-1], "header": header, "plaintext": plaintext,
                         "message": sealed[0]}


TITLES = {"offer": "The offer, Alice's first message", "answer": "The answer, Bob's first message",
          "reveal": "The reveal, in Alice's first chain", "route": "The route, which the rekey overtakes",
          "rekey": "The rekey, a step of Alice's", "rekeyed": "The rekeyed, a step of Bob's"}
CALL_ID = b"\xca" * 16
SSRCS = {"Alice": (0xA1A1A1A1, 0xA2A2A2A2, 0xA3A3A3A3), "Bob": (0xB1B1B1B1, 0xB2B2B2B2, 0xB3B3B3B3)}


def first_call():
    """Every value of the worked example, from what section 14 says in words."""
    parties = Parties()
    binding = call_binding(CALL_ID, parties.alice.identity, parties.bob.identity)
    said = {}

    def says(side, kind, signal, body, stepping_to=None):
        said[kind] = side.seal(write_signal(signal, CALL_ID, body), stepping_to)
        return said[kind]["message"], (said[kind]["plaintext"], said[kind]["export secret"])

    def opens(session, message, opened):
        assert session.open(message) == opened

    alice, a = Side("A", parties.alice_session, first_step=4), parties.alice_draw(32)
    offer, opened = says(alice, "offer", OFFER, write_streams(SSRCS["Alice"], sas_commitment(CALL_ID, a)), "SPK_B")
    session, *found = parties.accept(offer)
    assert tuple(found) == opened
    bob, b = Side("B", session), parties.bob_draw(32)
    opens(alice.session, *says(bob, "answer", ANSWER, write_streams(SSRCS["Bob"], b, number=0), "A0"))
    opens(bob.session, *says(alice, "reveal", REVEAL, a))
    late = says(alice, "route", ROUTE, b"192.0.2.1 4000")
    opens(bob.session, *says(alice, "rekey", REKEY, be32(1), "B0"))
    opens(bob.session, *late)
    opens(alice.session, *says(bob, "rekeyed", REKEYED, be32(1), "A1"))

    exports = {kind: values["export secret"] for kind, values in said.items()}
    secret = call_secret(exports["offer"], exports["answer"], binding)
    salt = rekey_salt(secret)
    later = generation_secret(salt, exports["rekey"], exports["rekeyed"], 1, binding)
    keys = {f"SRTP key ({g}, {d}, {e}) {('audio', 'video', 'repair')[medium]}":
            srtp_key((secret, later)[g], g, d, e, medium, binding)
            for g, e in ((0, 0), (0, 1), (1, 0)) for d in (TO_CALLEE, TO_CALLER) for medium in STREAMS}
    symbols = " ".join(SYMBOLS[n] for n in short_string(secret, a, b, binding))
    return parties.beginning() | {TITLES[kind]: values for kind, values in said.items()} | {
        "Media keys": {"call id": CALL_ID, "G(0), the call secret": secret, "S": salt, "G(1)": later} | keys,
        "Short authentication string": {"a": a, "b": b, "commitment": sas_commitment(CALL_ID, a),
                                        "k": expand(secret, b"Sotto_v1_sas", 64), "symbols": symbols}}


def without_one_time():
    parties = Parties(bundles=2)
    first = Side("A", parties.alice_session, first_step=4).seal(b"first", "SPK_B")
    assert parties.accept(first["message"])[1:] == (b"first", first["export secret"])
    return parties.beginning() | {"Alice's first message": first}


class Vectors(unittest.TestCase):
    def follows(self, expected, computed):
        self.assertEqual(list(expected), list(computed))
        for title, values in expected.items():
            self.assertEqual(values.keys(), computed[title].keys())
            for name, value in values.items():
                with self.subTest(section=title, name=name):
                    self.assertEqual(computed[title][name], value)

    def test_every_value_of_the_worked_example_follows_from_its_draws(self):
        self.follows(in_bytes(load("first_call.json")), first_call())

    def test_the_messages_of_the_worked_example_open_from_their_bytes(self):
        vectors, parties = in_bytes(load("first_call.json")), Parties()
        of = {kind: vectors[title] for kind, title in TITLES.items()}
        session, *opened = parties.accept(of["offer"]["message"])
        self.assertEqual(opened, [of["offer"]["plaintext"], of["offer"]["export secret"]])
        for receiver, kind in (parties.alice_session, "answer"), (session, "route"), (session, "reveal"):
            self.assertEqual(receiver.open(of[kind]["message"]), (of[kind]["plaintext"], of[kind]["export secret"]))
        self.assertEqual(parties.alice_session.seal(b"")[0][1], ANSWERED)

    def test_pqxdh_without_one_time_prekeys(self):
        self.follows(in_bytes(load("pqxdh_without_one_time.json")), without_one_time())

    def test_messages_out_of_order(self):
        vectors, parties, sealed = load("ratchet_out_of_order.json"), Parties(), []
        events, sessions = vectors.pop("Events"), {"Alice": parties.alice_session}
        self.follows(in_bytes(vectors), parties.beginning())

        def opened_by(who, message):
            if who in sessions:
                return sessions[who].open(message)
            sessions[who], *opened = parties.accept(message)  # Bob's begins with what he opens first
            return tuple(opened)

        for number, event in enumerate(events):
            with self.subTest(event=number):
                if event["event"] == "seals":
                    plaintext = bytes.fromhex(event["plaintext"])
                    message, export, stepped = sessions[event["who"]].seal(plaintext, event["asks for a step"])
                    self.assertEqual((message.hex(), export.hex(), stepped),
                                     (event["message"], event["export secret"], event["stepped"]))
                    sealed.append((message, (plaintext, export)))
                    continue
                message, opened = sealed[event["message"]]
                if "changed" in event:
                    message = message[:-1] + bytes([message[-1] ^ 1])
                if event["event"] == "opens":
                    self.assertEqual(opened_by(event["who"], message), opened)
                else:
                    self.assertRaisesRegex(Refused, event["error"], opened_by, event["who"], message)

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
import sys
import unittest

sys.dont_write_bytecode = True  # the source tree stays as it is
try:
    from second_self_test import *
    from second_model_test import *
    from second_library_test import *
except OSError as error:
    sys.exit(print("skipped:", error) or 77)
if not hasattr(SODIUM, "crypto_kem_mlkem768_dec"):
    sys.exit(print("skipped: libsodium has no ML-KEM") or 77)

EXAMPLE = {section: {name: bytes.fromhex(value) if name != "safety number" else value for name, value in values.items()}
           for section, values in json.load(open(sys.argv[1])).items()}
OFFER_SECTION, ANSWER_SECTION = "The offer, Alice's first message", "The answer, Bob's first message"


def filled_from(first):
    """Section 13's draws: the k-th, from 0, is filled with the byte first + k."""
    values = iter(range(first, 256))
    return lambda size: bytes([next(values)]) * size


class FirstCall:
    """Both ends of the worked example, before the offer is sealed."""

    def __init__(self):
        alice_draw, self.bob_draw = filled_from(0xA0), filled_from(0xB0)
        self.alice_identity, self.bob_identity = Identity(alice_draw(32)), Identity(self.bob_draw(32))
        self.alice = Device(self.alice_identity, alice_draw(32))
        self.bob = Device(self.bob_identity, self.bob_draw(32))
        self.prekeys = Prekeys(self.bob, self.bob_draw)
        self.bundle = self.prekeys.bundle()
        self.alice_session, self.agreed = initiate(self.alice, parse_bundle(write_bundle(self.bundle)), alice_draw)

    def accept(self, message):
        return accept(self.bob, self.prekeys, message, self.bob_draw)


def identities(first):
    values = {"safety number": safety_number(first.alice.identity, first.bob.identity)}
    for name, identity, device in ("Alice", first.alice_identity, first.alice), ("Bob", first.bob_identity, first.bob):
        values |= {f"{name} identity seed": identity.seed, f"{name} identity": identity.public,
                   f"{name} device seed": device.seed, f"{name} device": device.public,
                   f"{name} X(device)": x_form(device.public), f"{name} certificate": device.certificate}
    return values


def bobs_bundle(first):
    bundle, prekeys = first.bundle, first.prekeys.present
    return {"signed prekey private": prekeys.spk_private, "signed prekey": bundle.spk,
            "signed prekey signature": bundle.spk_signature, "KEM prekey": bundle.kem,
            "KEM prekey signature": bundle.kem_signature, "one-time prekey private": prekeys.opks[bundle.opk_id],
            "one-time prekey": bundle.opk, "bundle": write_bundle(bundle)}


def sealed(name, session, plaintext):
    """Every value of one message that steps."""
    if session.sending is None:
        session.step()
    message_key, export, following = kdf_ck(session.sending)
    values = {f"{name} private": session.private, name: session.public, f"{name} KEM key": session.kem,
              f"DH({name}, {'SPK_B' if name == 'A0' else 'A0'})": dh(session.private, session.peer),
              "root key": session.root, "chain key": session.sending, "header key": session.hks,
              "next header key": session.nhks, "message key": message_key, "export secret": export,
              "next chain key": following, "plaintext": plaintext}
    if session.ct:
        values["ct"] = session.ct
    return values | {"message": session.seal(plaintext)[0]}


def recompute():
    """Every value of the example from its draws and its call id; of its plaintexts only the bodies are taken."""
    def text(kind, section):
        return write_signal(kind, call_id, EXAMPLE[section]["plaintext"][20:64])

    first, call_id = FirstCall(), EXAMPLE["Media keys"]["call id"]
    values = {"Identities": identities(first), "Bob's bundle": bobs_bundle(first), "PQXDH": first.agreed}
    offer = sealed("A0", first.alice_session, text(OFFER, OFFER_SECTION))
    session, *_ = first.accept(offer["message"])
    answer = sealed("B0", session, text(ANSWER, ANSWER_SECTION))
    binding = call_binding(call_id, first.alice.identity, first.bob.identity)
    secret = call_secret(offer["export secret"], answer["export secret"], binding)
    keys = {f"epoch {epoch} {('audio', 'video')[medium]} to {('callee', 'caller')[direction]}":
            srtp_key(secret, 0, direction, epoch, medium, binding)
            for epoch in (0, 1) for direction in (0, 1) for medium in (0, 1)}
    return values | {OFFER_SECTION: offer, ANSWER_SECTION: answer,
                     "Media keys": {"call id": call_id, "call secret": secret} | keys}


@unittest.skipUnless("Alice identity seed" in EXAMPLE["Identities"], "the worked example is of an older page")
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
        self.assertEqual(first.alice_session.seal(b"")[0][1], ANSWERED)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)

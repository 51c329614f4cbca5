#!/usr/bin/env python3
"""Sotto's protocol, written from docs/protocol.md alone: what that page leaves out, this file could not know.

Its sections are the page's. Media and their packets (section 9) are not here. second_implementation_test.py runs it.
"""
import base64
import copy
import ctypes
import hashlib
import hmac
import struct
from collections import namedtuple

SODIUM = ctypes.CDLL("libsodium.so.26")  # 1.0.22, the first with ML-KEM
SODIUM.sodium_init()


class Refused(Exception):
    """What a client must not take."""


def require(condition, why):
    if not condition:
        raise Refused(why)


# 1. Notation and primitives

VERSION, INITIAL, ORDINARY = 1, 1, 2
X25519, ML_KEM_768, ED25519 = 1, 2, 3  # the type bytes of Encode


def be32(number):
    return struct.pack(">I", number)


def sodium(function, sizes, *arguments):
    """Calls a function of libsodium, whose outputs come first; gives their bytes."""
    outputs = [ctypes.create_string_buffer(size) for size in sizes]
    arguments = [ctypes.c_ulonglong(a) if isinstance(a, int) else a for a in arguments]
    require(getattr(SODIUM, function)(*outputs, *arguments) == 0, function)
    return outputs[0].raw if len(outputs) == 1 else [output.raw for output in outputs]


def x25519_public(private):
    return sodium("crypto_scalarmult_base", [32], private)


def dh(private, public):
    return sodium("crypto_scalarmult", [32], private, public)  # refuses an all-zero result


def verify(identity, signature, data):
    sodium("crypto_sign_verify_detached", [], signature, data, len(data), identity)


def hmac_sha512(key, data):
    return hmac.digest(key, data, "sha512")


def extract(salt, ikm):
    return hmac_sha512(salt or bytes(64), ikm)


def expand(prk, info, size):
    block = out = b""
    for counter in range(1, -(-size // 64) + 1):
        block = hmac_sha512(prk, block + info + bytes([counter]))
        out += block
    return out[:size]


def aead_seal(key, plaintext, ad):
    return sodium("crypto_aead_chacha20poly1305_ietf_encrypt", [len(plaintext) + 16], None, plaintext, len(plaintext),
                  ad, len(ad), None, bytes(12), key)


def aead_open(key, ciphertext, ad):
    return sodium("crypto_aead_chacha20poly1305_ietf_decrypt", [len(ciphertext) - 16], None, None, ciphertext,
                  len(ciphertext), ad, len(ad), bytes(12), key)


def encode(kind, key):
    return bytes([kind]) + key


# 2. Identity

def x_form(identity):
    return sodium("crypto_sign_ed25519_pk_to_curve25519", [32], identity)  # refuses low order and other subgroups


class Identity:
    def __init__(self, seed):
        self.seed = seed
        self.public, self.secret = sodium("crypto_sign_seed_keypair", [32, 64], seed)
        self.x_private = sodium("crypto_sign_ed25519_sk_to_curve25519", [32], self.secret)

    def sign(self, data):
        return sodium("crypto_sign_detached", [64], None, data, len(data), self.secret)


# 3. Prekey bundle

SIGNED_PREKEY, KEM_PREKEY = b"Sotto_v1_signed_prekey", b"Sotto_v1_kem_prekey"
Bundle = namedtuple("Bundle", "identity spk_id spk spk_signature kem_id kem kem_signature opk_id opk")


class Prekeys:
    """Bob's side of one bundle. draw(size) gives random bytes."""

    def __init__(self, identity, draw, one_time=True):
        self.identity = identity
        self.spk_private, self.spk_id = draw(32), draw(4)
        self.kem_seed, self.kem_id = draw(64), draw(4)
        self.kem, self.kem_private = sodium("crypto_kem_mlkem768_seed_keypair", [1184, 2400], self.kem_seed)
        self.opk_id, self.opk_private = (draw(4), draw(32)) if one_time else (bytes(4), None)
        self.accepted = set()  # the EK_A of every initial message that opened

    def bundle(self):
        spk = x25519_public(self.spk_private)
        opk = x25519_public(self.opk_private) if self.opk_private else b""
        spk_signature = self.identity.sign(SIGNED_PREKEY + self.spk_id + encode(X25519, spk))
        kem_signature = self.identity.sign(KEM_PREKEY + self.kem_id + encode(ML_KEM_768, self.kem))
        return Bundle(self.identity.public, self.spk_id, spk, spk_signature, self.kem_id, self.kem, kem_signature,
                      self.opk_id, opk)


def write_bundle(bundle):
    return bytes([VERSION]) + b"".join(bundle)


def parse_bundle(data):
    require(len(data) in (1389, 1421) and data[0] == VERSION, "size or version")
    bundle = Bundle(*struct.unpack("32s4s32s64s4s1184s64s4s", data[1:1389]), data[1389:])
    require(bundle.spk_id != bytes(4) and bundle.kem_id != bytes(4), "id of 0")
    require((bundle.opk_id == bytes(4)) == (bundle.opk == b""), "one-time prekey")
    verify(bundle.identity, bundle.spk_signature, SIGNED_PREKEY + bundle.spk_id + encode(X25519, bundle.spk))
    verify(bundle.identity, bundle.kem_signature, KEM_PREKEY + bundle.kem_id + encode(ML_KEM_768, bundle.kem))
    for i in range(0, 1152, 3):  # two coefficients of 12 bits in three bytes, the lower first (FIPS 203, ByteDecode)
        pair = int.from_bytes(bundle.kem[i:i + 3], "little")
        require(pair & 0xFFF < 3329 and pair >> 12 < 3329, "bad_key")
    return bundle


# 4. PQXDH

def pqxdh_secret(dh1, dh2, dh3, dh4, ss):
    return expand(extract(b"", b"\xff" * 32 + dh1 + dh2 + dh3 + dh4 + ss),
                  b"Sotto_v1_CURVE25519_SHA-512_ML-KEM-768", 32)


def associated_data(alice, bob, kem):
    return hashlib.sha512(encode(ED25519, alice) + encode(ED25519, bob) + encode(ML_KEM_768, kem)).digest()


def initiate(identity, bundle, draw):
    """Alice's session, and what it was made from."""
    ek, m = draw(32), draw(32)
    ct, ss = sodium("crypto_kem_mlkem768_enc_deterministic", [1088, 32], bundle.kem, m)
    dhs = (dh(identity.x_private, bundle.spk), dh(ek, x_form(bundle.identity)), dh(ek, bundle.spk),
           dh(ek, bundle.opk) if bundle.opk else b"")
    sk, ad = pqxdh_secret(*dhs, ss), associated_data(identity.public, bundle.identity, bundle.kem)
    session = Session(sk, ad, draw)
    session.initial_header = (identity.public + x25519_public(ek) + bundle.spk_id + bundle.kem_id + bundle.opk_id + ct)
    session.step_sending(bundle.spk)
    return session, {"EK_A private": ek, "EK_A": x25519_public(ek), "ML-KEM encapsulation m": m, "CT": ct,
                     "DH1": dhs[0], "DH2": dhs[1], "DH3": dhs[2], "DH4": dhs[3], "SS": ss, "SK": sk, "AD": ad}


def accept(prekeys, message, draw):
    """Bob's session, and the plaintext and export secret of the message it begins with."""
    initial = parse_message(message).initial_header
    require(initial, "not an initial message")
    alice, ek, spk_id, kem_id, opk_id, ct = struct.unpack("32s32s4s4s4s1088s", initial)
    has_opk = opk_id != bytes(4)
    require(ek not in prekeys.accepted, "replay")
    require(spk_id == prekeys.spk_id and kem_id == prekeys.kem_id, "unknown prekey")
    require(not has_opk or (opk_id == prekeys.opk_id and prekeys.opk_private), "unknown or spent prekey")
    ss = sodium("crypto_kem_mlkem768_dec", [32], ct, prekeys.kem_private)
    sk = pqxdh_secret(dh(prekeys.spk_private, x_form(alice)), dh(prekeys.identity.x_private, ek),
                      dh(prekeys.spk_private, ek), dh(prekeys.opk_private, ek) if has_opk else b"", ss)
    session = Session(sk, associated_data(alice, prekeys.identity.public, prekeys.kem), draw)
    session.private, session.peer_initial_header = prekeys.spk_private, initial
    opened = session.open(message)
    prekeys.accepted.add(ek)
    if has_opk:
        prekeys.opk_private = None
    return session, *opened


# 5. Double Ratchet

MAX_SKIP, MAX_SKIP_NEW_CHAIN, MAX_HELD, MAX_HELD_UNANSWERED = 1000, 100, 2000, 16


def kdf_rk(root, shared):
    out = expand(extract(root, shared), b"Sotto_v1_ratchet_root", 64)
    return out[:32], out[32:]


def kdf_ck(chain):
    """Message key, export secret, next chain key."""
    m = hmac_sha512(chain, b"\x01")
    return m[:32], m[32:], hmac_sha512(chain, b"\x02")[:32]


class Session:
    """One end of a conversation: the state of the Double Ratchet §3.2, and what section 6 adds to it."""

    def __init__(self, sk, ad, draw):
        self.root, self.ad, self.draw = sk, ad, draw
        self.private = self.peer = None  # DHs, DHr
        self.sending = self.receiving = None  # CKs, CKr
        self.sent = self.received = self.previous = 0  # Ns, Nr, PN
        self.has_sealed = False
        self.skipped = {}  # (ratchet key, number): (message key, export secret), oldest first
        self.initial_header = b""  # sent with every message until the first reply opens
        self.peer_initial_header = b""

    def step_sending(self, peer):
        self.private, self.peer, self.previous, self.sent = self.draw(32), peer, self.sent, 0
        self.root, self.sending = kdf_rk(self.root, dh(self.private, peer))

    def step_receiving(self, peer):
        self.root, self.receiving = kdf_rk(self.root, dh(self.private, peer))
        self.received = 0

    def skip_to(self, number):
        require(number - self.received <= MAX_SKIP, "too_many_skipped")
        while self.receiving and self.received < number:
            *keys, self.receiving = kdf_ck(self.receiving)
            self.skipped[self.peer, self.received] = keys
            self.received += 1
        while len(self.skipped) > (MAX_HELD if self.has_sealed else MAX_HELD_UNANSWERED):
            del self.skipped[next(iter(self.skipped))]

    def keys_of(self, message):
        held = self.skipped.pop((message.ratchet_key, message.number), None)
        if held:
            return held
        if message.ratchet_key != self.peer:
            require(message.number <= MAX_SKIP_NEW_CHAIN, "too_many_skipped")
            self.skip_to(message.previous)
            self.step_receiving(message.ratchet_key)
            self.step_sending(message.ratchet_key)
        require(self.receiving, "no chain yet")
        require(message.number >= self.received, "opened before")
        self.skip_to(message.number)
        *keys, self.receiving = kdf_ck(self.receiving)
        self.received += 1
        return keys

    def seal(self, plaintext):
        """The message and its export secret."""
        require(len(plaintext) <= 16384 and self.sent < 2**32 - 1, "too long, or too many")
        key, export, self.sending = kdf_ck(self.sending)
        header = (bytes([VERSION, INITIAL if self.initial_header else ORDINARY]) + self.initial_header +
                  x25519_public(self.private) + be32(self.previous) + be32(self.sent))
        self.sent, self.has_sealed = self.sent + 1, True
        return header + aead_seal(key, plaintext, self.ad + header), export

    def open(self, data):
        """The plaintext and its export secret. Works on a copy: what does not authenticate changes nothing."""
        message = parse_message(data)
        require(message.initial_header in (b"", self.peer_initial_header), "initial message of another session")
        after = copy.copy(self)
        after.skipped = dict(self.skipped)
        key, export = after.keys_of(message)
        plaintext = aead_open(key, message.ciphertext, self.ad + message.header)
        after.initial_header = b""
        self.__dict__ = after.__dict__
        return plaintext, export


# 6. Messages

Message = namedtuple("Message", "initial_header ratchet_key previous number header ciphertext")


def parse_message(data):
    require(len(data) >= 2 and data[0] == VERSION and data[1] in (INITIAL, ORDINARY), "version or type")
    start = 1166 if data[1] == INITIAL else 2
    require(start + 40 + 16 <= len(data) <= start + 40 + 16384 + 16, "size")
    ratchet_key, previous, number = struct.unpack(">32sII", data[start:start + 40])
    require(number != 2**32 - 1, "number")
    return Message(data[2:start], ratchet_key, previous, number, data[:start + 40], data[start + 40:])


# 7. Call signals

OFFER, ANSWER, ROUTE, HANG_UP = 1, 2, 3, 4
Media = namedtuple("Media", "flags channels block_ms zero audio_ssrc video_ssrc")  # the body of an offer or an answer


def write_signal(kind, call_id, body):
    return bytes([VERSION, kind]) + call_id + struct.pack(">H", len(body)) + body + bytes(236 - len(body))


def parse_signal(data):
    require(len(data) == 256 and data[0] == VERSION, "size or version")
    kind, call_id, size = struct.unpack(">B16sH", data[1:20])
    require(size <= 236 and not any(data[20 + size:]), "body")
    body = data[20:20 + size]
    if kind in (OFFER, ANSWER):
        require(size == 12, "body")
        body = Media(*struct.unpack(">BBBBII", body))
        require(body.channels in (1, 2) and body.block_ms in (10, 20) and body.flags < 4 and body.zero == 0, "media")
        require(body.audio_ssrc != body.video_ssrc, "SSRCs")
    elif kind == ROUTE:
        require(1 <= size <= 200, "body")
    else:
        require(kind == HANG_UP and size == 1 and body[0] <= 4, "kind or reason")
    return kind, call_id, body


# 8. Media keys

def call_binding(call_id, caller, callee):
    return call_id + encode(ED25519, caller) + encode(ED25519, callee)


def call_secret(offer, answer, binding):
    return expand(extract(b"", offer + answer), b"Sotto_v1_call" + binding, 64)


def epoch_secret(secret, epoch):
    for n in range(epoch + 1):
        secret = expand(secret, b"Sotto_v1_epoch" + be32(n), 64)
    return secret


def srtp_key(secret, epoch, direction, medium, binding):
    info = b"Sotto_v1_srtp" + be32(epoch) + bytes([direction, medium]) + binding
    return expand(epoch_secret(secret, epoch), info, 44)


# 10. Safety number

def safety_half(identity):
    encoded = encode(ED25519, identity)
    h = hashlib.sha512(b"Sotto_v1_safety_number" + bytes(2) + encoded).digest()
    for _ in range(5200):
        h = hashlib.sha512(h + encoded).digest()
    return "".join(f"{int.from_bytes(h[i:i + 5], 'big') % 100000:05}" for i in range(0, 30, 5))


def safety_number(one, other):
    digits = "".join(sorted([safety_half(one), safety_half(other)]))
    return " ".join(digits[i:i + 5] for i in range(0, 60, 5))


# 12. Key log

def key_log_line(call_id, epoch, ssrc, key):
    return f"SRTP {call_id.hex()} {epoch} {ssrc:08x} AEAD_AES_256_GCM {base64.b64encode(key).decode()}"

"""Section 1 of docs/protocol.md: notation and primitives, all of them libsodium's or Python's own."""
import ctypes
import hashlib
import hmac
import struct

SODIUM = ctypes.CDLL("libsodium.so.26")  # 1.0.22, the first with ML-KEM
SODIUM.sodium_init()


class Refused(Exception):
    """What a client must not take, by the error's name."""


def require(condition, error):
    if not condition:
        raise Refused(error)


VERSION = 1
X25519, ML_KEM_768, IDENTITY, DEVICE = 1, 2, 3, 4  # the type bytes of Encode


def encode(kind, key):
    return bytes([kind]) + key


def be32(number):
    return struct.pack(">I", number)


def sodium(function, error, sizes, *arguments):
    """Calls a function of libsodium, whose outputs come first; gives their bytes."""
    outputs = [ctypes.create_string_buffer(size) for size in sizes]
    arguments = [ctypes.c_ulonglong(a) if isinstance(a, int) else a for a in arguments]
    require(getattr(SODIUM, function)(*outputs, *arguments) == 0, error)
    return outputs[0].raw if len(outputs) == 1 else [output.raw for output in outputs]


# Ed25519

def signing_pair(seed):
    """Public and private key."""
    return sodium("crypto_sign_seed_keypair", "bad_key", [32, 64], seed)


def sign(private, data):
    return sodium("crypto_sign_detached", "bad_key", [64], None, data, len(data), private)


def verify(public, signature, data):
    sodium("crypto_sign_verify_detached", "bad_signature", [], signature, data, len(data), public)


def check_point(public):
    require(SODIUM.crypto_core_ed25519_is_valid_point(public) == 1, "bad_key")


def x_form(public):
    check_point(public)
    return sodium("crypto_sign_ed25519_pk_to_curve25519", "bad_key", [32], public)


def x_private_form(private):
    return sodium("crypto_sign_ed25519_sk_to_curve25519", "bad_key", [32], private)


# X25519

def x25519_public(private):
    return sodium("crypto_scalarmult_base", "bad_key", [32], private)


def dh(private, public):
    return sodium("crypto_scalarmult", "bad_key", [32], private, public)  # refuses an all-zero result


# ML-KEM-768

def kem_pair(seed):
    """Public and private key."""
    return sodium("crypto_kem_mlkem768_seed_keypair", "bad_key", [1184, 2400], seed)


def check_kem_key(public):
    for i in range(0, 1152, 3):  # two coefficients of 12 bits in three bytes, the lower first (FIPS 203, ByteDecode)
        pair = int.from_bytes(public[i:i + 3], "little")
        require(pair & 0xFFF < 3329 and pair >> 12 < 3329, "bad_key")


def encapsulate(public, m):
    """Ciphertext and secret."""
    check_kem_key(public)
    return sodium("crypto_kem_mlkem768_enc_deterministic", "bad_key", [1088, 32], public, m)


def decapsulate(private, ciphertext):
    return sodium("crypto_kem_mlkem768_dec", "bad_key", [32], ciphertext, private)


# SHA-512, HMAC, HKDF

def sha512(data):
    return hashlib.sha512(data).digest()


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


# ChaCha20, AEAD and XAEAD

def stream(key, nonce, size):
    return sodium("crypto_stream_chacha20_ietf", "bad_key", [size], size, nonce, key)


def sealed_by(function, key, nonce, plaintext, ad):
    return sodium(function + "_encrypt", "forged", [len(plaintext) + 16], None, plaintext, len(plaintext), ad, len(ad),
                  None, nonce, key)


def opened_by(function, key, nonce, ciphertext, ad):
    return sodium(function + "_decrypt", "forged", [len(ciphertext) - 16], None, None, ciphertext, len(ciphertext), ad,
                  len(ad), nonce, key)


def aead_seal(key, plaintext, ad):
    return sealed_by("crypto_aead_chacha20poly1305_ietf", key, bytes(12), plaintext, ad)


def aead_open(key, ciphertext, ad):
    return opened_by("crypto_aead_chacha20poly1305_ietf", key, bytes(12), ciphertext, ad)


def xaead_seal(key, nonce, plaintext, ad):
    return sealed_by("crypto_aead_xchacha20poly1305_ietf", key, nonce, plaintext, ad)


def xaead_open(key, nonce, ciphertext, ad):
    return opened_by("crypto_aead_xchacha20poly1305_ietf", key, nonce, ciphertext, ad)

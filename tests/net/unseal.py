"""Opens SRTP by the developers' key log: so that a search for known bytes can show that it looked for the right ones."""
import base64
import ctypes


def aes_256_ctr(key, start, data):
    crypto = ctypes.CDLL("libcrypto.so.3")
    for name in ("EVP_CIPHER_CTX_new", "EVP_aes_256_ctr"):
        getattr(crypto, name).restype = ctypes.c_void_p
    context = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
    out, size = ctypes.create_string_buffer(len(data)), ctypes.c_int()
    good = crypto.EVP_EncryptInit_ex(context, ctypes.c_void_p(crypto.EVP_aes_256_ctr()), None, key, start)
    good = good and crypto.EVP_EncryptUpdate(context, out, ctypes.byref(size), data, len(data))
    crypto.EVP_CIPHER_CTX_free(context)
    if not good or size.value != len(data):
        raise RuntimeError("libcrypto does not encrypt")
    return out.raw


def session_keys(master):
    """RFC 3711 §4.3.3 with AES-256 (RFC 6188); RFC 7714 §11: the salt of 12 bytes gets two zeros."""
    key, salt = master[:32], master[32:44] + bytes(2)

    def derive(label, size):
        start = bytearray(salt + bytes(2))
        start[7] ^= label
        return aes_256_ctr(key, bytes(start), bytes(size))
    return derive(0, 32), derive(2, 12)


def read_key_log(path):
    """{SSRC: session keys} of the first epoch (docs/protocol.md, section 13)."""
    keys = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            _, _, epoch, ssrc, _, master = line.split()
            if epoch == "0":
                keys[int(ssrc, 16)] = session_keys(base64.b64decode(master))
    return keys


def unseal(srtp, keys):
    """The payload of a packet of a call's first minute, its tag unchecked. RFC 7714 §8.1: the nonce; no roll-over yet."""
    key, salt = keys[srtp.ssrc]
    nonce = bytes(2) + srtp.ssrc.to_bytes(4) + bytes(4) + srtp.sequence.to_bytes(2)
    nonce = bytes(a ^ b for a, b in zip(nonce, salt))
    # GCM encrypts from its second counter block on (NIST SP 800-38D §7.1).
    return aes_256_ctr(key, nonce + (2).to_bytes(4), srtp.protected[:-16])

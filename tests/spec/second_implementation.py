"""Sotto's protocol, written from docs/protocol.md alone: what that page leaves out, this file could not know.

Sections 2 to 4: who talks, and how two devices that never met agree. Section 1 is in second_primitives.py, sections 5
and 6 are in second_ratchet.py, the calls (7 to 13, but for media packets) in second_call.py; the tests run them all.
"""
import struct
from collections import namedtuple

from second_primitives import *

# 2. Identity and devices

DEVICE_LABEL, DEVICE_LIST_LABEL = b"Sotto_v1_device", b"Sotto_v1_device_list"


class Identity:
    def __init__(self, seed):
        self.seed = seed
        self.public, self.private = signing_pair(seed)

    def certify(self, device):
        """The certificate of a device's public key."""
        return self.public + device + sign(self.private, DEVICE_LABEL + encode(DEVICE, device))

    def device_list(self, sequence, devices):
        entries = b"".join(self.certify(device)[32:] for device in sorted(devices))
        before = bytes([VERSION]) + self.public + be32(sequence) + bytes([len(devices)]) + entries
        return before + sign(self.private, DEVICE_LIST_LABEL + before)


class Device:
    def __init__(self, identity, seed):
        self.seed = seed
        self.public, self.private = signing_pair(seed)
        self.x_private = x_private_form(self.private)
        self.certificate = identity.certify(self.public)
        self.identity = identity.public

    def sign(self, data):
        return sign(self.private, data)


def check_certificate(certificate):
    """Its identity and its device."""
    identity, device, signature = certificate[:32], certificate[32:64], certificate[64:]
    check_point(identity)
    check_point(device)
    verify(identity, signature, DEVICE_LABEL + encode(DEVICE, device))
    return identity, device


DeviceList = namedtuple("DeviceList", "identity sequence devices")


def parse_device_list(data):
    require(data, "truncated")
    require(data[0] == VERSION, "unsupported_version")
    require(len(data) >= 38, "truncated")
    identity, sequence, count = struct.unpack(">32sIB", data[1:38])
    require(1 <= count <= 32, "malformed")
    require(len(data) >= 102 + 96 * count, "truncated")
    require(len(data) == 102 + 96 * count, "malformed")
    entries = [data[at:at + 96] for at in range(38, 38 + 96 * count, 96)]
    devices = [entry[:32] for entry in entries]
    require(devices == sorted(set(devices)), "malformed")
    check_point(identity)
    verify(identity, data[-64:], DEVICE_LIST_LABEL + data[:-64])
    for entry in entries:
        check_certificate(identity + entry)
    return DeviceList(identity, sequence, devices)


class KnownDevices:
    """The newest list of each identity, and every device that was seen of one."""

    def __init__(self):
        self.lists, self.seen = {}, {}

    def learn(self, data):
        """The devices that are new, and those that this list leaves out: what the client is told."""
        listed = parse_device_list(data)
        known = self.lists.get(listed.identity)
        require(known is None or listed.sequence > known.sequence, "outdated")
        seen = self.seen.get(listed.identity)
        self.lists[listed.identity], self.seen[listed.identity] = listed, set(listed.devices)
        return (set(), set()) if seen is None else (set(listed.devices) - seen, seen - set(listed.devices))

    def check(self, certificate):
        """Its device, and whether the client is told that it is new."""
        identity, device = check_certificate(certificate)
        known = self.lists.get(identity)
        require(known is None or device in known.devices, "revoked")
        seen = self.seen.setdefault(identity, set())
        is_new = bool(seen) and device not in seen
        seen.add(device)
        return device, is_new


# 3. Prekey bundle

SIGNED_PREKEY, KEM_PREKEY = b"Sotto_v1_signed_prekey", b"Sotto_v1_kem_prekey"
NO_ID = bytes(4)
Bundle = namedtuple("Bundle", "certificate spk_id spk spk_signature kem_id kem kem_signature opk_id opk")


class Renewal:
    """The prekeys that were drawn at one time, by their ids. draw(size) gives random bytes."""

    def __init__(self, draw, kem_count, opk_count):
        self.spk_private, self.spk_id = draw(32), draw(4)
        self.last_resort_seed, self.last_resort_id = draw(64), draw(4)
        self.last_resort = kem_pair(self.last_resort_seed)
        self.opks = {draw(4): draw(32) for _ in range(opk_count)}
        self.one_time_kems = {draw(4): kem_pair(draw(64)) for _ in range(kem_count)}
        self.kems_to_hand_out, self.opks_to_hand_out = list(self.one_time_kems), list(self.opks)
        self.accepted = set()  # the EK_A of every initial message that opened

    def kem(self, kem_id):
        return self.last_resort if kem_id == self.last_resort_id else self.one_time_kems.get(kem_id)


class Prekeys:
    """Bob's side of all bundles."""

    def __init__(self, device, draw, kem_count=1, opk_count=1):
        self.device, self.draw = device, draw
        self.present, self.former = Renewal(draw, kem_count, opk_count), None

    def renew(self, kem_count=1, opk_count=1):
        self.present, self.former = Renewal(self.draw, kem_count, opk_count), self.present

    def bundle(self):
        now = self.present
        spk = x25519_public(now.spk_private)
        kem_id = now.kems_to_hand_out.pop(0) if now.kems_to_hand_out else now.last_resort_id
        kem = now.kem(kem_id)[0]
        opk_id = now.opks_to_hand_out.pop(0) if now.opks_to_hand_out else NO_ID
        opk = x25519_public(now.opks[opk_id]) if opk_id != NO_ID else b""
        return Bundle(self.device.certificate,
                      now.spk_id, spk, self.device.sign(SIGNED_PREKEY + now.spk_id + encode(X25519, spk)),
                      kem_id, kem, self.device.sign(KEM_PREKEY + kem_id + encode(ML_KEM_768, kem)), opk_id, opk)

    def find(self, spk_id, kem_id, opk_id):
        """The renewal that holds all three."""
        for renewal in (self.present, self.former):
            if renewal and renewal.spk_id == spk_id:
                require(renewal.kem(kem_id) and (opk_id == NO_ID or opk_id in renewal.opks), "unknown_prekey")
                return renewal
        raise Refused("unknown_prekey")


def write_bundle(bundle):
    return bytes([VERSION]) + b"".join(bundle)


def parse_bundle(data):
    require(data, "truncated")
    require(data[0] == VERSION, "unsupported_version")
    require(len(data) >= 1485, "truncated")
    bundle = Bundle(*struct.unpack("128s4s32s64s4s1184s64s4s", data[1:1485]), data[1485:])
    require(bundle.spk_id != NO_ID and bundle.kem_id != NO_ID, "malformed")
    expected = 32 if bundle.opk_id != NO_ID else 0
    require(len(bundle.opk) >= expected, "truncated")
    require(len(bundle.opk) == expected, "malformed")
    _, device = check_certificate(bundle.certificate)
    verify(device, bundle.spk_signature, SIGNED_PREKEY + bundle.spk_id + encode(X25519, bundle.spk))
    verify(device, bundle.kem_signature, KEM_PREKEY + bundle.kem_id + encode(ML_KEM_768, bundle.kem))
    check_kem_key(bundle.kem)
    return bundle


# 4. PQXDH

Agreed = namedtuple("Agreed", "sk hk_a nhk_b ad")


def agree(dh1, dh2, dh3, dh4, ss, alice, bob, kem):
    """alice and bob: identity and device of each."""
    out = expand(extract(b"", b"\xff" * 32 + dh1 + dh2 + dh3 + dh4 + ss), b"Sotto_v1_CURVE25519_SHA-512_ML-KEM-768", 96)
    ad = sha512(encode(IDENTITY, alice[0]) + encode(DEVICE, alice[1]) + encode(IDENTITY, bob[0]) +
                encode(DEVICE, bob[1]) + encode(ML_KEM_768, kem))
    return Agreed(out[:32], out[32:64], out[64:], ad)


def pqxdh_initiate(device, bundle, draw):
    """What was agreed, the initial header that says so, and every value on the way."""
    ek, m = draw(32), draw(32)
    bob = check_certificate(bundle.certificate)
    ct, ss = encapsulate(bundle.kem, m)
    dhs = (dh(device.x_private, bundle.spk), dh(ek, x_form(bob[1])), dh(ek, bundle.spk),
           dh(ek, bundle.opk) if bundle.opk else b"")
    agreed = agree(*dhs, ss, (device.identity, device.public), bob, bundle.kem)
    header = device.certificate + x25519_public(ek) + bundle.spk_id + bundle.kem_id + bundle.opk_id + ct
    values = {"EK_A private": ek, "EK_A": x25519_public(ek), "ML-KEM encapsulation m": m, "CT": ct, "DH1": dhs[0],
              "DH2": dhs[1], "DH3": dhs[2], "DH4": dhs[3], "SS": ss, "SK": agreed.sk, "HK_A": agreed.hk_a,
              "NHK_B": agreed.nhk_b, "AD": agreed.ad}
    return agreed, header, values


InitialHeader = namedtuple("InitialHeader", "certificate ek spk_id kem_id opk_id ct")


def parse_initial_header(header):
    return InitialHeader(*struct.unpack("128s32s4s4s4s1088s", header))


def pqxdh_respond(device, renewal, header):
    alice = check_certificate(header.certificate)
    kem_public, kem_private = renewal.kem(header.kem_id)
    ss = decapsulate(kem_private, header.ct)
    dh4 = dh(renewal.opks[header.opk_id], header.ek) if header.opk_id != NO_ID else b""
    return agree(dh(renewal.spk_private, x_form(alice[1])), dh(device.x_private, header.ek),
                 dh(renewal.spk_private, header.ek), dh4, ss, alice, (device.identity, device.public), kem_public)

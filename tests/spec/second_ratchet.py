"""Sections 5 and 6 of docs/protocol.md: the Double Ratchet with header encryption and ML-KEM, its messages, sessions."""
import copy
import struct
from collections import namedtuple

from second_implementation import *

# 6. Messages

INITIAL, UNANSWERED, ANSWERED = 1, 2, 3
MAX_PLAINTEXT, MAX_NUMBER = 16384, 2**32 - 2
CLEAR = {INITIAL: 1260, UNANSWERED: 0, ANSWERED: 0}  # the initial header
HEADER = {INITIAL: 40 + 1184, UNANSWERED: 40 + 1088 + 1184, ANSWERED: 40}
Message = namedtuple("Message", "type initial_header nonce header header_ad sealed sealed_ad")
Header = namedtuple("Header", "ratchet_key previous number ct kem")


def parse_message(data):
    require(len(data) >= 2, "truncated")
    require(data[0] == VERSION, "unsupported_version")
    require(data[1] in HEADER, "malformed")
    start = 2 + CLEAR[data[1]]
    end = start + 24 + HEADER[data[1]] + 16
    require(len(data) >= end + 16, "truncated")
    require(len(data) <= end + MAX_PLAINTEXT + 16, "too_large")
    return Message(data[1], data[2:start], data[start:start + 24], data[start + 24:end], data[:start], data[end:],
                   data[:end])


def parse_header(kind, header):
    ratchet_key, previous, number = struct.unpack(">32sII", header[:40])
    require(number <= MAX_NUMBER, "malformed")
    return Header(ratchet_key, previous, number, header[40:-1184] if kind != ANSWERED else b"",
                  header[-1184:] if kind != ANSWERED else b"")


# 5. Double Ratchet

MAX_SKIP, MAX_SKIP_NEW_CHAIN, MAX_HELD, MAX_HELD_UNSEALED, CHAINS_KEPT, CHAIN_LENGTH = 1000, 100, 2000, 16, 4, 100


def kdf_rk(root, shared, ss, s, r, ct):
    """Root key, chain key, next header key."""
    out = expand(extract(root, shared + ss + s + r + ct), b"Sotto_v1_ratchet_root", 96)
    return out[:32], out[32:64], out[64:]


def kdf_ck(chain):
    """Message key, export secret, next chain key."""
    k = stream(chain, b"Sotto_v1_kdf", 96)
    return k[32:64], k[64:], k[:32]


class Session:
    """One end of a conversation: the state of Double Ratchet §4.3, and what section 6 adds to it."""

    def __init__(self, agreed, draw):
        self.root, self.ad, self.draw = agreed.sk, agreed.ad, draw
        self.private = self.public = self.kem_private = None  # DHs
        self.kem = self.ct = b""  # what our step's messages bring
        self.peer, self.peer_kem = None, b""  # DHr
        self.sending = self.receiving = None  # CKs, CKr
        self.hks = self.nhks = self.hkr = self.nhkr = None
        self.sent = self.received = self.previous = 0  # Ns, Nr, PN
        self.answered = self.has_sealed = False
        self.skipped = {}  # (header key, number): (message key, export secret), oldest first
        self.kept = []  # the header keys of the chains before the present one, oldest first
        self.initial_header = b""  # sent with every message until the first reply opens
        self.reached = False  # whether anything shows that the peer has opened a message of ours

    @property
    def can_seal(self):
        """False after a restart if the chain before it was not answered: a new session begins."""
        return bool(self.sending) or self.answered or self.hks is None

    def step(self):
        self.private, seed = self.draw(32), self.draw(64)
        self.public, (self.kem, self.kem_private) = x25519_public(self.private), kem_pair(seed)
        self.ct, ss = encapsulate(self.peer_kem, self.draw(32)) if self.peer_kem else (b"", b"")
        self.hks, self.previous, self.sent, self.answered = self.nhks, self.sent, 0, False
        self.root, self.sending, self.nhks = kdf_rk(self.root, dh(self.private, self.peer), ss, self.public, self.peer,
                                                    self.ct)

    def take_step(self, header):
        """The peer's."""
        check_kem_key(header.kem)
        if self.hkr:
            self.kept = (self.kept + [self.hkr])[-CHAINS_KEPT:]
            self.skipped = {at: keys for at, keys in self.skipped.items() if at[0] in self.kept}
        ss = decapsulate(self.kem_private, header.ct) if header.ct else b""
        shared = dh(self.private, header.ratchet_key)
        self.peer, self.peer_kem, self.hkr, self.received = header.ratchet_key, header.kem, self.nhkr, 0
        self.root, self.receiving, self.nhkr = kdf_rk(self.root, shared, ss, self.peer, self.public, header.ct)
        self.answered, self.initial_header = self.hks is not None, b""
        self.private = self.kem_private = None

    def skip_to(self, number):
        require(number - self.received <= MAX_SKIP, "too_many_skipped")
        while self.receiving and self.received < number:
            *keys, self.receiving = kdf_ck(self.receiving)
            self.skipped[self.hkr, self.received] = keys
            self.received += 1
        while len(self.skipped) > (MAX_HELD if self.has_sealed else MAX_HELD_UNSEALED):
            del self.skipped[next(iter(self.skipped))]

    def header_of(self, message):
        """The header and the key that opens it."""
        following = self.nhkr if self.private else None  # else the next step is ours
        for key in [self.hkr, following] + self.kept[::-1]:
            try:
                if key:
                    return parse_header(message.type, xaead_open(key, message.nonce, message.header,
                                                                 self.ad + message.header_ad)), key
            except Refused as refused:
                if str(refused) != "forged":
                    raise
        raise Refused("unknown_session")

    def keys_of(self, message):
        header, under = self.header_of(message)
        if under == self.nhkr:
            require(message.type == (UNANSWERED if self.peer else INITIAL), "malformed")
            require(header.number <= MAX_SKIP_NEW_CHAIN, "too_many_skipped")
            self.skip_to(header.previous)
            self.take_step(header)
        elif under != self.hkr or header.number < self.received:
            require((under, header.number) in self.skipped, "replayed")
            return self.skipped.pop((under, header.number))
        self.skip_to(header.number)
        *keys, self.receiving = kdf_ck(self.receiving)
        self.received += 1
        return keys

    def seal(self, plaintext, fresh=False):
        """The message, its export secret, and whether a step was made for it. fresh: it asks for one."""
        require(len(plaintext) <= MAX_PLAINTEXT, "too_large")
        require(self.can_seal, "unknown_session")
        if not self.sending or (self.answered and (fresh or self.sent >= CHAIN_LENGTH)):
            self.step()
        require(self.sent <= MAX_NUMBER, "key_exhausted")
        kind = ANSWERED if self.answered else INITIAL if self.initial_header else UNANSWERED
        header = self.public + be32(self.previous) + be32(self.sent) + (self.ct + self.kem if kind != ANSWERED else b"")
        before = bytes([VERSION, kind]) + self.initial_header
        nonce = self.draw(24)
        before += nonce + xaead_seal(self.hks, nonce, header, self.ad + before)
        key, export, self.sending = kdf_ck(self.sending)
        self.sent, self.has_sealed = self.sent + 1, True
        return before + aead_seal(key, plaintext, self.ad + before), export, self.sent == 1

    def open(self, data):
        """The plaintext and its export secret. Works on a copy: what does not authenticate changes nothing."""
        message, after = parse_message(data), copy.copy(self)
        after.skipped = dict(self.skipped)
        key, export = after.keys_of(message)
        plaintext = aead_open(key, message.sealed, self.ad + message.sealed_ad)
        after.reached |= message.type != INITIAL
        self.__dict__ = after.__dict__
        return plaintext, export

    def restored(self):
        """As it is after a restart: without its sending chain."""
        stored = copy.copy(self)
        stored.skipped, stored.sending = dict(self.skipped), None
        return stored


def initiate(device, bundle, draw):
    """Alice's session, and what it was made from."""
    agreed, header, values = pqxdh_initiate(device, bundle, draw)
    session = Session(agreed, draw)
    session.initial_header, session.peer = header, bundle.spk
    session.nhks, session.nhkr = agreed.hk_a, agreed.nhk_b  # the step makes HK_A HKs
    session.step()
    return session, values


def accept(device, prekeys, data, draw, known=None):
    """Bob's session, and the plaintext and export secret of the message it begins with."""
    message = parse_message(data)
    require(message.type == INITIAL, "unknown_session")
    header = parse_initial_header(message.initial_header)
    require(not any(header.ek in r.accepted for r in (prekeys.present, prekeys.former) if r), "replayed")
    renewal = prekeys.find(header.spk_id, header.kem_id, header.opk_id)
    require(len(renewal.accepted) < 65536, "key_exhausted")
    if known:
        known.check(header.certificate)
    agreed = pqxdh_respond(device, renewal, header)
    session = Session(agreed, draw)
    session.private, session.public = renewal.spk_private, x25519_public(renewal.spk_private)
    session.nhks, session.nhkr = agreed.nhk_b, agreed.hk_a
    try:
        opened = session.open(data)
    except Refused as refused:
        raise Refused("forged" if str(refused) == "unknown_session" else str(refused)) from None
    renewal.accepted.add(header.ek)
    renewal.opks.pop(header.opk_id, None)
    renewal.one_time_kems.pop(header.kem_id, None)
    return session, *opened


class Sessions:
    """All sessions with one device, the one that last opened a message first."""
    MOST, MOST_UNANSWERED = 4, 50

    def __init__(self, device, prekeys, draw):
        self.device, self.prekeys, self.draw = device, prekeys, draw
        self.sessions, self.retired, self.dialled_spk, self.dialled_rest = [], [], None, None

    def begin(self, session):
        self.sessions = [session] + self.sessions
        alike = [kept for kept in self.sessions if bool(kept.hkr) == bool(session.hkr)]
        for gone in alike[self.MOST:]:
            self.sessions.remove(gone)

    def dial(self, bundle):
        """What comes before an offer."""
        first = self.sessions[0] if self.sessions else None
        spk, offered = bundle.spk_id + bundle.spk, bundle.kem_id + bundle.opk_id + bundle.opk
        renewed, other = spk != self.dialled_spk, offered != self.dialled_rest
        if renewed:
            self.retired = list(self.sessions)  # the device may have lost them: they open, and no more
        if (renewed or not (first and first.can_seal and (first.answered or first.sent < self.MOST_UNANSWERED)) or
                other and first.sent and not first.answered and not first.reached):
            self.begin(initiate(self.device, bundle, self.draw)[0])
        self.dialled_spk, self.dialled_rest = spk, offered

    def seal(self, plaintext, fresh=False):
        return self.sessions[0].seal(plaintext, fresh)

    def open(self, data):
        furthest = "unknown_session"
        for session in list(self.sessions):
            try:
                opened = session.open(data)
            except Refused as refused:
                furthest = str(refused) if furthest == "unknown_session" else furthest
                continue
            if session not in self.retired:
                self.sessions.remove(session)
                self.begin(session)
            return opened
        if furthest != "unknown_session" or parse_message(data).type != INITIAL:
            raise Refused(furthest)
        session, *opened = accept(self.device, self.prekeys, data, self.draw)
        self.begin(session)
        return tuple(opened)

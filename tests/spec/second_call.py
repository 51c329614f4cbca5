"""Sections 7 to 13 of docs/protocol.md, but for media packets: signals, media keys, safety number, short string."""
import base64
import struct
from collections import namedtuple

from second_primitives import *

# 7. Call signals

OFFER, ANSWER, ROUTE, HANG_UP, REVEAL, REKEY, REKEYED, GRANT, RINGING, MEDIA, PICTURES = range(1, 12)
Streams = namedtuple("Streams", "flags channels block_ms zero ssrcs token number capability")  # of offers, answers
Grant = namedtuple("Grant", "number capability")
SIZES = {OFFER: {52, 84}, ANSWER: {52, 68}, ROUTE: range(1, 201), HANG_UP: {1}, REVEAL: {32}, REKEY: {4}, REKEYED: {4},
         GRANT: {36}, RINGING: {0}, MEDIA: {5}, PICTURES: {1}}
NO_CALL = bytes(16)  # the call id of a grant


def write_streams(ssrcs, token, flags=3, channels=1, block_ms=20, capability=b"", number=1):
    """ssrcs: of audio, video and repair. token: an offer's commitment, an answer's nonce. number: of the last offer."""
    return struct.pack(">BBBB3I32sI", flags, channels, block_ms, 0, *ssrcs, token, number) + capability


def write_grant(number, capability):
    return write_signal(GRANT, NO_CALL, be32(number) + capability)


def write_signal(kind, call_id, body):
    return bytes([VERSION, kind]) + call_id + struct.pack(">H", len(body)) + body + bytes(236 - len(body))


def parse_signal(data):
    """Kind, call id and body: Streams, a Grant, a generation's number or bytes."""
    require(len(data) == 256, "malformed")
    require(data[0] == VERSION, "unsupported_version")
    kind, call_id, size = struct.unpack(">B16sH", data[1:20])
    require(kind in SIZES and size in SIZES[kind] and not any(data[20 + size:]), "malformed")
    body = data[20:20 + size]
    if kind in (OFFER, ANSWER):
        *settings, audio, video, repair, token, number = struct.unpack(">BBBB3I32sI", body[:52])
        body = Streams(*settings, (audio, video, repair), token, number, body[52:])
        require(kind == ANSWER or number > 0, "malformed")
        require(body.flags < 8 and body.channels in (1, 2) and body.block_ms in (10, 20) and body.zero == 0 and
                len(set(body.ssrcs)) == 3, "malformed")
    elif kind in (REKEY, REKEYED):
        body = int.from_bytes(body, "big")
    elif kind == GRANT:
        body = Grant(int.from_bytes(body[:4], "big"), body[4:])
        require(body.number > 0 and call_id == NO_CALL, "malformed")
    elif kind == MEDIA:
        require(body[4] < 8, "malformed")
    require(kind != HANG_UP or body[0] <= 7, "malformed")
    require(kind != PICTURES or body[0] <= 2, "malformed")
    return kind, call_id, body


# 7. Capabilities

def capability_hash(capability):
    return sha512(b"Sotto_v1_capability" + capability)[:32]


class Capabilities:
    """Those that one device gave, by identity, and those that it holds, by identity and device. draw(size): random."""

    def __init__(self, draw):
        self.draw, self.given, self.held, self.floor = draw, {}, {}, 0

    def grant(self, identity):
        number, capability = self.given.get(identity, (self.floor, None))
        if capability is None:
            number, capability = self.given[identity] = max(number, self.floor) + 1, self.draw(32)
        return write_grant(number, capability)

    def revoke(self, identity):
        if identity in self.given:
            self.given[identity] = self.given[identity][0], None

    def rings(self, identity, offer):
        """Whether a contact's offer shows what it was given."""
        _, capability = self.given.get(identity, (0, None))
        return capability is not None and capability == offer.capability

    def take(self, device, grant):
        """device: identity and device. Whether it is news."""
        number, capability = self.held.get(device, (0, None))
        require(grant.number >= number, "outdated")
        self.held[device] = grant
        return grant.capability != capability

    def hashes(self):
        return sorted(capability_hash(capability) for _, capability in self.given.values() if capability)

    def older_copy_noticed(self):
        self.floor = max([self.floor] + [number for number, _ in self.given.values()]) + 65536
        self.given = {identity: given for identity, given in self.given.items() if given[1] is None}


# 8. Media keys

TO_CALLEE, TO_CALLER = 0, 1
STREAMS = AUDIO, VIDEO, REPAIR = range(3)
LIMIT = 2**16


def call_binding(call_id, caller, callee):
    """caller and callee: their identities."""
    return call_id + encode(IDENTITY, caller) + encode(IDENTITY, callee)


def call_secret(offer, answer, binding):
    return expand(extract(b"", offer + answer), b"Sotto_v1_call" + binding, 64)


def rekey_salt(secret):
    """secret: G(0)."""
    return expand(secret, b"Sotto_v1_rekey_salt", 64)


def generation_secret(salt, request, response, generation, binding):
    return expand(extract(salt, request + response), b"Sotto_v1_rekey" + be32(generation) + binding, 64)


def epoch_secret(secret, generation, direction, epoch):
    for n in range(epoch + 1):
        secret = expand(secret, b"Sotto_v1_epoch" + be32(generation) + be32(n) + bytes([direction]), 64)
    return secret


def srtp_key(secret, generation, direction, epoch, medium, binding):
    info = b"Sotto_v1_srtp" + be32(generation) + be32(epoch) + bytes([direction, medium]) + binding
    return expand(epoch_secret(secret, generation, direction, epoch), info, 44)


class MediaKeys:
    """One side's generations and epochs. Signals and packets are the caller's of these functions; time is too."""

    def __init__(self, is_caller, secret, binding):
        self.is_caller, self.binding = is_caller, binding
        self.salt = rekey_salt(secret)
        self.secrets = {0: secret}  # of the generations it receives under
        self.asked = None  # our request without an answer: number and export secret
        self.sent = self.seen = self.agreed = 0  # the highest number: of our requests, of the peer's, of our answered ones
        self.sending = (0, 0)  # generation and epoch
        self.sending_secret = secret
        self.receiving, self.former = (0, 0), set()

    # Generations

    def next_number(self):
        number = max(self.sent, self.seen) + 1
        require(number < min(LIMIT, self.receiving[0] + 256), "key_exhausted")
        return number

    def ask(self, number, request):
        """request: the export secret of the rekey that was sealed."""
        self.sent, self.asked = number, (number, request)

    def check_request(self, number, ten_seconds_old=False):
        """ten_seconds_old: our own is, if there is one."""
        require(number < LIMIT, "key_exhausted")
        require(number < self.receiving[0] + 256, "malformed")
        require(not (self.is_caller and self.asked) or ten_seconds_old, "wrong_state")
        require(number > max(self.seen, self.agreed), "replayed")

    def answer(self, number, request, response, ten_seconds_old=False):
        self.check_request(number, ten_seconds_old)
        self.seen, self.asked = number, None
        self.secrets[number] = generation_secret(self.salt, request, response, number, self.binding)

    def answered(self, number, response):
        require(self.asked and self.asked[0] == number, "wrong_state")
        secret = generation_secret(self.salt, self.asked[1], response, number, self.binding)
        self.agreed, self.asked, self.secrets[number] = number, None, secret
        self.send_under(number)

    def send_under(self, generation):
        self.sending, self.sending_secret = (generation, 0), self.secrets[generation]

    # Epochs

    def turn(self):
        generation, epoch = self.sending
        require(epoch + 1 < LIMIT, "key_exhausted")
        self.sending = generation, epoch + 1

    def held(self):
        """Every generation and epoch that it receives under."""
        generation, epoch = self.receiving
        later = {(g, 0) for g in self.secrets if g > generation}
        return {self.receiving, (generation, epoch + 1)} | later | self.former

    def epoch_of(self, mki):
        for generation, epoch in self.held():
            if mki == bytes([generation % 256, epoch % 256]):
                return generation, epoch
        raise Refused("unknown_epoch")

    def authenticated(self, epoch):
        """A packet of the peer's did, under this generation and epoch."""
        if epoch > self.receiving:
            self.former = {earlier for earlier in self.held() if earlier < epoch}
            self.receiving = epoch
        if epoch[0] > self.sending[0]:  # never back to an older one
            self.send_under(epoch[0])

    def two_seconds_passed(self):
        self.former = set()
        self.secrets = {g: secret for g, secret in self.secrets.items() if g >= self.receiving[0]}

    def mki(self):
        return bytes(n % 256 for n in self.sending)

    def sending_key(self, medium):
        direction = TO_CALLEE if self.is_caller else TO_CALLER
        return srtp_key(self.sending_secret, self.sending[0], direction, self.sending[1], medium, self.binding)

    def receiving_key(self, epoch, medium):
        direction = TO_CALLER if self.is_caller else TO_CALLEE
        return srtp_key(self.secrets[epoch[0]], epoch[0], direction, epoch[1], medium, self.binding)


# 10. Safety number

def safety_half(identity):
    encoded = encode(IDENTITY, identity)
    h = sha512(b"Sotto_v1_safety_number" + bytes(2) + encoded)
    for _ in range(5200):
        h = sha512(h + encoded)
    return "".join(f"{int.from_bytes(h[i:i + 5], 'big') % 100000:05}" for i in range(0, 30, 5))


def safety_number(one, other):
    digits = "".join(sorted([safety_half(one), safety_half(other)]))
    return " ".join(digits[i:i + 5] for i in range(0, 60, 5))


def write_code(ours, theirs):
    """The payload of the QR code."""
    return bytes([VERSION]) + ours + theirs


def scan_code(code, ours, theirs):
    require(code, "truncated")
    require(code[0] == VERSION, "unsupported_version")
    require(len(code) == 65, "malformed")
    require(code[1:] == theirs + ours, "wrong_identity")


# 11. Short authentication string

SYMBOLS = """elephant turtle octopus penguin butterfly crab snake giraffe camel fox hedgehog owl dolphin lion rabbit duck
apple banana candy avocado lemon carrot mushroom cactus rose palm pizza egg cheese pretzel donut honey rainbow fire star
volcano snowman globe lightning umbrella rocket bicycle taxi helicopter sailboat tractor anchor balloon guitar trumpet drum
bell key hammer clock dice magnet telescope jewel crown hat glasses target book""".split()


def sas_commitment(call_id, a):
    return sha512(b"Sotto_v1_sas_commitment" + call_id + a)[:32]


def short_string(secret, a, b, binding):
    """Four numbers from 0 to 63. secret: G(0)."""
    k = expand(secret, b"Sotto_v1_sas", 64)
    bits = int.from_bytes(expand(extract(a + b, k), b"Sotto_v1_sas" + binding, 3), "big")
    return [bits >> shift & 63 for shift in (18, 12, 6, 0)]


# 13. Key log

def key_log_line(call_id, generation, epoch, ssrc, key):
    return f"SRTP {call_id.hex()} {65536 * generation + epoch} {ssrc:08x} AEAD_AES_256_GCM " + \
        base64.b64encode(key).decode()

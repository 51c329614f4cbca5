"""What a capture must show, as pure functions of its packets: each gives the breaches it finds, in words, or none."""
import collections
import functools
import ipaddress
import math
import statistics

import names
from packets import (AUDIO, FIN, RED, RST, STUN_COOKIE, TCP, UDP, VIDEO, is_neighbour_talk, parse_srtp, relay_messages,
                     srtp_packets, tcp_streams, unwrap, with_name_server, Datagram)

# Messages that a side sends while it rings: docs/protocol.md, section 7, has none, so a caller learns nothing at all.
# What a device that rings says: a step of the ratchet (docs/protocol.md §6), in the carrier's frame.
RINGING = 4 + 2626

# Each statistical test of one capture alarms by chance once in ten million captures. A run makes fewer than twenty.
FALSE_ALARM = 1e-7

NEEDLE = 16  # bytes of what is searched for: by chance in a gigabyte once in 10^29
REPEAT = 8   # bytes that never come twice


# -- Who speaks to whom.


def addresses_absent(packets, address, relay=None, own_exchange=False):
    """`address` is no packet's source or target and stands in no payload.

    With `own_exchange` all headers are left out, and what its owner says to the relay and to neighbours, and they to it:
    both tell everybody their own.
    """
    breaches = []
    for packet in packets:
        if address in (packet.source, packet.target):
            if not own_exchange:
                breaches.append(f"{address} in a header: {packet.source} > {packet.target}")
    if own_exchange:
        packets = [p for p in packets if {p.source, p.target} != {address, relay} and not is_neighbour_talk(p)]
    chance = 0
    for whence, clear, cipher in carried(packets, relay):
        for spelling in spellings(address, clear):
            if spelling in clear:
                breaches.append(f"{address} in the clear as {spelling.hex()}: {whence}")
        if any(text in cipher for text in texts(address)):
            breaches.append(f"{address} as text within what should be encrypted: {whence}")
        chance += sum(cipher.count(spelling) for spelling in spellings(address, b""))
    # Four bytes turn up by themselves in a megabyte of ciphertext, about once in a thousand captures; not twice.
    if chance > 1:
        breaches.append(f"{address} {chance} times within what should be encrypted")
    return breaches


@functools.cache
def bytes_of(address):
    return ipaddress.ip_address(address).packed


@functools.cache
def texts(address):
    ip = ipaddress.ip_address(address)
    return {text.encode() for form in (ip.compressed, ip.exploded) for text in (form, form.upper())}


@functools.cache
def unmasked(address):
    """The address as bytes of either order, as text, and as STUN masks an IPv4 one anywhere (RFC 8489 §14.2)."""
    packed = bytes_of(address)
    forms = {packed, packed[::-1]} | texts(address)
    return forms | {masked(packed, STUN_COOKIE)} if len(packed) == 4 else forms


def masked(packed, mask):
    return bytes(a ^ b for a, b in zip(packed, mask))


def spellings(address, payload):
    """unmasked(), and as STUN masks it in this payload."""
    forms, at = unmasked(address), payload.find(STUN_COOKIE)
    while at >= 0:
        forms = forms | {masked(bytes_of(address), payload[at:at + 16].ljust(16, b"\0"))}
        at = payload.find(STUN_COOKIE, at + 1)
    return forms


def carried(packets, relay):
    """(whence, what is in the clear, what is ciphertext) of each datagram and each TCP stream."""
    for packet in packets:
        if packet.protocol != TCP:
            parts = (packet.payload, b"") if with_name_server(packet) else split(packet.payload)
            yield f"{packet.source} > {packet.target}", *parts
    for flow, stream in tcp_streams(packets).items():
        whence = f"{flow[0]} > {flow[2]}, TCP"
        if relay in (flow[0], flow[2]):
            for message in relay_messages(stream):
                yield whence, *split(message)
        else:
            yield whence, stream, b""


@functools.cache
def split(payload):
    srtp = parse_srtp(Datagram(0, True, "", unwrap(payload)))
    if not srtp or not srtp.protected:
        return payload, b""
    at = payload.find(srtp.protected)
    return payload[:at] + b"|" + payload[at + len(srtp.protected):], srtp.protected


def speaks_only_to(packets, own, others):
    """Each packet is between `own` and one of `others`."""
    return sorted({f"{p.source} > {p.target}" for p in packets if not is_neighbour_talk(p)
                   and (own not in (p.source, p.target) or not {p.source, p.target} <= {own, *others})})


def only_tls(packets, relay, port):
    """All that goes to the relay and comes from it are TLS records (RFC 8446 §5.1) over TCP, most of them application data."""
    own = [p for p in packets if relay in (p.source, p.target) and not is_neighbour_talk(p)]
    breaches = sorted({f"protocol {p.protocol}, port {p.target_port if p.target == relay else p.source_port}" for p in own
                       if p.protocol != TCP or port != (p.target_port if p.target == relay else p.source_port)})
    streams = tcp_streams(own)
    for flow, stream in streams.items():
        kinds, at = collections.Counter(), 0
        while at + 5 <= len(stream):
            kinds[stream[at] if stream[at + 1] == 3 else 0] += 1
            at += 5 + int.from_bytes(stream[at + 3:at + 5])
        if set(kinds) - {20, 21, 22, 23} or kinds[23] < 100:
            breaches.append(f"{flow}: records {dict(kinds)}")
    return breaches + ([] if len(streams) >= 2 else ["nothing goes to the relay, or nothing comes back"])


def quickly_through(sent, received, most):
    """Half of the SRTP packets that one side sends are at the other within `most` seconds."""
    left = {p.protected: p.time for p in sent if p.outgoing}
    took = [p.time - left[p.protected] for p in received if not p.outgoing and p.protected in left]
    if len(took) < 100:
        return [f"only {len(took)} packets arrive"]
    middle = statistics.median(took)
    return [f"{middle * 1000:.2f} ms"] if middle > most else []


# -- What names are asked for.


def looked_up_from(packets, since=None):
    """No name server hears of this host before `since`, and one does after it; without `since` none ever."""
    asked = [p for p in packets if p.outgoing and with_name_server(p)]
    breaches = [f"{p.target} is asked too soon" for p in asked if since is None or p.time < since]
    return breaches + (["nobody is asked at all, so this says nothing"] if since is not None and not asked else [])


def asks_nothing_but(packets, server, name):
    """All that goes to a name server is a question for an address of `name`, and has room for nothing else."""
    asked = [p for p in packets if p.outgoing and with_name_server(p)]
    breaches = [f"{p.payload.hex()} to {p.target}" for p in asked
                if p.protocol != UDP or p.target != server or p.payload[2:] not in
                {names.query_head() + names.question(name, kind) for kind in (names.A, names.AAAA)}]
    return breaches + ([] if asked else ["no name server is asked"])


# -- What leaves before consent.


def silent_until(packets, signalling, until, message=0):
    """Of the callee's packets: before `until` it speaks to the signalling host alone, and answers an offer by `message`
    bytes and nothing else."""
    before = [p for p in packets if p.time < until and not is_neighbour_talk(p)]
    breaches = [f"{p.source} > {p.target} before consent" for p in before
                if p.outgoing and p.target != signalling]
    offers = [p.time for p in before if not p.outgoing and p.source == signalling and p.payload]
    if not offers:
        return breaches + ["no offer reached the callee, so its silence says nothing"]
    said = [p for p in before if p.outgoing and p.target == signalling and p.time > offers[0]]
    if any(p.flags & (FIN | RST) for p in said):
        breaches.append("the callee takes its leave before consent")
    size = sum(len(payload) for payload in {p.sequence: p.payload for p in said if p.payload}.values())
    if size != message:
        breaches.append(f"{size} bytes answer an offer before consent, not {message}")
    return breaches


def view(packets, own, signalling):
    """What a caller sees of the signalling host: (outgoing, bytes), (…) in turns, however TCP cut them; then its end."""
    turns, seen = [], collections.defaultdict(int)
    for packet in packets:
        if packet.protocol != TCP or {packet.source, packet.target} != {own, signalling}:
            continue
        starts = packet.sequence if packet.flow not in seen else seen[packet.flow]
        fresh = (packet.sequence + len(packet.payload) - starts) % 2**32
        if packet.payload and fresh < 2**31:
            if turns and turns[-1][0] == packet.outgoing:
                turns[-1][1] += fresh
            else:
                turns.append([packet.outgoing, fresh])
        if fresh < 2**31:
            seen[packet.flow] = packet.sequence + len(packet.payload) + bool(packet.flags & 2)
        if packet.flags & (FIN | RST) and not packet.outgoing:
            turns.append([False, -1])
    return [tuple(turn) for turn in turns]


def same_views(views):
    """Callers can't tell these callees apart: `views` are {what befell the caller: view()}."""
    names = list(views)
    return [f"a caller sees {views[name]} when {name}, {views[names[0]]} when {names[0]}"
            for name in names[1:] if views[name] != views[names[0]]]


def nothing_answers(turns):
    """After the caller's first word it hears nothing: so it has no times to compare, either."""
    spoke = [i for i, (outgoing, _) in enumerate(turns) if outgoing]
    if not spoke:
        return ["the caller said nothing"]
    return [f"{size} bytes answer the caller" for outgoing, size in turns[spoke[0]:] if not outgoing]


# -- Ciphertext.


def enough(srtp, audio=100, video=50):
    """Both directions carried sound and pictures, so that the other checks have something to look at."""
    breaches = []
    for outgoing in (True, False):
        for kinds, least in (((AUDIO, RED), audio), ((VIDEO,), video)):
            count = sum(p.outgoing == outgoing and p.payload_type in kinds for p in srtp)
            if count < least:
                breaches.append(f"only {count} packets of type {kinds[0]}, {'sent' if outgoing else 'received'}")
    return breaches


def uniform(srtp):
    """Ciphertext looks drawn by lot: over all its bytes, from byte to byte, and at each place of the packets."""
    every = b"".join(p.protected for p in srtp)
    if len(every) < 1 << 16:
        return [f"only {len(every)} bytes of ciphertext"]
    breaches = []
    steps = b"".join((int.from_bytes(p.protected[:-1]) ^ int.from_bytes(p.protected[1:])).to_bytes(len(p.protected) - 1)
                     for p in srtp if p.protected)
    for name, data in (("bytes", every), ("bytes and their successors", steps)):
        counts = collections.Counter(data)
        mean = len(data) / 256
        chi_square = sum((counts[value] - mean) ** 2 / mean for value in range(256))
        if not chi_square_bound(FALSE_ALARM / 2, upper=False) < chi_square < chi_square_bound(FALSE_ALARM / 2):
            breaches.append(f"{name} are not uniform: chi-square {chi_square:.1f} of 255 degrees of freedom")
    ones = int.from_bytes(every).bit_count()
    deviation = abs(ones - 4 * len(every)) / math.sqrt(2 * len(every))
    if deviation > statistics.NormalDist().inv_cdf(1 - FALSE_ALARM / 2):
        breaches.append(f"{ones} bits of {8 * len(every)} are set: {deviation:.1f} standard deviations off")
    return breaches + uniform_by_place(srtp)


def chi_square_bound(chance, upper=True, freedom=255):
    """Wilson and Hilferty's approximation (Proc. Natl. Acad. Sci. 17, 1931)."""
    z = statistics.NormalDist().inv_cdf(1 - chance if upper else chance)
    return freedom * (1 - 2 / (9 * freedom) + z * math.sqrt(2 / (9 * freedom))) ** 3


def uniform_by_place(srtp, places=16):
    """No byte value, and no step from one packet to the next, comes too often at one place: a header, or a counter."""
    streams = collections.defaultdict(list)
    for packet in srtp:
        streams[packet.outgoing, packet.ssrc, packet.payload_type].append(packet.protected)
    chance = FALSE_ALARM / (len(streams) * 4 * places * 256)
    breaches = []
    for (_, ssrc, kind), protected in streams.items():
        for place in (*range(places), *range(-places, 0)):
            column = [p[place] for p in protected if len(p) >= 2 * places]
            steps = [(b - a) % 256 for a, b in zip(column, column[1:])]
            for name, values in (("value", column), ("step", steps)):
                if not values:
                    continue
                value, count = collections.Counter(values).most_common(1)[0]
                if count >= binomial_bound(len(values), 1 / 256, chance):
                    breaches.append(f"{ssrc:08x}, type {kind}: {name} {value} {count} times of {len(values)} "
                                    f"at place {place}")
    return breaches


def binomial_bound(trials, share, chance):
    """The least count that as many trials reach with no more than this chance (Chernoff's bound, which is above it)."""
    for count in range(math.ceil(trials * share) + 1, trials + 1):
        seen = count / trials
        rest = 0 if count == trials else (1 - seen) * math.log((1 - seen) / (1 - share))
        if -trials * (seen * math.log(seen / share) + rest) <= math.log(chance):
            return count
    return trials + 1


def never_repeats(srtp, head=96):
    """No run of bytes comes twice in the packets' heads: equal plaintexts, as of silence, have unlike ciphertexts."""
    seen, breaches = {}, []
    for number, packet in enumerate(srtp):
        for at in range(min(head, len(packet.protected)) - REPEAT + 1):
            run = packet.protected[at:at + REPEAT]
            if run in seen:
                breaches.append(f"{run.hex()} in SRTP packets {seen[run]} and {number}")
                break
            seen[run] = number
    return breaches


def sound_tells_nothing(srtp, speech_seconds, block=960):
    """Packets of sound are as large, and come as often, in silence as in speech: by each sender's own clock."""
    breaches = []
    for outgoing in (True, False):
        sound = {p.timestamp: p for p in srtp if p.outgoing == outgoing and p.payload_type in (AUDIO, RED)}
        if not sound:
            breaches.append("no sound")
            continue
        first = min(sound, key=lambda t: max((u - t) % 2**32 for u in sound))  # they may wrap
        order = [sound[t] for t in sorted(sound, key=lambda t: (t - first) % 2**32)]
        change = speech_seconds * 48000
        parts = [[p for p in order if (p.timestamp - first) % 2**32 < change],
                 [p for p in order if change <= (p.timestamp - first) % 2**32 < 2 * change]]
        for name, part, blocks in zip(("speech", "silence"), parts, (change / block, change / block - 10)):  # hung up
            if len(part) < 0.9 * blocks:  # a loaded machine drops a few
                breaches.append(f"only {len(part)} packets of {name}, of {blocks:.0f}")
        sizes, steps = [{p.size for p in part} for part in parts], [set(map(step, part, part[1:])) for part in parts]
        for name, (speech, silence) in (("sizes", sizes), ("steps", steps)):
            if speech != silence:
                breaches.append(f"{name} of sound: {sorted(speech)} in speech, {sorted(silence)} in silence")
    return breaches


def step(one, other):
    """Ticks of the clock for each sequence number: a lost packet has one, a pause has none."""
    return (other.timestamp - one.timestamp) % 2**32 / max((other.sequence - one.sequence) % 2**16, 1)


# -- The search for what is known.


def needles(data, every=NEEDLE):
    """Runs of known bytes; those of one or two values (silence, black) say nothing and are left out."""
    runs = (data[at:at + NEEDLE] for at in range(0, len(data) - NEEDLE + 1, every))
    return {run for run in runs if len(set(run)) > 4}


def start_code(width, height):
    """A VP8 key frame's, with its size (RFC 6386 §9.1): three bytes alone would turn up by chance."""
    return b"\x9d\x01\x2a" + width.to_bytes(2, "little") + height.to_bytes(2, "little")


def known_absent(packets, known, marks):
    """None of the runs `known` (needles()) nor of the short `marks` stands in any payload, at any place."""
    breaches = []
    if not known or not marks:
        return ["nothing is known to search for"]
    haystack = [p.payload for p in packets if p.protocol == UDP] + list(tcp_streams(packets).values())
    for payload in haystack:
        found = [payload[at:at + NEEDLE] for at in range(len(payload) - NEEDLE + 1)
                 if payload[at:at + NEEDLE] in known]
        found += [mark for mark in marks if mark in payload]
        if found:
            breaches.append(f"{found[0].hex()} in {len(payload)} bytes in the clear")
    return breaches


def encrypted(packets, relay, known, marks):
    """All that ciphertext must show."""
    srtp = srtp_packets(packets, relay)
    return enough(srtp) + uniform(srtp) + never_repeats(srtp) + known_absent(packets, known, marks)

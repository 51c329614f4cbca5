"""What lies in captured frames: IP, UDP, TCP, then what a relay wraps (RFC 8656), then RTP and RTCP."""
import collections
import dataclasses
import ipaddress
import struct

import names

TCP, UDP, ICMP6 = 6, 17, 58
FIN, SYN, RST = 0x01, 0x02, 0x04
STUN_COOKIE = b"\x21\x12\xa4\x42"  # RFC 8489 §5
SEND_INDICATION, DATA_INDICATION, DATA = 0x0016, 0x0017, 0x0013  # RFC 8656 §11
MKI_SIZE = 2  # docs/protocol.md, section 8
AUDIO, RED, VIDEO, RTX, FEC = 111, 112, 96, 97, 98  # docs/protocol.md, section 9


@dataclasses.dataclass(frozen=True)
class Packet:
    """One IP packet as an interface saw it; addresses are text, `payload` is what follows the last header."""
    time: float
    outgoing: bool
    source: str
    target: str
    protocol: int
    source_port: int = 0
    target_port: int = 0
    payload: bytes = b""
    flags: int = 0
    sequence: int = 0

    @property
    def flow(self):
        return (self.source, self.source_port, self.target, self.target_port)


def parse_frame(time, outgoing, frame):
    """An Ethernet frame's packet; None for what is no IP (ARP names neighbours only)."""
    kind = int.from_bytes(frame[12:14])
    if kind == 0x0800:
        header = (frame[14] & 15) * 4
        size = int.from_bytes(frame[16:18])
        source, target = frame[26:30], frame[30:34]
        protocol, body = frame[23], frame[14 + header:14 + size]
    elif kind == 0x86DD:
        size = int.from_bytes(frame[18:20])
        source, target = frame[22:38], frame[38:54]
        protocol, body = frame[20], frame[54:54 + size]
    else:
        return None
    ends = dict(time=time, outgoing=outgoing, source=str(ipaddress.ip_address(source)),
                target=str(ipaddress.ip_address(target)), protocol=protocol)
    if protocol == UDP:
        ports = struct.unpack("!HH", body[:4])
        return Packet(**ends, source_port=ports[0], target_port=ports[1], payload=body[8:])
    if protocol == TCP:
        source_port, target_port, sequence = struct.unpack("!HHI", body[:8])
        return Packet(**ends, source_port=source_port, target_port=target_port, payload=body[(body[12] >> 4) * 4:],
                      flags=body[13], sequence=sequence)
    return Packet(**ends, payload=body)


def is_neighbour_talk(packet):
    """Neighbour discovery and multicast listening (RFC 4861, RFC 3810): routers pass none of it on."""
    return packet.protocol in (0, ICMP6) and (packet.protocol == 0 or packet.payload[:1] in (
        b"\x82", b"\x83", b"\x84", b"\x85", b"\x86", b"\x87", b"\x88", b"\x8f"))


def with_name_server(packet):
    """Its random first bytes may look like any other protocol's."""
    return names.PORT in (packet.source_port, packet.target_port)


def tcp_streams(packets):
    """The bytes of each TCP flow in order, however they were cut and repeated. Missing bytes become zeros."""
    starts, segments = {}, collections.defaultdict(list)
    for packet in packets:
        if packet.protocol != TCP:
            continue
        if packet.flags & SYN:
            starts[packet.flow] = packet.sequence + 1
        elif packet.payload:
            start = starts.setdefault(packet.flow, packet.sequence)
            segments[packet.flow].append(((packet.sequence - start) % 2**32, packet.payload))
    streams = {}
    for flow, pieces in segments.items():
        stream = bytearray(max(at + len(piece) for at, piece in pieces))
        for at, piece in pieces:
            stream[at:at + len(piece)] = piece
        streams[flow] = bytes(stream)
    return streams


def is_stun(data):
    return len(data) >= 20 and data[0] < 0x40 and data[4:8] == STUN_COOKIE


def is_channel_data(data):
    # RFC 8656 §12: channels are 0x4000 to 0x4FFF.
    return len(data) >= 4 and 0x40 <= data[0] < 0x50 and int.from_bytes(data[2:4]) <= len(data) - 4


def stun_attributes(data):
    at, end = 20, min(len(data), 20 + int.from_bytes(data[2:4]))
    while at + 4 <= end:
        kind, size = struct.unpack("!HH", data[at:at + 4])
        yield kind, data[at + 4:at + 4 + size]
        at += 4 + (size + 3) // 4 * 4


def unwrap(data):
    """The datagram that a relay's message carries; `data` itself if it is none."""
    if is_channel_data(data):
        return data[4:4 + int.from_bytes(data[2:4])]
    if is_stun(data) and int.from_bytes(data[:2]) in (SEND_INDICATION, DATA_INDICATION):
        for kind, value in stun_attributes(data):
            if kind == DATA:
                return value
    return data


def relay_messages(stream):
    """A TCP stream to a relay cut into its messages (RFC 8656 §12.5: channel data is padded there)."""
    at = 0
    while at + 4 <= len(stream):
        size = int.from_bytes(stream[at + 2:at + 4])
        whole = 20 + size if stream[at] < 0x40 else 4 + size
        yield stream[at:at + whole]
        at += (whole + 3) // 4 * 4


@dataclasses.dataclass(frozen=True)
class Datagram:
    time: float
    outgoing: bool
    source: str
    data: bytes


def datagrams(packets, relay=None, relay_port=3478):
    """What UDP carried, and TCP to and from the relay, out of the relay's wrapping. TCP's have the flow's first time."""
    found = [Datagram(p.time, p.outgoing, p.source, unwrap(p.payload)) for p in packets
             if p.protocol == UDP and not with_name_server(p)]
    first = {}
    for packet in packets:
        first.setdefault(packet.flow, packet)
    for flow, stream in tcp_streams(packets).items():
        if (relay, relay_port) in (flow[:2], flow[2:]):
            head = first[flow]
            found += [Datagram(head.time, head.outgoing, flow[0], unwrap(m)) for m in relay_messages(stream)]
    return found


@dataclasses.dataclass(frozen=True)
class Srtp:
    """An SRTP packet, or an SRTCP one (`payload_type` None). `protected` is the ciphertext with its tag."""
    outgoing: bool
    ssrc: int
    payload_type: int | None
    sequence: int
    timestamp: int
    size: int
    protected: bytes
    time: float = 0


def parse_srtp(datagram):
    """None for what is not RTP version 2 (RFC 3550 §5.1, RFC 7983)."""
    data = datagram.data
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    if 192 <= data[1] <= 223:  # RFC 5761 §4
        # RFC 7714 §9.1: eight bytes stay clear, and the word with the index behind the tag.
        return Srtp(datagram.outgoing, int.from_bytes(data[4:8]), None, 0, 0, len(data), data[8:-4 - MKI_SIZE],
                    datagram.time)
    header = 12 + 4 * (data[0] & 15)
    if data[0] & 0x10:  # an extension
        header += 4 + 4 * int.from_bytes(data[header + 2:header + 4])
    sequence, timestamp, ssrc = struct.unpack("!HII", data[2:12])
    return Srtp(datagram.outgoing, ssrc, data[1] & 0x7F, sequence, timestamp, len(data), data[header:-MKI_SIZE],
                datagram.time)


def srtp_packets(packets, relay=None):
    return [srtp for srtp in map(parse_srtp, datagrams(packets, relay)) if srtp]


def write_pcap(path, frames):
    """`frames`: (time, outgoing, bytes). The classic format, for people with a packet analyser."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for time, _, frame in frames:
            file.write(struct.pack("<IIII", int(time), int(time % 1 * 1e6), len(frame), len(frame)) + frame)


# -- What is known to be in the call, to search for it.


def _element(data, at):
    """One EBML element's id, its content's place and size (RFC 8794 §4 to §6)."""
    length = 9 - data[at].bit_length()
    kind, at = int.from_bytes(data[at:at + length]), at + length
    length = 9 - data[at].bit_length()
    size = int.from_bytes(data[at:at + length]) & ((1 << 7 * length) - 1)
    at += length
    if size == (1 << 7 * length) - 1:  # unknown: to the end
        size = len(data) - at
    return kind, at, size


def webm_blocks(data):
    """(track, frame) of each block in a WebM file (RFC 9559 §10): the recording of the far end."""
    segment, cluster, group, block, simple_block = 0x18538067, 0x1F43B675, 0xA0, 0xA1, 0xA3
    at = 0
    while at < len(data):
        kind, content, size = _element(data, at)
        if kind in (segment, cluster, group):
            at = content  # look inside
            continue
        if kind in (block, simple_block):
            length = 9 - data[content].bit_length()
            yield data[content] & 0x7F, data[content + length + 3:content + size]
        at = content + size

"""A name server of one name (RFC 1035): over UDP, for IPv4 and IPv6 addresses."""
import ipaddress
import socket
import struct
import threading

PORT = 53
A, AAAA, IN = 1, 28, 1  # RFC 1035 §3.2.2, RFC 3596 §2.1
ANSWERS, NO_SUCH_NAME = 0x8180, 0x8183  # RFC 1035 §4.1.1: flags of a reply


def encoded(name):
    """RFC 1035 §3.1."""
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def query_head():
    """Of one question, behind its random id (RFC 1035 §4.1.1): recursion desired, and no other section."""
    return struct.pack("!HHHHH", 0x0100, 1, 0, 0, 0)


def question(name, kind):
    """RFC 1035 §4.1.2."""
    return encoded(name) + struct.pack("!HH", kind, IN)


def reply(query, name, addresses):
    """`addresses`: {A or AAAA: text}. A type that the name does not have is answered by none."""
    asked = query[12:12 + len(encoded(name)) + 4]
    known = asked[:-4].lower() == encoded(name)
    kind = int.from_bytes(asked[-4:-2])
    answers = b""
    if known and kind in addresses:
        packed = ipaddress.ip_address(addresses[kind]).packed
        answers = struct.pack("!HHHIH", 0xC00C, kind, IN, 60, len(packed)) + packed  # §4.1.4: the question's name
    head = query[:2] + struct.pack("!HHHHH", ANSWERS if known else NO_SUCH_NAME, 1, bool(answers), 0, 0)
    return head + asked + answers


class NameServer(threading.Thread):
    def __init__(self, bound, name, addresses):
        """`bound`: a UDP socket at PORT."""
        super().__init__(daemon=True)
        self._socket, self._name, self._addresses = bound, name, addresses
        self._stopping = threading.Event()
        self._socket.settimeout(0.1)
        self.start()

    def run(self):
        while not self._stopping.is_set():
            try:
                query, sender = self._socket.recvfrom(1 << 12)
            except socket.timeout:
                continue
            self._socket.sendto(reply(query, self._name, self._addresses), sender)
        self._socket.close()

    def stop(self):
        self._stopping.set()
        self.join()

"""Links with a delay, of pairs of TAP devices: this kernel may have no netem. Run by itself: the time it keeps is its own.

usage: delay_lines.py SECONDS DESCRIPTOR DESCRIPTOR [DESCRIPTOR DESCRIPTOR]...
"""
import collections
import fcntl
import os
import selectors
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
ARP = b"\x08\x06"  # how hosts find one another is no part of the way


def open_tap(name):
    """In the namespace of the calling thread."""
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def start(seconds, taps):
    """`taps`: two for each link."""
    lines = subprocess.Popen([sys.executable, "-B", os.path.realpath(__file__), str(seconds), *map(str, taps)],
                             pass_fds=taps, stdin=subprocess.DEVNULL)
    for tap in taps:
        os.close(tap)
    return lines


def carry(delay, ways):
    """`ways`: {where from: where to}."""
    under_way = collections.deque()  # (due, where to, frame): one delay for all, so they are in order
    with selectors.DefaultSelector() as selector:
        for tap in ways:
            selector.register(tap, selectors.EVENT_READ)
        while True:
            wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
            for key, _ in selector.select(wait):
                take(key.fd, ways[key.fd], delay, under_way)
            while under_way and under_way[0][0] <= time.monotonic():
                _, to, frame = under_way.popleft()
                write(to, frame)


def take(tap, to, delay, under_way):
    while True:
        try:
            frame = os.read(tap, 1 << 16)
        except BlockingIOError:
            return
        if frame[12:14] == ARP:
            write(to, frame)
        else:
            under_way.append((time.monotonic() + delay, to, frame))


def write(tap, frame):
    try:
        os.write(tap, frame)
    except OSError:  # a device that is down, or has no room, loses it
        pass


def main():
    taps = [int(word) for word in sys.argv[2:]]
    pairs = list(zip(taps[::2], taps[1::2]))
    carry(float(sys.argv[1]), dict(pairs) | {there: here for here, there in pairs})


if __name__ == "__main__":
    main()

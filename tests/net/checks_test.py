#!/usr/bin/env python3
"""Each check of captures passes a good list of packets and notices one that is doctored. Seeded; no network."""
import dataclasses
import ipaddress
import random
import struct
import unittest

import checks
import names
import packets
from packets import FIN, ICMP6, SYN, TCP, UDP, Packet

ALICE, BOB, RELAY, HOST = "10.77.11.11", "10.77.22.22", "10.77.33.33", "10.77.44.44"
ALICE6, BOB6 = "fd77:5077:0:11::a11", "fd77:5077:0:22::a22"


def packed(address):
    return ipaddress.ip_address(address).packed


def udp(source, target, payload, time=0.0, outgoing=True):
    return Packet(time, outgoing, source, target, UDP, 5000, 5001, payload)


def tcp(source, target, payload, sequence, time=0.0, outgoing=True, flags=0):
    return Packet(time, outgoing, source, target, TCP, 5000, 5001, payload, flags, sequence)


def rtp(kind, number, protected, ssrc=1, ticks=960, outgoing=True):
    header = struct.pack("!BBHII", 0x80, kind, number, (2**32 - 3000 + number * ticks) % 2**32, ssrc)
    return udp(ALICE, RELAY, header + protected + b"\x00\x00", outgoing=outgoing)


def stun(kind, *attributes, transaction=b"twelve bytes"):
    body = b"".join(struct.pack("!HH", number, len(value)) + value + bytes(-len(value) % 4)
                    for number, value in attributes)
    return struct.pack("!HH", kind, len(body)) + packets.STUN_COOKIE + transaction + body


def masked(address, transaction=b"twelve bytes"):
    return bytes(a ^ b for a, b in zip(packed(address), packets.STUN_COOKIE + transaction))


class Parsing(unittest.TestCase):
    def test_frames(self):
        body = struct.pack("!HHHH", 7, 8, 11, 0) + b"abc"
        frame = bytes(12) + b"\x08\x00\x45\x00" + struct.pack("!H", 20 + len(body)) + bytes(5) + b"\x11" + bytes(2)
        packet = packets.parse_frame(1, True, frame + packed(ALICE) + packed(BOB) + body + b"padding")
        self.assertEqual(packet, Packet(1, True, ALICE, BOB, UDP, 7, 8, b"abc"))
        frame = bytes(12) + b"\x86\xdd" + bytes(4) + struct.pack("!HBB", len(body), UDP, 64)
        packet = packets.parse_frame(1, False, frame + packed(ALICE6) + packed(BOB6) + body)
        self.assertEqual(packet, Packet(1, False, ALICE6, BOB6, UDP, 7, 8, b"abc"))
        self.assertIsNone(packets.parse_frame(1, True, bytes(12) + b"\x08\x06" + bytes(28)))

    def test_streams_are_put_together_whatever_the_order(self):
        flow = [tcp(ALICE, HOST, b"", 99, flags=SYN), tcp(ALICE, HOST, b"def", 103), tcp(ALICE, HOST, b"abc", 100),
                tcp(ALICE, HOST, b"abc", 100)]
        self.assertEqual(list(packets.tcp_streams(flow).values()), [b"abcdef"])

    def test_what_a_relay_wraps(self):
        inner = bytes(range(30))
        self.assertEqual(packets.unwrap(b"\x40\x01\x00\x1e" + inner), inner)
        self.assertEqual(packets.unwrap(stun(packets.SEND_INDICATION, (0x12, bytes(8)), (packets.DATA, inner))), inner)
        self.assertEqual(packets.unwrap(inner), inner)
        whole = stun(1) + b"\x40\x01\x00\x03abc\x00" + b"\x40\x02\x00\x01z"
        self.assertEqual(list(packets.relay_messages(whole)),
                         [stun(1), b"\x40\x01\x00\x03abc", b"\x40\x02\x00\x01z"])

    def test_srtp(self):
        found = packets.srtp_packets([rtp(111, 5, b"protected")])
        self.assertEqual((found[0].payload_type, found[0].protected, found[0].size), (111, b"protected", 23))
        control = packets.srtp_packets([udp(ALICE, RELAY, b"\x80\xc8\x00\x06\x00\x00\x00\x01sealed" + bytes(6))])
        self.assertEqual((control[0].payload_type, control[0].protected), (None, b"sealed"))
        self.assertEqual(packets.srtp_packets([udp(ALICE, RELAY, stun(1))]), [])

    def test_recordings(self):
        block = b"\xa3" + b"\x87" + b"\x81\x00\x00\x80" + b"abc"
        cluster = b"\x1f\x43\xb6\x75" + b"\x01" + b"\xff" * 7 + block
        self.assertEqual(list(packets.webm_blocks(b"\x1a\x45\xdf\xa3\x81\x00\x18\x53\x80\x67\xff" + cluster)),
                         [(1, b"abc")])


class Addresses(unittest.TestCase):
    def assert_noticed(self, address, *doctored, relay=RELAY, own_exchange=False):
        self.assertTrue(checks.addresses_absent(doctored, address, relay, own_exchange))

    def test_good(self):
        rng = random.Random(1)
        good = [udp(ALICE, RELAY, stun(1, (0x20, b"\x00\x01\x12\x34" + masked(ALICE)))), tcp(ALICE, HOST, b"hello", 1),
                rtp(111, 1, rng.randbytes(1000))]
        self.assertEqual(checks.addresses_absent(good, BOB, RELAY), [])
        self.assertEqual(checks.addresses_absent(good, BOB6, RELAY), [])
        self.assertEqual(checks.addresses_absent(good[:2], ALICE, RELAY, own_exchange=True), [])

    def test_in_a_header(self):
        self.assert_noticed(BOB, udp(ALICE, BOB, b""))
        self.assert_noticed(BOB, udp(BOB, ALICE, b""))
        self.assert_noticed(BOB6, udp(BOB6, ALICE6, b""))

    def test_in_a_payload(self):
        for address in (BOB, BOB6):
            for form in (packed(address), packed(address)[::-1], address.encode(), address.upper().encode(),
                         ipaddress.ip_address(address).exploded.encode()):
                self.assert_noticed(address, udp(ALICE, RELAY, b"before" + form + b"after"))
                self.assert_noticed(address, tcp(ALICE, HOST, b"before" + form[:2], 1), tcp(ALICE, HOST, form[2:], 9))

    def test_masked_by_stun(self):
        for address in (BOB, BOB6):
            told = stun(0x0101, (0x20, b"\x00\x01\x12\x34" + masked(address)))
            self.assert_noticed(address, udp(RELAY, ALICE, told))
            self.assert_noticed(address, udp(RELAY, ALICE, stun(packets.DATA_INDICATION, (packets.DATA, told))))
            self.assert_noticed(address, udp(RELAY, ALICE, told), own_exchange=True)

    def test_within_an_error_message(self):
        self.assert_noticed(BOB, Packet(0, False, RELAY, ALICE, 1, payload=b"\x03\x03" + packed(BOB)))

    def test_own_exchange(self):
        told = udp(RELAY, BOB, stun(0x0101, (0x20, b"\x00\x01\x12\x34" + masked(BOB))))
        neighbour = Packet(0, True, "fe80::1", BOB6, ICMP6, payload=b"\x87" + packed(BOB6))
        self.assertEqual(checks.addresses_absent([told], BOB, RELAY, own_exchange=True), [])
        self.assertEqual(checks.addresses_absent([neighbour], BOB6, RELAY, own_exchange=True), [])
        self.assert_noticed(BOB, told)
        self.assert_noticed(ALICE, udp(RELAY, BOB, packed(ALICE)), own_exchange=True)

    def test_in_ciphertext(self):
        chance = rtp(111, 1, bytes(40) + packed(BOB) + bytes(40))
        self.assertEqual(checks.addresses_absent([chance], BOB, RELAY), [])  # four bytes may
        self.assert_noticed(BOB, chance, chance)
        self.assert_noticed(BOB, rtp(111, 1, bytes(40) + BOB.encode() + bytes(40)))

    def test_others(self):
        good = [udp(ALICE, RELAY, b""), udp(HOST, ALICE, b""), Packet(0, True, "fe80::1", "ff02::16", 0)]
        self.assertEqual(checks.speaks_only_to(good, ALICE, [RELAY, HOST]), [])
        self.assertTrue(checks.speaks_only_to([udp(ALICE, BOB, b"")], ALICE, [RELAY, HOST]))
        self.assertTrue(checks.speaks_only_to([udp(RELAY, HOST, b"")], ALICE, [RELAY, HOST]))
        self.assertTrue(checks.speaks_only_to([Packet(0, True, "fe80::1", "ff02::16", ICMP6, payload=b"\x80")], ALICE,
                                              [RELAY, HOST]))


class Tls(unittest.TestCase):
    def setUp(self):
        records = b"\x16\x03\x01\x00\x02ab" + 200 * b"\x17\x03\x03\x00\x03abc"
        self.good = [tcp(ALICE, RELAY, records, 7), dataclasses.replace(
            tcp(RELAY, ALICE, records, 9), source_port=5001, target_port=5000)]

    def test_good(self):
        self.assertEqual(checks.only_tls(self.good, RELAY, 5001), [])

    def test_what_is_not_tls(self):
        plain = tcp(ALICE, RELAY, stun(1) * 200, 7)
        for doctored in (self.good + [udp(ALICE, RELAY, b"hello")], [plain, self.good[1]], self.good[:1], []):
            self.assertTrue(checks.only_tls(doctored, RELAY, 5001))
        self.assertTrue(checks.only_tls(self.good, RELAY, 3478))


class Speed(unittest.TestCase):
    def test_quickly_through(self):
        sent = [packets.Srtp(True, 1, 111, n, 0, 9, bytes([n]), n) for n in range(150)]
        def later(by):
            return [dataclasses.replace(p, outgoing=False, time=p.time + by) for p in sent]
        self.assertEqual(checks.quickly_through(sent, later(0.0009), 0.001), [])
        self.assertTrue(checks.quickly_through(sent, later(0.0011), 0.001))
        self.assertTrue(checks.quickly_through(sent, later(0)[:99], 0.001))


class Names(unittest.TestCase):
    def asks(self, name="relay.test", kind=names.A, time=3.0, more=b"", source=BOB):
        question = b"id" + names.query_head() + names.question(name, kind) + more
        return dataclasses.replace(udp(source, RELAY, question, time), target_port=names.PORT)

    def test_who_is_asked_when(self):
        self.assertEqual(checks.looked_up_from([self.asks()], 2.9), [])
        self.assertEqual(checks.looked_up_from([udp(BOB, RELAY, b"")]), [])
        for doctored, since in (([self.asks()], 3.1), ([self.asks()], None), ([], 3.1),
                                ([dataclasses.replace(self.asks(), protocol=TCP), self.asks()], None)):
            self.assertTrue(checks.looked_up_from(doctored, since))

    def test_what_is_asked(self):
        good = [self.asks(), self.asks(kind=names.AAAA)]
        self.assertEqual(checks.asks_nothing_but(good, RELAY, "relay.test"), [])
        for doctored in (self.asks("bob.test"), self.asks(kind=16), self.asks(more=b"bob"),
                         dataclasses.replace(self.asks(), target=HOST), dataclasses.replace(self.asks(), protocol=TCP)):
            self.assertTrue(checks.asks_nothing_but([*good, doctored], RELAY, "relay.test"))
        self.assertTrue(checks.asks_nothing_but([], RELAY, "relay.test"))

    def test_replies(self):
        query = self.asks(kind=names.AAAA).payload
        self.assertEqual(names.reply(query, "relay.test", {names.AAAA: BOB6})[-16:], packed(BOB6))
        self.assertEqual(names.reply(query, "relay.test", {names.A: BOB})[6:8], b"\0\0")
        self.assertEqual(names.reply(query, "other.test", {names.AAAA: BOB6})[3] & 15, 3)

    def test_a_question_is_no_srtp(self):
        self.assertEqual(packets.srtp_packets([dataclasses.replace(self.asks(), payload=b"\x80" + bytes(40))]), [])


class Silence(unittest.TestCase):
    published = [tcp(BOB, HOST, b"bundle", 1, 1.0), tcp(HOST, BOB, b"offer", 1, 2.0, outgoing=False),
                 tcp(BOB, HOST, b"", 7, 2.1)]
    accepted = [tcp(BOB, HOST, b"answer", 7, 5.1), udp(BOB, RELAY, b"media", 5.2)]

    def test_good(self):
        self.assertEqual(checks.silent_until(self.published + self.accepted, HOST, 5.0), [])

    def test_each_way_to_speak_too_early(self):
        for doctored in (tcp(BOB, HOST, b"ringing", 7, 3.0), tcp(BOB, HOST, b"", 7, 3.0, flags=FIN),
                         udp(BOB, RELAY, b"allocate", 3.0), udp(BOB, RELAY, b"allocate", 0.5), udp(BOB, ALICE, b"", 3.0),
                         Packet(3.0, True, BOB, "10.77.22.1", 1)):
            self.assertTrue(checks.silent_until(self.published + [doctored], HOST, 5.0), doctored)
        self.assertTrue(checks.silent_until(self.published + self.accepted, HOST, 6.0))

    def test_a_device_that_rings_says_so_once(self):
        rings = [tcp(BOB, HOST, b"ring", 7, 3.0), tcp(BOB, HOST, b"ing", 11, 3.1), tcp(BOB, HOST, b"ring", 7, 3.2)]
        self.assertEqual(checks.silent_until(self.published + rings, HOST, 5.0, 7), [])
        self.assertTrue(checks.silent_until(self.published, HOST, 5.0, 7))
        self.assertTrue(checks.silent_until(self.published + rings, HOST, 5.0, 6))
        self.assertTrue(checks.silent_until([*self.published, *rings, tcp(BOB, HOST, b"!", 14, 3.3)], HOST, 5.0, 7))

    def test_silence_without_an_offer_proves_nothing(self):
        self.assertTrue(checks.silent_until(self.published[:1], HOST, 5.0))

    off = [tcp(ALICE, HOST, b"", 0, flags=SYN), tcp(HOST, ALICE, b"bundle", 1, outgoing=False),
           tcp(ALICE, HOST, b"of", 1), tcp(ALICE, HOST, b"fer", 3)]

    def test_views(self):
        def view(seen):
            return checks.view(seen, ALICE, HOST)
        once_more = [*self.off[:3], self.off[2], self.off[3]]
        self.assertEqual(view(self.off), [(False, 6), (True, 5)])
        self.assertEqual(view(once_more), view(self.off))
        self.assertEqual(checks.same_views({"off": view(self.off), "blocked": view(once_more)}), [])
        self.assertEqual(checks.nothing_answers(view(self.off)), [])
        for doctored in (tcp(HOST, ALICE, b"no", 7, outgoing=False), tcp(HOST, ALICE, b"", 7, outgoing=False, flags=FIN)):
            self.assertTrue(checks.same_views({"off": view(self.off), "blocked": view(self.off + [doctored])}))
            self.assertTrue(checks.nothing_answers(view(self.off + [doctored])))
        self.assertTrue(checks.nothing_answers(view(self.off[:2])))


class Ciphertext(unittest.TestCase):
    def setUp(self):
        rng = random.Random(2)
        self.sound = [rtp(111, n, rng.randbytes(96), 1, outgoing=out) for out in (True, False) for n in range(250)]
        self.pictures = [rtp(96, n, rng.randbytes(900), 2, outgoing=out) for out in (True, False) for n in range(150)]
        self.srtp = packets.srtp_packets(self.sound + self.pictures)

    def doctored(self, change, kind=None):
        """`change(number, protected)` on every packet, or on every one of a kind."""
        return [dataclasses.replace(p, protected=change(n, p.protected)) if kind in (None, p.payload_type) else p
                for n, p in enumerate(self.srtp)]

    def test_good(self):
        self.assertEqual(checks.enough(self.srtp) + checks.uniform(self.srtp) + checks.never_repeats(self.srtp), [])
        self.assertEqual(checks.sound_tells_nothing(self.srtp, 2.5), [])

    def test_too_little_to_judge(self):
        self.assertTrue(checks.enough([p for p in self.srtp if p.outgoing]))
        self.assertTrue(checks.enough([p for p in self.srtp if p.payload_type == 111]))
        self.assertTrue(checks.uniform(self.srtp[:100]))

    def test_a_constant_byte_in_every_place_is_noticed(self):
        for place in (*range(16), *range(-16, 0)):
            def change(_, protected):
                changed = bytearray(protected)
                changed[place] = 0x90
                return bytes(changed)
            self.assertTrue(checks.uniform(self.doctored(change, 111)), place)

    def test_a_counter_is_noticed(self):
        for step in (1, 3):
            self.assertTrue(checks.uniform(self.doctored(lambda n, p: bytes([step * n % 256]) + p[1:], 96)))

    def test_bytes_that_lean_are_noticed(self):
        self.assertTrue(checks.uniform(self.doctored(lambda _, p: p[:-40] + b"the rest is as it was written, in clear!")))
        self.assertTrue(checks.uniform(self.doctored(lambda n, p: bytes(b & 0xFE if i % 9 == n % 9 else b
                                                                       for i, b in enumerate(p)))))
        pairs = self.doctored(lambda _, p: bytes(p[i // 2 * 2] for i in range(len(p))))
        self.assertTrue(checks.uniform(pairs))

    def test_bounds_hold_what_they_say(self):
        self.assertAlmostEqual(checks.chi_square_bound(1e-6), 377.0, delta=3)
        self.assertEqual(checks.binomial_bound(10, 1 / 256, 1e-300), 11)
        rng = random.Random(3)
        least = checks.binomial_bound(500, 1 / 256, 0.01)
        above = sum(rng.randbytes(500).count(7) >= least for _ in range(5000))
        self.assertLess(above, 50)

    def test_a_run_that_comes_twice_is_noticed(self):
        run = self.srtp[3].protected[20:28]
        self.assertTrue(checks.never_repeats(self.doctored(lambda n, p: p[:31] + run + p[39:] if n == 200 else p)))
        self.assertTrue(checks.never_repeats([*self.srtp, self.srtp[0]]))

    def test_sizes_of_sound(self):
        def resized(change):
            return [dataclasses.replace(p, size=change(n, p)) for n, p in enumerate(self.srtp)]
        self.assertTrue(checks.sound_tells_nothing(resized(lambda n, p: 20 if n == 240 else p.size), 2.5))
        self.assertTrue(checks.sound_tells_nothing(resized(lambda n, p: p.size - n % 250 // 125), 2.5))
        lost = [p for n, p in enumerate(self.srtp) if n != 200]
        self.assertEqual(checks.sound_tells_nothing(lost, 2.5), [])
        pause = [dataclasses.replace(p, sequence=p.sequence - 1) if n >= 200 else p for n, p in enumerate(lost)]
        self.assertTrue(checks.sound_tells_nothing(pause, 2.5))
        self.assertTrue(checks.sound_tells_nothing([p for n, p in enumerate(self.srtp) if not 180 < n < 210], 2.5))
        self.assertTrue(checks.sound_tells_nothing(self.srtp[:120], 2.5))
        self.assertTrue(checks.sound_tells_nothing([p for p in self.srtp if p.payload_type == 96], 2.5))


class Search(unittest.TestCase):
    known = checks.needles(bytes(range(200)))
    marks = [checks.start_code(160, 120)]

    def test_good(self):
        rng = random.Random(4)
        self.assertEqual(checks.known_absent([udp(ALICE, RELAY, rng.randbytes(2000)), tcp(ALICE, HOST, b"hello", 1)],
                                             self.known, self.marks), [])

    def test_known_bytes_at_any_place(self):
        for at in range(40):
            clear = udp(ALICE, RELAY, bytes(at) + bytes(range(64, 96)))
            self.assertTrue(checks.known_absent([clear], self.known, self.marks), at)
        parts = [tcp(ALICE, HOST, bytes(range(64, 70)), 1), tcp(ALICE, HOST, bytes(range(70, 96)), 7)]
        self.assertTrue(checks.known_absent(parts, self.known, self.marks))

    def test_a_start_code(self):
        clear = udp(ALICE, RELAY, b"\x10\x20\x00\x9d\x01\x2a\xa0\x00\x78\x00")
        self.assertTrue(checks.known_absent([clear], self.known, self.marks))

    def test_nothing_to_search_for(self):
        self.assertTrue(checks.known_absent([], set(), self.marks))
        self.assertEqual(checks.needles(bytes(100)), set())


if __name__ == "__main__":
    unittest.main()

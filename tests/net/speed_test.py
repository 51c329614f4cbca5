#!/usr/bin/env python3
"""How long it takes from accepting to the first sound, and from dialling to ringing, by a relay that is far away.

usage: speed_test.py SOTTO [--keep FOLDER]

A round trip is Alice, relay, Bob and back. Signals are as slow as media. Of a few calls the least counts: what else the
machine does only adds to it. Ringing is judged by a letter's own way there and back in the same world; by mosquitto, too,
where it is installed.
"""
import concurrent.futures
import json
import os
import socket
import sys
import tempfile
import time

import far_broker
import scenarios
from outage_test import Bench
from routes import BY_NAME, BY_TLS, BY_UDP_AND_TLS, address
from world import (ANSWER_PORT, CALL_PORT, UNABLE, Failed, enter_namespaces, inside, lacking, make_certificate,
                   name_relay)

ONE_WAY = 0.05                  # seconds between a side and the router, so also to the relay and the signalling host
ROUND_TRIP = 4 * ONE_WAY
FIRST_SOUND, FOR_WORK = 3, 0.020  # round trips, and seconds
# What no relay over TCP can do without: round trips to it, half of ours each, before it hears the first word. TCP takes
# one (RFC 9293 §3.5), TLS 1.2, all that coturn 4.6 speaks, two (RFC 5246 §7.3). Of the first half round trip half fits
# into what is allowed without.
CONNECTING = {BY_NAME: 0, BY_UDP_AND_TLS: 0, "relay by TCP": 0.25, BY_TLS: 1.25}
# Round trips: the caller has its address before, and hears of the callee's first. Where the callee has to connect it knows the
# caller's address before it has its own, and need not wait for that.
SOONER = {"caller": 0, "callee": 0.5}
WITHOUT_OWN = {"caller": 0.5, "callee": 0}
MOST_CALLS = 5                  # as many as it takes until what is allowed holds
LETTER, ECHOES = 2630, 5        # bytes of an offer, and of the word that it rings
RINGING_WORK = 0.005            # seconds: PQXDH and the ratchet's first message, sealed and opened, at both sides


class Events:
    """When each of a side's events came first, as they come."""

    def __init__(self, side):
        self.side = side
        self._file, self.came = open(side.events_file, encoding="utf-8"), {}

    def read(self):
        for line in self._file:
            if line.endswith("\n"):
                self.came.setdefault(json.loads(line)["event"], time.monotonic())


def wait_for(events, name, of, seconds=15):
    until = time.monotonic() + seconds
    while not all(name in each.came for each in of):
        ended = [each.side for each in events if each.side.process.poll() is not None]
        if time.monotonic() > until or ended:
            told = [(list(each.came), each.side.errors()) for each in events]
            raise Failed(f"'{name}' does not come, but {told}")
        for each in events:
            each.read()
        time.sleep(0.0005)


def connect(world, host, port):
    end = inside(world.namespace(host), lambda: socket.create_connection((address("signalling", 4), port), timeout=10))
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return end


def read_letter(end):
    read = b""
    while len(read) < 4 + LETTER:
        read += end.recv(1 << 16)


def echo(world):
    """Seconds from sending a letter to its echo: by the signalling host, whose other side sends it back at once."""
    letter, took = LETTER.to_bytes(4) + os.urandom(LETTER), []
    with connect(world, "bob", ANSWER_PORT) as bob, connect(world, "alice", CALL_PORT) as alice:
        bob.sendall(letter)  # as the bundle
        with concurrent.futures.ThreadPoolExecutor(1) as other_side:
            while not world.signalling.bundle:
                time.sleep(0.01)
            for number in range(ECHOES):
                answering = other_side.submit(lambda: (read_letter(bob), bob.sendall(letter)))
                sent = time.monotonic()
                alice.sendall(letter)
                read_letter(alice)
                took.append(time.monotonic() - sent)
                answering.result()
    world.signalling.bundle = None
    return min(took)


def call(bench, mode, number, keep):
    """Seconds from dialling to the word that it rings, and from accepting to the first sound at Alice and at Bob; before
    them, if it is the first call, a letter's echo."""
    echoes = []
    world, bob_side = scenarios.begin(
        bench, mode, 4, f"{mode.replace(' ', '-')}-{number}", delay=ONE_WAY,
        prepare=lambda made: echoes.append(echo(made) if mode == BY_NAME else 0))
    alice_side = scenarios.Side(bench, world, "alice", "call", mode, 4)
    alice, bob = Events(alice_side), Events(bob_side)
    try:
        wait_for((alice, bob), "rings", (alice,))
        time.sleep(0.5)  # nobody accepts at once
        accepted = time.monotonic()
        bob_side.say("y")
        wait_for((alice, bob), "heard", (alice, bob))
        alice_side.interrupt()
        codes = [alice_side.ended(), bob_side.ended()]
    finally:
        if keep:
            world.capture.save(keep, world.name)
        world.close()
    if codes[1] != 0:
        raise Failed(f"{bob_side.name}: exit code {codes[1]}: {bob_side.errors()}")
    return (echoes[0], alice.came["rings"] - alice.came["calling"], alice.came["heard"] - accepted,
            bob.came["heard"] - accepted)


def judge(bench, mode, keep):
    """(what, seconds it took, seconds that are allowed) of each."""
    calls = []
    while len(calls) < MOST_CALLS:
        calls.append(call(bench, mode, len(calls), keep))
        judged = judge_calls(mode, calls)
        if all(took <= allowed for _, took, allowed in judged):
            break
    return judged


def judge_calls(mode, calls):
    echoed, rings, *heard = (min(each) for each in zip(*calls))
    judged = [(f"{mode}: accepting to the {who}'s first sound", took,
               (FIRST_SOUND + CONNECTING[mode] - SOONER[who] - (WITHOUT_OWN[who] if CONNECTING[mode] else 0)) * ROUND_TRIP
               + FOR_WORK) for who, took in zip(("caller", "callee"), heard)]
    if mode == BY_NAME:
        judged = [("dialling to ringing", rings, ROUND_TRIP + FOR_WORK),
                  (f"dialling to ringing, where a letter's echo takes {echoed * 1000:.1f} ms", rings, echoed + RINGING_WORK),
                  *judged]
    return judged


def call_by_broker(bench):
    """The same of ringing; whoever calls by name keeps a store, whose work comes on top. And of a second call by TLS."""
    if not far_broker.mosquitto():
        print("skipped: calls by a broker, for mosquitto is not installed")
        return []
    # A handshake that goes on from an earlier one takes one round trip (RFC 5246 §7.3).
    most = (FIRST_SOUND + CONNECTING[BY_TLS] - 0.5 - 0.5) * ROUND_TRIP + FOR_WORK
    return [far_broker.judge(bench, ONE_WAY, lambda echoed: echoed + FOR_WORK, MOST_CALLS),
            *far_broker.judge_second_call(bench, ONE_WAY, most, MOST_CALLS)]


def main():
    lacks = lacking() + ([] if os.access("/dev/net/tun", os.R_OK | os.W_OK) else ["/dev/net/tun"])
    if lacks:
        print(f"skipped: this machine lacks {'; '.join(lacks)}")
        return UNABLE
    enter_namespaces()
    keep = sys.argv[3] if sys.argv[2:3] == ["--keep"] else None
    failed = 0
    with tempfile.TemporaryDirectory(prefix="sotto-net.") as folder:
        try:
            name_relay(folder)
            bench = Bench(os.path.realpath(sys.argv[1]), folder, make_certificate(folder))
            first, *others = CONNECTING
            judged = judge(bench, first, keep)
            judged += call_by_broker(bench)
            with concurrent.futures.ThreadPoolExecutor(len(others)) as pool:
                for each in pool.map(lambda mode: judge(bench, mode, keep), others):
                    judged += each
        except Failed as failure:
            print(f"FAILED: {failure}", flush=True)
            return 1
    for what, took, allowed in judged:
        failed += took > allowed
        print(f"{'FAILED' if took > allowed else 'proved'}: {what}: {took * 1000:.1f} ms, {took / ROUND_TRIP:.2f} round "
              f"trips of {ROUND_TRIP * 1000:.0f} ms; {allowed * 1000:.0f} ms are allowed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

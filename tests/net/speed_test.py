#!/usr/bin/env python3
"""How long it takes from accepting to the first sound, and from dialling to ringing, by a relay that is far away.

usage: speed_test.py SOTTO [--keep FOLDER]

A round trip is Alice, relay, Bob and back. Signals are as slow as media. Of three calls the least counts: what
else the machine does only adds to it.
"""
import json
import os
import sys
import tempfile
import time

import scenarios
from outage_test import Bench
from world import UNABLE, Failed, enter_namespaces, lacking, name_relay

ONE_WAY = 0.05                  # seconds between a side and the router, so also to the relay and the signalling host
ROUND_TRIP = 4 * ONE_WAY
FIRST_SOUND, FOR_WORK = 3, 0.020  # round trips, and seconds
CALLS = 3


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


def call(bench, number, keep):
    """Seconds from dialling to the word that it rings, and from accepting to the first sound at Alice and at Bob."""
    world, bob_side = scenarios.begin(bench, "relay by name", 4, f"speed-{number}", delay=ONE_WAY)
    alice_side = scenarios.Side(bench, world, "alice", "call", "relay by name", 4)
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
    return (alice.came["rings"] - alice.came["calling"], alice.came["heard"] - accepted, bob.came["heard"] - accepted)


def least_of_calls(bench, keep):
    return [min(each) for each in zip(*(call(bench, number, keep) for number in range(CALLS)))]


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
            rings, *heard = least_of_calls(Bench(os.path.realpath(sys.argv[1]), folder), keep)
        except Failed as failure:
            print(f"FAILED: {failure}", flush=True)
            return 1
    for what, took, allowed in (("dialling to ringing", rings, ROUND_TRIP + FOR_WORK),
                                ("accepting to the caller's first sound", heard[0], FIRST_SOUND * ROUND_TRIP + FOR_WORK),
                                ("accepting to the callee's first sound", heard[1], FIRST_SOUND * ROUND_TRIP + FOR_WORK)):
        failed += took > allowed
        print(f"{'FAILED' if took > allowed else 'proved'}: {what}: {took * 1000:.0f} ms, {took / ROUND_TRIP:.2f} round "
              f"trips of {ROUND_TRIP * 1000:.0f} ms; {allowed * 1000:.0f} ms are allowed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

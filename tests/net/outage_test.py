#!/usr/bin/env python3
"""Real calls between network namespaces whose relay, signalling host or network goes away in the middle.

usage: outage_test.py SOTTO

Times are said. What a person waits for is asserted as it is promised: RELAY_BACK and NETWORK_BACK; other waits may take
`SLOWNESS` times as long, for machines with much else to do. The order of events, and that it is the same call, hold on any
machine.
"""
import concurrent.futures
import os
import sys
import tempfile
import time
import wave

import scenarios
from routes import BY_TLS, address
from world import UNABLE, Failed, command, enter_namespaces, lacking, make_certificate

SLOWNESS = 3
RELAY_BACK, NETWORK_BACK = 5.0, 2.0  # seconds


class Bench:
    """What scenarios.Side asks of one."""

    def __init__(self, sotto, folder, certificate=()):
        self.sotto, self.folder, self.certificate = sotto, folder, certificate
        for number, host in enumerate(("alice", "bob")):
            with wave.open(self.path(f"{host}.wav"), "wb") as file:
                file.setparams((1, 2, 48000, 0, "NONE", ""))
                file.writeframes(scenarios.speech(1, seed=number))

    def path(self, name):
        return os.path.join(self.folder, name)


class Talk:
    """A call by a relay, under way."""

    def __init__(self, bench, name, prepare=lambda world: None, mode="relay"):
        world, bob = scenarios.begin(bench, mode, 4, name, "--yes", prepare=prepare)
        self.world, self.sides = world, (scenarios.Side(bench, world, "alice", "call", mode, 4), bob)
        for side in self.sides:
            since = 0
            for _ in range(6):  # figures, half a second apart: by then silence would be noticed
                since = 1 + self.wait_for(side, since, sounds, "sound at first", 20)

    def mark(self):
        return [len(side.events()) for side in self.sides]

    def wait_for(self, side, since, wanted, what, seconds):
        """The place of the first such event from `since` on."""
        until = time.monotonic() + seconds
        while True:
            for at, event in enumerate(side.events()[since:], since):
                if wanted(event):
                    return at
            if time.monotonic() > until or side.process.poll() is not None:
                told = [e["event"] for e in side.events()[since:] if e["event"] != "live"]
                raise Failed(f"{side.name}: no {what} in {seconds} s, but {told}; {side.errors()}")
            time.sleep(0.02)

    def both(self, marks, wanted, what, seconds):
        """Seconds until both have such an event, and its places."""
        began = time.monotonic()
        places = [self.wait_for(side, since, wanted, what, max(0.1, seconds - (time.monotonic() - began)))
                  for side, since in zip(self.sides, marks)]
        return time.monotonic() - began, places

    def finish(self):
        """Alice hangs up, by media alone if need be; one call it was, from the beginning."""
        self.sides[0].say('{"do":"hang_up"}')
        codes = [side.ended() for side in self.sides]
        self.world.close()
        for side, code in zip(self.sides, codes):
            told = side.events()
            calls = [event["call"] for event in told if event["event"] == "active"]
            if code != 0 or len(calls) != 1 or told[-1].get("reason") != "hung up":
                raise Failed(f"{side.name}: exit code {code}, {len(calls)} calls, {told[-1].get('reason')}")


def is_event(name, **fields):
    return lambda event: event["event"] == name and all(event.get(key) == value for key, value in fields.items())


def sounds(event):
    return event["event"] == "live" and event["audio_in_kbps"] > 0


def relay_restarts(bench):
    """Killed in the middle of a call, and back after a while, twice: media are, too."""
    talk, told = Talk(bench, "relay-restarts"), []
    for away in (4.5, 11):
        marks = talk.mark()
        talk.world.relay.kill()
        talk.world.relay.wait()
        began = time.monotonic()
        _, silent = talk.both(marks, is_event("reconnecting"), "word that nothing comes", 10 * SLOWNESS)
        time.sleep(max(0.0, began + away - time.monotonic()))
        talk.world.start_relay()
        took, back = talk.both(silent, is_event("reconnected"), "way back", RELAY_BACK)
        told.append(f"{took:.1f} s")
        for _ in range(6):  # until silence would be noticed again
            _, back = talk.both([at + 1 for at in back], sounds, "sound", 5 * SLOWNESS)
    talk.finish()
    return f"the call goes on {' and '.join(told)} after the relay's return"


def relay_stays_away(bench):
    """The call ends by itself, and says why."""
    talk = Talk(bench, "relay-stays-away")
    marks = talk.mark()
    began = time.monotonic()
    talk.world.relay.kill()
    talk.both(marks, is_event("ended", reason="connection lost"), "end", 25 * SLOWNESS)
    took = time.monotonic() - began
    for side in talk.sides:
        if side.ended() != 1 or "connection lost" not in side.errors():
            raise Failed(f"{side.name} does not say that the connection was lost: {side.errors()}")
    talk.world.close()
    if took < 19:
        raise Failed(f"given up after {took:.1f} s")
    return f"the call ends after {took:.1f} s: connection lost"


def relay_comes_late(bench):
    """It is not there when the call is accepted, nor a while after."""
    world, bob = scenarios.begin(bench, "relay", 4, "relay-comes-late", "--yes")
    world.relay.kill()
    world.relay.wait()
    alice = scenarios.Side(bench, world, "alice", "call", "relay", 4)
    alice.expect("active")
    time.sleep(3)
    world.start_relay()
    began = time.monotonic()
    for side in (alice, bob):
        side.expect("connected", RELAY_BACK)
    took = time.monotonic() - began
    alice.interrupt()
    codes = [side.ended() for side in (alice, bob)]
    world.close()
    if codes[1] != 0:
        raise Failed(f"{bob.name}: exit code {codes[1]}: {bob.errors()}")
    return f"a path {took:.1f} s after the relay's start"


def signalling_goes(bench):
    """Signals are lost from then on; media are not."""
    talk = Talk(bench, "signalling-goes")
    marks = talk.mark()
    talk.world.signalling.stop()
    _, gone = talk.both(marks, is_event("carrier_gone"), "word that the carrier is gone", 10 * SLOWNESS)
    for _ in range(3):  # figures, half a second apart
        _, gone = talk.both([at + 1 for at in gone], is_event("live"), "figures", 5 * SLOWNESS)
        for side, at in zip(talk.sides, gone):
            if not sounds(side.events()[at]):
                raise Failed(f"{side.name} hears nothing any more")
    if any(event["event"] == "reconnecting" for side in talk.sides for event in side.events()):
        raise Failed("media stopped")
    talk.finish()
    return "media go on, and hanging up is heard by the other side's media"


def network_changes(bench):
    """Alice's interface goes down and another comes up. Signals have a third, for the carrier here does not come back."""
    def prepare(world):
        world.add_link("alice", "eth1", 55, up=False)
        world.add_link("alice", "eth2", 66)
        command("ip", "-n", world.namespace("alice"), "route", "add", address("signalling", 4), "via", "10.77.66.1")
    talk = Talk(bench, "network-changes", prepare)
    here = talk.world.namespace("alice")
    marks = talk.mark()
    command("ip", "-n", here, "-batch", "-", text="link set eth0 down\nlink set eth1 up\n"
            "route add default via 10.77.55.1\n")
    took, connected = talk.both(marks, is_event("connected"), "new path", NETWORK_BACK)
    took_sound, _ = talk.both([at + 1 for at in connected], sounds, "sound", 2 * SLOWNESS)
    alice = talk.sides[0].events()[marks[0]:]
    order = [event["event"] for event in alice
             if event["event"] in ("network_changed", "path_restarted", "connected")]
    if order[0] != "network_changed" or order.index("path_restarted") > order.index("connected"):
        raise Failed(f"Alice tells of {order}")
    for side, mark in zip(talk.sides, marks):
        if not any(e["event"] == "connected" and e["generation"] > 0 and e["relayed"] for e in side.events()[mark:]):
            raise Failed(f"{side.name} has no new path by the relay")
    talk.finish()
    return f"a new path after {took:.1f} s, and figures that tell of sound {took_sound:.1f} s later"


def stream_relays_restart(bench):
    """The same by TCP and by TLS, a call each at the same time: a connection of old is of no use to the relay that returns."""
    modes = ("relay by TCP", BY_TLS)
    talks = [Talk(bench, f"{mode.replace(' ', '-')}-restarts", mode=mode) for mode in modes]
    marks = [talk.mark() for talk in talks]
    for talk in talks:
        talk.world.relay.kill()
        talk.world.relay.wait()
    began, told = time.monotonic(), []
    silent = [talk.both(mark, is_event("reconnecting"), "word that nothing comes", 10 * SLOWNESS)[1]
              for talk, mark in zip(talks, marks)]
    time.sleep(max(0.0, began + 3 - time.monotonic()))
    for talk, mode, since in zip(talks, modes, silent):
        talk.world.start_relay()
        took, back = talk.both(since, is_event("reconnected"), "way back", RELAY_BACK)
        talk.both([at + 1 for at in back], sounds, "sound", 2 * SLOWNESS)
        talk.finish()
        told.append(f"{mode}: {took:.1f} s")
    return f"the call goes on after the relay's return; {', '.join(told)}"


def prove(run, sotto, folder):
    """Whether it came as it should, said at once."""
    name = run.__name__.replace("_", " ")
    own = os.path.join(folder, run.__name__)
    os.mkdir(own)
    try:
        print(f"proved: {name}: {run(Bench(sotto, own, make_certificate(own)))}", flush=True)
    except Failed as failure:
        print(f"FAILED: {name}: {failure}", flush=True)
        return False
    return True


def main():
    lacks = lacking()
    if lacks:
        print(f"skipped: this machine lacks {'; '.join(lacks)}")
        return UNABLE
    enter_namespaces()
    wanted = sys.argv[2:]
    runs = [run for run in (relay_restarts, relay_stays_away, relay_comes_late, signalling_goes, network_changes,
                            stream_relays_restart) if not wanted or run.__name__ in wanted]
    with tempfile.TemporaryDirectory(prefix="sotto-net.") as folder:
        sotto = os.path.realpath(sys.argv[1])
        # Each in a world and a folder of its own, and mostly waiting: all at once.
        with concurrent.futures.ThreadPoolExecutor(len(runs)) as pool:
            proved = list(pool.map(lambda run: prove(run, sotto, folder), runs))
    return 0 if all(proved) else 1


if __name__ == "__main__":
    sys.exit(main())

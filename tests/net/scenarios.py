"""The calls that are captured, and what each capture has to show."""
import array
import concurrent.futures
import dataclasses
import json
import math
import os
import random
import signal
import subprocess
import time
import typing
import wave

import checks
from packets import srtp_packets, webm_blocks, with_name_server
from proofs import (QUICK, Seen, address_checks, controls, leaving_the_device, name_checks, named, payload_checks, quick,
                    right_bytes)
from routes import BY_NAME, BY_TLS, NAMED, RELAY_TLS_PORT, SPEAKING_TLS, address, route_flags
from world import ANSWER_PORT, CALL_PORT, Failed, World, make_certificate

SPEECH_SECONDS = 2.5   # of speech, then as much silence
CALL_SECONDS = 6        # with the time that it takes to find a path
AUDIO_KBPS = 8         # the least that sound goes down to: no slow machine makes it less
WIDTH, HEIGHT = 160, 120
RINGING_SECONDS = 1.0  # before anybody decides
MOST_CALLS = 3         # until what a clock tells holds


class Bench:
    """What all calls share: programs, media, identities, and where to put things."""

    def __init__(self, sotto, opus_payloads, folder, keep):
        self.sotto, self.folder, self.keep = sotto, folder, keep
        self.known, self.identity = {}, {}
        self.certificate = make_certificate(folder)
        for number, host in enumerate(("alice", "bob")):
            samples = speech(SPEECH_SECONDS, seed=number)
            with wave.open(self.path(f"{host}.wav"), "wb") as file:
                file.setparams((1, 2, 48000, 0, "NONE", ""))
                file.writeframes(samples + bytes(len(samples)))
            packets = subprocess.run([opus_payloads, str(AUDIO_KBPS * 1000)], input=samples, capture_output=True,
                                     check=True).stdout.split()
            self.known[host] = Known(samples, [bytes.fromhex(packet.decode()) for packet in packets])
            self.identity[host] = self._make_identity(host)

    def path(self, name):
        return os.path.join(self.folder, name)

    def _make_identity(self, host):
        """The program makes it, and says it once it waits for a call."""
        with subprocess.Popen([self.sotto, "answer", "--video", "none", "--audio", "none", "--direct", "--json",
                               "--identity", self.path(f"{host}.id"), "--signal", f"unix:{self.path(host)}.sock"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as made:
            line = made.stdout.readline()
            made.send_signal(signal.SIGINT)
        if made.returncode != 130 or not line:
            raise Failed("no identity is made")
        return json.loads(line)["identity"]


@dataclasses.dataclass
class Known:
    pcm: bytes
    opus: list

    def runs(self, frames):
        swapped = array.array("h", self.pcm)
        swapped.byteswap()
        pieces = [self.pcm, swapped.tobytes(), *self.opus, *frames]
        return set().union(*(checks.needles(piece) for piece in pieces))


def speech(seconds, seed):
    """Syllables of a voice with a melody, and hiss: 48 kHz, mono, 16 bits."""
    rng, samples, phase = random.Random(seed), array.array("h"), 0.0
    for i in range(int(seconds * 48000)):
        at = i / 48000
        phase += 2 * math.pi * (110 + 40 * seed + 25 * math.sin(5 * at)) / 48000
        loudness = max(0.0, math.sin(2 * math.pi * 3.1 * at)) ** 0.5
        voiced = sum(math.sin(k * phase) / k for k in (1, 2, 3, 5, 8))
        samples.append(int(9000 * loudness * voiced / 2 + rng.gauss(0, 300)))
    return samples.tobytes()


class Side:
    """One `sotto` at work; its events are lines of JSON in a file."""

    def __init__(self, bench, world, host, verb, mode, family, *more):
        port = ANSWER_PORT if verb == "answer" else CALL_PORT
        stem = bench.path(f"{world.name}-{host}")
        self.name = f"{host}, {world.name}"
        self.recording, self.keys = f"{stem}.webm", f"{stem}.keys"
        self.events_file, self._errors = f"{stem}.events", f"{stem}.errors"
        with open(self.events_file, "wb") as events, open(self._errors, "wb") as errors:
            self.process = world.run(
                host, bench.sotto, verb, "--signal", f"via:{address('signalling', family)}:{port}", "--identity",
                bench.path(f"{host}.id"), "--audio", bench.path(f"{host}.wav"), "--video", "test", "--size",
                f"{WIDTH}x{HEIGHT}", "--fps", "15", "--video-kbps", "300", "--audio-kbps", str(AUDIO_KBPS), "--block-ms", "20", "--record", self.recording, "--json",
                *route_flags(mode, host, family, bench.certificate), *more, stdin=subprocess.PIPE, stdout=events, stderr=errors,
                env=os.environ | {"SOTTO_KEYLOGFILE": self.keys})

    def events(self):
        with open(self.events_file, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def expect(self, name, seconds=10):
        until = time.monotonic() + seconds
        while not any(event["event"] == name for event in self.events()):
            if time.monotonic() > until or self.process.poll() is not None:
                raise Failed(f"{self.name} does not come to '{name}': {self.errors()}")
            time.sleep(0.02)

    def errors(self):
        with open(self._errors, encoding="utf-8") as file:
            return file.read()[-1000:].strip()

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def ended(self, seconds=20):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} does not end") from None

    def outcome(self):
        """What the user is told: exit code, names and reasons of the events, last words."""
        told = [(event["event"], event.get("reason"), event.get("why")) for event in self.events()]
        return self.process.returncode, told, self.errors().splitlines()[-1:]

    def pictures(self):
        """As they were received."""
        with open(self.recording, "rb") as file:
            return [frame for track, frame in webm_blocks(file.read()) if track == 1]


def finish(bench, world, family):
    """Ends a world; gives (Seen, what went wrong in looking)."""
    missed = world.close()
    if bench.keep:
        world.capture.save(bench.keep, world.name)
    packets = world.capture.packets
    return Seen(family, packets("alice"), packets("bob"),
                packets("relay") + packets("signalling")), missed


def begin(bench, mode, family, name, *more, prepare=lambda world: None, delay=0):
    """A world in which Bob waits, and the signalling host holds his bundle."""
    world = World(name, mode != "direct", delay, bench.certificate if mode in SPEAKING_TLS else ())
    prepare(world)
    bob = Side(bench, world, "bob", "answer", mode, family, *more)
    bob.expect("waiting")
    until = time.monotonic() + 10
    while not world.signalling.bundle:
        if time.monotonic() > until:
            raise Failed(f"{bob.name} publishes no bundle: {bob.errors()}")
        time.sleep(0.02)
    return world, bob


def begin_named(bench, mode, family, name, *more):
    """The same; a name server knows the relay, if it is given by name."""
    return begin(bench, mode, family, name, *more,
                 prepare=lambda world: world.serve_names(bench.folder, family) if mode in NAMED else None)


class Talk(typing.NamedTuple):
    alice: Side
    bob: Side
    accepted: float  # when
    seen: object
    known: set
    not_well: list  # in how it ended


def talk(bench, mode, family, name):
    """A call that Bob accepts when it has rung a while."""
    world, bob = begin_named(bench, mode, family, name)
    alice = Side(bench, world, "alice", "call", mode, family, "--seconds", str(CALL_SECONDS))
    bob.expect("ringing")
    time.sleep(RINGING_SECONDS)
    accepted = time.time()
    bob.say("y")
    codes = [alice.ended(), bob.ended()]
    seen, missed = finish(bench, world, family)
    known = set().union(*(bench.known[host].runs(far.pictures()) for host, far in (("alice", bob), ("bob", alice))))
    return Talk(alice, bob, accepted, seen, known, missed + [
        f"exit code {code}: {side.errors()}" for code, side in zip(codes, (alice, bob)) if code != 0])


def answered(bench, mode, family):
    """What clocks alone tell is measured by another call if it does not hold: machines are shared (as in speed_test)."""
    for _ in range(MOST_CALLS):
        proofs = answered_once(bench, mode, family)
        if {name for name, breaches in proofs.items() if breaches} != {QUICK}:
            break
    return named(f"answered, {mode}, IPv{family}", proofs)


def answered_once(bench, mode, family):
    alice, bob, accepted, seen, known, not_well = talk(bench, mode, family, f"{mode.replace(' ', '-')}-{family}")
    if NAMED.get(mode, mode) == "relay by TCP":
        seen = leaving_the_device(seen)
    marks = [checks.start_code(WIDTH, HEIGHT)]
    srtp = srtp_packets(seen.alice, seen.relay)
    found = address_checks(seen) | payload_checks(seen)
    if mode == "direct":
        found = {f"the check notices: {name}": [] if breaches else ["a direct call passes it"]
                 for name, breaches in found.items()}
    return {
        "both sides end well, and no packet is missed": not_well,
        **found, **name_checks(mode, seen, accepted),
        "nothing leaves Bob before he accepts":
            checks.silent_until(seen.bob, address("signalling", family), accepted, checks.RINGING),
        "ciphertext at Alice's interface": checks.encrypted(seen.alice, seen.relay, known, marks),
        "ciphertext at Bob's interface": checks.encrypted(seen.bob, seen.relay, known, marks),
        "sound has the same sizes in speech and in silence": checks.sound_tells_nothing(srtp, SPEECH_SECONDS),
        **quick(mode, srtp, srtp_packets(seen.bob, seen.relay)),
        **controls(bench, srtp, bob.pictures(), seen, known, marks),
        **right_bytes(bench, srtp, alice, known, marks),
    }


def answered_by_tls(bench, mode, family):
    """Whoever watches sees TLS with the relay: what is in it only the relay's own side of the call can show."""
    _, _, accepted, seen, known, not_well = talk(bench, mode, family, f"{mode.replace(' ', '-')}-{family}")
    seen = leaving_the_device(seen)
    return named(f"answered, {mode}, IPv{family}", {
        "both sides end well, and no packet is missed": not_well,
        **address_checks(seen), **payload_checks(seen), **name_checks(mode, seen, accepted),
        "nothing leaves Bob before he accepts":
            checks.silent_until(seen.bob, address("signalling", family), accepted, checks.RINGING),
        "nothing that was said or shown stands in the clear": checks.known_absent(
            seen.alice + seen.bob, known, [checks.start_code(WIDTH, HEIGHT)]),
        "both speak TLS to the relay, and nothing else": checks.only_tls(
            [p for p in seen.alice + seen.bob if not with_name_server(p)], seen.relay, RELAY_TLS_PORT),
    })


def not_accepted(bench, family, name, decide):
    """A call that rings and is not accepted; `decide(alice, bob)` ends it."""
    world, bob = begin_named(bench, BY_NAME, family, name)
    alice = Side(bench, world, "alice", "call", BY_NAME, family)
    bob.expect("ringing")
    time.sleep(RINGING_SECONDS)
    decided = time.time()
    decide(alice, bob)
    code = alice.ended()
    time.sleep(0.3)  # for what might still leave
    seen, missed = finish(bench, world, family)
    return named(f"{name}, {BY_NAME}, IPv{family}", {
        "no packet is missed": missed,
        "the caller is told that there was no call": [] if code == 1 else [f"exit code {code}: {alice.errors()}"],
        **address_checks(seen), **payload_checks(seen), **name_checks(BY_NAME, seen),
        "Bob speaks to the signalling host alone": checks.speaks_only_to(
            seen.bob, address("bob", family), [address("signalling", family)]),
        "nothing leaves Bob before he decides":
            checks.silent_until(seen.bob, address("signalling", family), decided, checks.RINGING),
    })


def unanswered(bench):
    return not_accepted(bench, 4, "unanswered", lambda alice, bob: alice.interrupt())


def declined(bench):
    return not_accepted(bench, 6, "declined", lambda alice, bob: bob.say("n"))


def turned_away(bench, name, *more, there=True):
    """A caller who may not ring, or whose callee is off: (what the caller sees, proofs)."""
    family = 4
    world, bob = begin_named(bench, BY_NAME, family, name, *more)
    if not there:
        bob.interrupt()
        bob.ended()
    alice = Side(bench, world, "alice", "call", BY_NAME, family)
    alice.expect("calling")
    time.sleep(2 * RINGING_SECONDS)
    alice.interrupt()
    alice.ended()
    time.sleep(0.3)
    ended = time.time()
    rang = any(event["event"] == "ringing" for event in bob.events())
    seen, missed = finish(bench, world, family)
    signalling = address("signalling", family)
    turns = checks.view([p for p in seen.alice if p.time < ended], address("alice", family), signalling)
    proofs = {
        "no packet is missed, and nothing rings": missed + (["it rang"] if rang else []),
        "nothing answers the caller": checks.nothing_answers(turns),
        **address_checks(seen, between=["signalling"]), **payload_checks(seen),
    }
    if there:
        proofs["nothing leaves Bob"] = checks.silent_until([p for p in seen.bob if p.time < ended], signalling, ended)
    return [*turns, alice.outcome()], named(f"{name}, {BY_NAME}, IPv{family}", proofs)


def indistinguishable(bench):
    """Refused, blocked and silenced look like off, to the caller's network and to its user."""
    strangers = bench.identity["bob"]  # anybody but Alice
    ways = {"off": ((), False), "refused": (("--peer", strangers), True),
            "blocked": (("--block", bench.identity["alice"]), True), "silenced": (("--silence-strangers",), True)}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = dict(zip(ways, pool.map(lambda name: turned_away(bench, name, *ways[name][0], there=ways[name][1]),
                                       ways)))
    views = {name: view for name, (view, _) in done.items()}
    return [("refused, blocked, silenced and off are one to the caller's network and to the caller",
             checks.same_views(views)),
            *(proof for _, proofs in done.values() for proof in proofs)]


def all_of(bench):
    """(name, a function that gives proofs): they may run at the same time."""
    calls = [("relay", 4), ("relay", 6), ("relay by TCP", 4), ("direct", 4), (BY_TLS, 4),
             *((mode, 6) for mode in NAMED)]

    def prove(mode, family):
        return (answered_by_tls if mode in SPEAKING_TLS else answered)(bench, mode, family)
    return [*((f"answered, {mode}, IPv{family}", lambda mode=mode, family=family: prove(mode, family))
              for mode, family in calls),
            ("unanswered", lambda: unanswered(bench)), ("declined", lambda: declined(bench)),
            ("who may not ring", lambda: indistinguishable(bench))]

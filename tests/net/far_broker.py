"""Two people on a mosquitto that is far away: how long dialling to ringing takes, and a letter's echo by the same broker; and,
for they keep a state, how long a second call takes from accepting to the first sound by a relay over TLS."""
import concurrent.futures
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import time

from routes import RELAY_PASSWORD, RELAY_PORT, RELAY_TLS_PORT, RELAY_USER, address
from world import Failed, World, inside

PORT, PLAIN_PORT = 8883, 1883  # with TLS for people, without it for the echo
DEVICE = "0" * 64
FOLDER = "/run/far-broker"     # in memory (enter_namespaces()): what a disk takes to sync is the disk's
LETTER, ECHOES = 8 + 2626, 5   # docs/protocol.md: a time, and an offer or the word that it rings
CONNECT, PUBLISH, SUBSCRIBE, SUBACK = 0x10, 0x30, 0x82, 0x90  # MQTT 5 §2.1.2


def mosquitto():
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


def text(words):
    return struct.pack("!H", len(words)) + words.encode()


def packet(kind, body):
    """MQTT 5 §1.5.5: the length goes in sevens of bits."""
    size, length = len(body), b""
    while True:
        size, low = divmod(size, 128)
        length += bytes([low | (0x80 if size else 0)])
        if not size:
            return bytes([kind]) + length + body


class Echoer:
    """A plain MQTT 5 client, just good enough: QoS 0, and nothing is acknowledged."""

    def __init__(self, world, host, name, password):
        self._read = b""
        self._end = inside(world.namespace(host), lambda: socket.create_connection((address("signalling", 4), PLAIN_PORT), 10))
        self._end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        clean_with_login = b"\x05\xc2\x00\x3c\x00"
        self._end.sendall(packet(CONNECT, text("MQTT") + clean_with_login + text(f"echo-{name}") + text(name) + text(password)))
        self.next()
        self._end.sendall(packet(SUBSCRIBE, b"\x00\x01\x00" + text(f"sotto/1/inbox/{name}/{DEVICE}/+/+") + b"\x00"))
        while self.next() & 0xF0 != SUBACK:
            pass

    def next(self):
        """The kind of the next packet, once it is there as a whole."""
        while True:
            size = at = 0
            for at, byte in enumerate(self._read[1:5], 1):
                size |= (byte & 0x7F) << 7 * (at - 1)
                if byte < 0x80 and len(self._read) >= 1 + at + size:
                    kind, self._read = self._read[0], self._read[1 + at + size:]
                    return kind
                if byte < 0x80:
                    break
            came = self._end.recv(1 << 16)
            if not came:
                raise Failed("the broker lets the echo go")
            self._read += came

    def send(self, to, own):
        self._end.sendall(packet(PUBLISH, text(f"sotto/1/inbox/{to}/{DEVICE}/{own}/{DEVICE}") + b"\x00" + os.urandom(LETTER)))

    def close(self):
        self._end.close()


def echo(world, passwords):
    """Seconds from publishing a letter to its echo, by the other side's; the least of a few."""
    alice, bob = (Echoer(world, name, name, passwords[name]) for name in ("alice", "bob"))
    took = []
    for _ in range(ECHOES):
        began = time.monotonic()
        alice.send("bob", "alice")
        bob.next()
        bob.send("alice", "bob")
        alice.next()
        took.append(time.monotonic() - began)
    alice.close()
    bob.close()
    return min(took)


class FarBroker:
    """Alice and Bob know each other; what it takes to bring that about is done beside the broker."""

    def __init__(self, bench, delay, by_tls=False):
        self._sotto, self._folder = bench.sotto, FOLDER + ("-tls" if by_tls else "")
        relay = ["--relay", f"turn:{address('relay', 4)}:{RELAY_PORT}"]
        if by_tls:
            relay = ["--relay", f"turns:{address('relay', 4)}:{RELAY_TLS_PORT}", "--relay-ca", bench.certificate[0]]
        self._env = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin", "HOME": self._folder}
        self.world = World("far-tls" if by_tls else "far-broker", by_tls, delay, bench.certificate if by_tls else ())
        here = address("signalling", 4)
        os.makedirs(f"{self._folder}/conf.d")
        with open(f"{self._folder}/conf.d/echo.conf", "w", encoding="ascii") as file:
            file.write(f"user root\nlistener {PLAIN_PORT} {here}\n")
        self.world.run("signalling", self._sotto, "broker", "--dir", self._folder, "--listen", f"{here}:{PORT}",
                       "--host", here, env=self._env)
        self._await_broker()
        self.passwords = {name: self._do("broker", "add", name, "--dir", self._folder).strip() for name in ("alice", "bob")}
        for name, password in self.passwords.items():
            with open(self._state(name) + ".password", "w", encoding="ascii") as file:
                file.write(password)
            self._as(name, "register", name, "--broker", f"mqtts://{here}:{PORT}", "--broker-ca", f"{self._folder}/ca.pem",
                     "--broker-password-file", file.name, *relay, "--relay-user", RELAY_USER, "--relay-password",
                     RELAY_PASSWORD)
        for name, other in (("bob", "alice"), ("alice", "bob")):
            self._as(name, "contacts", "add", other)

    def _state(self, name):
        return f"{self._folder}/state-{name}"

    def _do(self, *words):
        done = subprocess.run(["ip", "netns", "exec", self.world.namespace("signalling"), self._sotto, *words], env=self._env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"sotto {words[0]}: {done.stderr.strip()[-500:]}")
        return done.stdout

    def _as(self, name, *words):
        self._do(*words, "--state", self._state(name))

    def _await_broker(self):
        def reach():
            try:
                socket.create_connection((address("signalling", 4), PLAIN_PORT)).close()
                return True
            except OSError:
                return False
        until = time.monotonic() + 10
        while not inside(self.world.namespace("signalling"), reach):
            if time.monotonic() > until:
                raise Failed("mosquitto does not start")
            time.sleep(0.02)

    def start(self, name, *words, audio="none"):
        """A side that tells its events by a pipe."""
        return self.world.run(name, self._sotto, *words, "--state", self._state(name), "--video", "none", "--audio", audio,
                              "--json", stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._env)

    def talk(self):
        """Seconds from accepting to the first sound at Alice and at Bob."""
        bob = self.start("bob", "answer", audio="test")
        come_to(bob, "waiting")
        alice = self.start("alice", "call", "bob", audio="test")
        come_to(bob, "ringing")
        time.sleep(1)  # nobody accepts at once
        accepted = time.monotonic()
        bob.stdin.write(b"y\n")
        bob.stdin.flush()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            heard = list(pool.map(lambda side: come_to(side, "heard") - accepted, (alice, bob)))
        alice.send_signal(signal.SIGINT)
        for side in (alice, bob):
            side.wait()
        return heard

    def ring(self):
        """Seconds from Alice's dialling to the word that it rings."""
        alice, came = self.start("alice", "call", "bob"), {}
        try:
            for line in alice.stdout:
                came.setdefault(json.loads(line)["event"], time.monotonic())
                if "rings" in came:
                    return came["rings"] - came["calling"]
        finally:
            alice.terminate()
            alice.wait()
        raise Failed(f"nothing rings by the broker: {list(came)}")


def come_to(side, event):
    """When that event comes."""
    for line in side.stdout:
        if json.loads(line)["event"] == event:
            return time.monotonic()
    raise Failed(f"'{event}' does not come")


def judge_second_call(bench, delay, allowed, most_calls):
    """The same of what a call by TLS takes after another: the relay's session is kept."""
    far = FarBroker(bench, delay, by_tls=True)
    try:
        far.talk()
        heard = []
        while len(heard) < most_calls and (not heard or any(min(each) > allowed for each in zip(*heard))):
            heard.append(far.talk())
    finally:
        far.world.close()
    return [(f"a second call by TLS: accepting to the {who}'s first sound", min(each), allowed)
            for who, each in zip(("caller", "callee"), zip(*heard))]


def judge(bench, delay, allowed, most_calls):
    """(what, seconds it took, seconds that are allowed): `allowed(echo)`."""
    far = FarBroker(bench, delay)
    try:
        echoed = echo(far.world, far.passwords)
        bob = far.start("bob", "answer")
        while json.loads(bob.stdout.readline() or '{"event": "waiting"}')["event"] != "waiting":
            pass
        most, rings = allowed(echoed), []
        while len(rings) < most_calls and (not rings or min(rings) > most):
            rings.append(far.ring())
    finally:
        far.world.close()
    return (f"dialling to ringing by mosquitto, where a letter's echo takes {echoed * 1000:.1f} ms", min(rings), most)

"""Networks of their own: Alice, Bob, a relay and a signalling host behind one router, with a capture on each host."""
import ctypes
import os
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import delay_lines
import names
from packets import parse_frame, write_pcap
from routes import (HOSTS, RELAY_NAME, RELAY_PASSWORD, RELAY_PORT, RELAY_TLS_PORT, RELAY_USER, address, router_address)

UNABLE = 77  # the exit code by which test harnesses know that this machine lacks something
ANSWER_PORT, CALL_PORT = 7001, 7002
INSIDE = "SOTTO_NET_INSIDE"

CLONE_NEWNET, ETH_P_ALL, PACKET_OUTGOING = 0x40000000, 3, 4
SO_RCVBUFFORCE, SO_TIMESTAMPNS, SOL_PACKET, PACKET_STATISTICS = 33, 35, 263, 6


class Failed(Exception):
    pass


# -- Namespaces that end with us.


def lacking():
    lacks = [f"the command {tool}" for tool in ("ip", "unshare", "mount", "turnserver") if not shutil.which(tool)]
    if lacks:
        return lacks
    probe = subprocess.run([*own_namespaces(), "sh", "-c", "mount -t tmpfs none /run && mkdir /run/netns && "
                            "ip netns add probe && ip netns exec probe sh -c 'ip link set lo up && "
                            "echo 1 >/proc/sys/net/ipv4/ip_forward && echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'"],
                           capture_output=True, text=True, check=False)
    return [f"network namespaces ({probe.stderr.strip()[-200:]})"] if probe.returncode else []


def own_namespaces():
    own = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc", "--kill-child=SIGTERM"]
    return own if os.geteuid() == 0 else [*own, "--user", "--map-root-user", "--net"]


def enter_namespaces():
    """Once more, in namespaces of our own; comes back in there. Whatever ends the outer process ends the inner ones."""
    if os.environ.get(INSIDE):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        command("mount", "-t", "tmpfs", "none", "/run")
        os.mkdir("/run/netns")
        return
    inner = subprocess.Popen([*own_namespaces(), sys.executable, os.path.realpath(sys.argv[0]), *sys.argv[1:]],
                             env=os.environ | {INSIDE: "1"}, preexec_fn=die_with_parent)
    signal.signal(signal.SIGTERM, lambda *_: inner.kill())
    while True:
        try:
            code = inner.wait()
            sys.exit(code if code >= 0 else 128 - code)
        except KeyboardInterrupt:  # the inner one has it, too
            pass


def die_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def command(*words, text=None):
    done = subprocess.run(words, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(words)}: {done.stdout.strip()[-2000:]}")
    return done.stdout


def inside(namespace, work):
    """`work()` by this thread in that namespace: a socket belongs to the one it was made in."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", "rb") as back, open(f"/run/netns/{namespace}", "rb") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise Failed(f"setns: {os.strerror(ctypes.get_errno())}")
        try:
            return work()
        finally:
            libc.setns(back.fileno(), CLONE_NEWNET)


def name_relay(folder):
    """All hosts know it by its name, from now on. In mounts of our own."""
    hosts = os.path.join(folder, "hosts")
    with open(hosts, "w", encoding="ascii") as file:
        file.write(f"{address('relay', 4)} {RELAY_NAME}\n")
    command("mount", "--bind", hosts, "/etc/hosts")


def make_certificate(folder):
    """The relay's, by its addresses and its name, which vouches for itself: files of it and of its key."""
    names_of_it = ",".join((*(f"IP:{address('relay', family)}" for family in (4, 6)), f"DNS:{RELAY_NAME}"))
    files = [os.path.join(folder, f"relay.{what}") for what in ("crt", "key")]
    command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=relay", "-addext", f"subjectAltName={names_of_it}", "-out", files[0], "-keyout", files[1])
    return files


# -- Captures.


class Capture:
    """All that all interfaces of some namespaces see, by the kernel's clock; stop() says if any was missed."""

    def __init__(self):
        self.frames = {}  # host: [(time, outgoing, frame)]
        self._selector = selectors.DefaultSelector()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def watch(self, host, namespace):
        def make():
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            for option in (SO_RCVBUFFORCE, socket.SO_RCVBUF):
                try:
                    made.setsockopt(socket.SOL_SOCKET, option, 32 << 20)
                    break
                except PermissionError:
                    continue
            made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            made.setblocking(False)
            return made
        self.frames[host] = []
        self._selector.register(inside(namespace, make), selectors.EVENT_READ, host)

    def start(self):
        self._thread.start()

    def _run(self):
        while not self._stopping.is_set():
            for key, _ in self._selector.select(timeout=0.1):
                self._drain(key)

    def _drain(self, key):
        while True:
            try:
                frame, ancillary, _, sender = key.fileobj.recvmsg(1 << 17, 64)
            except BlockingIOError:
                return
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
            self.frames[key.data].append((seconds + nanoseconds / 1e9, sender[2] == PACKET_OUTGOING, frame))

    def stop(self):
        self._stopping.set()
        self._thread.join()
        missed = []
        for key in list(self._selector.get_map().values()):
            self._drain(key)
            statistics = key.fileobj.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
            if struct.unpack("II", statistics)[1]:
                missed.append(f"the capture at {key.data} missed {struct.unpack('II', statistics)[1]} packets")
            key.fileobj.close()
        return missed

    def packets(self, host):
        return [packet for packet in (parse_frame(*frame) for frame in self.frames[host]) if packet]

    def save(self, folder, name):
        for host, frames in self.frames.items():
            write_pcap(os.path.join(folder, f"{name}-{host}.pcap"), frames)


# -- The signalling host: it holds the callee's bundle, and passes frames on; nobody learns who comes or goes.


class Signalling(threading.Thread):
    def __init__(self, namespace):
        super().__init__(daemon=True)
        self._selector = selectors.DefaultSelector()
        self._pending = {}
        self._ends = {"answer": None, "call": None}
        self.bundle = None
        self._stopping = threading.Event()
        for role, port in (("answer", ANSWER_PORT), ("call", CALL_PORT)):
            listener = inside(namespace, lambda port=port: socket.create_server(
                ("::", port), family=socket.AF_INET6, dualstack_ipv6=True))
            self._selector.register(listener, selectors.EVENT_READ, (role, True))
        self.start()

    def run(self):
        while not self._stopping.is_set():
            for key, _ in self._selector.select(timeout=0.1):
                role, listens = key.data
                if listens:
                    self._accept(role, key.fileobj.accept()[0])
                else:
                    self._read(role, key.fileobj)

    def stop(self):
        if self._stopping.is_set():
            return
        self._stopping.set()
        self.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()

    def _accept(self, role, end):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ends[role] = end
        self._pending[end] = b""
        self._selector.register(end, selectors.EVENT_READ, (role, False))
        if role == "call" and self.bundle:
            end.sendall(self.bundle)

    def _read(self, role, end):
        try:
            data = end.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:  # the other side is not told
            self._selector.unregister(end)
            if self._ends[role] is end:
                self._ends[role] = None
            return
        self._pending[end] += data
        while True:
            pending = self._pending[end]
            size = 4 + int.from_bytes(pending[:4]) if len(pending) >= 4 else 4
            if len(pending) < size:
                return
            self._pending[end] = pending[size:]
            self._pass_on(role, pending[:size])

    def _pass_on(self, role, frame):
        if role == "answer" and not self.bundle:
            self.bundle = frame
            return
        other = self._ends["call" if role == "answer" else "answer"]
        if other:
            other.sendall(frame)


# -- All of it.


class World:
    """One set of hosts. `name` keeps it apart from others that live at the same time.

    `delay`: seconds that a packet takes between Alice or Bob and the router, one way. By IPv4 alone.
    `certificate`: files of the relay's, and of its key; without them it speaks no TLS."""

    def __init__(self, name, with_relay, delay=0, certificate=()):
        self.name, self._certificate = name, certificate
        self.router = f"{name}-router"
        self._processes = []
        self._names, self._resolver = None, None
        self._delayed = ("alice", "bob") if delay else ()
        taps = self._link()
        if taps:
            self._processes.append(delay_lines.start(delay, taps))
        self.capture = Capture()
        for host in HOSTS:
            self.capture.watch(host, self.namespace(host))
        self.capture.start()
        self.signalling = Signalling(self.namespace("signalling"))
        if with_relay:
            self.start_relay()

    def namespace(self, host):
        return f"{self.name}-{host}"

    def _link(self):
        command("ip", "-batch", "-", text="".join(f"netns add {self.namespace(h)}\n" for h in (*HOSTS, "router")))

        def settle():
            # No address is probed for or asked for: that is up at once, and nobody else speaks.
            for path, value in (("ipv4/ip_forward", 1), ("ipv6/conf/all/forwarding", 1)):
                write_setting(path, value if settle.forward else 0)
            for kind in ("all", "default"):
                for setting in ("accept_dad", "accept_ra", "router_solicitations"):
                    write_setting(f"ipv6/conf/{kind}/{setting}", 0)
        for host in (*HOSTS, "router"):
            settle.forward = host == "router"
            inside(self.namespace(host), settle)
        taps = []
        for host in HOSTS:
            here, router = self.namespace(host), self.router
            if host in self._delayed:
                taps += [inside(here, lambda: delay_lines.open_tap("eth0")),
                         inside(router, lambda host=host: delay_lines.open_tap(host))]
            else:
                command("ip", "-n", here, "link", "add", "eth0", "type", "veth", "peer", "name", host, "netns", router)
            command("ip", "-n", here, "-batch", "-", text="\n".join((
                "link set lo up",
                f"addr add {address(host, 4)}/24 dev eth0", f"addr add {address(host, 6)}/64 dev eth0 nodad",
                "link set eth0 up")))
            command("ip", "-n", router, "-batch", "-", text="\n".join((
                f"addr add {router_address(host, 4)}/24 dev {host}",
                f"addr add {router_address(host, 6)}/64 dev {host} nodad", f"link set {host} up")))
            command("ip", "-n", here, "-batch", "-", text="\n".join((
                f"route add default via {router_address(host, 4)}",
                f"route add ::/0 via {router_address(host, 6)}")))
        return taps

    def start_relay(self):
        own = [word for family in (4, 6) for word in (
            f"--listening-ip={address('relay', family)}", f"--relay-ip={address('relay', family)}")]
        files = zip(("cert", "pkey"), self._certificate)
        tls = [f"--tls-listening-port={RELAY_TLS_PORT}", *(f"--{what}={file}" for what, file in files)]
        self.relay = relay = self.run("relay", "turnserver", "-n", *own, f"--listening-port={RELAY_PORT}",
                         *(tls if self._certificate else ["--no-tls"]), "--no-dtls", "--no-cli", "--lt-cred-mech", f"--user={RELAY_USER}:{RELAY_PASSWORD}", "--realm=sotto.test",
                         "--log-file=/dev/null", "--pidfile=/run/turn.pid", "--min-port=40000", "--max-port=40999")
        for _ in range(100):
            if self._relay_listens():
                return
            if relay.poll() is not None:
                break
            time.sleep(0.05)
        raise Failed("the relay does not start")

    def serve_names(self, folder, family):
        """At the relay, by that family alone; it has the relay's address of that family, and none of the other."""
        here = address("relay", family)
        self._resolver = os.path.join(folder, f"{self.name}.resolv.conf")
        with open(self._resolver, "w", encoding="ascii") as file:
            file.write(f"nameserver {here}\n")

        def listen():
            bound = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM)
            bound.bind((here, names.PORT))
            return bound
        self._names = names.NameServer(inside(self.namespace("relay"), listen), RELAY_NAME,
                                       {names.AAAA if family == 6 else names.A: here})

    def _relay_listens(self):
        def reach():
            try:
                for family in (4, 6):
                    socket.create_connection((address("relay", family), RELAY_PORT)).close()
            except OSError:
                return False
            return True
        return inside(self.namespace("relay"), reach)

    def add_link(self, host, interface, number, up=True):
        """One more, with an address of its own; whoever wants it needs routes."""
        here, there = self.namespace(host), f"{host}-{interface}"
        command("ip", "-n", here, "link", "add", interface, "type", "veth", "peer", "name", there, "netns", self.router)
        command("ip", "-n", here, "addr", "add", f"10.77.{number}.{number}/24", "dev", interface)
        command("ip", "-n", self.router, "addr", "add", f"10.77.{number}.1/24", "dev", there)
        command("ip", "-n", self.router, "link", "set", there, "up")
        if up:
            command("ip", "-n", here, "link", "set", interface, "up")

    def run(self, host, *words, **streams):
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | streams
        if self._resolver:  # `ip` has given it mounts of its own
            words = ["sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', self._resolver, *words]
        started = subprocess.Popen(["ip", "netns", "exec", self.namespace(host), *words], **streams)
        self._processes.append(started)
        return started

    def close(self):
        """Ends all; gives what the captures missed."""
        for process in self._processes:
            process.kill()
            process.wait()
        missed = self.capture.stop()
        self.signalling.stop()
        if self._names:
            self._names.stop()
        for host in (*HOSTS, "router"):
            command("ip", "netns", "del", self.namespace(host))
        return missed


def write_setting(path, value):
    with open(f"/proc/sys/net/{path}", "w") as file:
        file.write(str(value))

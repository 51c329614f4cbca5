"""`sotto broker` as whoever runs it meets it: a broker with TLS, whom it lets in, and what others may read of its folder.
usage: broker_test.py SOTTO; exits 77 where mosquitto is not installed."""
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile

sotto = sys.argv[1]
os.environ["PATH"] += ":/usr/sbin"
if not shutil.which("mosquitto"):
    print("skipped: mosquitto is not installed (./dev setup test)")
    sys.exit(77)

NOT_AUTHORISED = 0x87
failures = []


def check(holds, what):
    if not holds:
        failures.append(what)
        print("FAILED:", what)


def unusable(said, *arguments):
    """Exit code 2 and one line on standard error that says it."""
    try:
        ran = subprocess.run([sotto, "broker", *arguments], capture_output=True, text=True, timeout=20)
    except subprocess.TimeoutExpired:
        return check(False, f"sotto broker {arguments} begins")
    check(ran.returncode == 2, f"sotto broker {arguments}: exit code {ran.returncode}")
    check(said in ran.stderr and ran.stderr.count("\n") == 1, f"sotto broker {arguments}: {ran.stderr!r}")


def add(folder, name, *more):
    ran = subprocess.run([sotto, "broker", "add", name, "--dir", folder, *more], capture_output=True, text=True, timeout=60)
    check(ran.returncode == 0 and len(ran.stdout) == 33, f"{name} is not added: {ran.stdout!r} {ran.stderr!r}")
    return ran.stdout.strip()


def field(text):
    return struct.pack(">H", len(text)) + text.encode()


def log_in(port, authorities, name, password, host="broker.example"):
    """The broker's answer to an MQTT 5 CONNECT over TLS."""
    context = ssl.create_default_context(cafile=authorities)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as tcp:
        with context.wrap_socket(tcp, server_hostname=host) as tls:
            body = field("MQTT") + bytes([5, 0xC2, 0, 0, 0]) + field("test") + field(name) + field(password)
            tls.sendall(bytes([0x10, len(body)]) + body)
            answer = b""
            while len(answer) < 4:
                more = tls.recv(64)
                if not more:
                    return None
                answer += more
            return answer[3] if answer[0] == 0x20 else None


def until(stream, word):
    for line in stream:
        if word in line:
            return
    check(False, f"the broker does not say {word!r}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


with tempfile.TemporaryDirectory() as work:
    os.chmod(work, 0o711)  # mosquitto is another user if we are root
    folder = work + "/broker"
    unusable("--dir")
    unusable("no broker in", "add", "bob", "--dir", folder)
    unusable("--listen is ADDRESS[:PORT]", "--dir", folder, "--listen", "127.0.0.1:0")
    open(work + "/file", "w").close()
    unusable("cannot use", "--dir", work + "/file/broker")

    os.makedirs(folder + "/conf.d")
    with open(folder + "/conf.d/log.conf", "w") as conf:
        conf.write("log_type information\nlog_type notice\n")
    port = free_port()
    broker = subprocess.Popen([sotto, "broker", "--dir", folder, "--listen", f"127.0.0.1:{port}", "--host", "broker.example"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        check("ca.pem" in broker.stdout.readline(), "the broker does not say by what people trust it")
        until(broker.stderr, " running")
        password = add(folder, "bob")
        until(broker.stderr, "Reloading config")
        ca = folder + "/ca.pem"
        check(log_in(port, ca, "bob", password) == 0, "bob is not let in by his password")
        check(log_in(port, ca, "bob", password[::-1]) == NOT_AUTHORISED, "bob is let in by another password")
        check(log_in(port, ca, "alice", password) == NOT_AUTHORISED, "somebody unknown is let in")
        unusable("has a password already", "add", "bob", "--dir", folder)
        unusable("a name is", "add", "bob/alice", "--dir", folder)
        unusable("a name is", "add", "bob:x", "--dir", folder)
        alices = add(folder, "alice")
        until(broker.stderr, "Reloading config")
        anew = add(folder, "bob", "--anew")
        until(broker.stderr, "Reloading config")
        check(log_in(port, ca, "bob", anew) == 0 and log_in(port, ca, "alice", alices) == 0, "who was added is not let in")
        check(log_in(port, ca, "bob", password) == NOT_AUTHORISED, "a former password is good still")
        for name in os.listdir(folder):
            mode = os.stat(os.path.join(folder, name)).st_mode & 0o077
            check(mode == 0 or name.endswith(".pem"), f"others may use {name}: {mode:o}")
        check(os.stat(folder).st_mode & 0o077 == 0, "others may look into the folder")
        check(password not in open(folder + "/passwords").read(), "a password is kept in the clear")
    finally:
        broker.terminate()
        broker.wait(60)

    kept = {name: open(f"{folder}/{name}").read() for name in ("ca.pem", "broker.pem", "passwords")}
    for hosts, stays in (("broker.example", True), ("elsewhere.example", False)):
        broker = subprocess.Popen([sotto, "broker", "--dir", folder, "--listen", f"127.0.0.1:{port}", "--host", hosts],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        until(broker.stderr, " running")
        check(log_in(port, ca, "bob", anew, hosts) == 0, f"bob is not let in by {hosts} after a restart")
        broker.terminate()
        broker.wait(60)
        check(open(folder + "/ca.pem").read() == kept["ca.pem"], "another authority after a restart")
        check(open(folder + "/passwords").read() == kept["passwords"], "other passwords after a restart")
        check((open(folder + "/broker.pem").read() == kept["broker.pem"]) == stays, f"the certificate, once it is for {hosts}")

    broker = subprocess.Popen([sotto, "broker", "--dir", folder, "--listen", f"127.0.0.1:{port}", "--host", "127.0.0.1"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until(broker.stderr, " running")
    state, secret = work + "/state", work + "/secret"
    register = [sotto, "register", "bob", "--broker", f"mqtts://127.0.0.1:{port}", "--broker-ca", ca,
                "--broker-password-file", secret, "--state", state]
    for said, code in ((anew[::-1], 2), (anew, 0), (anew[::-1], 2)):
        open(secret, "w").write(said + "\n")
        done = subprocess.run(register, capture_output=True, text=True, timeout=60)
        check(done.returncode == code, f"register: {done.returncode}: {done.stderr}")
        if not os.path.exists(state + "/account.db"):
            check(said != anew and not os.path.exists(state), "an account whose password is refused leaves something")
            check("Nothing was kept" in done.stderr, f"it is not said that nothing was kept: {done.stderr}")
    check(os.path.exists(state + "/account.db"), "an account is lost by a wrong password later on")
    for name in os.listdir(state):
        check(os.stat(os.path.join(state, name)).st_mode & 0o077 == 0, f"others may read {name} of the state")
    broker.terminate()
    broker.wait(60)

    # What mosquitto becomes may have put links into its folder: root must not be led by them.
    aside = work + "/aside"
    os.makedirs(aside, mode=0o755)
    secret = aside + "/secret"

    def bait():
        with open(secret, "w") as file:
            file.write("root:a secret of others\n")
        os.chmod(secret, 0o644)
        return os.stat(secret)

    def linked(name, to):
        """The folder as it was, but for one link."""
        if os.path.isdir(f"{folder}/{name}"):
            shutil.move(f"{folder}/{name}", work + "/kept")
        elif os.path.exists(f"{folder}/{name}"):
            os.rename(f"{folder}/{name}", work + "/kept")
        os.symlink(to, f"{folder}/{name}")

    def back(name):
        if os.path.islink(f"{folder}/{name}"):
            os.unlink(f"{folder}/{name}")
        if os.path.exists(work + "/kept"):
            shutil.rmtree(f"{folder}/{name}", ignore_errors=True)
            os.rename(work + "/kept", f"{folder}/{name}")

    def untouched(before, what):
        now = os.stat(secret)
        same = (now.st_uid, now.st_gid, now.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
        check(same and "a secret of others" in open(secret).read(), f"{what} reaches a file elsewhere")

    def folder_of_others():
        now = os.stat(aside)
        return now.st_uid, now.st_gid, now.st_mode

    was = folder_of_others()
    linked("conf.d", aside)
    unusable("not a folder of ours", "--dir", folder, "--listen", f"127.0.0.1:{port}")
    check(folder_of_others() == was, "a link in place of conf.d reaches a folder elsewhere")
    back("conf.d")

    before = bait()
    linked("passwords", secret)
    add(folder, "carol")
    check("a secret of others" not in open(folder + "/passwords").read(), "what a link names is shown to mosquitto")
    untouched(before, "a link in place of passwords")
    back("passwords")

    for name in ("broker.key.new", "broker.pem.new", "password.new"):
        before = bait()
        linked(name, secret)
        broker = subprocess.Popen([sotto, "broker", "--dir", folder, "--listen", f"127.0.0.1:{port}", "--host", name],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        until(broker.stderr, " running")
        add(folder, "bob", "--anew")
        broker.terminate()
        broker.wait(60)
        untouched(before, f"a link in place of {name}")
        back(name)

    # A certificate that is not ours to make: its key is a link.
    before = bait()
    os.rename(folder + "/ca.key", work + "/ca.key")
    linked("broker.key", secret)
    subprocess.run([sotto, "broker", "--dir", folder, "--listen", f"127.0.0.1:{port}"], capture_output=True, timeout=60)
    untouched(before, "a link in place of broker.key")

if not failures:
    print("the broker lets in whom it should")
sys.exit(1 if failures else 0)

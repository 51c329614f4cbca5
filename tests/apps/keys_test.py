"""What a user does while a call runs: keys at a terminal on one side, lines of JSON on the other.

usage: keys_test.py SOTTO
"""
import fcntl
import json
import os
import pty
import select
import subprocess
import sys
import tempfile
import termios
import time

PATIENCE = 60  # seconds, for machines with much else to do


class Side:
    """One program, and what it said so far."""

    def __init__(self, arguments, **channels):
        self.text = ""
        self.program = subprocess.Popen(arguments, **channels)

    def wait_for(self, source, wanted, what):
        """The first line from `source` on for which `wanted` is true; what was read before is done with."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            *lines, rest = self.text.replace("\r", "\n").split("\n")
            for at, line in enumerate(lines):
                if wanted(line):
                    self.text = "\n".join(lines[at + 1:] + [rest])
                    return line
            self.text = rest
            if select.select([source], [], [], 1)[0]:
                self.text += os.read(source, 65536).decode(errors="replace")
        sys.exit(f"FAILED: {what} did not come")


def has(**fields):
    def matches(line):
        try:
            event = json.loads(line)
        except ValueError:
            return False
        return all(event.get(name) == value for name, value in fields.items())
    return matches


def main(sotto):
    folder = tempfile.TemporaryDirectory()
    common = ["--direct", "--bind", "127.0.0.1", "--sound-only", "--size", "160x96", "--fps", "10", "--signal",
              f"unix:{folder.name}/call"]
    callee = Side([sotto, "answer", *common, "--yes", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    ours, terminal = pty.openpty()
    before = termios.tcgetattr(terminal)
    caller = Side([sotto, "call", *common], stdin=terminal, stderr=terminal, start_new_session=True,
                  preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    heard = callee.program.stdout.fileno()

    def type_key(key):
        os.write(ours, key)

    def order(line):
        callee.program.stdin.write((line + "\n").encode())
        callee.program.stdin.flush()

    def callee_says(wanted, **fields):
        return json.loads(callee.wait_for(heard, has(**fields), wanted))

    def caller_shows(what):
        return caller.wait_for(ours, lambda line: what in line, f"'{what}' at the terminal")

    callee_says("the call", event="live")
    type_key(b"m")
    callee_says("news that the caller is muted", event="peer_media", muted=True, camera_off=False, held=False)
    caller_shows("[muted]")
    type_key(b"?x")  # keys that mean nothing
    type_key(b"h")
    callee_says("news that it is on hold", event="peer_media", muted=True, held=True)
    type_key(b"hm")
    callee_says("news that nothing is held back", event="peer_media", muted=False, held=False)

    order('{"do":"mute","on":true}')
    order('{"do":"mute","on":true}')  # as it is: no news
    caller_shows("[there: muted]")
    for bad in ("mute", '{"do":"dance"}', '{"do":7}', "[]", '{"do":"mute","on":1}', '{"do":"no","on":true}', "x" * 2000):
        order(bad)
        callee_says(f"a refusal of {bad[:30]}", event="refused", what="line")
    order('{"do":"yes"}')  # to no question
    callee_says("a refusal", event="refused", why="wrong_state")

    type_key(b"p")
    callee_says("the question", event="pictures_asked", by="peer")
    order('{"do":"no"}')
    caller_shows("wants no pictures")
    for key in b"p", b"p":  # again: one question at a time
        type_key(key)
    callee_says("the question", event="pictures_asked", by="peer")
    order('{"do":"yes"}')
    caller_shows("Pictures from now on")
    deadline = time.monotonic() + PATIENCE
    while callee_says("figures", event="live")["video_in_kbps"] == 0:
        assert time.monotonic() < deadline, "no pictures come"
    type_key(b"v")
    callee_says("news that the camera is off", event="peer_media", camera_off=True)
    while callee_says("figures", event="live")["video_in_kbps"] > 0:
        assert time.monotonic() < deadline, "pictures come from a camera that is off"

    type_key(b"q")
    ended = callee_says("the end", event="ended")
    assert ended["reason"] == "hung up", ended
    assert ended["stats"]["audio_received"]["blocks_played"] > 0
    for side in caller, callee:
        assert side.program.wait(PATIENCE) == 0, "a call that was hung up is exit code 0"
    assert termios.tcgetattr(terminal) == before, "the terminal is not as it was"
    print("keys and orders do what they say")


main(sys.argv[1])

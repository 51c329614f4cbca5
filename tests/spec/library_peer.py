"""peer_main.cpp, spoken to over its standard input and output."""
import os
import subprocess
import sys

from second_primitives import require

PEER = sys.argv[2:]  # runs it; nothing: there is none
KEY_LOG = os.environ.get("SOTTO_KEYLOGFILE")


class Library:
    """The library, spoken to through its peer program. As one end of a conversation it opens and seals."""

    def __init__(self, program, seed):
        self.process = subprocess.Popen(program + [str(seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.opens_with = "open"

    def begin(self):
        self.opens_with = "accept"

    def ask(self, command, *arguments):
        self.process.stdin.write(" ".join([command] + [a.hex() or "-" for a in arguments]) + "\n")
        self.process.stdin.flush()
        verdict, *words = self.process.stdout.readline().split() or ["ended"]
        assert verdict in ("ok", "error"), f"the peer program answered {verdict} to {command}"
        require(verdict == "ok", " ".join(words))
        return words

    def bytes_of(self, command, *arguments):
        return tuple(bytes.fromhex(word.replace("-", "")) for word in self.ask(command, *arguments))

    def seal(self, plaintext, fresh=False):
        """The message, its export secret, and whether it stepped."""
        message, export, stepped = self.bytes_of("seal", plaintext, bytes([fresh]))
        return message, export, stepped == b"\1"

    def open(self, message):
        opened = self.bytes_of(self.opens_with, message)
        self.opens_with = "open"  # once begun
        return opened

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0, "the peer program failed"

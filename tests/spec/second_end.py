"""Our end of calls between the second implementation and the library."""
import random
import sys

from library_peer import KEY_LOG, PEER, Library
from second_self_test import *

OUR_MEDIA = (0x01020304, 0xF5F6F7F8, 0x80000000)


class OurEnd:
    """Our end of calls with the library's account, signal by signal."""

    def __init__(self, test):
        self.test, self.rng = test, random.Random(7)
        self.identity = Identity(self.rng.randbytes(32))
        self.ours = Device(self.identity, self.rng.randbytes(32))
        self.library = test.enterContext(Library(PEER, 7))
        self.theirs, self.bundle = self.library.bytes_of("account")
        self.prekeys = Prekeys(self.ours, self.rng.randbytes, 3, 3)
        self.sessions = Sessions(self.ours, self.prekeys, self.rng.randbytes)

    def begin(self, we_call, call_id):
        """Media keys on our side and the nonces of the short string, once both secrets are there."""
        self.we_call, self.call_id = we_call, call_id
        parties = (self.ours.identity, self.theirs) if we_call else (self.theirs, self.ours.identity)
        self.binding = call_binding(call_id, *parties)

    def agreed(self, offer, answer, a, b):
        self.secret = call_secret(offer, answer, self.binding)
        self.keys, self.a, self.b = MediaKeys(self.we_call, self.secret, self.binding), a, b

    def send(self, kind, body):
        """Our signal's export secret, and what the library makes of it."""
        message, export, _ = self.sessions.seal(write_signal(kind, self.call_id, body),
                                                fresh=kind in (OFFER, ANSWER, REKEY, REKEYED))
        return export, self.outputs(self.library.ask("receive", message))

    def outputs(self, words):
        """What the library gives out: opened signals by kind with body and export secret, all else by name."""
        found = {}
        for word in words:
            name, value = word.split(":")
            value = bytes.fromhex(value)
            if name == "signal":
                plaintext, export = self.sessions.open(value)
                kind, call_id, body = parse_signal(plaintext)
                if kind == OFFER:
                    self.begin(False, call_id)
                self.test.assertEqual(call_id, self.call_id)
                found[kind] = (body, export)
            else:
                found[name] = value.hex() if name == "capability" else value.decode()
        return found

    def check_short_string(self, got):
        words = [SYMBOLS[n] for n in short_string(self.secret, self.a, self.b, self.binding)]
        self.test.assertEqual(got["short_auth"], " ".join(words))

    def check_number(self, got):
        self.test.assertEqual(got["activated"], safety_number(self.ours.identity, self.theirs))

    def check_log(self, media, generation, directions=(TO_CALLEE, TO_CALLER)):
        """The library logged the generation's first keys, and of this call nothing that we would not derive."""
        if not KEY_LOG:
            return print("no key log: keys not compared", file=sys.stderr)
        with open(KEY_LOG) as log:
            theirs = {line for line in log.read().splitlines() if self.call_id.hex() in line}
        ours = {(g, d, e): {key_log_line(self.call_id, g, e, media[d][medium],
                                         srtp_key(secret, g, d, e, medium, self.binding)) for medium in STREAMS}
                for g, secret in self.keys.secrets.items() for d in (TO_CALLEE, TO_CALLER) for e in range(3)}
        for direction in directions:
            self.test.assertLessEqual(ours[generation, direction, 0], theirs)
        self.test.assertLessEqual({line for line in theirs if int(line.split()[2]) >> 16 in self.keys.secrets},
                                  set().union(*ours.values()))

"""What is asked of the captures of one call, and the controls that show that each question can fail."""
import dataclasses
import os

import checks
from packets import AUDIO, VIDEO
from unseal import read_key_log, unseal
from routes import NAMED, RELAY_NAME, address

QUICK = "the relay adds no more than 1 ms, in the middle of all"


@dataclasses.dataclass
class Seen:
    """One call's captures."""
    family: int
    alice: list
    bob: list
    others: list  # at the relay and the signalling host

    @property
    def relay(self):
        return address("relay", self.family)


def absent(packets, host, seen, own_exchange=False):
    """Neither of its addresses, whichever the call takes."""
    return [breach for family in (4, 6) for breach in checks.addresses_absent(
        packets, address(host, family), seen.relay, own_exchange)]


def address_checks(seen, between=("relay", "signalling")):
    """By name, so that a direct call can show that each notices one."""
    allowed = [address(host, seen.family) for host in between]
    return {
        "Bob's address never occurs at Alice's interface": absent(seen.alice, "bob", seen),
        "Alice's address never occurs at Bob's interface": absent(seen.bob, "alice", seen),
        f"Alice speaks to {' and '.join(between)} alone": checks.speaks_only_to(
            seen.alice, address("alice", seen.family), allowed),
        f"Bob speaks to {' and '.join(between)} alone": checks.speaks_only_to(
            seen.bob, address("bob", seen.family), allowed),
    }


def name_checks(mode, seen, since=None):
    """Bob asks for the relay's name after `since` at the earliest, and then does; None: never."""
    if mode not in NAMED:
        return {}
    return {
        "Bob asks no name server before he accepts, and one then" if since else "Bob asks no name server":
            checks.looked_up_from(seen.bob, since),
        "Alice asks a name server for the relay's addresses, and nothing else":
            checks.asks_nothing_but(seen.alice, seen.relay, RELAY_NAME),
    }


def payload_checks(seen):
    everything = seen.alice + seen.bob + seen.others
    return {f"no payload anywhere has {host}'s address in the clear":
            absent(everything, host, seen, own_exchange=True)
            for host in ("alice", "bob")}


def named(call, proofs):
    return [(f"{call}: {name}", breaches) for name, breaches in proofs.items()]


def quick(mode, alices, bobs):
    """Of TCP there is no time for each packet."""
    return {} if NAMED.get(mode, mode) != "relay" else {
        QUICK: checks.quickly_through(alices, bobs, 0.001)}


def leaving(packets):
    return [p for p in packets if not all(a.startswith("127.") or a == "::1" for a in (p.source, p.target))]


def leaving_the_device(seen):
    """libnice speaks plain TCP to our tunnel, on loopback."""
    return dataclasses.replace(seen, alice=leaving(seen.alice), bob=leaving(seen.bob), others=leaving(seen.others))


def controls(bench, srtp, pictures, seen, known, marks):
    """The same call as it were without encryption: every check of ciphertext has to notice."""
    plain = {"pictures": pictures, "sound": bench.known["alice"].opus, "samples": [bench.known["alice"].pcm[:960]]}
    proofs = {}
    for name, payloads in plain.items():
        clear = [dataclasses.replace(seen.alice[0], protocol=17, payload=b"\x80\x60" + bytes(10) + payload)
                 for payload in payloads]
        noticed = checks.known_absent(seen.alice + clear[:1], known, marks)
        proofs[f"the search notices {name} in the clear"] = [] if noticed else ["it does not"]
    unsealed = [dataclasses.replace(packet, protected=payload) for packet, payload in
                zip(srtp, pictures * 9 + bench.known["alice"].opus * 9)]
    for name, check in (("uniformity", checks.uniform), ("repetition", checks.never_repeats)):
        proofs[f"the check of {name} notices a call without encryption"] = [] if check(unsealed) else ["it does not"]
    return proofs


def right_bytes(bench, srtp, alice, known, marks):
    """The same captures, opened: what was searched for is in them. Builds without the key log can't show it."""
    if not os.path.exists(alice.keys):
        return {}
    keys = read_key_log(alice.keys)
    opened = {kind: [unseal(p, keys) for p in srtp if p.outgoing and p.payload_type == kind] for kind in (AUDIO, VIDEO)}
    sound = set(bench.known["alice"].opus) & set(opened[AUDIO])
    pictures = [p for p in opened[VIDEO] if any(p[at:at + checks.NEEDLE] in known for at in range(len(p)))]
    return {"what is searched for is what was sent": [
        *([f"only {len(sound)} known packets of sound"] if len(sound) < 100 else []),
        *([f"only {len(pictures)} packets with known pictures"] if len(pictures) < len(opened[VIDEO]) / 2 else []),
        *([] if any(marks[0] in p for p in opened[VIDEO]) else ["no key frame"])]}

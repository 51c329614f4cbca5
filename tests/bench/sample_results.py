"""Results as sotto-bench writes them, of runs that never were; seeded. As a program: sample_results.py SEED > FILE."""
import json
import math
import random
import sys

STAGES = {  # median in us, spread
    "scaled": (90, .1), "encoded": (2100, .12), "packetised": (1.2, .2), "protected": (4.1, .2), "paced": (6000, .5),
    "sent": (8, .3), "received": (20400, .02), "unprotected": (4.4, .2), "assembled": (2.1, .2), "dequeued": (310, .6),
    "decoded": (720, .15), "shown": (3, .4)}


def percentiles(values):
    values = sorted(values)
    at = lambda share: values[round(share * (len(values) - 1))]
    return {"p50": at(.5), "p90": at(.9), "p95": at(.95), "p99": at(.99), "p99_9": at(.999), "max": values[-1]}


def run(rng, name, slower=1.0, frames=1800, stages=STAGES):
    rows = []
    for i in range(frames):
        burst = 1 + 2.5 * math.exp(-((i % 450) - 300) ** 2 / 400)
        parts = []
        for stage, (median, spread) in stages.items():
            value = median * math.exp(rng.gauss(0, spread))
            if stage in ("encoded", "protected"):
                value *= slower
            if stage == "paced":
                value *= burst
            if rng.random() < .004:
                value *= 3
            parts.append(round(value, 2))
        rows.append([round(i / 30, 4), round(sum(parts), 2), *parts])
    columns = list(zip(*rows))
    return {"name": name, "medium": "video", "size": "640x360", "fps": 30, "path": "link", "link": "delay_ms=20",
            "frames": frames, "dropped": 2, "cpu_us_per_frame": 2931 * slower, "peak_rss_kib": 31872,
            "allocations_per_frame": 0, "own_us": percentiles([sum(row[i] for i in (4, 5, 9, 10)) for row in rows]),
            "total_us": percentiles(columns[1]),
            "stages": [{"name": stage, "us": percentiles(columns[2 + i])} for i, stage in enumerate(stages)],
            "samples": rows}


def envelope(program, revision):
    return {"schema": 2, "program": program, "date": "2026-11-30T04:00:00Z",
            "machine": {"cpu": "A processor of tests", "cores": 2, "system": "Linux 6.1 x86_64", "governor": "performance",
                        "cpu_flags": "aes avx avx2 avx512f pclmulqdq sha_ni vaes vpclmulqdq " * 4},
            "build": {"version": "0.1.0", "type": "Release", "compiler": "GCC 12.2.0", "git_revision": revision},
            "libraries": {"libsodium": "1.0.22", "libsrtp2": "libsrtp2 2.5.0", "opus": "libopus 1.5.2", "vpx": "v1.12.0"}}


def latency(seed, slower=1.0, names=("video 640x360 30fps process", "video 640x360 30fps link", "audio 10ms process")):
    rng = random.Random(seed)
    return envelope("sotto-bench latency", f"{seed:07x}") | {"runs": [run(rng, name, slower) for name in names]}


def suite(seed, slower=1.0):
    rng = random.Random(seed)
    figures = []

    def figure(subject, name, unit, median, at_most=None, rounds=300):
        values = [median * math.exp(rng.gauss(0, .05)) for _ in range(rounds)] if rounds > 1 else [median]
        ordered = sorted(values)
        middle = ordered[round(.5 * (rounds - 1))]
        figures.append({"subject": subject, "name": name, "unit": unit, "median": middle,
                        "p10": ordered[round(.1 * (rounds - 1))], "p90": ordered[round(.9 * (rounds - 1))],
                        "samples": rounds, "at_most": at_most, "met": None if at_most is None else middle <= at_most})
        if rounds > 1:
            figures[-1]["rounds"] = values

    figure("srtp path", "all that is not codec, both sides", "us", 7.1 * slower, 25)
    figure("srtp path", "baseline: srtp_protect and srtp_unprotect", "us", 6.1)
    figure("srtp path", "all that is not codec, both sides / baseline", "ratio", 1.17 * slower, 1.25)
    figure("codec", "VP8 encoding, 640x360 at 800 kbit/s, a frame", "us", 1969)
    figure("codec", "baseline: libvpx", "us", 1974)
    figure("codec", "VP8 encoding, 640x360 at 800 kbit/s, a frame / baseline", "ratio", 1.0, 1.02)
    figure("codec", "VP8 decoding, 640x360 at 800 kbit/s, a frame / baseline", "ratio", 1.06, 1.02)
    figure("memory", "one call's own memory, by its own count", "KiB", 498, 512, 1)
    return envelope("sotto-bench", f"{seed:07x}") | {
        "quick": False, "seconds": 20, "figures": figures,
        "notes": [{"subject": "srtp path", "text": "a 640x360 frame of 3305 bytes in 3.02 packets, at 30 frames/s"},
                  {"subject": "peers", "text": "libolm: not installed"}]}


if __name__ == "__main__":
    json.dump(latency(int(sys.argv[1])), sys.stdout)

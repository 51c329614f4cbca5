#!/usr/bin/env python3
"""Checks what `./dev demo --json` prints last: its form, and that people could have talked.

usage: ./dev demo --json | demo_report.py     (passes its input on)
"""
import json
import os
import sys

last = ""
for line in sys.stdin:
    sys.stdout.write(line)
    last = line
report = json.loads(last)


def require(holds, what):
    if not holds:
        sys.exit(f"demo: {what}: {last}")


require(report["safety_number_match"] is True, "the safety numbers differ")
require(report["short_auth_match"] is True and len(report["short_auth"]) == 4, "the short authentication strings differ")
video, audio = report["video"], report["audio"]
require(video["frames_sent"] > 0 and video["frames_shown"] >= 0.8 * video["frames_sent"], "too few pictures were shown")
require(video["psnr_db"] > 30, "the pictures are not those that were sent")
require(audio["blocks_played"] >= 0.9 * audio["blocks_sent"] > 0, "too little sound was played")
require(audio["concealed_pct"] < 10, "much of the sound was concealed")
require(audio["similarity"] > 0.8, "the sound is not what was sent")
for medium in ("video", "audio"):
    for step in ("encode", "protect", "network", "unprotect", "queue", "decode", "total"):
        stage = report["latency_us"][f"{medium} {step}"]
        require(stage["p50"] <= stage["p95"] <= stage["p99"], f"{medium} {step} has no percentiles")
require(os.path.getsize(report["recording"]) > 10000, "there is no recording")

#!/usr/bin/env python3
"""Real calls between network namespaces, and what captures of all their packets prove. docs/threat-model.md says what.

usage: capture_test.py SOTTO OPUS_PAYLOADS [--keep FOLDER]
"""
import concurrent.futures
import os
import sys
import tempfile

import scenarios
from world import UNABLE, Failed, enter_namespaces, lacking


def prove(name, run):
    """What a scenario shows: (what it proves, breaches)."""
    try:
        return run()
    except Failed as failure:
        return [(name, [str(failure)])]


def main():
    sotto, opus_payloads = map(os.path.realpath, sys.argv[1:3])
    keep = sys.argv[4] if sys.argv[3:4] == ["--keep"] else None
    lacks = lacking()
    if lacks:
        print(f"skipped: this machine lacks {'; '.join(lacks)}")
        return UNABLE
    enter_namespaces()
    with tempfile.TemporaryDirectory(prefix="sotto-net.") as folder:
        bench = scenarios.Bench(sotto, opus_payloads, folder, keep)
        failed = 0
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            proofs = pool.map(lambda scenario: prove(*scenario), scenarios.all_of(bench))
            for name, breaches in (proof for scenario in proofs for proof in scenario):
                failed += bool(breaches)
                print(f"{'FAILED' if breaches else 'proved'}: {name}", flush=True)
                for breach in breaches[:5]:
                    print(f"    {breach}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""bench/gate without a program: what it reads from callgrind's output, and what it lets pass."""
import contextlib
import importlib.machinery
import importlib.util
import io
import os
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
LOADER = importlib.machinery.SourceFileLoader("gate", os.path.join(ROOT, "bench", "gate"))
gate = importlib.util.module_from_spec(importlib.util.spec_from_loader("gate", LOADER))
LOADER.exec_module(gate)

# Ours calls itself once and the library thrice; what a callee cost stands behind each call and is not counted again.
PROFILE = """version: 1
events: Ir
ob=(1) /build/ours
fl=(1) ???
fn=(1) sotto_counted
0 10
calls=1 0
* 500
cfn=(2) inner
calls=1 0
0 99
fn=(2)
0 7
cob=(2) /lib/libc.so.6
cfi=(3) ???
cfn=(3) memcpy
calls=3 0
+0 60
0 5
ob=(2)
fl=(3)
fn=(3)
0 60
cob=(1)
cfn=(2)
calls=4 0
0 20
ob=(1)
fn=(4) last
0 1
"""

BEFORE = {"protect": {"what": "", "instructions": 1000.0, "library_calls": 100.0}}
BUILT_BY = "x86_64 GNU 12.2.0 Release"


class Reading(unittest.TestCase):
    def test_own_instructions_and_calls_into_libraries_count_once_each(self):
        self.assertEqual(gate.read_callgrind(PROFILE.splitlines(True), "/build/ours"), gate.Count(23, 3))

    def test_another_program_has_none(self):
        self.assertEqual(gate.read_callgrind(PROFILE.splitlines(True), "/build/other").instructions, 0)


class Judging(unittest.TestCase):
    def judge(self, instructions, calls, before=BEFORE, update=False, name="protect"):
        """The exit code, what is printed, and the baseline afterwards."""
        baseline = {"schema": 1, "counts": {BUILT_BY: before} if before else {}}
        counts = {name: {"what": "", "instructions": instructions, "library_calls": calls}}
        gate.machine_of = lambda program: gate.X86_64
        gate.count = lambda program, machine: (BUILT_BY, counts)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = gate.judge("program", baseline, update)
        return code, said.getvalue(), baseline["counts"].get(BUILT_BY)

    def test_three_per_cent_more_passes_and_a_little_beyond_does_not(self):
        self.assertEqual(self.judge(1030.0, 100.0)[0], 0)
        code, said, _ = self.judge(1030.1, 100.0)
        self.assertEqual(code, 1)
        self.assertIn("GREW", said)
        self.assertIn("bench/gate --update", said)

    def test_more_calls_into_libraries_fail_alone(self):
        code, said, _ = self.judge(1000.0, 104.0)
        self.assertEqual(code, 1)
        self.assertIn("CALLS MORE", said)

    def test_less_passes_and_asks_for_an_update(self):
        for instructions, calls in ((969.0, 100.0), (1000.0, 96.0)):
            code, said, _ = self.judge(instructions, calls)
            self.assertEqual(code, 0)
            self.assertIn("bench/gate --update", said)
        self.assertNotIn("--update", self.judge(971.0, 98.0)[1])

    def test_a_path_without_a_count_fails_and_one_that_is_gone_is_named(self):
        code, said, _ = self.judge(1000.0, 100.0, name="another")
        self.assertEqual(code, 1)
        self.assertIn("NEW", said)
        self.assertIn("protect        is no more", said)

    def test_an_unknown_compiler_is_told_apart_from_growth(self):
        self.assertEqual(self.judge(1000.0, 100.0, before=None)[0], gate.UNABLE)

    def test_an_update_keeps_what_was_counted(self):
        code, _, after = self.judge(2000.0, 300.0, update=True)
        self.assertEqual(code, 0)
        self.assertEqual(after["protect"]["instructions"], 2000.0)


if __name__ == "__main__":
    unittest.main()

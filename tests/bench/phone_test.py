#!/usr/bin/env python3
"""bench/phone against a phone of files and a stub of adb. usage: phone_test.py SOTTO_BENCH [EMULATOR WORD...]"""
import json
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
PHONE = os.path.join(HERE, "..", "..", "bench", "phone")
PROGRAM, EMULATOR = None, ""

# Stand-ins for the phone's own commands. What runs pinned heats the big cores and spends its time at 1.2 GHz.
GETPROP = """#!/bin/sh
case $1 in ro.product.cpu.abi) echo "$FAKE_ABI" ;; ro.product.model) echo "Fake One" ;; *) echo "" ;; esac
"""
TASKSET = """#!/bin/sh
echo "pinned to $1" >>"$FAKE_PHONE/log"
shift
echo 55000 >"$FAKE_PHONE/sys/class/thermal/thermal_zone0/temp"
echo 1200000 >"$FAKE_PHONE/sys/devices/system/cpu/cpu1/cpufreq/scaling_max_freq"
for n in 0 1; do printf '600000 100\\n1200000 300\\n' >"$FAKE_PHONE/sys/devices/system/cpu/cpu$n/cpufreq/stats/time_in_state"; done
exec $FAKE_EMULATOR "$@"
"""
# The zone at the processor cools by two degrees whenever it was looked at.
CAT = """#!/bin/sh
/bin/cat "$@" || exit
case $1 in */thermal_zone0/temp) t=$(/bin/cat "$1"); [ "$t" -gt 30000 ] && echo $((t - 2000)) >"$1" ;; esac
exit 0
"""
DUMPSYS = """#!/bin/sh
[ "$1" = battery ] && printf '  USB powered: true\\n  level: 80\\n  temperature: 291\\n'
exit 0
"""


def write(path, text, executable=False):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    if executable:
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)


class PhoneTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.sys = os.path.join(self.folder, "sys")
        os.makedirs(os.path.join(self.folder, "data", "local", "tmp"))
        for name, text in (("getprop", GETPROP), ("taskset", TASKSET), ("cat", CAT), ("dumpsys", DUMPSYS)):
            write(os.path.join(self.folder, "bin", name), text, executable=True)
        self.zone(0, "cpu-big", "40000")
        self.zone(1, "battery", "29000")
        self.zone(2, "modem", "-273000")  # off
        for core, khz in ((0, 600000), (1, 2400000), (2, 2400000)):
            cpufreq = f"devices/system/cpu/cpu{core}/cpufreq"
            for name, value in (("cpuinfo_max_freq", khz), ("scaling_max_freq", khz), ("scaling_cur_freq", 600000),
                                ("scaling_governor", "walt"), ("stats/time_in_state", "600000 100\n1200000 0")):
                write(os.path.join(self.sys, cpufreq, name), f"{value}\n")

    def zone(self, number, kind, temperature):
        write(os.path.join(self.sys, f"class/thermal/thermal_zone{number}/type"), kind + "\n")
        write(os.path.join(self.sys, f"class/thermal/thermal_zone{number}/temp"), temperature + "\n")

    def run_phone(self, *words, program=None, arguments=("--quick", "--only", "gf256"), **environment):
        with open(PROGRAM, "rb") as file:
            machine, = struct.unpack("<H", file.read(20)[18:])
        env = {**os.environ, "ADB": os.path.join(HERE, "fake_adb.sh"), "FAKE_PHONE": self.folder,
               "FAKE_EMULATOR": EMULATOR, "FAKE_ABI": {183: "arm64-v8a", 62: "x86_64"}[machine], **environment}
        self.out = os.path.join(self.folder, "out")
        return subprocess.run([sys.executable, PHONE, "--binary", program or PROGRAM, "--out", self.out, "--poll", "0.01",
                               *words, "--", *arguments], env=env, capture_output=True, text=True)

    def log(self):
        with open(os.path.join(self.folder, "log")) as file:
            return file.read()

    def result(self, number):
        with open(os.path.join(self.out, f"run-{number}.json")) as file:
            return json.load(file)

    def test_repeats_run_pinned_to_the_fastest_cores_from_a_cool_phone_and_come_back_with_its_state(self):
        done = self.run_phone("--repeats", "2", "--cool", "41")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.log().count("pinned to 6\n"), 2)  # cores 1 and 2, not 0
        first, second = self.result(1), self.result(2)
        self.assertEqual(first["phone"]["model"], "Fake One")
        self.assertEqual(first["phone"]["cores"], [1, 2])
        self.assertTrue(second["phone"]["cool"])
        self.assertIn("waiting for 41.0 C", done.stderr)  # the first repeat had warmed it to 55
        self.assertLessEqual(second["phone"]["before"]["temperatures"]["cpu-big"], 41)
        self.assertGreater(first["phone"]["after"]["temperatures"]["cpu-big"], 50)
        self.assertNotIn("modem", first["phone"]["before"]["temperatures"])
        self.assertEqual(first["phone"]["mean_mhz"], 1200)  # what was spent during the run alone
        self.assertTrue(first["phone"]["limited"])
        self.assertEqual(first["phone"]["before"]["battery"]["temperature"], "291")
        self.assertTrue(first["figures"] and second["figures"])
        self.assertIn("gf256: a packet times a factor", done.stdout)
        self.assertEqual(os.listdir(os.path.join(self.folder, "data", "local", "tmp")), [])  # nothing stays

    def test_cores_can_be_chosen_and_must_be_there(self):
        self.assertEqual(self.run_phone("--repeats", "1", "--cores", "0,2").returncode, 0)
        self.assertIn("pinned to 5\n", self.log())
        done = self.run_phone("--cores", "7")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no core 7", done.stderr)

    def test_a_phone_that_stays_hot_is_run_all_the_same_and_the_file_says_so(self):
        self.zone(1, "soc-hot", "70000")
        self.assertEqual(self.run_phone("--repeats", "1", "--cool", "41", "--patience", "0").returncode, 0)
        self.assertFalse(self.result(1)["phone"]["cool"])

    def test_a_phone_without_readable_temperatures_runs_and_is_not_called_cool(self):
        shutil.rmtree(os.path.join(self.sys, "class"))
        done = self.run_phone("--repeats", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("no temperature can be read", done.stderr)
        self.assertFalse(self.result(1)["phone"]["cool"])

    def test_a_failing_program_ends_it_and_nothing_stays(self):
        done = self.run_phone(arguments=("--no-such-option",))
        self.assertEqual(done.returncode, 1)
        self.assertIn("repeat 1", done.stderr)
        self.assertEqual(os.listdir(os.path.join(self.folder, "data", "local", "tmp")), [])

    def test_what_is_missing_is_said_and_told_apart(self):
        for words, environment, said in (
                ({}, {"FAKE_STATE": "unauthorized"}, "unauthorized"),
                ({}, {"FAKE_ABI": "armeabi-v7a"}, "the phone for armeabi-v7a"),
                ({}, {"ADB": "", "PATH": "/nowhere"}, "adb is not there"),
                ({"program": __file__}, {}, "no 64-bit ELF"),
                ({"program": "/nowhere/sotto-bench"}, {}, "./dev arm64-static")):
            done = self.run_phone(**words, **environment)
            self.assertEqual(done.returncode, 77, done.stderr)
            self.assertIn(said, done.stderr)
        done = self.run_phone("--serial", "other")
        self.assertEqual(done.returncode, 77)


if __name__ == "__main__":
    PROGRAM, *emulator = sys.argv[1:]
    PROGRAM, EMULATOR = os.path.realpath(PROGRAM), " ".join(emulator)
    unittest.main(argv=sys.argv[:1])

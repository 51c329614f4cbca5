"""The pages that `sotto-bench html` and `compare --html` write, in headless Chromium: they show what they should, ask
for nothing, and run no script of a file's. Usage: page_test.py SOTTO_BENCH; exits 77 where Chromium is missing."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import chromium
import sample_results

BENCH = os.path.abspath(sys.argv.pop(1))
HOSTILE = "</script><script>window.ran=1</script><img src=x onerror=\"window.ran=1\"><!--<script>"


def hostile(value):
    """The same results, but every text that is no key says something nasty."""
    if isinstance(value, dict):
        return {key: one if key in ("program", "unit") else hostile(one) for key, one in value.items()} | {HOSTILE: HOSTILE}
    if isinstance(value, list):
        return [hostile(one) for one in value]
    return value + HOSTILE if isinstance(value, str) else value


class PageTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, results):
        path = self.folder / name
        path.write_text(json.dumps(results))
        return str(path)

    def run_bench(self, *arguments, expect=0):
        done = subprocess.run([BENCH, *arguments], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def html(self, results):
        out = str(self.folder / "page.html")
        self.run_bench("html", self.write("run.json", results), "-o", out)
        return out

    def compare(self, a, b, expect=0):
        out = str(self.folder / "page.html")
        self.run_bench("compare", self.write("a.json", a), self.write("b.json", b), "--html", out, expect=expect)
        return out

    def look(self, path, check, width=1100, dark=False):
        address = pathlib.Path(path).as_uri()
        PAGE.open(address, width, dark)
        self.assertEqual(PAGE.complaints(), [])
        self.assertEqual(PAGE.requests(), [address])
        self.assertIsNone(PAGE.value("window.ran ?? null"))
        check()

    def count(self, selector):
        return PAGE.value(f"document.querySelectorAll({json.dumps(selector)}).length")

    def text(self):
        return PAGE.value("document.body.innerText")

    def fits(self):
        self.assertLessEqual(PAGE.value("document.documentElement.scrollWidth"), PAGE.value("innerWidth"))

    def check_latency(self):
        self.assertEqual(self.count("[data-plot='stages a'] path[data-stage]"), len(sample_results.STAGES))
        self.assertEqual(self.count("[data-plot=distribution] path[data-side=a]"), 1)
        self.assertEqual(self.count("[data-plot='time series'] path[data-side=a]"), 1)
        self.assertEqual(self.count("option"), 3)
        self.assertGreater(self.count("td"), 6 * len(sample_results.STAGES))
        # No plot is drawn of what is not a number, nor beyond its own box.
        self.assertEqual(PAGE.value("[...document.querySelectorAll('svg *')].filter(node => [...node.attributes]"
                                    ".some(one => /NaN|Infinity|undefined/.test(one.value))).length"), 0)
        self.assertTrue(PAGE.value("[...document.querySelectorAll('.plot')].every(plot => {"
                                   "const box = plot.getBoundingClientRect();"
                                   "return [...plot.querySelectorAll('path, text')].every(one => {"
                                   "const own = one.getBoundingClientRect();"
                                   "return own.left >= box.left - 3 && own.right <= box.right + 3 &&"
                                   "own.top >= box.top - 3 && own.bottom <= box.bottom + 3; }) })"))
        self.fits()

    def test_a_run_is_shown_on_a_desk_and_on_a_phone_by_day_and_night(self):
        path = self.html(sample_results.latency(1))
        for width in (1100, 360):
            for dark in (False, True):
                with self.subTest(width=width, dark=dark):
                    self.look(path, self.check_latency, width, dark)

    def test_another_run_can_be_chosen_and_a_stage_left_out(self):
        results = sample_results.latency(1)
        del results["runs"][2]["samples"]
        self.look(self.html(results), self.check_latency)
        PAGE.value("document.querySelector('.chip').click()")
        self.assertEqual(self.count("path[data-stage]"), len(sample_results.STAGES) - 1)
        PAGE.value("{ const chooser = document.querySelector('select'); chooser.selectedIndex = 2;"
                   "chooser.dispatchEvent(new Event('change')) }")
        self.assertEqual(self.count(".plot"), 0)  # it has no samples, but percentiles
        self.assertGreater(self.count("td"), 6 * len(sample_results.STAGES))
        self.assertEqual(PAGE.complaints(), [])

    def test_figures_are_shown_with_their_goals(self):
        def check():
            results = sample_results.suite(1)
            self.assertEqual(self.count("[data-figure]"), len(results["figures"]))
            self.assertIn("4 of 5 goals met", self.text())
            self.assertIn("libolm: not installed", self.text())
            self.assertEqual(self.count("[data-figure] .worse"), 1)
            self.fits()
        self.look(self.html(sample_results.suite(1)), check)
        self.look(str(self.folder / "page.html"), check, width=360)

    def test_two_runs_are_compared(self):
        def check():
            self.check_latency()
            self.assertEqual(self.count("[data-plot='stages b'] path[data-stage]"), len(sample_results.STAGES))
            self.assertEqual(self.count("[data-plot=distribution] path[data-side=b]"), 1)
            self.assertGreaterEqual(self.count("[data-ratio=worse]"), 6)  # encoding and protecting
            self.assertEqual(self.count("[data-ratio=better]"), 0)
        path = self.compare(sample_results.latency(1), sample_results.latency(2, 1.3), expect=1)
        self.look(path, check)
        self.look(path, check, width=360, dark=True)

    def test_figures_are_compared(self):
        path = self.compare(sample_results.suite(1), sample_results.suite(2, 1.3), expect=1)
        self.look(path, lambda: self.assertEqual(self.count("[data-ratio=worse]"), 2))

    def test_equal_runs_are_not_worse(self):
        path = self.compare(sample_results.latency(1), sample_results.latency(1))
        self.look(path, lambda: self.assertEqual(self.count("[data-ratio=worse]"), 0))

    def test_what_a_file_says_is_text(self):
        def check():
            self.assertIn(HOSTILE, self.text())
            self.assertEqual(self.count("img"), 0)
            self.assertEqual(self.count("script"), 2)
            self.fits()
        for results in (sample_results.latency(1), sample_results.suite(1)):
            self.look(self.html(hostile(results)), check)
            self.look(self.compare(hostile(results), hostile(results)), check)
        self.look(str(self.folder / "page.html"), check, width=360)

    def test_the_checks_notice_what_they_are_for(self):
        path = self.folder / "bad.html"
        path.write_text("<img src='other.png'><script>window.ran=1;console.log(1)</script>")
        PAGE.open(path.as_uri())
        self.assertTrue(PAGE.complaints())
        self.assertEqual(len(PAGE.requests()), 2)
        self.assertEqual(PAGE.value("window.ran"), 1)

    def test_files_that_are_no_good_are_refused_with_a_sentence(self):
        good = self.write("good.json", sample_results.suite(1))
        for text, said in (("", "not JSON"), ("[" * 200000, "too deep"), ('{"schema": 1, "figures": []}', "another version"),
                           ('{"schema": 2, "runs": [{"name": "\\u001b[2J"}]}', "runs[0].stages: is missing")):
            path = self.folder / "bad.json"
            path.write_text(text)
            for arguments in (("html", str(path)), ("compare", str(path), good), ("compare", good, str(path))):
                output = self.run_bench(*arguments, expect=2)
                self.assertIn(said, output)
                self.assertNotIn("\x1b", output)
        self.assertIn("cannot be read", self.run_bench("html", str(self.folder / "missing.json"), expect=2))
        self.assertIn("in common", self.run_bench("compare", good, self.write("run.json", sample_results.latency(1)), expect=2))


if __name__ == "__main__":
    program = chromium.find_chromium()
    if program is None:
        print("skipped: Chromium is not installed")
        sys.exit(77)
    with chromium.Page(program, seconds=240) as PAGE:
        unittest.main()

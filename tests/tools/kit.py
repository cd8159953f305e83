"""What the tests of the command share: running it, and comparing what stores hold.

A test program is called as `test_X.py COMMAND SOURCE_DIR [unittest arguments]`.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

COMMAND = pathlib.Path(sys.argv.pop(1)).resolve()
SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()

CATALOG = """
// The catalog of the tests.
{"catalog": "test",
 "context": {"country": "string", "channel": "string"},
 "attributes": {
   "language": {"type": "string", "one_of": ["en", "de", "fr"], "threshold": 0.75, "default": "en"},
   "age": {"type": "int", "min": 0, "max": 150}},
 "events": {"visit": {"language": "string"}, "purchase": {"total": "int"}},
 "signals": [{"on": "visit", "about": "language", "value": "event.language", "weight": 1}],
 "segments": {"regular": "count('purchase') >= 2 || sum('purchase', 'total') >= 100"},
 "decisions": {"greeting": {"type": "string", "default": "Hello", "rules": [
   {"id": "german", "when": "profile.language == 'de'", "value": "Guten Tag"}]}},
 "tests": [{"name": "a choice", "customer": [["choose", "language", "de"]], "decide": {"greeting": "Guten Tag"}}]}
"""
NOW = "2026-01-02T00:00:00Z"
TIME = "2026-01-01T00:00:00Z"


class Result:
    def __init__(self, run):
        self.code, self.out, self.err = run.returncode, run.stdout.decode(), run.stderr.decode()

    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


def event(number, **members):
    return {"kind": "visit", "source": "test", "id": str(number), "time": TIME, "customer": "1",
            "language": "de", **members}


def jsonl(events):
    return b"".join(json.dumps(e).encode() + b"\n" for e in events)


class CommandTest(unittest.TestCase):
    """Each test has a folder of its own with a catalog, and a store that is not made yet."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="personalize-test."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.catalog = self.folder / "shop.json"
        self.catalog.write_text(CATALOG, encoding="utf-8")
        self.store = self.folder / "store"

    def run_command(self, *words, stdin=b"", **options):
        return Result(subprocess.run([str(COMMAND), *map(str, words)], input=stdin, timeout=300,
                                     cwd=self.folder, capture_output=True, **options))

    def on_store(self, action, *words, store=None, catalog=None, now=True, **options):
        clock = ["--now", NOW] if now else []
        return self.run_command(*action.split(), "-c", catalog or self.catalog, "-s",
                                f"lmdb:{store or self.store}", *clock, *words, **options)

    def observe(self, events, *words, **options):
        return self.on_store("observe", "-", *words, stdin=jsonl(events), **options)

    def export(self, store=None):
        """Everything in a store, by customer, without the ids that chance made."""
        run = self.on_store("profile export", "--all", store=store, now=False)
        self.assertEqual(run.code, 0, run.err)
        return plain_profiles(run.out)

    def expect(self, run, code, *fragments):
        """The exit code, and one line of error that holds each fragment."""
        self.assertEqual(run.code, code, run.err + run.out)
        for fragment in fragments:
            self.assertIn(fragment, run.err)
        if code in (1, 2, 5):
            self.assertTrue(run.err.startswith(("personalize: ", "usage: ")), run.err)
        self.assertNotIn("\x1b", run.err)


def plain_profiles(text):
    found = {}
    for line in text.splitlines():
        profile = json.loads(line)
        names = [claim["part"] for claim in profile["claims"] if claim["slot"] == "identifier"]
        profile["subject"].pop("id")
        for part in ("claims", "evidence", "counters", "events", "writers"):
            for entry in profile[part]:
                entry.pop("writer", None)
        found[tuple(names)] = profile
    return found


def event_count(profiles):
    return sum(writer["events"] for profile in profiles.values() for writer in profile["writers"])


def main():
    if not os.access(COMMAND, os.X_OK):
        sys.exit(f"{COMMAND} is not there")
    unittest.main()

"""kill -9 during `observe --ack`, at random moments.

After each kill the store opens, and holds exactly the first k lines of the input, where k is at least
the number of the last line that was acknowledged: it is compared, customer by customer, with a fresh
store that was given those k lines. Then the whole input is given again, and nothing is lost or
counted twice. The quick run kills 8 times; PZ_FULL=1 kills 50 times. PZ_SEED repeats a run.
"""
import os
import random
import shutil
import subprocess
import time
import unittest

import kit

LINES = 6000
BATCH = 20


class Kill(kit.CommandTest):
    def setUp(self):
        super().setUp()
        shape = random.Random(4711)
        self.events = [kit.event(n, customer=str(shape.randrange(60)), kind=shape.choice(["visit", "purchase"]),
                                 language=shape.choice(["en", "de", "fr"]), total=shape.randrange(100),
                                 time="2026-01-01T%02d:%02d:%02dZ" % (n // 3600, n // 60 % 60, n % 60))
                       for n in range(LINES)]
        self.input = self.folder / "events.jsonl"
        self.input.write_bytes(kit.jsonl(self.events))
        self.words = [str(kit.COMMAND), "observe", "-c", str(self.catalog), "--replay", "--ack", "--batch",
                      str(BATCH), str(self.input)]

    def run_until(self, store, moment):
        """The last line acknowledged, and whether the run was killed before its end."""
        acknowledged = self.folder / "acknowledged"
        with open(acknowledged, "wb") as out:
            run = subprocess.Popen([*self.words, "-s", f"lmdb:{store}"], stdout=out, cwd=self.folder)
            try:
                run.wait(moment)
            except subprocess.TimeoutExpired:
                run.kill()
            killed = run.wait() != 0
        whole = acknowledged.read_bytes().rpartition(b"\n")[0].split()
        return int(whole[-1]) if whole else 0, killed

    def first_lines(self, count):
        store = self.folder / "fresh"
        shutil.rmtree(store, ignore_errors=True)
        self.expect(self.observe(self.events[:count], "--replay", "--lazy", store=store, now=False), 0)
        return self.export(store)

    def test_a_killed_import_holds_the_first_lines_and_all_that_were_acknowledged(self):
        seed = int(os.environ.get("PZ_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
        moments = random.Random(seed)
        count = 50 if os.environ.get("PZ_FULL") == "1" else 8
        print(f"PZ_SEED={seed}, {count} kills", flush=True)
        started = time.monotonic()
        last, killed = self.run_until(self.folder / "whole", 600)
        self.assertEqual((last, killed), (LINES, False))
        duration = time.monotonic() - started
        everything = self.export(self.folder / "whole")
        kills = tries = 0
        while kills < count:
            tries += 1
            self.assertLess(tries, 4 * count, "the runs end before they can be killed")
            store = self.folder / "killed"
            shutil.rmtree(store, ignore_errors=True)
            started = time.monotonic()
            last, killed = self.run_until(store, moments.uniform(0, duration))
            if not killed:  # the first run met a busier machine
                duration = min(duration, time.monotonic() - started)
                continue
            kills += 1
            if not (store / "data.mdb").exists():
                self.assertEqual(last, 0)
                continue
            held = self.held(store, last)
            print(f"  kill {kills}: acknowledged {last}, held {held}", flush=True)
            last, killed = self.run_until(store, 600)
            self.assertEqual((last, killed), (LINES, False))
            self.assertEqual(self.export(store), everything)

    def held(self, store, acknowledged):
        run = self.on_store("profile export", "--all", store=store, now=False)
        if run.code == 2 and acknowledged == 0:
            return 0  # killed before the store was made
        self.expect(run, 0)
        profiles = kit.plain_profiles(run.out)
        count = kit.event_count(profiles)
        self.assertGreaterEqual(count, acknowledged)
        self.assertTrue(count % BATCH == 0 or count == LINES, "a part of a batch was applied")
        self.assertEqual(profiles, self.first_lines(count))
        return count


if __name__ == "__main__":
    kit.main()

"""The retail demo: it runs, and what it prints agrees with what the command wrote."""
import gzip
import json
import os
import pathlib
import subprocess
import sys
import unittest

import kit

RETAIL = kit.SOURCE / "examples/retail"
SHARED = pathlib.Path(os.environ.get("PZ_SHARED_DIR", kit.SOURCE / "../shared")) / "data/online-retail"


class Demo(kit.CommandTest):
    def test_the_catalog_is_right_and_carries_tests(self):
        run = self.run_command("check", RETAIL / "shop.json")
        self.assertEqual((run.code, run.err), (0, ""))
        passed = int(run.out.split("tests: ")[1].split()[0])
        self.assertGreaterEqual(passed, 12)

    def test_the_data_is_small_and_says_that_choices_are_invented(self):
        self.assertLess(sum(path.stat().st_size for path in (RETAIL / "data").iterdir()), 1_900_000)
        choices = [json.loads(line) for line in (RETAIL / "choices.jsonl").read_text().splitlines()]
        self.assertEqual({line[1][-1]["who"] for line in choices}, {"invented"})
        self.assertGreaterEqual(len({line[0] for line in choices}), 200)

    def test_the_demo_runs_and_its_figures_are_those_of_the_files(self):
        os.symlink(kit.COMMAND, self.folder / "personalize")
        run = subprocess.run(["sh", str(RETAIL / "run.sh")], capture_output=True, text=True, timeout=600,
                             env={**os.environ, "BUILD_DIR": str(self.folder)})
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stderr, "")
        demo = self.folder / "demo"
        events = sum(len(gzip.open(path).readlines()) for path in (RETAIL / "data").iterdir())
        self.assertIn(f"{events:,} events of 1,643 customers", run.stdout)
        for decision in ("home.hero", "newsletter.language", "offer"):
            made = [json.loads(line) for line in (demo / f"{decision}.jsonl").read_text().splitlines()]
            self.assertEqual(len(made), 1643)
            self.assertEqual([one for one in made if one["reason"] == "ERROR"], [])
            for rule in {one["rule"] for one in made if "rule" in one}:
                count = sum(one.get("rule") == rule for one in made)
                self.assertRegex(run.stdout, rf"(?m)^ +{count} +{rule} ")
        self.assertIn(" 0 choices were overruled.", run.stdout)
        self.assertNotIn("There is none.", run.stdout)
        self.assertIn("That overrides ", run.stdout)
        self.assertIn("The evidence does not suffice", run.stdout)

    def test_the_converter_makes_the_data_that_is_carried(self):
        if os.environ.get("PZ_FULL") != "1":
            self.skipTest("PZ_FULL=1 converts the original data again")
        if not SHARED.is_dir():
            self.skipTest(f"{SHARED} is not there")
        subprocess.run([sys.executable, str(RETAIL / "convert.py"), str(SHARED), str(self.folder / "data")],
                       check=True, capture_output=True)
        for path in (RETAIL / "data").iterdir():
            self.assertEqual(gzip.open(path).read(), gzip.open(self.folder / "data" / path.name).read(), path)


if __name__ == "__main__":
    kit.main()

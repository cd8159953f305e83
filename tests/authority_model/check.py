#!/usr/bin/env python3
"""Compares the library with the reference model over generated cases.

    check.py CONFORMANCE [--seed N] [--count N]

CONFORMANCE is the program `conformance`. The seed is that of the laws, PZ_SEED or else 1, and is
printed. A few hundred cases by default; with PZ_FULL=1 in the environment 20,000, or a twentieth of
PZ_FULL_CASES.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import generate

FEW, MANY, AT_ONCE = 300, 20000, 1000


def usual_count():
    if os.environ.get("PZ_FULL") != "1":
        return FEW
    laws = os.environ.get("PZ_FULL_CASES")
    return max(FEW, int(laws) // 20) if laws else MANY


def compare(program, seed, first, count):
    """Whether the library answers these cases as the model does."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        for number in range(first, first + count):
            file.write(json.dumps(generate.make(seed, number)) + "\n")
        file.flush()
        return subprocess.run([program, "authority", file.name], check=False).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--seed", default=os.environ.get("PZ_SEED") or "1")
    parser.add_argument("--count", type=int, default=usual_count())
    arguments = parser.parse_args()
    print("seed %s, %d cases" % (arguments.seed, arguments.count), flush=True)
    agrees = True
    for first in range(0, arguments.count, AT_ONCE):
        count = min(AT_ONCE, arguments.count - first)
        agrees = compare(arguments.program, arguments.seed, first, count) and agrees
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())

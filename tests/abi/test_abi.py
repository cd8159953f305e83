#!/usr/bin/env python3
"""scripts/abi.py notices what would break programs that are already linked.

    test_abi.py SOURCE_DIR LIBRARY

The headers are changed in a copy, each time in one way; the library is not built anew, since nothing
that is exported changes.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE, LIBRARY = pathlib.Path(sys.argv[1]), sys.argv[2]

# What is changed: header, pattern, replacement, and what must be said of it ("": nothing).
CHANGES = [
    ("base.h", r"\A", "", ""),
    ("store.h", r"(uint64_t joined;)(.*?)(uint64_t unchanged;)", r"\3\2\1", "joined@24 is gone or lies elsewhere"),
    ("profile.h", r"(pz_durability durability;)", r"\1 uint32_t more;", "more@60 lies within the 64 bytes"),
    ("profile.h", r"(pz_durability durability;)", r"\1 uint64_t more;", "more@64"),
    ("value.h", r"PZ_LIST = 9", "PZ_LIST = 11", "enum PZ_LIST: 11"),
    ("base.h", r"X\(ERR_TEST, -20,", "X(ERR_TEST, -21,", "enum PZ_ERR_TEST: -21"),
    ("profile.h", r"double strength,", "float strength,", "pz_link: pz_status(pz_profile *, const char *, float"),
]


def complaint(header, pattern, replacement):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name in ("scripts", "lib"):
            (root / name).mkdir()
        shutil.copy(SOURCE / "scripts/abi.py", root / "scripts")
        shutil.copy(SOURCE / "lib/symbols.txt", root / "lib")
        shutil.copytree(SOURCE / "include", root / "include")
        path = root / "include/personalize" / header
        text, count = re.subn(pattern, replacement, path.read_text(encoding="utf-8"), count=1, flags=re.S)
        if count != 1:
            sys.exit(f"{header} has no {pattern}")
        path.write_text(text, encoding="utf-8")
        done = subprocess.run([sys.executable, root / "scripts/abi.py", "check", LIBRARY],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False)
        return done.stdout if done.returncode else ""


def main():
    failed = 0
    for header, pattern, replacement, expected in CHANGES:
        told = complaint(header, pattern, replacement)
        if expected not in told or (told and not expected):
            print(f"{header}, {pattern}: expected '{expected}', told\n{told}")
            failed += 1
    print(f"{len(CHANGES) - failed} of {len(CHANGES)} changes are judged rightly")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

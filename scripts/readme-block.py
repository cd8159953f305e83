#!/usr/bin/env python3
"""Prints the Nth fenced block of a language in README.md (N counts from 1).

    scripts/readme-block.py LANG [N] [FILE]

Exits with 3 if there are not so many. Lets the tests compile and run what the README shows.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    language = sys.argv[1]
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    path = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{re.escape(language)}[ \t]*\n(.*?)^```[ \t]*$", text, re.M | re.S)
    if number < 1 or number > len(blocks):
        print(f"{path.name} has {len(blocks)} blocks of {language}", file=sys.stderr)
        return 3
    sys.stdout.buffer.write(blocks[number - 1].encode("utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

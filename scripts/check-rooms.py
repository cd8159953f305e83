#!/usr/bin/env python3
"""Fails on an include that the architecture does not allow.

ROWS is the architecture: a room of lib/ includes the doors (ROOM/ROOM.h) of rooms on strictly lower
rows and its own files, nothing else. `base` is all doors. The rows between base and engine are
pure, so they may not include the headers of files, clocks, threads and the environment.

    scripts/check-rooms.py [ROOT]
"""
import pathlib
import re
import sys

ROWS = [
    ["base"],
    ["value", "store"],
    ["cel", "profile", "template", "measure"],
    ["catalog"],
    ["resolve", "learn", "segment", "experiment", "identity", "configure"],
    ["decide"],
    ["journey"],
    ["engine"],
]
ROW = {room: row for row, rooms in enumerate(ROWS) for room in rooms}

# Rooms that do I/O. Only engine sees store.
IMPURE = {"base", "store", "engine"}
STORE_USERS = {"store", "engine"}

# The only system headers of pure rooms, and of base, which adds its dependencies. Of stdio.h they
# take vsnprintf alone, which check-source.py verifies in the objects.
PURE_HEADERS = {
    "assert.h", "float.h", "inttypes.h", "limits.h", "stdalign.h", "stdarg.h", "stdatomic.h",
    "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h",
}
BASE_HEADERS = PURE_HEADERS | {"zlib.h", "uuid.h", "uuid/uuid.h"}

# A dependency's header stands in one .c file: replacing the dependency is replacing that file.
ONE_FILE_HEADERS = {"lmdb.h", "hiredis.h", "pcre2.h", "zlib.h", "uuid.h"}

# No locale, no libm, nowhere.
BANNED_HEADERS = {"locale.h", "math.h", "tgmath.h", "complex.h", "signal.h", "alloca.h", "wchar.h"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]*)"|<([^>]*)>|(.*))', re.M)


def check_quoted(room, target):
    """What is wrong with `#include "target"` in a file of `room`, or None."""
    parts = pathlib.PurePosixPath(target).parts
    if len(parts) != 2 or parts[0] == "..":
        return "an include says ROOM/FILE"
    other, name = parts
    if other not in ROW:
        return f"there is no room named {other}"
    if other == room:
        return None
    if ROW[other] >= ROW[room]:
        return (f"{room} stands on row {ROW[room]} and may not include {other}, "
                f"which stands on row {ROW[other]}")
    if other == "store" and room not in STORE_USERS:
        return "only engine includes store"
    if other != "base" and name != f"{other}.h":
        return f"the only door of {other} is {other}/{other}.h"
    return None


def check_public(room, target):
    """The same for <personalize/...>: a room reads no public header of a higher concept."""
    if target == "personalize.h":
        return None if room == "engine" else "only engine includes <personalize.h>"
    name = pathlib.PurePosixPath(target).stem
    if ROW.get(name, 0) > ROW[room]:
        return f"{room} stands below {name} and may not include its public header"
    if name in ROW and name != room and ROW[name] == ROW[room]:
        return f"{room} and {name} stand on the same row"
    return None


def check_system(room, path, target):
    if target in BANNED_HEADERS:
        return f"<{target}> is banned: no locale, libm or signals in the library"
    if pathlib.PurePosixPath(target).name in ONE_FILE_HEADERS:
        return "a dependency's header stands in a .c file" if path.suffix != ".c" else None
    if room == "base" and target not in BASE_HEADERS:
        return f"base may not include <{target}>"
    if room not in IMPURE and target not in PURE_HEADERS:
        return f"{room} is pure and may not include <{target}>"
    return None


def check_file(path, room, users):
    text = path.read_text(encoding="utf-8")
    for match in INCLUDE.finditer(text):
        quoted, angled, computed = match.groups()
        if quoted is not None:
            wrong = check_quoted(room, quoted)
        elif angled is None:
            wrong = f"a computed include ({computed.strip()}) cannot be checked"
        elif angled == "personalize.h" or angled.startswith("personalize/"):
            wrong = check_public(room, angled)
        else:
            wrong = check_system(room, path, angled)
            name = pathlib.PurePosixPath(angled).name
            if name in ONE_FILE_HEADERS and not wrong:
                users.setdefault(name, []).append(path)
        if wrong:
            yield text.count("\n", 0, match.start()) + 1, wrong


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    lib = root / "lib"
    mistakes, users, count = [], {}, 0
    for path in sorted(p for p in lib.rglob("*") if p.suffix in (".c", ".h", ".def", ".inc")):
        room = path.relative_to(lib).parts[0]
        count += 1
        if room not in ROW or path.parent != lib / room:
            mistakes.append(f"{path}: a source of lib/ lies directly in the folder of a room")
            continue
        mistakes += [f"{path}:{line}: {wrong}" for line, wrong in check_file(path, room, users)]
    for header, paths in users.items():
        if len(paths) > 1:
            names = ", ".join(str(p.relative_to(root)) for p in paths)
            mistakes.append(f"{header} is included by more than one file: {names}")
    if not count:
        mistakes.append(f"{lib}: there are no sources")
    print("\n".join(mistakes) if mistakes else f"check-rooms: {count} files keep to their rows")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())

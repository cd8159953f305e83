#!/usr/bin/env python3
"""check-rooms.py accepts the tree as it is and refuses each kind of wrong include.

Each case adds one line to one file of a copy of lib/; a checker that never fails would not pass.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# File (made if it is missing), the line added, a part of what must be said.
CASES = [
    ("lib/base/buf.c", '#include "value/value.h"', "row 1"),
    ("lib/value/json.c", '#include "store/store.h"', "row 1"),
    ("lib/value/json.c", '#include "cel/cel.h"', "row 2"),
    ("lib/profile/join.c", '#include "cel/cel.h"', "row 2"),
    ("lib/cel/parser.c", '#include "value/json_private.h"', "only door"),
    ("lib/catalog/catalog.c", '#include "store/store.h"', "only engine"),
    ("lib/decide/decide.c", '#include "engine/engine.h"', "row 7"),
    ("lib/decide/decide.c", '#include "unknown/unknown.h"', "no room"),
    ("lib/decide/decide.c", '#include "helper.h"', "ROOM/FILE"),
    ("lib/decide/decide.c", '#include "../base/buf.h"', "ROOM/FILE"),
    ("lib/decide/decide.c", "#include <time.h>", "pure"),
    ("lib/resolve/resolve.c", "  #  include <math.h>", "banned"),
    ("lib/resolve/resolve.c", "#include SOME_HEADER", "computed"),
    ("lib/engine/engine.h", "#include <lmdb.h>", "in a .c file"),
    ("lib/cel/cel.h", "#include <personalize/engine.h>", "public header"),
    ("lib/novel/novel.c", "", "folder of a room"),
    ("lib/engine/engine.c", '#include "store/store.h"\n#include "decide/decide.h"\n', None),
    ("lib/decide/decide.c", '#include "resolve/resolve.h"\n#include "base/buf.h"\n', None),
]


def run(root):
    done = subprocess.run([sys.executable, str(ROOT / "scripts/check-rooms.py"), str(root)],
                          stdout=subprocess.PIPE, encoding="utf-8")
    return done.returncode, done.stdout


def try_case(folder, name, line, said):
    path = folder / name
    had = path.read_text(encoding="utf-8") if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((had or "") + "\n" + line + "\n", encoding="utf-8")
    code, output = run(folder)
    if had is None:
        path.unlink()
    else:
        path.write_text(had, encoding="utf-8")
    if said is None:
        return code == 0
    return code == 1 and said in output


def main():
    code, output = run(ROOT)
    print(output, end="")
    failed = code != 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        shutil.copytree(ROOT / "lib", folder / "lib")
        base_code, _ = run(folder)
        if base_code != code:
            print("the copy is judged differently from the original")
            failed = True
        # Cases are judged against a tree without other mistakes.
        if base_code != 0:
            shutil.rmtree(folder / "lib")
            (folder / "lib/base").mkdir(parents=True)
            (folder / "lib/base/base.h").write_text("", encoding="utf-8")
        two = [("lib/engine/one.c", "#include <zlib.h>"), ("lib/engine/two.c", "#include <zlib.h>")]
        for case in CASES:
            if not try_case(folder, *case):
                print("wrong verdict on", case[1], "in", case[0])
                failed = True
        for path, line in two:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(line + "\n", encoding="utf-8")
        code, output = run(folder)
        if code != 1 or "more than one file" not in output:
            print("two files with zlib.h were accepted")
            failed = True
    print("FAILED" if failed else f"{len(CASES) + 1} wrong and right includes were told apart")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""What Lua costs over C: the same questions about the same store, taking turns in one run.

    python3 bench/lua.py BUILD [--quick] [CUSTOMERS [ROUNDS]]

BUILD is a build tree with bench/peer and lua/. Asked are LuaJIT through the FFI and through the C module, and
each Lua that is installed; one line for each question: the median of both sides, and the median of the ratios of
each round, which what else the machine does disturbs least. Times are of the processor. --quick says whether it
runs, and nothing about speed.
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CATALOG = HERE.parent / "tests/data/cases/catalogs/shop.json"
#: Each question, what C is asked, and the unit.
QUESTIONS = [("decide", "decide", "ns"), ("resolve", "resolve", "ns"), ("many", "many", "us"),
             ("jsonl", "many", "us")]


def hosts(build):
    """Name, interpreter and environment of each Lua that can be asked."""
    found = [("LuaJIT FFI", "luajit", "ffi"), ("LuaJIT C", "luajit", "5.1")]
    found += [(f"Lua {version}", f"lua{version}", version) for version in ("5.1", "5.3", "5.4")]
    for name, program, folder in found:
        place = build / "lua" / folder
        if shutil.which(program) and (place / "personalize_ffi.lua" if folder == "ffi" else
                                      place / "personalize.so").exists():
            yield name, program, {**os.environ, "LUA_PATH": f"{place}/?.lua;;", "LUA_CPATH": f"{place}/?.so;;"}
        else:
            print(f"{name}: left out, it is not installed or not built", file=sys.stderr)


class Side:
    """A process that answers a word by a number."""

    def __init__(self, command, environment=None):
        self.process = subprocess.Popen([str(part) for part in command], text=True, env=environment,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"no answer to {word}")
        return float(line)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait()


def compare(name, mine, peer, rounds):
    for word, theirs, unit in QUESTIONS:
        # The first round is to get warm.
        pairs = [(mine.ask(word), peer.ask(theirs)) for _ in range(rounds + 1)][1:]
        ours, cs = (statistics.median(side) for side in zip(*pairs))
        ratio = statistics.median(a / b if b else 0.0 for a, b in pairs)
        print(f"{name:11} {word:8} C {cs:9.2f} {unit}   Lua {ours:9.2f} {unit}   ratio {ratio:6.2f}", flush=True)


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--quick"]
    is_quick = len(arguments) + 1 < len(sys.argv)
    build = pathlib.Path(arguments[0]).resolve()
    count = int(arguments[1]) if len(arguments) > 1 else 50 if is_quick else 20_000
    rounds = int(arguments[2]) if len(arguments) > 2 else 1 if is_quick else 7
    calls = 200 if is_quick else 20_000
    status = 0
    with tempfile.TemporaryDirectory() as folder:
        store, ids = f"lmdb:{folder}/store", pathlib.Path(folder, "ids")
        for place, (name, program, environment) in enumerate(hosts(build)):
            script = [program, HERE / "lua.lua"]
            if place == 0:
                subprocess.run([*map(str, script), "fill", CATALOG, store, ids, str(count)], env=environment,
                               check=True)
            peer = Side([build / "bench/peer", CATALOG, store, ids])
            mine = Side([*script, "ask", CATALOG, store, ids, calls], environment)
            try:
                compare(name, mine, peer, rounds)
            finally:
                status = mine.close() or peer.close() or status
    return status


if __name__ == "__main__":
    sys.exit(main())

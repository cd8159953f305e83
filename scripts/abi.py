#!/usr/bin/env python3
"""The promise to programs that are already linked.

    scripts/abi.py check LIBRARY [--partial]   compare the library with the headers and the list
    scripts/abi.py write LIBRARY               write lib/symbols.txt anew: a deliberate act

Exported are exactly the functions that public headers declare PZ_API, and exactly the symbols of
lib/symbols.txt. The sizes of public structs stand there too (LP64). A public struct is opaque, or
begins with `uint32_t size`, or is called frozen by its comment. --partial is for builds that leave
rooms out: then a declared function may be missing, and the list is not compared.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "lib/symbols.txt"
INCLUDE = ROOT / "include"
HEAD = """\
# What libpersonalize.so exports, and the sizes of its public structs on LP64 machines.
# Written by scripts/abi.py; a line that goes or changes breaks programs that are already linked.
"""


# Headers of libraries of their own, whose exports a version script of theirs names one by one.
OTHERS = {"redis.h"}


def headers():
    return sorted(path for path in INCLUDE.rglob("*.h") if path.name not in OTHERS)


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)


def declared():
    names = set()
    for path in headers():
        text = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", "", without_comments(path.read_text(encoding="utf-8")),
                      flags=re.M)
        for declaration in re.findall(r"\bPZ_API\b([^;{]*)", text):
            match = re.search(r"\b(pz_\w+)\s*\(", declaration) or re.search(r"\b(pz_\w+)\s*$",
                                                                         declaration)
            if match:
                names.add(match.group(1))
    return names


def exported(library):
    lines = subprocess.run(["nm", "-D", "--defined-only", library], check=True,
                           stdout=subprocess.PIPE, encoding="utf-8").stdout.splitlines()
    symbols = [line.split()[1:] for line in lines]
    return {name.split("@")[0] for kind, name in symbols if kind != "A"}


def structs():
    """(name, is it free to be laid out like this) for each struct with a body."""
    for path in headers():
        text = path.read_text(encoding="utf-8")
        for match in re.finditer(r"^(?:typedef )?struct (pz_\w+)\s*\{\s*([^;]*);", text, re.M):
            name, first = match.groups()
            comment = text[:match.start()].rstrip()
            is_frozen = False
            if comment.endswith("*/"):
                is_frozen = "frozen" in comment[comment.rfind("/*"):].lower()
            is_sized = re.search(r"uint32_t\s+size$", without_comments(first).strip()) is not None
            yield path, name, is_frozen or is_sized


def sizes():
    """{struct: bytes}, asked of the compiler."""
    names = sorted({name for _, name, _ in structs()})
    includes = "".join(f"#include <{path.relative_to(INCLUDE)}>\n" for path in headers())
    prints = "".join(f'    printf("{n} %zu\\n", sizeof(struct {n}));\n' for n in names)
    program = f"#include <stdio.h>\n{includes}int main(void)\n{{\n{prints}    return 0;\n}}\n"
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "sizes.c"
        source.write_text(program, encoding="utf-8")
        subprocess.run([os.environ.get("CC", "cc"), "-I", str(INCLUDE), str(source), "-o",
                        folder + "/sizes"], check=True)
        lines = subprocess.run([folder + "/sizes"], check=True, stdout=subprocess.PIPE,
                               encoding="utf-8").stdout.splitlines()
    return dict(line.split() for line in lines)


def check_dynamic(library):
    """What hosts demand of the way the library is linked."""
    text = subprocess.run(["readelf", "-dW", library], check=True, stdout=subprocess.PIPE,
                          encoding="utf-8").stdout
    soname = re.search(r"SONAME\).*\[(.*)\]", text)
    if not soname or not re.fullmatch(r"libpersonalize\.so\.\d+", soname.group(1)):
        yield "the soname is not libpersonalize.so.MAJOR"
    if not re.search(r"FLAGS_1\).*\bNODELETE\b", text):
        yield "not linked with -z nodelete: hosts that unload it per request would leak"
    if "BIND_NOW" not in text and not re.search(r"FLAGS_1\).*\bNOW\b", text):
        yield "not linked with -z now"
    for tag in ("TEXTREL", "RPATH", "RUNPATH"):
        if f"({tag})" in text:
            yield f"has {tag}"
    needed = re.findall(r"NEEDED\).*\[(.*)\]", text)
    if any(name.startswith(("libm.so", "libpthread.so", "libstdc++")) for name in needed):
        yield "needs " + " ".join(needed)


def listed():
    names, known = set(), {}
    for line in LIST.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if line.startswith("#") or not words:
            continue
        if words[0] == "struct":
            known[words[1]] = words[2]
        else:
            names.add(words[0])
    return names, known


def differences(left, right, text):
    return [f"{name}: {text}" for name in sorted(left - right)]


def check(library, is_partial):
    mistakes, symbols, promised = [], exported(library), declared()
    mistakes += differences(symbols, promised, "exported, but no public header declares it")
    if not is_partial:
        mistakes += differences(promised, symbols, "declared PZ_API, but not exported")
    mistakes += [f"{path.relative_to(ROOT)}: struct {name} neither begins with uint32_t size nor is "
                 "called frozen" for path, name, is_fine in structs() if not is_fine]
    mistakes += check_dynamic(library)
    actual = sizes()
    if not is_partial:
        names, known = listed()
        mistakes += differences(symbols, names, "exported, but not in lib/symbols.txt")
        mistakes += differences(names, symbols, "in lib/symbols.txt, but not exported")
        if sys.maxsize > 2**32:
            mistakes += [f"struct {name}: {actual.get(name)} bytes, {known.get(name)} in lib/symbols.txt"
                         for name in sorted(set(actual) | set(known))
                         if actual.get(name) != known.get(name)]
    print("\n".join(mistakes) if mistakes else
          f"abi: {len(symbols)} symbols and {len(actual)} structs are as promised"
          + (" (rooms are missing: list not compared)" if is_partial else ""))
    return 1 if mistakes else 0


def write(library):
    lines = sorted(exported(library)) + [f"struct {n} {s}" for n, s in sorted(sizes().items())]
    LIST.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"{LIST.relative_to(ROOT)}: {len(lines)} lines")
    return 0


def main():
    words = [word for word in sys.argv[1:] if word != "--partial"]
    if len(words) != 2 or words[0] not in ("check", "write"):
        print(__doc__, file=sys.stderr)
        return 2
    if words[0] == "write":
        return write(words[1])
    return check(words[1], "--partial" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())

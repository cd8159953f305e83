#!/usr/bin/env python3
"""The promise to programs that are already linked.

    scripts/abi.py check LIBRARY [--partial]   compare the library with the headers and the list
    scripts/abi.py write LIBRARY               write lib/symbols.txt anew: a deliberate act

Exported are exactly the functions that public headers declare PZ_API, and exactly the symbols of
lib/symbols.txt. Their types stand there too, the numbers of enums, and of public structs the size and
where each member lies (LP64). A public struct is opaque, or begins with `uint32_t size`, or is called
frozen by its comment. `write` says what breaks programs that are already linked. --partial is for
builds that leave rooms out: then a declared function may be missing, and the list is not compared.
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
# What libpersonalize.so exports, the numbers of its enums, and its public structs on LP64 machines:
# their size, and each member with the byte at which it begins.
# Written by scripts/abi.py; a line that goes or changes breaks programs that are already linked.
"""


# Headers of libraries of their own, whose exports a version script of theirs names one by one.
OTHERS = {"redis.h"}


def headers():
    return sorted(path for path in INCLUDE.rglob("*.h") if path.name not in OTHERS)


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)


def plain(path):
    """A header without comments and preprocessor."""
    text = without_comments(path.read_text(encoding="utf-8"))
    return re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", "", text, flags=re.M)


def parameter(text):
    """The type of a parameter, without its name."""
    name = re.fullmatch(r"(.*[\s*])\w+(\[\w+\])?", text.strip())
    return ((name.group(1).strip() + (name.group(2) or "")) if name else text.strip())


def declared():
    """{function: its type}"""
    types = {}
    for path in headers():
        for declaration in re.findall(r"\bPZ_API\b([^;{]*)", plain(path)):
            words = " ".join(declaration.split())
            match = re.fullmatch(r"(.*?)\b(pz_\w+)\s*(?:\((.*)\))?", words)
            if match:
                result, name, parameters = match.groups()
                types[name] = result.strip() + "({})".format(
                    ", ".join(parameter(one) for one in (parameters or "").split(",")))
    return types


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


def members(name):
    """The members of a struct, in their order."""
    for path in headers():
        match = re.search(r"\bstruct " + name + r"\s*\{(.*?)\}\s*" + name + r"\s*;", plain(path), re.S)
        if match:
            body = re.sub(r"\{[^}]*\}", "", match.group(1))
            for declaration in filter(str.strip, body.split(";")):
                function = re.search(r"\(\*\s*(\w+)\)", declaration)
                for one in [function.group(1)] if function else declaration.split(","):
                    yield re.search(r"(\w+)\s*(?:\[\w+\])?\s*$", one).group(1)


def enumerators():
    for path in headers():
        for body in re.findall(r"\benum\s*\w*\s*\{([^}]*)\}", plain(path)):
            yield from re.findall(r"\b(PZ_\w+)\s*=", body)
        yield from ("PZ_" + name for name in re.findall(r"^    X\((\w+),", path.read_text(encoding="utf-8"),
                                                        re.M))


def layout():
    """{"struct NAME": "SIZE MEMBER@BYTE...", "enum NAME": "NUMBER"}, asked of the compiler."""
    includes = "".join(f"#include <{path.relative_to(INCLUDE)}>\n" for path in headers())
    prints = "".join(f'    printf("enum {n} %d\\n", (int){n});\n' for n in sorted(enumerators()))
    for name in sorted({name for _, name, _ in structs()}):
        prints += f'    printf("struct {name} %zu", sizeof(struct {name}));\n' + "".join(
            f'    printf(" {m}@%zu", offsetof(struct {name}, {m}));\n' for m in members(name))
        prints += '    putchar(10);\n'
    program = (f"#include <stddef.h>\n#include <stdio.h>\n{includes}int main(void)\n{{\n{prints}"
               "    return 0;\n}\n")
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "layout.c"
        source.write_text(program, encoding="utf-8")
        subprocess.run([os.environ.get("CC", "cc"), "-I", str(INCLUDE), str(source), "-o",
                        folder + "/layout"], check=True)
        lines = subprocess.run([folder + "/layout"], check=True, stdout=subprocess.PIPE,
                               encoding="utf-8").stdout.splitlines()
    return {" ".join(line.split()[:2]): " ".join(line.split()[2:]) for line in lines}


def check_dynamic(library):
    """What hosts demand of the way the library is linked."""
    text = subprocess.run(["readelf", "-dW", library], check=True, stdout=subprocess.PIPE,
                          encoding="utf-8").stdout
    soname = re.search(r"SONAME\).*\[(.*)\]", text)
    if not soname or not re.fullmatch(r"libpersonalize\.so\.(0\.\d+|[1-9]\d*)", soname.group(1)):
        yield "the soname is not libpersonalize.so.MAJOR, nor libpersonalize.so.0.MINOR"
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
    """({function: type}, {"struct NAME": ..., "enum NAME": ...}) of lib/symbols.txt."""
    types, known = {}, {}
    for line in LIST.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if line.startswith("#") or not words:
            continue
        if words[0] in ("struct", "enum"):
            known[" ".join(words[:2])] = " ".join(words[2:])
        else:
            types[words[0]] = " ".join(words[1:])
    return types, known


def grown_into_padding(old, new):
    """Members of a struct that lie where callers of before have padding, which may be anything."""
    was, now = old.split(), new.split()
    return [m for m in now[1:] if m not in was and int(m.split("@")[1]) < int(was[0])]


def breaks(old, new):
    """What of `old` no longer holds in `new`; both {name: text}."""
    for name, text in sorted(old.items()):
        now = new.get(name)
        if now is None:
            yield f"{name}: gone"
        elif not name.startswith("struct "):
            if now != text:
                yield f"{name}: {now}, was {text}"
        else:
            for member in text.split()[1:]:
                if member not in now.split():
                    yield f"{name}: {member} is gone or lies elsewhere"
            for member in grown_into_padding(text, now):
                yield f"{name}: {member} lies within the {text.split()[0]} bytes that it had before"


def differences(left, right, text):
    return [f"{name}: {text}" for name in sorted(left - right)]


def check(library, is_partial):
    mistakes, symbols, types = [], exported(library), declared()
    promised = set(types)
    mistakes += differences(symbols, promised, "exported, but no public header declares it")
    if not is_partial:
        mistakes += differences(promised, symbols, "declared PZ_API, but not exported")
    mistakes += [f"{path.relative_to(ROOT)}: struct {name} neither begins with uint32_t size nor is "
                 "called frozen" for path, name, is_fine in structs() if not is_fine]
    mistakes += check_dynamic(library)
    actual = layout()
    if not is_partial:
        names, known = listed()
        mistakes += differences(symbols, set(names), "exported, but not in lib/symbols.txt")
        mistakes += differences(set(names), symbols, "in lib/symbols.txt, but not exported")
        mistakes += [f"{name}: {types[name]}, {names[name]} in lib/symbols.txt"
                     for name in sorted(set(names) & promised) if names[name] != types[name]]
        if sys.maxsize > 2**32:
            mistakes += [f"{name}: {actual.get(name)}, {known.get(name)} in lib/symbols.txt"
                         for name in sorted(set(actual) | set(known))
                         if actual.get(name) != known.get(name)]
            mistakes += breaks(known, actual)
    print("\n".join(mistakes) if mistakes else
          f"abi: {len(symbols)} symbols and {len(actual)} structs and numbers are as promised"
          + (" (rooms are missing: list not compared)" if is_partial else ""))
    return 1 if mistakes else 0


def write(library):
    types, actual = declared(), layout()
    if LIST.exists():
        old_types, known = listed()
        for line in [*breaks(old_types, types), *breaks(known, actual)]:
            print("breaks: " + line)
    lines = [f"{name} {types[name]}" for name in sorted(exported(library))]
    lines += [f"{name} {text}" for name, text in sorted(actual.items())]
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

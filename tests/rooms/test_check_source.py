#!/usr/bin/env python3
"""check-source.py refuses each kind of bad source and of bad object, and accepts a good one.

    test_check_source.py [CC]

Each case is a tree of one file; objects are compiled where a compiler of GNU's kind is given.
"""
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ESSAY = "/*\n * x.c: a file of a test.\n */\n"
LONG = "int f(int x)\n{\n" + "    x++;\n" * 78 + "    return x;\n}\n"

# Folder, text after the essay (None: the text is the whole file), a part of what must be said.
SOURCES = [
    ("lib/base", "static int f(void)\n{\n    return 1;\n}\n", None),
    ("lib/base", "/* sprintf() and strtod(x) are only named here */\n", None),
    ("lib/base", "void f(char *b)\n{\n    sprintf(b, \"x\");\n}\n", "sprintf is banned"),
    ("tools", "void f(char *b)\n{\n    strcpy(b, \"x\");\n}\n", "strcpy is banned"),
    ("lib/base", "double f(char *b)\n{\n    return strtod(b, 0);\n}\n", "strtod is banned"),
    ("lib/base", "const char *f = \"%.3f\";\n", "floating number"),
    ("lib/base", LONG, "82 lines"),
    ("lib/base", "int x;\n" * 900, "900 are the most"),
]
OBJECTS = [
    ("int pz__f(void)\n{\n    return 1;\n}\n", None),
    ("const char *const pz__names[] = {\"a\", \"b\"};\n", None),
    ("static int n;\nint pz__f(void)\n{\n    return ++n;\n}\n", "n is a global"),
    ("int pz__f(void)\n{\n    static int n = 3;\n    return ++n;\n}\n", "n is a global"),
    ("static _Thread_local int n;\nint *pz__f(void)\n{\n    return &n;\n}\n", "n is a global"),
    ("extern int n;\n__attribute__((constructor)) static void pz__f(void)\n{\n    n = 1;\n}\n",
     "constructor"),
    ("double sin(double x);\ndouble pz__f(double x)\n{\n    return sin(x);\n}\n", "libm"),
    ("void *malloc(unsigned long n);\nvoid *pz__f(void)\n{\n    return malloc(9);\n}\n", "pz_alloc"),
    ("long time(long *t);\nlong pz__f(void)\n{\n    return time(0);\n}\n", "clock"),
    ("int f(void)\n{\n    return 1;\n}\n", "neither pz_ nor pz__"),
    ("int puts(const char *t);\nint pz__f(void)\n{\n    return puts(\"x\");\n}\n", "I/O"),
    ("char *getenv(const char *n);\nchar *pz__f(void)\n{\n    return getenv(\"x\");\n}\n", "getenv"),
]


def judge(folder, *more):
    done = subprocess.run([sys.executable, str(ROOT / "scripts/check-source.py"), "--root", folder,
                           *more], stdout=subprocess.PIPE, encoding="utf-8")
    # Layout is another matter: these texts are short, not pretty.
    return [line for line in done.stdout.splitlines()
            if "clang-format" not in line and not line.startswith("check-source:")]


def is_told(lines, said):
    return not lines if said is None else any(said in line for line in lines)


def make_tree(folder, place, text):
    root = pathlib.Path(folder)
    (root / "scripts").mkdir()
    (root / "scripts/exceptions.txt").write_text("", encoding="utf-8")
    (root / place).mkdir(parents=True)
    (root / place / "x.c").write_text(ESSAY + text, encoding="utf-8")
    return root


def main():
    failed = 0
    for place, text, said in SOURCES:
        with tempfile.TemporaryDirectory() as folder:
            make_tree(folder, place, text)
            lines = judge(folder)
            if not is_told(lines, said):
                print("wrong verdict on", repr(text[:60]), lines)
                failed += 1
    objects = OBJECTS if len(sys.argv) > 1 else []
    for text, said in objects:
        with tempfile.TemporaryDirectory() as folder:
            root = make_tree(folder, "lib/base", text)
            out = root / "build/lib/base/CMakeFiles/pz_room_base.dir"
            out.mkdir(parents=True)
            subprocess.run([sys.argv[1], "-w", "-O1", "-fPIC", "-fno-builtin", "-c",
                            str(root / "lib/base/x.c"), "-o", str(out / "x.c.o")], check=True)
            lines = judge(folder, "--objects", str(root / "build"))
            # Banned calls are seen in the source as well; here the object has to tell.
            if not is_told([line for line in lines if "banned" not in line], said):
                print("wrong verdict on", repr(text[:60]), lines)
                failed += 1
    print("FAILED" if failed else f"{len(SOURCES)} sources and {len(objects)} objects judged rightly")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

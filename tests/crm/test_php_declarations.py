"""What examples/php/Personalize.php declares is what the headers say: functions type by type, structs by the C compiler.

    test_php_declarations.py SOURCE_DIR

FFI believes its declarations, and their version guards against other minor versions alone: a field that moves within
one would be read where it was. No PHP is needed. Exit status 77: skipped, with the reason.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(sys.argv[1])
# Structs that begin with their size may be declared in part; the library goes by the size that it is told.
IN_PART = {"pz_engine_options"}


def without_comments(text):
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", " ", text, flags=re.M)


def type_of(argument, is_named):
    """A type in one spelling: an enumeration is an int, and what PHP hands in as NULL alone a pointer to anything."""
    if "[" in argument:
        argument = re.sub(r"(\w+\s*)?\[[^\]]*\]", " *", argument)
    elif is_named:
        argument = re.sub(r"\w+\s*$", "", argument)
    argument = re.sub(r"\bconst\b|\bstruct\b", " ", argument)
    return re.sub(r"\s*\*\s*", "*", " ".join(argument.split())).replace("pz_status", "int")


def functions(text, pattern, is_named):
    found = {}
    for result, name, arguments in re.findall(pattern, text):
        arguments = [] if arguments.strip() == "void" else arguments.split(",")
        found[name] = (type_of(result, False), [type_of(argument, is_named) for argument in arguments])
    return found


def is_same(php, header):
    return php == header or (php == "void*" and header.endswith("*") and not header.endswith("**"))


def check_functions(declared, public):
    assert len(declared) > 30, sorted(declared)
    for name, (result, arguments) in declared.items():
        assert name in public, f"no header declares {name}"
        wanted_result, wanted = public[name]
        assert is_same(result, wanted_result) and len(arguments) == len(wanted) and all(
            map(is_same, arguments, wanted)), f"{name}: {result} {arguments}, the header says {wanted_result} {wanted}"


def check_structs(text, compiler):
    structs = re.findall(r"typedef struct \{([^}]*)\} (pz_\w+);", text)
    assert len(structs) >= 7, structs
    source = ["#include <personalize.h>", "#include <stdbool.h>", "#include <stddef.h>", "#include <stdint.h>"]
    for body, name in structs:
        body = re.sub(r"\bpz_(\w+)", lambda m: f"php_{m[1]}" if m[1] in {n[3:] for _, n in structs} else m[0], body)
        mine = name.replace("pz_", "php_")
        source.append(f"typedef struct {{{body}}} {mine};")
        if name not in IN_PART:
            source.append(f'_Static_assert(sizeof({mine}) == sizeof({name}), "{name} has another size");')
        for field in re.findall(r"(\w+)(?:\[\d+\])?;", body):
            theirs = "as" if (name, field) == ("pz_value", "bits") else field
            for ask in ("offsetof({0}, {1})", "sizeof((({0} *)0)->{1})"):
                source.append(f'_Static_assert({ask.format(mine, field)} == {ask.format(name, theirs)}, '
                              f'"{name}.{field} is another");')
    with tempfile.TemporaryDirectory(prefix="pz-php.") as folder:
        path = pathlib.Path(folder, "structs.c")
        path.write_text("\n".join(source) + "\n", encoding="utf-8")
        made = subprocess.run([compiler, "-std=c11", "-fsyntax-only", f"-I{SOURCE}/include", str(path)],
                              capture_output=True, text=True)
    assert made.returncode == 0, made.stderr


def main():
    php = (SOURCE / "examples/php/Personalize.php").read_text(encoding="utf-8")
    text = re.search(r"DECLARATIONS = <<<'C'\n(.*?)\n\s*C;", php, re.S)[1]
    public = {}
    for header in sorted((SOURCE / "include").rglob("*.h")):
        public.update(functions(without_comments(header.read_text(encoding="utf-8")),
                                r"\bPZ_API\b\s*([\w\s\*]+?)\s*\b(pz_\w+)\s*\(([^;]*)\)\s*;", True))
    declared = functions(text, r"(?m)^\s*([\w \*]+?)\b(pz_\w+)\(([^;]*)\);", False)
    assert len(declared) == text.count(");"), "a declaration was not read"
    check_functions(declared, public)
    version = re.search(r"VERSION = '([^']*)'", php)[1]
    base = (SOURCE / "include/personalize/base.h").read_text(encoding="utf-8")
    numbers = [re.search(rf"PZ_VERSION_{part} (\d+)", base)[1] for part in ("MAJOR", "MINOR")]
    assert version == ".".join(numbers) + ".", f"made for {version}x, the headers are of {'.'.join(numbers)}"
    called = set(re.findall(r"(?:->c|loaded)->(pz_\w+)\(", php))
    assert called == set(declared), f"called or declared alone: {sorted(called ^ set(declared))}"
    compiler = os.environ.get("CC") or shutil.which("cc")
    if not compiler:
        print("skipped: there is no C compiler to compare the structs")
        sys.exit(77)
    check_structs(text, compiler)
    print(f"{len(declared)} functions and the structs are as the headers have them")


main()

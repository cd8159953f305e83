#!/usr/bin/env python3
"""The rules of the code that a machine can check.

    scripts/check-source.py [--objects BUILD_DIR] [--root DIR]

Sources: banned functions, length of functions and files, the essay at the top of each .c, a comment
on every public declaration, the layout of clang-format 14 in .c files where that is installed.
Objects, with --objects: no global that can be written, no constructor, no symbol of libm, stdio, the
locale or the environment. Exceptions stand in scripts/exceptions.txt, each with its reason.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FUNCTION_LINES_MAX = 80
FILE_LINES_MAX = 900
CLANG_FORMAT_MAJOR = "14"

# Everywhere: they write beyond what there is room for.
BANNED_ANYWHERE = {"sprintf": "snprintf", "vsprintf": "vsnprintf"}
# In lib/, bindings/lua/ and tools/.
BANNED = {
    "sprintf": "pz__buf_format", "vsprintf": "pz__buf_format", "strcpy": "memcpy",
    "stpcpy": "memcpy", "strcat": "pz__buf_put", "strncat": "pz__buf_put", "strncpy": "memcpy",
    "strtok": "memchr", "strtok_r": "memchr", "atoi": "base/number.h", "atol": "base/number.h",
    "atoll": "base/number.h", "atof": "base/number.h", "gets": "fgets", "alloca": "an arena",
    "setlocale": "nothing", "tmpnam": "mkstemp", "mktemp": "mkstemp", "rand": "a seed",
    "srand": "a seed",
}
# In lib/ besides: locale-dependent or hidden state.
BANNED_IN_LIB = {
    "strtod": "base/number.h", "strtof": "base/number.h", "strtol": "base/number.h",
    "strtoul": "base/number.h", "strtoll": "base/number.h", "strtoull": "base/number.h",
    "sscanf": "base/number.h", "getenv": "an option", "setenv": "nothing", "localtime": "base/time.h",
    "gmtime": "base/time.h", "strftime": "base/time.h", "mktime": "base/time.h",
    "atexit": "nothing", "random": "a seed", "toupper": "base/utf8.h", "tolower": "base/utf8.h",
    "isalpha": "base/utf8.h", "isdigit": "base/utf8.h", "isspace": "base/utf8.h",
    "isalnum": "base/utf8.h", "isupper": "base/utf8.h", "islower": "base/utf8.h",
    "strcoll": "memcmp", "strcasecmp": "base/utf8.h", "qsort_r": "a sort of one's own",
    "perror": "pz__fail", "printf": "pz__fail", "fprintf": "pz__fail", "puts": "pz__fail",
    "exit": "a status", "abort": "assert",
}

# What the objects of rooms may not ask for; the engine owns the clock and reads files, the store
# lives on disk, and neither may use the rest.
PROCESS = set("signal sigaction atexit __cxa_atexit setlocale getenv secure_getenv exit "
              "pthread_create fork".split())
LIBM = ("sqrt sin cos tan asin acos atan atan2 exp exp2 expm1 log log2 log10 log1p pow cbrt hypot "
        "tgamma lgamma erf fmod floor ceil round trunc rint nearbyint lround llround fma frexp "
        "ldexp scalbn modf sinh cosh tanh").split()
HEAP = set("malloc calloc realloc free reallocarray aligned_alloc posix_memalign strdup strndup "
           "asprintf vasprintf".split())
CLOCK = set("time clock_gettime gettimeofday clock usleep sleep nanosleep".split())
CLOCK_ROOMS = {"engine", "store"}
STDIO = set("fopen fclose fread fwrite fprintf printf puts fputs open read write stat".split())
STDIO_ROOMS = {"engine", "store"}

mistakes = []


def say(path, line, text):
    place = path.relative_to(ROOT) if path.is_absolute() else path
    mistakes.append(f"{place}:{line}: {text}" if line else f"{place}: {text}")


def sources(*folders, suffixes=(".c", ".h")):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path


def read_exceptions():
    """{(kind, path, name)}; a line without a reason is a mistake."""
    found = {}
    path = ROOT / "scripts/exceptions.txt"
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(None, 3)
        if len(words) != 4:
            say(path, number, "KIND PATH NAME REASON")
            continue
        found[tuple(words[:3])] = number
    return found


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def stripped(text):
    """The text with comments and literals blanked, lines kept."""
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def check_banned(path, code, banned):
    banned = dict(banned)
    if path.is_relative_to(ROOT / "lib"):
        banned.update(BANNED_IN_LIB)
    for match in re.finditer(r"(?<![\w.>])(\w+)[ \t]*\(", code):
        if match.group(1) in banned:
            say(path, code.count("\n", 0, match.start()) + 1,
                f"{match.group(1)} is banned; use {banned[match.group(1)]}")


def check_conversions(path, text):
    """printf writes a floating number with the comma of the host's locale."""
    for match in re.finditer(r'"(?:\\.|[^"\\\n])*"', text):
        if re.search(r"%[-+ #0-9.*]*[aAeEfFgG]\b", match.group(0)):
            say(path, text.count("\n", 0, match.start()) + 1,
                "a floating number is written by base/number.h, not by printf")


def check_functions(path, code, exceptions, used):
    """clang-format puts the brace of a function, and no other, alone in the first column."""
    lines = code.split("\n")
    start = None
    for number, line in enumerate(lines):
        if line.rstrip() == "{" and start is None:
            first = number
            while first > 0 and lines[first - 1].strip() and lines[first - 1][0] not in "}#":
                first -= 1
            head = " ".join(lines[first:number])
            name = re.search(r"(\w+)\s*\(", head)
            start = (first, name.group(1) if name else "?")
        elif line.rstrip() == "}" and start is not None:
            length = number - start[0] + 1
            key = ("function", str(path.relative_to(ROOT)), start[1])
            if length > FUNCTION_LINES_MAX and key not in exceptions:
                say(path, start[0] + 1, f"{start[1]} has {length} lines; "
                    f"{FUNCTION_LINES_MAX} are the most")
            elif length > FUNCTION_LINES_MAX:
                used.add(key)
            start = None


def check_text(path, text, exceptions, used):
    count = text.count("\n")
    key = ("file", str(path.relative_to(ROOT)), "-")
    if count > FILE_LINES_MAX:
        used.add(key)
        if key not in exceptions:
            say(path, 0, f"{count} lines; {FILE_LINES_MAX} are the most")
    head = "/*" if path.is_relative_to(ROOT / "tests") else f"/*\n * {path.name}: "
    if path.suffix == ".c" and not text.startswith(head):
        say(path, 1, f"opens with an essay: /* * {path.name}: ...")


def check_public(path, text):
    """A comment stands above each declaration, or above the group of one-liners it opens."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        above = number - 1
        while line.startswith("PZ_API") and lines[above].strip() and "*/" not in lines[above]:
            above -= 1
        if line.startswith("PZ_API") and "*/" not in lines[above]:
            say(path, number + 1, "a public declaration follows its comment")


def check_format(paths):
    tool = shutil.which("clang-format-" + CLANG_FORMAT_MAJOR) or shutil.which("clang-format")
    version = ""
    if tool:
        version = subprocess.run([tool, "--version"], stdout=subprocess.PIPE, encoding="utf-8").stdout
    if f"version {CLANG_FORMAT_MAJOR}." not in version:
        print(f"check-source: layout not checked, clang-format {CLANG_FORMAT_MAJOR} is not here")
        return
    done = subprocess.run([tool, "--dry-run", "-Werror", *map(str, paths)], stderr=subprocess.PIPE,
                          encoding="utf-8", errors="replace") if paths else None
    places = re.findall(r"^(/.*?):\d+:\d+: error:", done.stderr if done else "", re.M)
    for name in sorted(set(places)):
        say(pathlib.Path(name), 0, "is not laid out by clang-format (make format)")


def output_of(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


def check_globals(source, obj, exceptions, used):
    for line in output_of("objdump", "-t", str(obj)).splitlines():
        match = re.match(r"[0-9a-f]+ .{7} (\S+)\s+[0-9a-f]+\s+(?:\.hidden )?(\S+)$", line)
        if not match:
            continue
        section, name = match.groups()
        is_written = re.match(r"\.(t?data|t?bss)(?!\.rel\.ro)|\*COM\*", section)
        if not is_written or name == section:
            continue
        name = re.sub(r"\.\d+$", "", name)
        key = ("global", str(source), name)
        if key in exceptions:
            used.add(key)
        else:
            say(source, 0, f"{name} is a global that can be written")
    for line in output_of("objdump", "-h", str(obj)).splitlines():
        if re.search(r"\.(init_array|fini_array|ctors|dtors)\b", line):
            say(source, 0, "has a constructor or destructor")


def check_symbols(source, obj, exceptions, used):
    room = source.parts[1]
    for line in output_of("nm", "-u", str(obj)).splitlines():
        name = line.split()[-1].split("@")[0]
        bare = re.sub(r"^__(\w+)_chk$", r"\1", name)
        if bare in LIBM or re.sub("[fl]$", "", bare) in LIBM:
            say(source, 0, f"uses {name} of libm")
        elif bare in HEAP and ("heap", str(source), bare) in exceptions:
            used.add(("heap", str(source), bare))
        elif bare in HEAP:
            say(source, 0, f"uses {name}; memory comes through pz_alloc")
        elif bare in CLOCK and room not in CLOCK_ROOMS:
            say(source, 0, f"uses {name}; only engine has a clock")
        elif bare in STDIO and room not in STDIO_ROOMS:
            say(source, 0, f"uses {name}; {room} does no I/O")
        elif bare in PROCESS:
            say(source, 0, f"uses {name}")


def check_names(source, obj, owners):
    """One name, one meaning: rooms that share pz__ names could not be linked together."""
    for line in output_of("nm", "-g", "--defined-only", str(obj)).splitlines():
        name = line.split()[-1]
        other = owners.setdefault(name, source)
        if other != source:
            say(source, 0, f"{name} is defined in {other} as well")
        if not name.startswith("pz_"):
            say(source, 0, f"{name} is global, but neither pz_ nor pz__")


def check_objects(build, exceptions, used):
    count, owners = 0, {}
    for obj in sorted((build / "lib").rglob("*.o")):
        match = re.search(r"lib/(\w+)/CMakeFiles/pz_room_\w+\.dir/(.+)\.o$", obj.as_posix())
        if not match:
            continue
        source = pathlib.Path("lib") / match.group(1) / match.group(2)
        if not (ROOT / source).exists():
            continue
        count += 1
        check_globals(source, obj, exceptions, used)
        check_symbols(source, obj, exceptions, used)
        check_names(source, obj, owners)
    if not count:
        mistakes.append(f"{build}: no objects of rooms are here")
    return count


def main():
    global ROOT
    parser = argparse.ArgumentParser()
    parser.add_argument("--objects", type=pathlib.Path, metavar="BUILD_DIR")
    parser.add_argument("--root", type=pathlib.Path, default=ROOT)
    options = parser.parse_args()
    ROOT = options.root.resolve()
    exceptions, used = read_exceptions(), set()

    ours = list(sources("include", "lib", "tools", "bindings", "tests", "bench", "examples"))
    for path in ours:
        text = path.read_text(encoding="utf-8")
        code = stripped(text)
        folder = path.relative_to(ROOT).parts[0]
        is_shipped = folder in ("lib", "tools", "bindings")
        check_banned(path, code, BANNED if is_shipped else BANNED_ANYWHERE)
        if folder == "lib":
            check_conversions(path, text)
        check_functions(path, code, exceptions, used)
        check_text(path, text, exceptions, used)
        if folder == "include":
            check_public(path, text)
    check_format([path for path in ours if path.suffix == ".c"])
    objects = check_objects(options.objects, exceptions, used) if options.objects else 0

    for key, number in exceptions.items():
        kind, name, _ = key
        if not (ROOT / name).exists():
            say(ROOT / "scripts/exceptions.txt", number, f"{name} does not exist")
        elif key not in used and kind in ("function", "file"):
            say(ROOT / "scripts/exceptions.txt", number, f"{' '.join(key)} is not needed")
    if mistakes:
        print("\n".join(mistakes))
        return 1
    print(f"check-source: {len(ours)} files and {objects} objects keep the rules")
    return 0


if __name__ == "__main__":
    sys.exit(main())

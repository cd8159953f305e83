#!/bin/bash
# Everything that reads the code without running it.
#     scripts/lint.sh [--quick] [BUILD_DIR]
# clang-tidy needs the compile commands of a configured build. Tools that are not installed are
# named, and not an error. --quick leaves out clang's analyzer, which takes nearly all of the time.
set -u
cd "$(dirname "$0")/.." || exit 1
checks=
if [ "${1:-}" = --quick ]; then
    checks=-clang-analyzer-*
    shift
fi
build=${1:-build}
jobs=${JOBS:-$(nproc 2>/dev/null || echo 2)}
status=0

python3 scripts/check-rooms.py || status=1
python3 scripts/check-source.py --objects "$build" || status=1

if command -v clang-tidy >/dev/null; then
    # Only files that this build compiles: clang-tidy guesses flags for others. Those of gcc that
    # clang refuses are left out of a copy.
    commands=$(mktemp -d) || exit 1
    trap 'rm -rf "$commands"' EXIT
    mapfile -t files < <(python3 - "$build" "$commands" <<'PYTHON'
import json, os, sys
build, out = sys.argv[1:]
with open(build + "/compile_commands.json", encoding="utf-8") as file:
    entries = json.load(file)
for entry in entries:
    for flag in (" -fno-gcse", " -fno-crossjumping"):
        entry["command"] = entry["command"].replace(flag, "")
with open(out + "/compile_commands.json", "w", encoding="utf-8") as file:
    json.dump(entries, file)
names = {entry["file"] for entry in entries}
here = os.getcwd()
print("\n".join(sorted(n for n in names if n.startswith((here + "/lib/", here + "/tools/")))))
PYTHON
    )
    # One file a run: clang-tidy 14 confuses the va_lists of several.
    printf '%s\0' "${files[@]}" |
        xargs -0 -P "$jobs" -n 1 clang-tidy -p "$commands" --quiet --checks="$checks" --warnings-as-errors='*' 2>/dev/null || status=1
    echo "clang-tidy read ${#files[@]} files${checks:+, without the analyzer}"
else
    echo "clang-tidy is not installed"
fi
if command -v shellcheck >/dev/null; then
    find . -path './build*' -prune -o \( -name '*.sh' -o -path './.ci/run' \) -print | xargs shellcheck -S warning || status=1
else
    echo "shellcheck is not installed"
fi
if command -v luacheck >/dev/null && [ -n "$(find bindings -name '*.lua')" ]; then
    luacheck -q bindings || status=1
fi
[ $status = 0 ] && echo "lint: nothing to say"
exit $status

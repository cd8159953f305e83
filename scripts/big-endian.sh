#!/bin/bash
# The golden bytes on a big-endian machine: profiles, and decisions with all that leads to them.
#     scripts/big-endian.sh [FOLDER [COMPILER]]
# Everything is compiled for s390x and run under qemu's user emulation (Debian: gcc-s390x-linux-gnu,
# libc6-dev-s390x-cross, qemu-user); without those it says so and ends with 77. Libraries that are
# not there for s390x are left out (tests/cross/absent.c), CMocka is replaced (tests/cross/cmocka.h).
# FOLDER holds what is built (default: build-s390x) and spares compiling it again; one folder for
# each compiler. With COMPILER (gcc, clang) the same is compiled by it and run on this machine.
set -u
cd "$(dirname "$0")/.." || exit 1
compiler=${2:-${S390X_CC:-s390x-linux-gnu-gcc}}
emulator=(${S390X_RUN:-qemu-s390x})
[ $# -ge 2 ] && emulator=()
for tool in "$compiler" "${emulator[@]}"; do
    command -v "$tool" >/dev/null || { echo "skipped: $tool is not there"; exit 77; }
done
out=${1:-build-s390x}
mkdir -p "$out"
flags=(-O1 -std=gnu11 -D_GNU_SOURCE -ffp-contract=off -w -Iinclude -Ilib -Itests -Itests/cross
       "-DPZ_TEST_DATA=\"$PWD/tests/data/profile\"" "-DPZ_SOURCE_DIR=\"$PWD\"")

# object FILE: compiles it if it or any header is newer than what was made of it; says where it is.
newest_header=$(find include lib tests -name '*.h' -o -name '*.def' | xargs ls -t | head -n 1)
object() {
    local made="$out/${1//\//_}.o"
    if [ ! "$made" -nt "$1" ] || [ ! "$made" -nt "$newest_header" ]; then
        "$compiler" "${flags[@]}" -c "$1" -o "$made" || return 1
    fi
    echo "$made"
}
objects() {
    for file in "$@"; do
        object "$file" || return 1
    done
}

# Sources of rooms, without what needs a foreign library.
sources() {
    for room in "$@"; do
        ls lib/"$room"/*.c
    done | grep -vE '/(uuid|deflate|regex_pcre|lmdb[a-z_]*|redis[a-z_]*)\.c$'
}

core=$(objects $(sources base value profile)) || exit 1
kit=$(objects tests/support/gen.c tests/support/oom.c tests/profile/kit.c) || exit 1
failed=0
run() {
    local name=$1
    shift
    if timeout 1200 "${emulator[@]}" "$@" >"$out/$name.log" 2>&1; then
        echo "passed $name"
    else
        tail -n 5 "$out/$name.log"
        echo "FAILED $name"
        failed=1
    fi
}
for name in format codec join peek; do
    made=$(objects "tests/profile/test_$name.c") || exit 1
    "$compiler" -static $made $kit $core $(object tests/cross/absent.c) -o "$out/profile_$name" \
        -Wl,--gc-sections -lpthread 2>"$out/link.log" || { tail -n 5 "$out/link.log"; exit 1; }
    PZ_CASES=200 run "profile_$name" "$out/profile_$name"
done

rooms=$(find lib -mindepth 2 -name CMakeLists.txt -printf '%h\n' | xargs -n1 basename |
    grep -vE '^(base|value|profile)$')
rest=$(objects $(sources $rooms) tests/cross/absent.c tests/golden/golden.c) || exit 1
"$compiler" -static $core $rest -o "$out/golden" -lpthread 2>"$out/link.log" ||
    { tail -n 5 "$out/link.log"; exit 1; }
run golden "$out/golden" tests/data/cases
exit $failed

#!/bin/bash
# The long form of `make check`: every suite at full length, then the same code under other eyes.
#     scripts/check-full.sh [--budget SECONDS] [STAGE...]
# Stages, in this order:
#     long      gcc, warnings are errors, PZ_FULL=1 (a million cases per law, or PZ_FULL_CASES)
#     hosts     real web servers and databases with the library in them, each skipped where missing;
#               HOSTS_FULL=0 leaves out what takes long there
#     address   gcc, address and undefined behaviour sanitizers, quick cases
#     thread    gcc, thread sanitizer, quick cases of the tests that start threads
#     clang     clang, warnings are errors, quick cases, but for the hosts and the bindings
#     analyze   clang-tidy with its analyzer, and all else that reads the code
#     fuzz      clang, fuzz targets built; the corpora are replayed, then each target runs for
#               FUZZ_SECONDS (default 20)
#     endian    golden bytes of profiles and decisions on s390x, where its compiler and qemu are
#     compilers the same golden bytes, written and read by what gcc and by what clang makes
#     options   each option off once: configure, build, quick cases of what is left and of the room or
#               program that could miss it
# Each stage has its folder below build-full/. With a budget, a stage that would begin with less
# than two minutes left is not run, and one that the budget ends before anything failed is unfinished:
# the last lines name both. A test that hangs has its own limit and fails.
set -u
cd "$(dirname "$0")/.." || exit 1

jobs=${JOBS:-$(nproc 2>/dev/null || echo 2)}
# Stages that differ in options alone compile the same objects.
if command -v ccache >/dev/null 2>&1; then
    export CMAKE_C_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
fi
out=${BUILD_FULL:-build-full}
fuzz_seconds=${FUZZ_SECONDS:-20}
budget=0
if [ "${1:-}" = --budget ]; then
    budget=$2
    shift 2
fi
stages=("$@")
[ ${#stages[@]} = 0 ] && stages=(long hosts address thread clang analyze fuzz endian compilers options)
begun=$SECONDS
failed=() skipped=() passed=() unfinished=()
mkdir -p "$out"

left() {
    [ "$budget" = 0 ] && echo 86400 && return
    echo $((budget - (SECONDS - begun)))
}

# limited COMMAND...: ends it with status 124 when the budget is used up. `timeout 0` would never end it.
limited() {
    local seconds
    seconds=$(left)
    [ "$seconds" -gt 0 ] || return 124
    timeout "$seconds" "$@"
}

# build NAME FLAG...: configures and compiles into $out/NAME.
build() {
    local name=$1
    shift
    local status=0
    cmake -S . -B "$out/$name" -DPZ_WERROR=ON "$@" >"$out/$name.log" 2>&1 &&
        limited cmake --build "$out/$name" --parallel "$jobs" >>"$out/$name.log" 2>&1 ||
        status=$?
    [ $status = 0 ] || [ $status = 124 ] || tail -n 40 "$out/$name.log"
    return $status
}

# replay NAME CTEST-ARG...: runs ctest and prints its closing lines, and all of a failure. LOG names
# the log where one build has several.
replay() {
    local name=$1 log=$out/${LOG:-$1}.tests status
    shift
    limited ctest --test-dir "$out/$name" --output-on-failure --parallel "$jobs" --timeout 600 \
        --no-tests=error "$@" </dev/null >"$log" 2>&1
    status=$?
    if [ $status = 0 ]; then
        grep -iE '^ *[0-9]+ - .*\((Skipped|Not Run)|tests passed|^Total Test time' "$log"
    elif [ $status = 124 ] && ! grep -E 'Test +#[0-9]+: .*\*\*\*' "$log" | grep -qv '\*\*\*Skipped'; then
        echo "out of time after $(grep -c ' Passed ' "$log") tests that passed"
    else
        tail -n 200 "$log"
        status=1
    fi
    return $status
}

# Libraries with a sanitizer inside do not load into a plain python3 or lua.
sanitized=(-DPZ_BUILD_BINDINGS=OFF -DPZ_BUILD_BENCH=OFF -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_C_FLAGS=-O1")

# What reads the code, or is built by other compilers, has no longer form.
stage_long() {
    build long -DCMAKE_C_COMPILER=gcc && PZ_FULL=1 replay long -LE '^hosts$' -E '^(check_|readme_|install|golden_)'
}
stage_hosts() {
    build long -DCMAKE_C_COMPILER=gcc && PZ_FULL=${HOSTS_FULL:-1} LOG=hosts replay long -L '^hosts$'
}
stage_address() {
    build address -DCMAKE_C_COMPILER=gcc -DPZ_SANITIZE=address,undefined "${sanitized[@]}" &&
        ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1 \
            replay address
}
# Where one thread is alone there is nothing to race with.
stage_thread() {
    build thread -DCMAKE_C_COMPILER=gcc -DPZ_SANITIZE=thread "${sanitized[@]}" &&
        TSAN_OPTIONS=halt_on_error=1 replay thread -L '^threads$'
}
stage_clang() {
    build clang -DCMAKE_C_COMPILER=clang && replay clang -LE '^hosts$' -E '^(check_|bindings_|.*_(python|lua[0-9.]*|luajit(-ffi)?)$)'
}
stage_analyze() {
    build clang -DCMAKE_C_COMPILER=clang && limited bash scripts/lint.sh "$out/clang"
}
stage_fuzz() {
    if [ ! -e tests/fuzz/CMakeLists.txt ]; then
        echo "there are no fuzz targets"
        return 77
    fi
    build fuzz -DCMAKE_C_COMPILER=clang -DPZ_BUILD_FUZZ=ON \
        -DPZ_SANITIZE=fuzzer-no-link,address,undefined "${sanitized[@]}" || return
    replay fuzz -R '^replay_' || return
    local fuzzer name found
    for fuzzer in "$out"/fuzz/tests/fuzz/fuzz_*; do
        [ -x "$fuzzer" ] && [ -f "$fuzzer" ] || continue
        name=${fuzzer##*/fuzz_}
        found=$out/fuzz/found/$name
        mkdir -p "$found"
        "$fuzzer" -max_total_time="$fuzz_seconds" -timeout=10 -rss_limit_mb=2048 \
            -artifact_prefix="$found/" "$found" "tests/fuzz/corpus/$name" \
            </dev/null >"$out/fuzz-$name.log" 2>&1 ||
            { tail -n 40 "$out/fuzz-$name.log"; return 1; }
        echo "$name: $(tail -n 1 "$out/fuzz-$name.log")"
    done
}
stage_endian() {
    limited scripts/big-endian.sh "$out/s390x"
}
# The first failure of several runs is what a stage ends with; that the time ran out counts where nothing
# failed, and that something to run with was missing where all else is well.
worse() { # SO-FAR NEXT
    case $1,$2 in
    0,* | 77,[!0]*) echo "$2" ;;
    124,0 | 124,77) echo "$1" ;;
    124,*) echo "$2" ;;
    *) echo "$1" ;;
    esac
}
stage_compilers() {
    local compiler status=0
    for compiler in gcc clang; do
        echo "-- $compiler"
        limited scripts/big-endian.sh "$out/golden-$compiler" "$compiler"
        status=$(worse $status $?)
    done
    return "$status"
}
stage_options() {
    local option apart status=0
    # Each ON option that the root CMakeLists.txt declares.
    for option in $(sed -n 's/^option(\(PZ_[A-Z_]*\) .* ON)$/\1/p' CMakeLists.txt); do
        echo "-- $option=OFF"
        case $option in
        # The rooms below the engine know nothing of what is built beside the library.
        PZ_BUILD_*) apart='^(hosts|store|conformance|cel|resolve|profile|catalog|value|replay)_' ;;
        *) apart='^(hosts_|store_(redis|liars|cluster)$|conformance_|cel_|resolve_)' ;;
        esac
        build "without-$option" -DCMAKE_C_COMPILER=gcc "-D$option=OFF" &&
            { [ "$option" = PZ_BUILD_TESTS ] || replay "without-$option" -E "$apart"; }
        status=$(worse $status $?)
    done
    return "$status"
}

for stage in "${stages[@]}"; do
    if [ "$(left)" -lt 120 ]; then
        skipped+=("$stage (no time left)")
        continue
    fi
    echo "== $stage"
    started=$SECONDS
    "stage_$stage"
    status=$?
    case $status in
    0) passed+=("$stage") ;;
    77) skipped+=("$stage") ;;
    124) unfinished+=("$stage") ;;
    *) failed+=("$stage") ;;
    esac
    echo "== $stage: status $status, $((SECONDS - started)) s"
done

echo "passed: ${passed[*]:-none}"
[ ${#skipped[@]} = 0 ] || echo "not run: ${skipped[*]}"
[ ${#unfinished[@]} = 0 ] || echo "unfinished, nothing failed: ${unfinished[*]}"
[ ${#failed[@]} = 0 ] || { echo "FAILED: ${failed[*]}"; exit 1; }

#!/bin/sh
# Builds the C++ CRM by pkg-config with warnings as errors and compares what it prints, for a store
# in memory and, run twice, for one on disk; with the sanitizers where they link.
#     test_cpp.sh SOURCE_DIR BUILD_DIR CMAKE WITH_LMDB
# Exit status 77: skipped, with the reason. CXX names another compiler.
set -eu
source=$1 build=$2 cmake=$3 lmdb=$4
cxx=${CXX:-c++}
command -v "$cxx" >/dev/null 2>&1 || { echo "skipped: no C++ compiler"; exit 77; }
case ${TMPDIR:-} in *[[:space:]]*) TMPDIR=/tmp ;; esac # what pkg-config says is split into words
scratch=$(mktemp -d "${TMPDIR:-/tmp}/pz-cpp.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
. "$source/tests/crm/install.sh"
install_library "$source" "$build" "$cmake" "$scratch"
example=$source/examples/cpp

compile() {
    # Word splitting is wanted.
    "$cxx" -std=c++17 -O1 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Werror "$@" -o "$scratch/crm" \
        "$example/crm.cpp" $($pkg_config --cflags --libs personalize)
}
compare() {
    "$scratch/crm" "$source/examples/postgresql/crm.json" "$1" <"$example/parties.csv" >"$scratch/printed"
    # What was recorded today says so.
    sed 's/20[0-9][0-9]-[01][0-9]-[0-3][0-9]/DATE/g' "$scratch/printed" | diff "$example/expected.txt" -
}

compile
compare memory:
if [ "$lmdb" = ON ]; then
    compare "lmdb:$scratch/customers"
    # The same import again: each order is known by its id.
    compare "lmdb:$scratch/customers"
fi
if compile -fsanitize=address,undefined -fno-sanitize-recover=all 2>/dev/null; then
    compare memory:
    echo "printed what it should, also with the sanitizers"
fi
# A broken catalog: the place and the remedy, and no crash on the way out.
printf '{"catalog": "x", "segments": {"s": "profile.nope"}}' >"$scratch/bad.json"
if "$scratch/crm" "$scratch/bad.json" memory: </dev/null 2>"$scratch/why"; then
    echo "a broken catalog was taken"
    exit 1
fi
grep -q 'bad.json:1:' "$scratch/why" || { cat "$scratch/why"; exit 1; }

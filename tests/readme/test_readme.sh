#!/bin/sh
# Runs the README's block of one language beside the README's catalog, against the build tree.
#     test_readme.sh SOURCE_DIR BUILD_DIR LANGUAGE INTERPRETER
# The first line printed must be what the README says its C program prints. A block has at most ten
# lines besides blank ones.
set -eu
source=$1 build=$2 language=$3 interpreter=$4
scratch=$(mktemp -d "${TMPDIR:-/tmp}/personalize-readme.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
block() { python3 "$source/scripts/readme-block.py" "$1" 1 "$source/README.md"; }

block json >"$scratch/shop.json"
block "$language" >"$scratch/block"
[ "$(grep -c . "$scratch/block")" -le 10 ] || { echo "the block is longer than ten lines"; exit 1; }
says=$(sed -n 's/^It prints `\([^`]*\)`.*/\1/p' "$source/README.md")
[ -n "$says" ] || { echo "the README does not say what is printed"; exit 1; }

cd "$scratch"
if [ "$language" = python ]; then
    printed=$(PYTHONPATH="$build/python" "$interpreter" block)
else
    version=$("$interpreter" -e 'print((_VERSION:gsub("Lua ", "")))')
    printed=$(LUA_CPATH="$build/lua/$version/?.so" "$interpreter" block)
fi
first=$(printf '%s\n' "$printed" | head -n 1)
[ "$first" = "$says" ] || { echo "printed '$first', not '$says'"; exit 1; }
printf '%s\n' "$printed"

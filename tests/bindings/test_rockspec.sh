#!/bin/sh
# The rockspec builds the Lua module against an installed library, without a network:
#     test_rockspec.sh SOURCE BUILD CMAKE VERSION...        the Lua versions to build for
# Skipped, with status 77, where LuaRocks is not installed.
set -eu
source=$1 build=$2 cmake=$3
shift 3
command -v luarocks >/dev/null || { echo "skipped: luarocks is not installed"; exit 77; }

case ${TMPDIR:-} in *[[:space:]]*) TMPDIR=/tmp ;; esac # LuaRocks quotes no paths
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HOME="$folder"
"$cmake" --install "$build" --prefix "$folder/prefix" >"$folder/install.log" 2>&1 || {
  cat "$folder/install.log"; exit 1; }
library=$(find "$folder/prefix" -name libpersonalize.so | head -n 1)
[ -n "$library" ] || { echo "no library was installed"; exit 1; }
# LuaRocks looks in lib; a build for another folder has to say so.
where=
# A library of another minor version, which may have other structs, is not called.
. "$source/tests/crm/install.sh"
other_version "$source" "$library" >"$folder/other.so"
[ "$library" = "$folder/prefix/lib/libpersonalize.so" ] || where="PERSONALIZE_LIBDIR=${library%/*}"

cat >"$folder/ten.lua" <<'LUA'
local p = require "personalize"
local shop = p.open(arg[1])
local ann = shop:customer("email", "ann@example.com")
ann:choose("language", "de")
local hero = shop:decide("home.hero", ann, {country = "DE"})
assert(hero.value == "hallo" and hero.rule == "german")
local lines = shop:decide_many("home.hero", {ann:id()}, {country = "DE"})
assert(#lines == 1 and lines[1].value == "hallo")
local refused, message, code = p.safe.open "/nowhere.json"
assert(refused == nil and message and code == "ERR_IO")
LUA

for version in "$@"; do
  lua=$(command -v "lua$version" || command -v "lua-$version")
  cp -r "$source/bindings/lua" "$folder/source"
  (cd "$folder/source" &&
    luarocks --lua-version="$version" --tree="$folder/tree" make PERSONALIZE_DIR="$folder/prefix" \
      ${where:+"$where"} personalize-scm-1.rockspec) >"$folder/make.log" 2>&1 || {
    cat "$folder/make.log"; echo "luarocks failed for Lua $version"; exit 1; }
  rm -rf "$folder/source"
  LUA_CPATH="$folder/tree/lib/lua/$version/?.so" "$lua" "$folder/ten.lua" \
    "$source/tests/data/cases/catalogs/shop.json"
  said=$(LD_PRELOAD="$folder/other.so" LUA_CPATH="$folder/tree/lib/lua/$version/?.so" "$lua" -e \
    'print(select(2, pcall(require, "personalize")))')
  case $said in
    'libpersonalize 9.9.9 is loaded'*) ;;
    *) echo "Lua $version calls a library of version 9.9.9: $said"; exit 1 ;;
  esac
  # Every file of the package for LuaJIT.
  for file in "$source"/bindings/lua/personalize_ffi/*.lua; do
    [ -f "$folder/tree/share/lua/$version/personalize_ffi/${file##*/}" ] || {
      echo "the rockspec leaves out ${file##*/}"; exit 1; }
  done
  echo "Lua $version: built, installed, ran"
done

if command -v luajit >/dev/null && [ -d "$folder/tree/share/lua/5.1" ]; then
  sed 's/require "personalize"/require "personalize_ffi"/' "$folder/ten.lua" >"$folder/ffi.lua"
  LUA_PATH="$folder/tree/share/lua/5.1/?.lua" PERSONALIZE_LIBRARY="$library" luajit "$folder/ffi.lua" \
    "$source/tests/data/cases/catalogs/shop.json"
  echo "LuaJIT's FFI: installed, ran"
fi

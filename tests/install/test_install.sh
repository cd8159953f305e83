#!/bin/sh
# Installs a build into a scratch prefix and uses it as a stranger would.
#     test_install.sh SOURCE_DIR BUILD_DIR VERSION CC CMAKE [WITH_LMDB]
# Consumers: tests/install/version.c, run, and the README's first C block, built: each through
# pkg-config and through CMake; the first also against the static library.
set -eu
source=$1 build=$2 version=$3 cc=$4 cmake=$5 lmdb=${6:-ON}
case ${TMPDIR:-} in *[[:space:]]*) TMPDIR=/tmp ;; esac # what pkg-config says is split into words
scratch=$(mktemp -d "${TMPDIR:-/tmp}/personalize-install.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/usr

# As a packager does: staged by DESTDIR, then moved.
DESTDIR="$scratch/root" "$cmake" --install "$build" >"$scratch/log" 2>&1 ||
    { cat "$scratch/log"; exit 1; }
configured=$(sed -n 's/^CMAKE_INSTALL_PREFIX:[A-Z]*=//p' "$build/CMakeCache.txt")
mv "$scratch/root$configured" "$prefix"

pc=$(find "$prefix" -name personalize.pc)
libdir=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH="$libdir/pkgconfig" LD_LIBRARY_PATH="$libdir"
pkg() { pkg-config --define-variable=prefix="$prefix" "$@" personalize; }

# Installed by another prefix than the one that was configured, it is found by that; also where the
# name of the folder has to be quoted.
other="$scratch/an öther"
"$cmake" --install "$build" --prefix "$other" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
(
    PKG_CONFIG_PATH=$(dirname "$(find "$other" -name personalize.pc)")
    says=$(pkg-config --variable=prefix personalize)
    [ "$says" = "$other" ] || { echo "personalize.pc of $other says $says"; exit 1; }
    eval "$cc -o '$scratch/version-other' '$source/tests/install/version.c' $(pkg-config --cflags --libs personalize)" ||
        { echo "not built by the pkg-config of '$other'"; exit 1; }
)

# Folders that are absolute paths are taken as they are; only what was built is lacking.
"$cmake" -S "$source" -B "$scratch/absolute" -DCMAKE_C_COMPILER="$cc" -DCMAKE_INSTALL_PREFIX="$scratch/none" \
    -DCMAKE_INSTALL_LIBDIR="$scratch/out/lib" -DCMAKE_INSTALL_INCLUDEDIR="$scratch/dev/include" \
    -DPZ_WITH_LMDB="$lmdb" -DPZ_REDIS=OFF -DPZ_BUILD_TESTS=OFF -DPZ_BUILD_TOOLS=OFF -DPZ_BUILD_BENCH=OFF \
    -DPZ_BUILD_BINDINGS=OFF >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
cp -P "$build"/libpersonalize* "$scratch/absolute/"
make -s -C "$source" install-built BUILD="$scratch/absolute" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
for folder in libdir=out/lib includedir=dev/include; do
    found=$(PKG_CONFIG_PATH="$scratch/out/lib/pkgconfig" pkg-config --variable="${folder%%=*}" personalize || true)
    [ "$found" = "$scratch/${folder#*=}" ] || { echo "personalize.pc says ${folder%%=*} is '$found'"; exit 1; }
done
# Another install from the same build, such as a test's, does not change what is to be removed.
DESTDIR="$scratch/staged" "$cmake" --install "$scratch/absolute" --prefix "$scratch/elsewhere" >"$scratch/log" 2>&1 ||
    { cat "$scratch/log"; exit 1; }
make -s -C "$source" uninstall BUILD="$scratch/absolute"
left=$(find "$scratch/out" "$scratch/dev" "$scratch/none" ! -type d)
[ -z "$left" ] || { echo "make uninstall leaves $left"; exit 1; }
! said=$(make -s -C "$source" uninstall BUILD="$scratch/none" 2>&1) || { echo "make uninstall removes what was not installed"; exit 1; }
case $said in
    *"nothing was installed from $scratch/none by make install"*) ;;
    *) echo "make uninstall says: $said"; exit 1 ;;
esac

[ "$(pkg --modversion)" = "$version" ] || { echo "personalize.pc has another version"; exit 1; }
# What the README leads to is installed beside it.
doc=$(dirname "$(find "$prefix" -path '*doc*' -name README.md)")
for page in $(grep -o 'docs/[a-z-]*\.md' "$doc/README.md" | sort -u); do
    [ -e "$doc/$page" ] || { echo "$page is not installed"; exit 1; }
done
[ -e "$libdir/libpersonalize.so" ] || { echo "there is no libpersonalize.so"; exit 1; }

cp "$source/tests/install/version.c" "$scratch/version.c"
programs=version
if python3 "$source/scripts/readme-block.py" c 1 "$source/README.md" >"$scratch/readme.c" 2>"$scratch/why"
then
    programs="version readme"
else
    echo "README not compiled: $(cat "$scratch/why")"
fi

for name in $programs; do
    # Word splitting is wanted.
    "$cc" -std=c99 -Wall -Wextra -Werror -o "$scratch/$name-pc" "$scratch/$name.c" \
        $(pkg --cflags --libs)
done
"$cc" -o "$scratch/version-static" "$scratch/version.c" $(pkg --cflags) \
    "$libdir/libpersonalize.a" $(pkg --static --libs-only-l | sed 's/-lpersonalize//') -pthread

mkdir "$scratch/consumer"
{
    echo 'cmake_minimum_required(VERSION 3.18)'
    echo 'project(consumer C)'
    echo "find_package(personalize $version CONFIG REQUIRED)"
    for name in $programs; do
        echo "add_executable($name-cmake ../$name.c)"
        echo "target_link_libraries($name-cmake PRIVATE personalize::personalize)"
        echo "add_executable($name-all ../$name.c)"
        echo "target_link_libraries($name-all PRIVATE personalize::personalize_static)"
    done
    if [ -e "$libdir/libpersonalize-redis.so" ]; then
        echo 'add_executable(redis ../version.c)'
        echo 'target_link_libraries(redis PRIVATE personalize::personalize personalize::redis)'
    fi
} >"$scratch/consumer/CMakeLists.txt"
"$cmake" -S "$scratch/consumer" -B "$scratch/consumer/build" -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_PREFIX_PATH="$prefix" >"$scratch/log" 2>&1 &&
    "$cmake" --build "$scratch/consumer/build" >>"$scratch/log" 2>&1 ||
    { cat "$scratch/log"; exit 1; }

for program in "$scratch/version-pc" "$scratch/version-static" "$scratch/consumer/build/version-cmake" \
    "$scratch/consumer/build/version-all"; do
    printed=$("$program")
    [ "$printed" = "$version" ] || { echo "$program prints $printed, not $version"; exit 1; }
done
# The README's program runs beside the README's catalog and prints what the README says it prints.
if [ "$programs" != version ] && [ "$lmdb" = ON ]; then
    python3 "$source/scripts/readme-block.py" json 1 "$source/README.md" >"$scratch/shop.json"
    says=$(sed -n 's/^It prints `\([^`]*\)`.*/\1/p' "$source/README.md")
    for program in "$scratch/readme-pc" "$scratch/consumer/build/readme-cmake" \
        "$scratch/consumer/build/readme-all"; do
        printed=$(cd "$scratch" && rm -rf customers && "$program")
        [ "$printed" = "$says" ] || { echo "$program prints '$printed', not '$says'"; exit 1; }
    done
    [ "$(wc -l <"$scratch/readme.c")" -le 30 ] || { echo "the README's program is too long"; exit 1; }
fi
if [ -e "$prefix/bin/personalize" ]; then
    "$prefix/bin/personalize" --version | grep -q "$version" ||
        { echo "the installed command does not print its version"; exit 1; }
fi
echo "installed $version; built by pkg-config, by CMake and statically: $programs"

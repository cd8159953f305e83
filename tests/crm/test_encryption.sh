#!/bin/sh
# Builds the example of hooks against libsodium with warnings as errors, and keeps customers with it:
# what it wrote cannot be read in the files of the store, nor with other keys, nor without any; keys
# are changed; with the sanitizers where they link.
#     test_encryption.sh SOURCE_DIR BUILD_DIR CMAKE
# Exit status 77: skipped, with the reason. CC names another compiler.
set -eu
source=$1 build=$2 cmake=$3
cc=${CC:-cc}
pkg-config --exists libsodium 2>/dev/null || { echo "skipped: no libsodium (libsodium-dev)"; exit 77; }
case ${TMPDIR:-} in *[[:space:]]*) TMPDIR=/tmp ;; esac # what pkg-config says is split into words
scratch=$(mktemp -d "${TMPDIR:-/tmp}/pz-encryption.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
. "$source/tests/crm/install.sh"
install_library "$source" "$build" "$cmake" "$scratch"
example=$source/examples/encryption
cd "$scratch"

compile() {
    # Word splitting is wanted.
    "$cc" -std=c11 -O1 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror "$@" -o encryption \
        "$example/main.c" "$example/sodium_hooks.c" $($pkg_config --cflags --libs personalize) \
        $(pkg-config --cflags --libs libsodium)
}
is() {
    want=$1
    shift
    got=$(./encryption "$@")
    [ "$got" = "$want" ] || { echo "$*: '$got', not '$want'"; exit 1; }
}
refuses() {
    why=$1
    shift
    if ./encryption "$@" >out 2>said; then
        echo "$*: was not refused"
        exit 1
    fi
    grep -q "$why" said || { echo "$*: did not say '$why':"; cat said; exit 1; }
    if grep -q 'ann@example' said || grep -q "$(head -1 keys)" said; then
        echo "$*: the message tells a secret:"
        cat said
        exit 1
    fi
}

try() {
    rm -rf store keys others
    ./encryption key >keys
    ./encryption key >others
    ./encryption say lmdb:store keys ann@example.com xlanguagex
    is xlanguagex ask lmdb:store keys ann@example.com
    is none ask lmdb:store keys bob@example.com
    for word in ann@example xlanguagex language email greet personalization PZr PZp PZd; do
        if grep -aq "$word" store/data.mdb; then
            echo "'$word' stands in the store's file"
            exit 1
        fi
    done
    refuses 'ERR_STATE: the store was sealed with other keys' ask lmdb:store others ann@example.com
    refuses 'ERR_STATE: the store is sealed' ask lmdb:store - ann@example.com
    refuses 'ERR_STATE: the store is sealed' say lmdb:store - ann@example.com de
    # Another key from now on; what the old one sealed is read as before.
    ./encryption key >>keys
    is xlanguagex ask lmdb:store keys ann@example.com
    ./encryption say lmdb:store keys ann@example.com ylanguagey
    is ylanguagey ask lmdb:store keys ann@example.com
    # Whoever has the old key alone reads nothing of what is new.
    head -1 keys >old
    refuses 'ERR_CORRUPT' ask lmdb:store old ann@example.com
    ./encryption erase lmdb:store keys ann@example.com
    is none ask lmdb:store keys ann@example.com
    # A store that was made in the clear is not mixed.
    rm -rf plain
    ./encryption say lmdb:plain - ann@example.com de
    refuses 'ERR_STATE: the store was made without hooks' ask lmdb:plain keys ann@example.com
    is de ask lmdb:plain - ann@example.com
}

compile
try
if compile -fsanitize=address,undefined -fno-sanitize-recover=all 2>/dev/null; then
    try
    echo "sealed as it should, also with the sanitizers"
fi

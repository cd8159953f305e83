#!/bin/sh
# The PHP class on a real php, with its store in a scratch folder, and the README's lines as they are.
#     test_php.sh SOURCE_DIR LIBRARY
# Exit status 77: skipped, with the reason.
set -eu
source=$1 library=$2
php=
for candidate in php php8.4 php8.3 php8.2 php8.1; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    # PHP 8.1 is the first with readonly properties and f(...).
    "$candidate" -r 'exit(PHP_VERSION_ID >= 80100 && extension_loaded("ffi") ? 0 : 1);' && php=$candidate && break
done
[ -n "$php" ] || { echo "skipped: no php of 8.1 or later with FFI"; exit 77; }
scratch=$(mktemp -d "${TMPDIR:-/tmp}/pz-php.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export PERSONALIZE_LIBRARY="$library"
"$php" -d ffi.enable=1 -d error_reporting=-1 -d display_errors=stderr "$source/examples/php/test.php" \
    "$source/examples/postgresql/crm.json" "$scratch"
# A library of another minor version, which may have other structs, is not called.
. "$source/tests/crm/install.sh"
other_version "$source" "$library" >"$scratch/other.so"
said=$(PERSONALIZE_LIBRARY="$scratch/other.so" "$php" -d ffi.enable=1 -r 'require $argv[1];
    try { new Personalize\Shop($argv[2]); } catch (Personalize\PersonalizeException $e) { echo $e->status, " ", $e->getMessage(); }' \
    "$source/examples/php/Personalize.php" "$source/examples/postgresql/crm.json")
case $said in
    'ERR_VERSION libpersonalize 9.9.9 is loaded'*) ;;
    *) echo "a library of version 9.9.9 was loaded: $said"; exit 1 ;;
esac
mkdir "$scratch/page"
cp "$source/examples/php/Personalize.php" "$source/examples/postgresql/crm.json" "$scratch/page/"
cd "$scratch/page"
python3 "$source/scripts/readme-block.py" php 1 "$source/examples/php/README.md" >page.php
printed=$("$php" -d ffi.enable=1 page.php)
says=$(sed -n 's/^It prints `\([^`]*\)`.*/\1/p' "$source/examples/php/README.md")
[ "$printed" = "$says" ] || { echo "the README's page prints '$printed', not '$says'"; exit 1; }

# The same page from PHP's own web server, twice, for the second request finds the first one's store. First FFI is
# allowed to all, then to the preloaded class alone, as the README says.
serve() {
    port=$(python3 "$source/tests/support/ports.py")
    "$php" "$@" -S "127.0.0.1:$port" page.php >../server.log 2>&1 &
    server=$!
    trap 'kill $server 2>/dev/null || true; rm -rf "$scratch"' EXIT
    for request in 1 2; do
        served=$(python3 - "$port" <<'END'
import sys, time, urllib.request
for attempt in range(100):
    try:
        print(urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/", timeout=30).read().decode(), end="")
        break
    except urllib.error.HTTPError as error:
        sys.exit(error.read().decode())
    except OSError:
        time.sleep(0.1)
END
        )
        [ "$served" = "$says" ] || { echo "served '$served', not '$says', by php $*"; cat ../server.log; exit 1; }
    done
    kill $server
    wait $server 2>/dev/null || true
}
serve -d ffi.enable=true
if "$php" -r 'exit(extension_loaded("Zend OPcache") ? 0 : 1);'; then
    echo "<?php opcache_compile_file('$PWD/Personalize.php');" >../preload.php
    serve -d ffi.enable=preload -d opcache.enable=1 -d opcache.enable_cli=1 -d "opcache.preload=$scratch/preload.php" \
        -d "opcache.preload_user=$(id -un)"
else
    echo "not preloaded: this php has no opcache"
fi
echo "the README's page, by itself and served: $says"

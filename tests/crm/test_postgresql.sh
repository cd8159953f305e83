#!/bin/sh
# Builds the PostgreSQL extension against an installed library and runs its regression tests in a
# server of its own, reached by a socket in a scratch folder.
#     test_postgresql.sh SOURCE_DIR BUILD_DIR CMAKE [record|bench]
# Exit status 77: skipped, with the reason. `record` writes examples/postgresql/expected anew; only
# a person does that, and reads the difference. `bench` measures instead of testing.
set -eu
source=$1 build=$2 cmake=$3 mode=${4:-test}
set --
case ${TMPDIR:-} in *[[:space:]]*) TMPDIR=/tmp ;; esac # pg_config and make split paths into words
scratch=$(mktemp -d "${TMPDIR:-/tmp}/pz-pg.XXXXXX")
. "$source/tests/crm/postgres.sh"
trap 'postgres_stop; rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM
reason=$(postgres_find) || { echo "skipped: $reason"; exit 77; }
postgres_find

. "$source/tests/crm/install.sh"
install_library "$source" "$build" "$cmake" "$scratch"
postgres_tree
cp -R "$source/examples/postgresql" "$scratch/extension"
{
    make -C "$scratch/extension" PG_CONFIG="$pg_config" PKG_CONFIG="$pkg_config" COPT=-Werror with_llvm=no &&
        make -C "$scratch/extension" PG_CONFIG="$pg_config" PKG_CONFIG="$pkg_config" with_llvm=no \
            DESTDIR="$pg_root" install
} >"$scratch/make.log" 2>&1 || { cat "$scratch/make.log"; exit 1; }

postgres_start
if [ "$mode" = bench ]; then
    postgres_run env PZ_CATALOG="$scratch/extension/crm.json" "$pg_tree/psql" -X -q -h "$scratch/socket" \
        -U postgres -d postgres -c 'CREATE EXTENSION personalize' -f "$scratch/extension/bench.sql"
    exit 0
fi
# Without a file to compare with, pg_regress stops at the first test.
for name in $(sed -n 's/^REGRESS = //p' "$scratch/extension/Makefile"); do
    set -- "$@" "$name"
    [ "$mode" = test ] || postgres_run touch "$scratch/extension/expected/$name.out"
done
status=0
postgres_run env PZ_CATALOG="$scratch/extension/crm.json" "$pg_regress" \
    --host="$scratch/socket" --user=postgres --bindir="$pg_tree" --inputdir="$scratch/extension" \
    --outputdir="$scratch/extension" --dbname=crm "$@" \
    >"$scratch/regress.log" 2>&1 || status=$?
cat "$scratch/regress.log"
if [ "$mode" = record ]; then
    cp "$scratch"/extension/results/*.out "$source/examples/postgresql/expected/"
    exit 0
fi
[ $status = 0 ] || cat "$scratch/extension/regression.diffs"
# A library of another minor version, which may have other structs, is not called. Renamed into its
# place, for the server may have the old one mapped.
whole=$(readlink -f "$libdir/libpersonalize.so")
other_version "$source" "$whole" >"$whole.new"
mv "$whole.new" "$whole"
postgres_run "$pg_tree/psql" -X -q -h "$scratch/socket" -U postgres -d postgres -c "LOAD 'personalize'" \
    >"$scratch/load.log" 2>&1 || true
grep -q 'and 9.9.9 is loaded' "$scratch/load.log" ||
    { echo "a library of version 9.9.9 was loaded:"; cat "$scratch/load.log"; status=1; }
# A backend that died would have taken the others with it and been started anew.
if grep -E 'terminated by signal|PANIC' "$scratch/server.log"; then
    status=1
fi
exit $status

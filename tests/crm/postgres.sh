# postgres.sh: a PostgreSQL of one's own for tests; read with `.` by a script that has set $scratch,
# an existing folder. Nothing of the system is touched and nobody needs to be root: the server's
# programs are copied into the scratch folder, where they look for extensions beside themselves.
#     postgres_find           sets pg_config; fails, saying why, if something is missing
#     postgres_tree           makes the tree that extensions are installed into: DESTDIR=$pg_root
#     postgres_start          a cluster in $scratch/data, its socket in $scratch/socket
#     postgres_run COMMAND…   runs a command as the server's user
#     postgres_stop           stops it; safe to call twice
# A server refuses to run as root, so root runs it as postgres or nobody.

postgres_find() {
    pg_config=${PG_CONFIG:-}
    for candidate in pg_config /usr/lib/postgresql/*/bin/pg_config; do
        [ -n "$pg_config" ] || command -v "$candidate" >/dev/null 2>&1 || continue
        [ -e "$("$candidate" --includedir-server 2>/dev/null)/postgres.h" ] && pg_config=$candidate
    done
    [ -n "$pg_config" ] || { echo "no pg_config with the headers of a server"; return 1; }
    pg_bin=$("$pg_config" --bindir)
    pg_regress=$(dirname "$("$pg_config" --pgxs)")/../../src/test/regress/pg_regress
    [ -x "$pg_bin/initdb" ] || { echo "no server beside $pg_config"; return 1; }
    [ -x "$pg_regress" ] || { echo "no pg_regress"; return 1; }
    pg_user=
    [ "$(id -u)" != 0 ] && return 0
    for pg_user in postgres nobody; do
        id "$pg_user" >/dev/null 2>&1 && command -v runuser >/dev/null 2>&1 && return 0
    done
    echo "root has nobody to run the server as"
    return 1
}

postgres_tree() {
    pg_root=$scratch/root
    pg_tree=$pg_root$pg_bin
    share=$("$pg_config" --sharedir)
    # Folders of its own that hold links; `extension` is one, for an extension is added to it.
    for folder in "$("$pg_config" --pkglibdir)" "$share"; do
        mkdir -p "$pg_root$folder"
        ln -s "$folder"/* "$pg_root$folder/"
    done
    rm "$pg_root$share/extension"
    mkdir "$pg_root$share/extension"
    ln -s "$share"/extension/* "$pg_root$share/extension/"
    # Copies, for a program finds its folders by its own real path.
    mkdir -p "$pg_tree"
    for program in postgres initdb pg_ctl psql; do
        cp "$pg_bin/$program" "$pg_tree/"
    done
}

postgres_run() {
    if [ -n "$pg_user" ]; then
        runuser -u "$pg_user" -- env LD_LIBRARY_PATH="${LD_LIBRARY_PATH:-}" "$@"
    else
        "$@"
    fi
}

postgres_start() {
    mkdir -p "$scratch/socket"
    # The scratch folder itself too: the server has to be able to enter it.
    [ -z "$pg_user" ] || chown -R "$pg_user" "$scratch"
    {
        postgres_run "$pg_tree/initdb" -D "$scratch/data" -U postgres -A trust -N -E UTF8 --no-locale &&
            postgres_run "$pg_tree/pg_ctl" -D "$scratch/data" -l "$scratch/server.log" -w -t 120 \
                -o "-k $scratch/socket -c listen_addresses= -c fsync=off -c max_connections=20" start
    } >"$scratch/start.log" 2>&1 && return 0
    cat "$scratch/start.log" "$scratch/server.log" 2>/dev/null
    return 1
}

postgres_stop() {
    [ -e "$scratch/data/postmaster.pid" ] || return 0
    postgres_run "$pg_tree/pg_ctl" -D "$scratch/data" -m fast -w stop >/dev/null 2>&1 ||
        kill -QUIT "$(head -n 1 "$scratch/data/postmaster.pid")" 2>/dev/null || true
}

#!/bin/sh
# Installs what is missing, on Debian and its kin; elsewhere lists it and goes on.
#     scripts/deps.sh build|check|lint|full [--list]
# `build` is what the library and the demo need, `check` adds the quick tests, `lint` clang with its
# analysis and sanitizers and Redis, `full` what else tests start: R and mpmath to compare with, web
# servers, databases. Nothing is downloaded when nothing is missing. Of the two LuaJITs of Debian luajit2 is asked for, which
# stands beside nginx; luajit does not, and where it is there already it serves.
set -u

level=${1:-build}
mode=${2:-install}

# What to look for, and the package that brings it. A probe, not a package name, decides: a newer
# CMake in /usr/local is as good.
#   command NAME | module NAME (pkg-config) | header FILE | python MODULE
build_needs='
command cmake                   cmake
command cc                      gcc
header  stdio.h                 libc6-dev
command make                    make
command pkg-config              pkg-config
module  zlib                    zlib1g-dev
module  uuid                    uuid-dev
module  lmdb                    liblmdb-dev
module  libpcre2-8              libpcre2-dev
module  cmocka                  libcmocka-dev
command python3                 python3
command lua5.4                  lua5.4
module  lua5.4                  liblua5.4-dev
'
check_needs='
command c++                     g++
command nm                      binutils
command lua5.1                  lua5.1
command lua5.3                  lua5.3
module  lua5.1                  liblua5.1-0-dev
module  lua5.3                  liblua5.3-dev
'
full_needs='
module  hiredis                 libhiredis-dev
command redis-server            redis-server
command clang                   clang
command clang-format            clang-format
command clang-tidy              clang-tidy
command llvm-symbolizer         llvm
command ccache                  ccache
package libclang-rt-14-dev      libclang-rt-14-dev
'
# Servers, databases, languages and judges that the tests start. They are wished for, not needed: a
# test without its program is skipped. apache2-bin is the server without the service.
host_wishes='
command Rscript                                     r-base-core
python  mpmath                                      python3-mpmath
package python3-mypy                                python3-mypy
command luajit                                      luajit2
command luarocks                                    luarocks
file  /usr/sbin/nginx                               nginx
file  /usr/lib/nginx/modules/ngx_http_lua_module.so libnginx-mod-http-lua
file  /usr/lib/apache2/modules/mod_lua.so           apache2-bin
file  /usr/sbin/lighttpd                            lighttpd
file  /usr/lib/lighttpd/mod_magnet.so               lighttpd-modules-lua
file  /usr/sbin/haproxy                             haproxy
package postgresql                                  postgresql
package postgresql-server-dev-all                   postgresql-server-dev-all
command php                                         php-cli
package php-fpm                                     php-fpm
module  libsodium                                   libsodium-dev
package tryton-server                               tryton-server
package tryton-modules-party                        tryton-modules-party
package tryton-proteus                              tryton-proteus
'

wishes=
case $level in
build | demo) needs=$build_needs ;;
check) needs=$build_needs$check_needs ;;
lint) needs=$build_needs$check_needs$full_needs ;;
full) needs=$build_needs$check_needs$full_needs wishes=$host_wishes ;;
*)
    echo "usage: scripts/deps.sh build|check|lint|full [--list]" >&2
    exit 2
    ;;
esac

# A header is looked for by the compiler, so a missing compiler makes it missing too.
is_there() {
    case $1 in
    command) command -v "$2" >/dev/null 2>&1 ;;
    module) pkg-config --exists "$2" 2>/dev/null ;;
    file) [ -e "$2" ] ;;
    python) python3 -c "import $2" 2>/dev/null ;;
    header) printf '#include <%s>\n' "$2" | cc -E -x c - >/dev/null 2>&1 ;;
    # Elsewhere the package has another name, and the clang stages say what they miss.
    package) ! command -v dpkg-query >/dev/null 2>&1 || is_installed "$2" ;;
    esac
}

is_installed() {
    dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed
}

# missing_of LIST: the packages that would bring what is not there.
missing_of() {
    printf '%s' "$1" | while read -r kind name package; do
        [ -n "$kind" ] || continue
        is_there "$kind" "$name" || echo "$package"
    done | sort -u | tr '\n' ' '
}
missing=$(missing_of "$needs")
missing=${missing% }
wished=$(missing_of "$wishes")
wished=${wished% }

if [ -z "$missing$wished" ]; then
    [ "$mode" = --list ] && echo "nothing is missing"
    exit 0
fi
if [ "$mode" = --list ]; then
    echo $missing $wished
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "These are missing; names are Debian's, your system may call them otherwise:" >&2
    echo "    $missing $wished" >&2
    echo "Going on without them; CMake stops if it cannot." >&2
    exit 0
fi

as_root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "Missing: $missing $wished" >&2
        echo "Install them as root: apt-get install --no-install-recommends $missing $wished" >&2
        echo "Going on without them; CMake stops if it cannot." >&2
        exit 0
    fi
    as_root=sudo
fi

apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -y \
        -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" </dev/null
}
# Word splitting is wanted. Lists may be there and fresh already; else fetch them.
install() {
    apt install --no-install-recommends "$@" >/dev/null 2>&1 && return 0
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    { apt update && apt install --no-install-recommends "$@"; } >"$log" 2>&1 && return 0
    cat "$log" >&2
    echo "These could not be installed: $*" >&2
    return 1
}
if [ -n "$missing" ]; then
    echo "Installing: $missing"
    install $missing || exit 1
fi

# Web servers are installed without being started, now or when the machine starts. Nothing is removed
# for them: nginx brings another LuaJIT than Debian's luajit, and would displace it.
install_servers() {
    echo "Installing: $*"
    policy=/usr/sbin/policy-rc.d status=0
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
        $as_root chmod 755 $policy
    else
        policy=
    fi
    install --no-remove "$@" || status=1
    for service in "$@"; do
        [ $status = 0 ] && command -v systemctl >/dev/null 2>&1 &&
            $as_root systemctl disable "$service" >/dev/null 2>&1
    done
    [ -z "$policy" ] || $as_root rm -f "$policy"
    return $status
}
[ -z "$wished" ] || install_servers $wished || echo "Going on; their tests are skipped." >&2
exit 0

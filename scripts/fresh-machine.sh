#!/bin/bash
# Proves that a bare machine gets from a clone to a running demo and passing tests.
#     scripts/fresh-machine.sh [--root DIR] [--mirror URL] [--keep] [TARGET...]
# The mirror is the one that this machine's own packages come from, unless told.
# Makes a Debian 12 root with nothing but make, git and certificates, clones HEAD into it and runs
# `make TARGET` for each target (demo, then check), without standard input, locale, git identity or
# environment. Prints seconds and the size of the largest process of each. Needs root, debootstrap
# and the network. Lives in a private mount namespace: nothing stays mounted.
#
# DIR is kept with --keep, and a DIR that already holds a root is used again, fresh clone aside;
# then the packages of the run before are there as well.
set -euo pipefail
cd "$(dirname "$0")/.."

root= mirror= keep=0
while [ $# -gt 0 ]; do
    case $1 in
    --root) root=$2 && shift 2 ;;
    --mirror) mirror=$2 && shift 2 ;;
    --keep) keep=1 && shift ;;
    -*) sed -n '2,11s/^# \{0,1\}//p' "$0" && exit 2 ;;
    *) break ;;
    esac
done
[ $# -gt 0 ] || set -- demo check

if [ "$(id -u)" != 0 ]; then
    echo "debootstrap and chroot need root" >&2
    exit 2
fi
if [ -z "$mirror" ]; then
    mirror=$(apt-get indextargets --format '$(SITE)' 2>/dev/null | grep '^http' | grep -v security | head -n 1)
    [ -n "$mirror" ] || { echo "name a mirror: --mirror URL" >&2; exit 2; }
fi
# The rest runs where its mounts are seen by nobody else and end with it.
if [ -z "${PZ_FRESH_INSIDE:-}" ]; then
    [ -n "$root" ] || root=$(mktemp -d /var/tmp/personalize-fresh.XXXXXX)
    export PZ_FRESH_INSIDE=1
    status=0
    unshare --mount --pid --fork --kill-child -- bash "$0" --root "$root" --mirror "$mirror" "$@" || status=$?
    if [ $keep = 0 ]; then
        rm -rf --one-file-system "$root"
    else
        echo "kept $root"
    fi
    exit $status
fi

if [ ! -e "$root/usr/bin/make" ]; then
    echo "making a bare Debian 12 in $root"
    debootstrap --variant=minbase --include=make,git,ca-certificates bookworm "$root" "$mirror" \
        >"$root.log" 2>&1 || { tail -n 20 "$root.log"; exit 1; }
    rm -f "$root.log"
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
# As on a machine that was booted: others may enter, and there are terminals.
chmod 755 "$root"
mount -t proc proc "$root/proc"
mount -t devpts -o ptmxmode=666,newinstance devpts "$root/dev/pts"

rm -rf "$root/srv/clone" && mkdir -p "$root/srv"
git bundle create -q "$root/srv/repository.bundle" HEAD
chroot "$root" git -c advice.detachedHead=false clone -q /srv/repository.bundle /srv/clone
git log -1 --format='cloned %h: %s'

cat >"$root/srv/run.py" <<'PYTHON'
import resource, subprocess, sys, time
begun = time.monotonic()
status = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL).returncode
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
print(f"{'make ' + sys.argv[-1]}: status {status}, {time.monotonic() - begun:.0f} s, "
      f"largest process {peak} MiB", flush=True)
sys.exit(status != 0)
PYTHON
status=0
# A target may bring variables: "check-full STAGES=hosts".
for target in "$@"; do
    python3 "$root/srv/run.py" chroot "$root" \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        make -C /srv/clone $target || status=1
done
exit $status

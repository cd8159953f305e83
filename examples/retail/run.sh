#!/bin/sh
# The retail demo: nine months of a real shop's invoices become profiles, some customers choose for
# themselves, and every customer is decided for and explained. `make demo` calls it.
#
#     BUILD_DIR=build examples/retail/run.sh
#
# Everything it makes is in $BUILD_DIR/demo, made anew each time. What it prints is computed by
# report.py from the files that the command wrote there.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
build=${BUILD_DIR:-$here/../../build}
command=$build/personalize
demo=$build/demo
now=2011-09-01T12:00:00Z # the morning after the last invoice

if [ ! -x "$command" ]; then
    echo "$command is not there: build first (make build)" >&2
    exit 2
fi
rm -rf "$demo"
mkdir -p "$demo"
store=lmdb:$demo/store

# Run a step, and note its seconds and peak memory in steps.jsonl.
step() {
    python3 "$here/report.py" step "$demo/steps.jsonl" "$@"
}
on_store() {
    name=$1
    action=$2
    shift 2
    step "$name" "$command" "$action" "$@" -c "$here/shop.json" -s "$store"
}

echo "Checking the catalog and its tests ..."
step check "$command" check "$here/shop.json"

echo "Taking the invoices in ..."
on_store observe observe --json --replay "$here"/data/*.jsonl.gz >"$demo/observe.json"

echo "Applying what customers chose ..."
on_store choices profile apply --json --now "$now" "$here/choices.jsonl" >"$demo/choices.json"

echo "Deciding for everybody ..."
for decision in home.hero newsletter.language offer; do
    on_store "decide $decision" decide --all --now "$now" "$decision" >"$demo/$decision.jsonl"
done
for attribute in interest language country trade newsletter.layout; do
    on_store "inspect $attribute" inspect --all --now "$now" "$attribute" >"$demo/$attribute.layers.jsonl"
done
on_store export profile export --all >"$demo/profiles.jsonl"

python3 "$here/report.py" show "$demo" "$command" "$here/shop.json" "$store" "$now"

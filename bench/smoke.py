#!/usr/bin/env python3
"""Every workload of the benchmarks, with next to no data.

    smoke.py BENCH_PROGRAM

Each line is a JSON object with the members that docs/performance.md names, its answers were
compared with what is expected, and each workload that is not skipped has lines. No time is asserted.
"""
import json
import subprocess
import sys

WORKLOADS = {
    "json": {"profile"},
    "rules": {"R1", "R2", "R3"},
    "resolve": {"scalar", "flat", "taxonomy", "default", "set", "layout"},
    "decide": {"five_rules"},
    "profile": {"claims_10", "claims_50", "claims_500"},
    "store": {"memory", "lmdb", "redis"},
    "open": {"customers_100"},
    "backend": {"get", "lookup", "iterate", "lazy", "durable"},
    "bulk": {"500"},
    "observe": {"memory", "lmdb_lazy", "lmdb_durable"},
    "often": {"events_20", "events_100"},
    "pins": {"one_thread", "one_thread_swapping", "two_threads", "two_threads_swapping"},
}
NUMBERS = ("ns", "min_ns", "max_ns", "allocs", "per_second", "batches", "batch_operations")


def refuse(text):
    raise ValueError(f"{text} is no JSON")


def check_line(family, text):
    """The workload that the line is about, and whether it was measured."""
    line = json.loads(text, parse_constant=refuse)
    assert line["family"] == family, line
    if "skipped" in line:
        print(f"{family}: {line['workload']} was skipped: {line['skipped']}")
        return line["workload"], False
    if "profiles" in line:
        assert line["profiles"] == 500, line
        return line["workload"], True
    assert line["checked"] > 0, f"nothing was checked: {line}"
    assert line["variant"], line
    for name in NUMBERS:
        assert isinstance(line[name], (int, float)) and line[name] >= 0, (name, line)
    assert line["min_ns"] <= line["ns"] <= line["max_ns"], line
    if line["variant"] == "reference":
        assert line["of_reference"] == 1.0, line
    if family == "decide":
        check_allocations(line)
    return line["workload"], True


def check_allocations(line):
    """Deciding allocates nothing once warm; asking for reasons may."""
    if line["variant"] in ("begin", "decide", "eight"):
        assert line["allocs"] == 0, f"a warm decision allocates: {line}"


def check_workload(program, family):
    done = subprocess.run([program, family, "--quick"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{family}: status {done.returncode}: {done.stderr}"
    seen, is_skipped = set(), False
    for text in done.stdout.splitlines():
        workload, is_measured = check_line(family, text)
        if is_measured:
            seen.add(workload)
        is_skipped |= not is_measured
    assert is_skipped or seen == WORKLOADS[family], f"{family}: {seen}"
    print(f"{family}: {len(seen)} workloads")


def check_refusals(program):
    """A wrong command line is refused with status 2, and a missing file with 1."""
    for arguments, status in ((["nothing"], 2), ([], 2), (["json", "--batches", "0"], 2),
                              (["json", "/nonexistent.json"], 1), (["json", "a", "b"], 2)):
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == status and done.stderr and not done.stdout, (arguments, done)


def main():
    program = sys.argv[1]
    for family in WORKLOADS:
        check_workload(program, family)
    check_refusals(program)


if __name__ == "__main__":
    main()

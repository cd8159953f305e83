#!/usr/bin/env python3
"""What Python costs over C: the same questions about the same store, taking turns in one run.

    PYTHONPATH=build/python python3 bench/python_many.py build/bench/peer [CUSTOMERS [ROUNDS]]

One line for each question: the median of both, and the median of the ratios of each round, which
what else the machine does disturbs least; times are of the processor. Lists come out as Python
objects; "jsonl" leaves the text as it is.
"""
import gc
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import personalize

CATALOG = pathlib.Path(__file__).parents[1] / "tests/data/cases/catalogs/shop.json"
HOT_CALLS = 3000
CHUNK = personalize.OBSERVE_MANY_MAX


def fill(shop, count):
    """Customers who chose, were recorded and were seen buying; their ids."""
    at = "2026-03-20T11:00:00Z"
    for start in range(0, count, CHUNK):
        lines = "\n".join(json.dumps({
            "kind": "purchase", "source": "bench", "id": str(number), "time": at,
            "customer": str(number), "item": "roses", "total": 3.5})
            for number in range(start, min(count, start + CHUNK)))
        shop.observe_many(lines, replay=True)
    return shop.ids()


def per_call(ask, calls):
    gc.collect()
    start = time.process_time()
    for _ in range(calls):
        ask()
    return (time.process_time() - start) / calls


def main():
    peer_path = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    with tempfile.TemporaryDirectory() as folder:
        store, ids_path = f"lmdb:{folder}/store", pathlib.Path(folder, "ids")
        with personalize.open(CATALOG, store=store, lazy=True, store_bytes=1 << 30) as shop:
            ids = fill(shop, count)
        ids_path.write_text("\n".join(ids) + "\n", encoding="utf-8")
        with personalize.open(CATALOG, store=store, read_only=True) as shop, \
                subprocess.Popen([peer_path, str(CATALOG), store, str(ids_path)], text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE) as peer:
            run(shop, ids, peer, rounds)
            peer.stdin.close()


def run(shop, ids, peer, rounds):
    one = shop.profile(ids[0])
    handles = []
    hot = {
        "decide": ("ns", lambda: shop.value("home.hero", one, country="DE")),
        "explain": ("ns", lambda: shop.decide("home.hero", one, country="DE")),
        "resolve": ("ns", lambda: shop.resolve("language", one, country="DE")),
    }
    bulk = {
        "loop": ("us", lambda: shop.decide_many("home.hero", ids, country="DE")),
        "many": ("us", lambda: shop.decide_many("home.hero", ids, country="DE")),
        "many, jsonl": ("us", lambda: shop.decide_many("home.hero", ids, jsonl=True, country="DE")),
        "handles": ("us", lambda: shop.decide_many("home.hero", handles, country="DE")),
    }

    def c(word):
        peer.stdin.write(word.partition(",")[0] + "\n")
        peer.stdin.flush()
        return float(peer.stdout.readline())

    for word, (unit, ask) in {**hot, **bulk}.items():
        if word == "handles":
            handles.extend(shop.profile(id) for id in ids)
        pairs = []
        for _ in range(rounds + 1):  # the first is to get warm
            theirs = c(word)
            mine = per_call(ask, HOT_CALLS) * 1e9 if word in hot else \
                per_call(ask, 1) * 1e6 / len(ids)
            pairs.append((mine, theirs))
        mine, theirs = zip(*pairs[1:])
        ratio = statistics.median(a / b for a, b in pairs[1:])
        print(f"{word:12} C {statistics.median(theirs):10.2f} {unit}   Python "
              f"{statistics.median(mine):10.2f} {unit}   ratio {ratio:6.2f}", flush=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Make examples/retail/data/ from the Online Retail data set (UCI 352).

    examples/retail/convert.py [SOURCE_DIR [OUTPUT_DIR]]

SOURCE_DIR holds one gzip CSV a month (2010-12.csv.gz ...), each the invoice lines of that month; it
is ../shared/data/online-retail beside the repository unless given. The same input gives the same
events. The demo does not need this script: what it writes is part of the repository.

What becomes of a line, in this order:

    no CustomerID                      left out: nobody to learn about
    odd CustomerID                     left out, to keep the repository small
    InvoiceNo begins with A            left out: a correction of bad debt
    StockCode is no goods              left out: POST, DOT, M, D, C2, BANK CHARGES and the like
    blank description                  left out
    InvoiceNo begins with C            {"kind": "return"}, with a positive quantity
    quantity or price not above 0      left out: samples and corrections
    anything else                      {"kind": "item"}

and the items of each invoice add up to one {"kind": "purchase"}. Money is in whole pence, line by
line, half a penny to even. The file has no time zone; its times are taken as UTC. Runs of blanks in
descriptions become one. Events are in the order of their times.
"""
import collections
import csv
import decimal
import glob
import gzip
import io
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "..", "..", "..", "shared", "data", "online-retail")


def is_goods(code):
    """Goods have five digits, perhaps followed by letters, or are of the shop's own gift range."""
    return bool(re.fullmatch(r"\d{5}[A-Za-z]*|DCGS\w+", code))


def pence(price, quantity):
    exact = decimal.Decimal(price) * 100 * quantity
    return int(exact.quantize(decimal.Decimal(1), rounding=decimal.ROUND_HALF_EVEN))


def lines_of(paths, dropped):
    """(invoice, number of the line in it, row) of each line that stays."""
    numbers = collections.Counter()
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                invoice = row["InvoiceNo"]
                numbers[invoice] += 1
                reason = None
                if not row["CustomerID"]:
                    reason = "no customer"
                elif int(float(row["CustomerID"])) % 2:
                    reason = "odd customer"
                elif invoice.startswith("A"):
                    reason = "bad debt"
                elif not is_goods(row["StockCode"]):
                    reason = "no goods"
                elif not row["Description"].strip():
                    reason = "no description"
                elif not invoice.startswith("C") and (
                        int(row["Quantity"]) <= 0 or float(row["UnitPrice"]) <= 0):
                    reason = "no price or quantity"
                if reason:
                    dropped[reason] += 1
                else:
                    yield invoice, numbers[invoice], row


def events_of(paths, dropped):
    """All events, in no particular order, each with its sort key."""
    invoices = {}
    for invoice, number, row in lines_of(paths, dropped):
        quantity = int(row["Quantity"])
        time = row["InvoiceDate"].replace(" ", "T") + "Z"
        event = {
            "kind": "return" if invoice.startswith("C") else "item",
            "source": "till",
            "id": f"{invoice}/{number}",
            "time": time,
            "customer": str(int(float(row["CustomerID"]))),
            "description": " ".join(row["Description"].split()),
            "quantity": abs(quantity),
            "value": pence(row["UnitPrice"], abs(quantity)),
        }
        yield (time, invoice, number), event
        if event["kind"] == "return":
            continue
        whole = invoices.setdefault(invoice, {
            "kind": "purchase", "source": "till", "id": invoice, "time": time,
            "customer": event["customer"], "country": row["Country"], "total": 0, "lines": 0})
        whole["time"] = max(whole["time"], time)
        whole["total"] += event["value"]
        whole["lines"] += 1
    for invoice, whole in invoices.items():
        yield (whole["time"], invoice, 1 << 30), whole


def write(path, events):
    """gzip with no name and no time in its header, so that equal content gives equal bytes."""
    text = "".join(json.dumps(e, ensure_ascii=False, separators=(",", ":")) + "\n" for e in events)
    raw = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=raw, mtime=0) as file:
        file.write(text.encode("utf-8"))
    with open(path, "wb") as file:
        file.write(raw.getvalue())
    return len(raw.getvalue())


def main():
    source = sys.argv[1] if len(sys.argv) > 1 else SOURCE
    output = sys.argv[2] if len(sys.argv) > 2 else os.path.join(HERE, "data")
    paths = sorted(glob.glob(os.path.join(source, "20*.csv.gz")))
    if not paths:
        sys.exit(f"{source} holds no 20*.csv.gz")
    dropped = collections.Counter()
    events = sorted(events_of(paths, dropped), key=lambda pair: pair[0])
    months = collections.defaultdict(list)
    for key, event in events:
        months[key[0][:7]].append(event)
    os.makedirs(output, exist_ok=True)
    size = 0
    for month, part in sorted(months.items()):
        size += write(os.path.join(output, month + ".jsonl.gz"), part)
    kinds = collections.Counter(event["kind"] for _, event in events)
    customers = len({event["customer"] for _, event in events})
    print(f"{len(events)} events of {customers} customers in {size} bytes:", dict(kinds))
    print("left out:", dict(dropped))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Print the numbers of shop.json that are marked as measured.

    examples/retail/measure.py

It reads the signals of the catalog and the events of data/ and prints: the shares of each prior
(the mean over customers of their own shares, so that a wholesaler counts once), the strength that
fits how much customers differ (by the method of moments), the half-life under which the past
predicts the last two months best, whether what would have been said of interests by then came true,
and the bounds of the spending bands. The numbers are printed, not
written back: what goes into the catalog is a decision.
"""
import collections
import datetime
import glob
import gzip
import json
import math
import os
import re
import statistics

HERE = os.path.dirname(os.path.abspath(__file__))
NOW = datetime.datetime(2011, 9, 1, 12)
CUT = datetime.datetime(2011, 7, 1)
DAY = 86400.0
HALF_LIVES = (15, 30, 60, 90, 180, 365, None)


def read_catalog():
    """JSON with comments and trailing commas."""
    with open(os.path.join(HERE, "shop.json"), encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*', lambda m: m.group(1) or "", text)
    return json.loads(re.sub(r",(\s*[}\]])", r"\1", text))


def read_events():
    for path in sorted(glob.glob(os.path.join(HERE, "data", "*.jsonl.gz"))):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                event = json.loads(line)
                event["when"] = datetime.datetime.strptime(event["time"], "%Y-%m-%dT%H:%M:%SZ")
                yield event


def python_of(rule):
    """A rule over `event` as a Python function: the few forms that this catalog uses."""
    rule = re.sub(r"(\[[^\]]*\])\.exists\(word, event\.(\w+)\.contains\(word\)\)",
                  r"(any(word in event['\2'] for word in \1))", rule)
    rule = re.sub(r"event\.(\w+)\.contains\(('[^']*')\)", r"(\2 in event['\1'])", rule)
    rule = re.sub(r"event\.(\w+)\.endsWith\(('[^']*')\)", r"event['\1'].endswith(\2)", rule)
    rule = re.sub(r"event\.(\w+)", r"event['\1']", rule)
    rule = rule.replace("&&", " and ").replace("||", " or ").replace("!(", " not (")
    rule = {"true": "True", "false": "False"}.get(rule, rule)
    parts = re.split(r"\s\?\s|\s:\s", rule)
    while len(parts) > 1:
        condition, value, other = parts[-3:]
        parts[-3:] = [f"({value} if {condition} else {other})"]
    return eval("lambda event: " + parts[0].strip())  # the catalog is ours


def observations(catalog, events, attribute):
    """(customer, time, value, weight) as the library would take them, saturation included."""
    signals = [(s["on"], python_of(s.get("when", "true")), python_of(s["value"]), s["weight"])
               for s in catalog["signals"] if s["about"] == attribute]
    most = catalog["attributes"][attribute].get("saturation", math.inf)
    days = collections.Counter()
    for event in events:
        for on, when, value, weight in signals:
            if event["kind"] != on or not when(event) or value(event) == "":
                continue
            day = (event["customer"], value(event), event["when"].date())
            room = min(weight, most - days[day])
            if room > 0:
                days[day] += room
                yield event["customer"], event["when"], value(event), room


def by_customer(found, until, since=datetime.datetime.min, half_life=None):
    weights = collections.defaultdict(collections.Counter)
    for customer, time, value, weight in found:
        if since <= time < until:
            age = (until - time).total_seconds() / DAY
            weights[customer][value] += weight * (0.5 ** (age / half_life) if half_life else 1)
    return weights


def prior_of(weights):
    """Mean shares, and the strength s for which a Dirichlet prior explains the spread of shares."""
    people = [c for c in weights.values() if sum(c.values()) >= 5]
    values = sorted({v for c in people for v in c}, key=str)
    shares = {v: statistics.fmean(c[v] / sum(c.values()) for c in people) for v in values}
    # Var(share) = p(1-p) (1/n + (1-1/n)/(s+1)): solve for s, over all values together.
    spread = sum((c[v] / sum(c.values()) - shares[v]) ** 2 for c in people for v in values) / len(people)
    base = sum(p * (1 - p) for p in shares.values())
    noise = statistics.fmean(1 / sum(c.values()) for c in people)
    between = (spread / base - noise) / (1 - noise) if base else 0
    return shares, (1 / between - 1 if between > 0 else math.inf), len(people)


def loss(past, future, shares, strength):
    """Mean surprise, in nats, at each line that was bought later."""
    total = lines = 0
    for customer, bought in future.items():
        known = past.get(customer, {})
        weight = sum(known.values())
        for value, count in bought.items():
            p = (strength * shares.get(value, 1e-4) + known.get(value, 0)) / (strength + weight)
            total -= count * math.log(max(p, 1e-6))
            lines += count
    return total / lines


def certainty(a, b, threshold, steps=400):
    """P(Beta(a, b) > threshold), by Simpson's rule."""
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    width = (1 - threshold) / steps
    total = 0.0
    for i in range(steps):  # the end at 1 adds nothing for b > 1 and little otherwise
        x = threshold + i * width
        density = math.exp(scale + (a - 1) * math.log(x) + (b - 1) * math.log1p(-x))
        total += density * (1 if i == 0 else 4 if i % 2 else 2)
    return total * width / 3


def ancestry(tree, above=()):
    """{leaf or branch: itself and everything above it}"""
    found = {}
    for name, below in tree.items():
        found[name] = above + (name,)
        found.update(ancestry(below, found[name]))
    return found


def up_the_tree(weights, paths):
    sums = collections.Counter()
    for value, weight in weights.items():
        for node in paths[value]:
            sums[node] += weight
    return sums


def calibration(catalog, found):
    """What would have been said of interests on the first of July, and what was bought after it."""
    attribute = catalog["attributes"]["interest"]
    strength, threshold = attribute["prior"]["strength"], attribute["threshold"]
    paths = ancestry(catalog["taxonomies"][attribute["taxonomy"]])
    shares = up_the_tree(attribute["prior"]["shares"], paths)
    past = by_customer(found, CUT, half_life=int(attribute["half_life"].rstrip("d")))
    future = by_customer(found, NOW, CUT)
    said = []
    for customer, weights in past.items():
        sums, total = up_the_tree(weights, paths), sum(weights.values())
        for node in sorted(sums, key=lambda n: (-len(paths[n]), -sums[n])):
            a, b = strength * shares[node] + sums[node], strength * (1 - shares[node]) + total - sums[node]
            if sums[node] >= attribute["min_evidence"] and certainty(a, b, threshold) >= 0.95:
                said.append((customer, node, a / (a + b)))
                break
    came = [(confidence, up_the_tree(future[c], paths)[node] / sum(future[c].values()))
            for c, node, confidence in said if c in future]
    print(f"  by July {len(said)} favourites were certain enough; {len(came)} of these customers came "
          f"again: said {statistics.fmean(c for c, _ in came):.2f}, "
          f"came true {statistics.fmean(s for _, s in came):.2f}")


def quantile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]


def main():
    catalog = read_catalog()
    events = list(read_events())
    for attribute in ("interest", "country", "language", "trade"):
        found = list(observations(catalog, events, attribute))
        shares, strength, people = prior_of(by_customer(found, NOW))
        print(f"{attribute}: {len(found)} observations; {people} customers with a weight of 5 or more")
        print("  shares:", ", ".join(f"{v!r}: {p:.3f}" for v, p in
                                     sorted(shares.items(), key=lambda pair: -pair[1])))
        print(f"  strength: {strength:.1f}")
        if attribute not in ("interest", "trade"):
            continue
        future = by_customer(found, NOW, CUT)
        for half_life in HALF_LIVES:
            past = by_customer(found, CUT, half_life=half_life)
            print(f"  half-life {half_life or 'none'}: surprise {loss(past, future, shares, strength):.4f}")
        print(f"  nothing personal: surprise {loss({}, future, shares, strength):.4f}")
        if attribute == "interest":
            calibration(catalog, found)
    totals = collections.Counter()
    for event in events:
        if event["kind"] == "purchase" and (NOW - event["when"]).days < 180:
            totals[event["customer"]] += event["total"]
    spent = sorted(totals.values())
    print(f"spending in 180 days, pence: half below {quantile(spent, 0.5)}, "
          f"nine tenths below {quantile(spent, 0.9)}")
    counts = collections.Counter(e["customer"] for e in events if e["kind"] == "purchase"
                                 and (NOW - e["when"]).days < 90)
    print("customers by purchases in 90 days:", sorted(collections.Counter(counts.values()).items()))


if __name__ == "__main__":
    main()

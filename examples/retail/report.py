#!/usr/bin/env python3
"""What the retail demo prints, computed from what the command wrote.

    report.py step STEPS NAME COMMAND...          run a step; note its seconds and peak memory
    report.py show DEMO COMMAND CATALOG STORE NOW print the report
"""
import collections
import json
import os
import resource
import subprocess
import sys
import time

DECISIONS = ["home.hero", "newsletter.language", "offer"]
ATTRIBUTES = ["interest", "language", "country", "trade", "newsletter.layout"]
TIERS = ["CHOICE", "INFERRED", "DEFAULT", "NONE"]


def step(path, name, command):
    started = time.monotonic()
    code = subprocess.run(command).returncode
    seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    with open(path, "a", encoding="utf-8") as file:
        print(json.dumps({"name": name, "seconds": seconds, "peak_kb": peak}), file=file)
    return code


def lines(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Shop:
    """Everything the steps wrote, by customer number."""

    def __init__(self, demo, command, catalog, store, now):
        self.words = [command, catalog, store, now]
        self.steps = {entry["name"]: entry for entry in lines(demo, "steps.jsonl")}
        self.observed = lines(demo, "observe.json")[0]
        self.chosen = lines(demo, "choices.json")[0]
        self.customer_of, self.profiles = {}, {}
        for profile in lines(demo, "profiles.jsonl"):
            customer = next(claim["part"] for claim in profile["claims"]
                            if claim["slot"] == "identifier" and claim["attribute"] == "customer")
            self.customer_of[profile["subject"]["id"]] = customer
            self.profiles[customer] = profile
        self.decisions = {name: self.by_customer(demo, name + ".jsonl") for name in DECISIONS}
        self.layers = {name: {customer: line["layers"] for customer, line in
                              self.by_customer(demo, name + ".layers.jsonl").items()}
                       for name in ATTRIBUTES}

    def by_customer(self, *path):
        return {self.customer_of[line["profile"]]: line for line in lines(*path)}

    def ask(self, action, *words):
        command, catalog, store, now = self.words
        run = subprocess.run([command, action, "-c", catalog, "-s", store, "--now", now, *words],
                             check=True, capture_output=True, text=True)
        return run.stdout.rstrip("\n").splitlines()

    def tier(self, attribute, customer):
        return next((layer["tier"] for layer in self.layers[attribute][customer]
                     if layer["why"] == "USED"), "NONE")

    def overridden(self, attribute, customer):
        """The guess that says otherwise than the choice that answers; None if there is none."""
        layers = self.layers[attribute][customer]
        choice = next((l for l in layers if l["tier"] == "CHOICE" and l["why"] == "USED"), None)
        guess = next((l for l in layers if l["tier"] == "INFERRED"), None)
        return guess if choice and guess and guess["value"] != choice["value"] else None

    def evidence(self, customer, attribute):
        weights = collections.Counter()
        for cell in self.profiles[customer]["evidence"]:
            if cell["attribute"] == attribute:
                weights[str(cell["value"])] += cell["weight"] * (1 if cell["side"] == "for" else -1)
        return weights

    def events(self, customer):
        return sum(writer["events"] for writer in self.profiles[customer]["writers"])


def title(text):
    print(f"\n{text}\n{'-' * len(text)}")


def show_work(shop):
    title("What was done")
    observe = shop.steps["observe"]
    count = shop.observed["applied"]
    print(f"{count:,} events of {len(shop.profiles):,} customers taken in {observe['seconds']:.1f} s: "
          f"{count / observe['seconds']:,.0f} events/s, peak memory {observe['peak_kb'] / 1024:.0f} MB")
    if shop.observed["refused"] or shop.observed["repeated"]:
        print(f"  {shop.observed['refused']} refused, {shop.observed['repeated']} seen before")
    print(f"{shop.chosen['applied']} choices applied in {shop.steps['choices']['seconds']:.1f} s, "
          "each a transaction of its own")
    spent = [entry for name, entry in shop.steps.items() if name.startswith("decide ")]
    made = sum(len(found) for found in shop.decisions.values())
    seconds = sum(entry["seconds"] for entry in spent)
    print(f"{made:,} decisions made and printed in {seconds:.2f} s: {made / seconds:,.0f} decisions/s, "
          f"peak memory {max(entry['peak_kb'] for entry in spent) / 1024:.0f} MB "
          "(starting the command, reading the store and printing JSON included)")


def show_decision(name, found):
    title(f"{name}: what was decided, and by which rule")
    groups = collections.defaultdict(list)
    for decision in found.values():
        groups[decision.get("rule", ""), decision["reason"]].append(decision)
    for (rule, reason), group in sorted(groups.items(), key=lambda item: -len(item[1])):
        values = collections.Counter(str(decision["value"]) for decision in group)
        what = ", ".join(f"{value} {count}" if len(values) > 1 else value
                         for value, count in values.most_common(5))
        what += ", ..." if len(values) > 5 else ""
        print(f"{len(group):6}  {rule or 'no rule: ' + reason.lower():18} {what}")
        if "because" in group[0]:
            print(f"{'':8}{group[0]['because']}")
    guesses = sum(decision["confidence"] < 1 for decision in found.values())
    unknown = sum(bool(decision["unknown"]) for decision in found.values())
    print(f"{guesses} rest on a guess, the others on none; {unknown} lacked something that might matter.")


def show_tiers(shop):
    title("Which tier answered, customer by customer")
    print(f"{'':18}" + "".join(f"{tier.lower():>10}" for tier in TIERS)
          + f"{'overruled guesses':>20}")
    for attribute in ATTRIBUTES:
        tiers = collections.Counter(shop.tier(attribute, customer) for customer in shop.profiles)
        overruled = sum(shop.overridden(attribute, customer) is not None for customer in shop.profiles)
        print(f"{attribute:18}" + "".join(f"{tiers[tier]:10}" for tier in TIERS) + f"{overruled:20}")
    overruled = sum(shop.overridden(attribute, customer) is not None
                    for attribute in ATTRIBUTES for customer in shop.profiles)
    guessed = ["interest", "language", "trade"]
    thin = [c for c in shop.profiles if not any(
        layer["tier"] == "INFERRED" for attribute in guessed for layer in shop.layers[attribute][c])]
    beaten = sum(layer["tier"] == "CHOICE" and layer["why"] == "SHADOWED"
                 for layers in shop.layers.values() for found in layers.values() for layer in found)
    print(f"{overruled} choices overruled a guess that said otherwise; {beaten} choices were overruled.")
    print(f"Of {len(thin)} customers the data is too thin to guess interest, language or trade.")
    return thin


def numbers(customer):
    return int(customer) if customer.isdigit() else 0


def pick_overridden(shop):
    """The choice that overruled the surest guess."""
    found = [(shop.overridden(a, c), a, c) for a in ("interest", "language") for c in shop.profiles]
    found = [(a, c, guess) for guess, a, c in found if guess]
    found.sort(key=lambda item: (ATTRIBUTES.index(item[0]), -item[2]["confidence"], numbers(item[1])))
    return (found[0][1], "home.hero" if found[0][0] == "interest" else "newsletter.language",
            found[0][0]) if found else None


def pick_inferred(shop):
    """The surest guess that nobody contradicted and that decided a home page."""
    found = [(-decision["confidence"], numbers(c), c) for c, decision in shop.decisions["home.hero"].items()
             if shop.tier("interest", c) == "INFERRED"]
    return (min(found)[2], "home.hero", "interest") if found else None


def pick_thin(shop, thin):
    """The one of the thin ones who left the fewest traces, but left some."""
    found = [(shop.events(c), numbers(c), c) for c in thin
             if shop.evidence(c, "interest") and not any(shop.tier(a, c) == "CHOICE" for a in ATTRIBUTES)]
    return (min(found)[2], "home.hero", "interest") if found else None


def show_customer(shop, heading, picked):
    title(heading)
    if not picked:
        print("There is none.")
        return
    customer, decision, attribute = picked
    print(f"Customer {customer}: {shop.events(customer)} events.", end=" ")
    weights = shop.evidence(customer, attribute)
    if weights:
        print(f"Evidence of {attribute}: "
              + ", ".join(f"{value} {weight:g}" for value, weight in weights.most_common(6))
              + (", ..." if len(weights) > 6 else "") + ".")
    else:
        print(f"No evidence of {attribute}.")
    print("segments:", ", ".join(shop.ask("segments", customer)) or "none")
    print(f"\n$ personalize inspect ... {customer} {attribute}")
    for line in shop.ask("inspect", customer, attribute) or ["(no layer: nobody can say)"]:
        print("  " + line)
    for name in [decision] + [other for other in DECISIONS if other != decision]:
        print(f"\n$ personalize explain ... {name} {customer}")
        for line in shop.ask("explain", name, customer):
            print("  " + line)


def show(arguments):
    shop = Shop(*arguments)
    show_work(shop)
    for name, found in shop.decisions.items():
        show_decision(name, found)
    thin = show_tiers(shop)
    show_customer(shop, "One whose choice overruled the surest contrary guess", pick_overridden(shop))
    show_customer(shop, "One of whom a guess is as sure as any", pick_inferred(shop))
    show_customer(shop, "One of whom the data says too little", pick_thin(shop, thin))
    command, catalog, store, now = shop.words
    print(f"\nAsk yourself:\n  {command} explain -c {catalog} \\\n    -s {store} --now {now} "
          "offer CUSTOMER")


def main():
    if sys.argv[1] == "step":
        return step(sys.argv[2], sys.argv[3], sys.argv[4:])
    show(sys.argv[2:])
    return 0


if __name__ == "__main__":
    sys.exit(main())

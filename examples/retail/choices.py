#!/usr/bin/env python3
"""Make examples/retail/choices.jsonl: customers who chose otherwise than was guessed.

    examples/retail/choices.py PERSONALIZE STORE

PERSONALIZE is the command, STORE one into which data/ was ingested (run.sh leaves build/demo/store).
The real shop never asked its customers, so these choices are INVENTED, and every line says so in
"who". Who chooses what follows from the guesses and the customer numbers alone: the same store
content gives the same file, and the demo does not need this script.
"""
import hashlib
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
NOW = "2011-09-01T12:00:00Z"
LANGUAGES = ["de", "fr", "es", "it", "nl", "pt"]
INTERESTS = ["garden", "children", "cards", "tea", "lights", "craft"]
LAYOUTS = ["list", "story"]


def lottery(customer, what):
    return int.from_bytes(hashlib.sha256(f"{what}/{customer}".encode()).digest()[:6], "big")


def drawn(customers, what, count):
    return sorted(customers, key=lambda customer: lottery(customer, what))[:count]


def main():
    command, store = sys.argv[1:]

    def ask(*words):
        run = subprocess.run([command, *words, "-c", os.path.join(HERE, "shop.json"), "-s", store,
                              "--now", NOW], check=True, capture_output=True, text=True)
        return [json.loads(line) for line in run.stdout.splitlines()]

    customer_of = {}
    for profile in ask("profile", "export", "--all"):
        for claim in profile["claims"]:
            if claim["slot"] == "identifier" and claim["attribute"] == "customer":
                customer_of[profile["subject"]["id"]] = claim["part"]

    def guessed(attribute, is_wanted):
        """{customer: what is guessed}"""
        return {customer_of[line["profile"]]: layer["value"]
                for line in ask("inspect", "--all", attribute) for layer in line["layers"]
                if layer["tier"] == "INFERRED" and is_wanted(layer["value"])}

    lines = []

    def say(customer, *words):
        minute = lottery(customer, words[1]) % (20 * 24 * 60)
        time = "2011-08-%02dT%02d:%02d:00Z" % (5 + minute // 1440, minute // 60 % 24, minute % 60)
        lines.append([customer, [*words, {"at": time, "channel": "web", "who": "invented"}]])

    english = guessed("language", lambda value: value == "en")
    for customer in drawn(english, "language", 100):
        say(customer, "choose", "language", LANGUAGES[lottery(customer, "which") % len(LANGUAGES)])
    foreign = guessed("language", lambda value: value != "en")
    for customer in drawn(foreign, "language", len(foreign) // 2):
        say(customer, "choose", "language", "en")
    fond = guessed("interest", lambda value: True)
    choosing = drawn(fond, "interest", len(fond) // 3)
    for customer in choosing:
        others = [value for value in INTERESTS if value != fond[customer]]
        say(customer, "choose", "interest", others[lottery(customer, "which") % len(others)])
    for customer in drawn(set(fond) - set(choosing), "reject", 4):
        say(customer, "reject", "interest", fond[customer])
    trade = guessed("trade", lambda value: True)
    for customer in drawn(trade, "trade", 45):
        say(customer, "choose", "trade", not trade[customer])
    for customer in drawn(english, "layout", 30):
        say(customer, "choose", "newsletter.layout", LAYOUTS[lottery(customer, "layout") % 2])

    lines.sort(key=lambda line: (int(line[0]), line[1][1]))
    with open(os.path.join(HERE, "choices.jsonl"), "w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    print(len(lines), "choices of", len({line[0] for line in lines}), "customers")


if __name__ == "__main__":
    main()

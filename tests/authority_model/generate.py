#!/usr/bin/env python3
"""Random cases of authority whose expectation comes from the reference model.

    generate.py [--seed N] [--count N] [--first N]

Case number i of a seed depends on the seed and i alone. Cases in which a certainty test lies within 1e-6
of 95 % are passed over, for there the last bit of an approximation would decide. The domain is a travel
company; every option of an attribute, every verb and every way of joining replicas occurs.
"""
import argparse
import json
import random
import sys
from datetime import datetime, timedelta, timezone

import model

START = datetime(2027, 3, 1, 6, 0, tzinfo=timezone.utc)
CHANNELS = ["", "", "site", "desk", "phone"]
PLACES = {
    "sea": {"north": {"sylt": {}, "texel": {}}, "south": {"crete": {}, "malta": {}}},
    "alps": {"tyrol": {"zillertal": {}, "ischgl": {}}, "valais": {}},
    "city": {},
}
WORDS = ["sea", "north", "sylt", "texel", "south", "crete", "malta", "alps", "tyrol", "zillertal", "ischgl", "valais", "city"]
LEAVES = ["sylt", "texel", "crete", "malta", "zillertal", "ischgl", "valais", "city"]
SEATS = ["aisle", "window", "middle"]
EXTRAS = ["bike", "dog", "meal", "wifi"]
TILES = ["deals", "map", "trips", "weather", "chat", "points"]
MEMBERS = {"street": ["Mole 1", "Kai 7"], "town": ["Kiel", "Husum"], "phone": ["11", "22"]}


def text(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Maker:
    """Makes one case from one source of chance."""

    def __init__(self, chance):
        self.r = chance
        self.events = 0
        self.writers = 0
        self.purposes = chance.choice([[], ["ads"], ["ads", "care"], ["ads", "care"]])
        # Questions about an earlier time leave out what has no defined past: modes, denials, links.
        self.past = chance.random() < 0.12

    def maybe(self, share):
        return self.r.random() < share

    # The catalog.

    def inferable(self, spec, sure):
        """Options for what may be inferred: threshold, prior, age, saturation."""
        r = self.r
        if self.maybe(0.9):
            spec["threshold"] = r.choice([0.55, 0.6, 0.75, 0.9])
        if self.maybe(0.7):
            spec["min_evidence"] = r.choice([1, 2, 3, 5, 7.5])
        if self.maybe(0.85):
            prior = {"strength": r.choice([0, 0.5, 1, 2, 5, 40])}
            if self.maybe(0.5):
                prior["shares"] = r.choice(sure)
            spec["prior"] = prior
        if self.maybe(0.5):
            spec["half_life"] = r.choice(["6h", "12h", "3d", "20d", "90d", "1d"])
        if self.maybe(0.35):
            spec["saturation"] = r.choice([1, 2, 3, 6.5, 20])
        if self.maybe(0.4) and "threshold" in spec:
            spec["group"] = True
        if self.maybe(0.3):
            spec["class"] = r.choice(["declared", "context", "behaviour", "peers"])
        return spec

    def common(self, spec, default, recommended):
        r = self.r
        if self.maybe(0.75):
            spec["default"] = r.choice(default)
        if self.maybe(0.45):
            spec["recommended"] = r.choice(recommended)
        if self.purposes and self.maybe(0.45):
            spec["purpose"] = r.choice(self.purposes)
        if self.maybe(0.3):
            spec["retention"] = r.choice(["2d", "5d", "30d"])
        return spec

    def attribute(self, name):
        r = self.r
        if name == "seat":
            spec = {"type": "string", "one_of": SEATS}
            shares = [{"aisle": 0.95, "window": 0.04, "middle": 0.01}, {"aisle": 0.5, "window": 0.5, "middle": 0}]
            return self.common(self.inferable(spec, shares), SEATS, SEATS)
        if name == "place":
            spec = {"type": "string", "taxonomy": "places"}
            even = {leaf: 0.125 for leaf in LEAVES}
            tilted = dict.fromkeys(LEAVES, 0.0) | {"sylt": 0.75, "texel": 0.125, "city": 0.125}
            return self.common(self.inferable(spec, [even, tilted]), WORDS, WORDS)
        if name == "letter":
            shares = [{"true": 0.25, "false": 0.75}, {"true": 0.97, "false": 0.03}]
            return self.common(self.inferable({"type": "bool"}, shares), [True, False], [True, False])
        if name in ("budget", "pace"):
            spec = {"type": "int", "min": 0, "max": 100, "merge": r.choice(["replace", "max", "min"])}
            if self.maybe(0.8):
                spec["threshold"] = r.choice([0.6, 0.75, 0.9])
            if self.maybe(0.2):
                spec["class"] = r.choice(["declared", "context"])
            return self.common(spec, [10, 50], [20, 80])
        if name == "extras":
            spec = {"type": "list<string>", "merge": "set", "one_of": EXTRAS}
            shares = [{"bike": 0.97, "dog": 0.05}, {"bike": 0.5, "meal": 0.99, "wifi": 0.96}, {"dog": 0}]
            lists = [[], ["bike"], ["meal", "wifi"], ["dog", "wifi", "bike"]]
            return self.common(self.inferable(spec, shares), lists, lists)
        if name == "card":
            spec = {"type": "map<string,string>", "merge": "record"}
            if self.maybe(0.8):
                spec["threshold"] = 0.75
            if self.maybe(0.2):
                spec["class"] = r.choice(["declared", "context"])
            maps = [{}, {"town": "Kiel"}, {"street": "Kai 7", "town": "Husum"}]
            return self.common(spec, maps, maps)
        if name == "home":
            spec = {"type": "list<string>", "merge": "layout"}
            if self.maybe(0.5):
                spec["ranked"] = True
                if self.maybe(0.5):
                    spec["half_life"] = r.choice(["12h", "3d"])
                if self.maybe(0.3):
                    spec["saturation"] = r.choice([2, 3])
            lists = [TILES[:4], TILES[:5], list(reversed(TILES[:4])), ["map", "points", "deals"]]
            return self.common(spec, lists, lists)
        spec = {"type": "string", "one_of": ["NL", "DK", "PL"], "policy_input": True}
        return self.common(spec, ["NL"], ["DK"]) if self.maybe(0.3) else spec

    def condition(self, facts):
        r = self.r
        tests = ["true", "context.region == 'N'", "context.region != 'N'", "context.channel == 'site'", "context.rank == 'gold'"]
        for name, values in facts:
            tests += ["profile.%s %s '%s'" % (name, r.choice(["==", "!="]), r.choice(values))] * 2
        one = r.choice(tests)
        if self.maybe(0.35):
            one += r.choice([" && ", " || "]) + r.choice(tests)
        if self.maybe(0.1):
            one += r.choice([" && ", " || "]) + r.choice(tests)
        return one

    def policy(self, names):
        """A policy; rules that lock or bound read only attributes that stand before in `order`."""
        r = self.r
        if self.maybe(0.4):
            facts = [("land", ["NL", "DK"])] if "land" in names else []
            what = {"level": r.choice(sorted(model.LEVELS))}
            if self.maybe(0.5):
                what = {"mask": r.sample(["declared", "peers", "behaviour", "cross-channel", "choice"], r.randint(1, 2))}
            return {"when": self.condition(facts), **what}
        readable = {"land": ["NL", "DK"], "seat": SEATS, "place": ["sylt", "alps"]}
        order = ["land", "seat", "place", "letter", "budget", "pace", "extras", "card", "home"]
        name = r.choice([n for n in names if n != "land"])
        facts = [(n, readable[n]) for n in readable if n in names and order.index(n) < order.index(name)]
        when = self.condition(facts)
        locks = {
            "seat": r.choice(SEATS),
            "place": r.choice(WORDS),
            "letter": self.maybe(0.5),
            "budget": r.randint(0, 100),
            "pace": r.randint(0, 100),
            "extras": r.sample(EXTRAS, r.randint(0, 2)),
            "card": {"town": "Kiel"},
            "home": r.sample(TILES, 2),
        }
        bounds = {
            "seat": {"one_of": r.sample(SEATS, r.randint(1, 2))},
            "extras": {"one_of": r.sample(EXTRAS, r.randint(1, 3))},
            "budget": r.choice([{"min": 20}, {"max": 60}, {"min": 20, "max": 60}, {"min": 30, "max": 90}]),
            "pace": r.choice([{"min": 5}, {"max": 40}]),
        }
        if name in bounds and self.maybe(0.65):
            return {"when": when, "bound": {name: bounds[name]}}
        return {"when": when, "lock": {name: locks[name]}}

    def catalog(self):
        r = self.r
        pool = ["seat", "place", "letter", "budget", "pace", "extras", "card", "home"]
        names = r.sample(pool, r.randint(1, 3)) + (["land"] if self.maybe(0.25) else [])
        self.catalog_ = {"attributes": {n: self.attribute(n) for n in sorted(names)}}
        document = self.catalog_
        if "place" in names:
            document["taxonomies"] = {"places": PLACES}
        signals = []
        for name in names:
            if name in ("seat", "place", "letter", "extras", "home"):
                signals.append({"on": "see-" + name, "about": name, "value": "event.item", "weight": r.choice([1, 1.5])})
                signals.append({"on": "book-" + name, "about": name, "value": "event.item", "weight": 4})
                signals.append({"on": "skip-" + name, "about": name, "value": "event.item", "weight": r.choice([-1, -2.25])})
        if signals:
            document["signals"] = signals
        if self.maybe(0.15):
            document["level"] = r.choice(sorted(model.LEVELS))
        if self.maybe(0.15):
            document["mask"] = r.sample(["declared", "peers", "behaviour", "cross-channel", "choice"], r.randint(1, 2))
        if self.purposes and self.maybe(0.4):
            document["purposes"] = {r.choice(self.purposes): {"on_deny": "erase"}}
        if self.maybe(0.5):
            policies = [self.policy(names) for _ in range(r.randint(1, 3)) if names != ["land"]]
            document["policies"] = [p for p in policies if p]
        if self.maybe(0.1):
            document["horizon"] = "10d"
        document["identifiers"] = {"email": {"unique": True}, "cookie": {}}
        self.names = names
        return document

    # Operations.

    def value(self, name):
        r = self.r
        if name == "card":
            return {k: r.choice(MEMBERS[k]) for k in r.sample(sorted(MEMBERS), r.randint(1, 2))}
        pools = {"seat": SEATS, "place": WORDS, "letter": [True, False], "extras": EXTRAS, "land": ["NL", "DK", "PL"], "home": TILES}
        return r.choice(pools[name]) if name in pools else r.randint(0, 20) * 5

    def wrong(self, name):
        r = self.r
        if name == "card":
            return r.choice(["Kiel", {"town": None}, {"town": 7}])
        return r.choice([None, "mars", 7.5, ["aisle"]] + ([101, -1] if name in ("budget", "pace") else [5]))

    def meta(self, clock, writer, verb):
        r = self.r
        meta = {"at": text(clock)}
        if verb not in ("link", "unlink", "switch") and self.maybe(0.15):
            late = timedelta(minutes=r.choice([-4, 7, 600, 3000, 20000]))
            if verb in ("consent", "set_mode", "set_level", "forget") and late < timedelta(0):
                late = timedelta(minutes=10)
            meta = {"at": text(clock - late), "now": text(clock)}
        if writer != "w1" or self.maybe(0.5):
            meta["writer"] = writer
        channel = r.choice(CHANNELS)
        if channel and verb in ("choose", "declare", "infer", "edit", "reject"):
            meta["channel"] = channel
        if verb in ("choose", "declare", "infer", "edit") and self.maybe(0.2):
            meta["expires"] = text(clock + timedelta(minutes=r.choice([30, 400, 3000, 30000])))
        if verb == "consent" and self.maybe(0.15):
            meta["expires"] = text(clock + timedelta(minutes=r.choice([400, 3000, 30000])))
        return meta

    def edit(self):
        r = self.r
        items = TILES + ["gone"]
        what = r.choice(["hide", "hide", "show", {"pin": r.choice([0, 1, 2, 9])}, {"after": r.choice(items)}, {"after": r.choice(items)}, "unplace"])
        item = r.choice(items)
        return [item, {"after": "map"} if what == {"after": item} and item != "map" else what if what != {"after": item} else "hide"]

    def observe(self, clock, writer):
        """A run of sightings: enough of one kind to say something now and then."""
        r = self.r
        names = [n for n in self.names if n in ("seat", "place", "letter", "extras", "home")]
        if not names:
            return []
        name = r.choice(names)
        kind, item = r.choice(["see-", "see-", "see-", "book-", "skip-"]) + name, self.value(name)
        channel, out = r.choice(CHANNELS), []
        count = r.choice([1, 2, 5, 9, 14, 20])
        step = r.choice([0, 1, 30, 700])
        for i in range(count):
            self.events += 1
            event = {"kind": kind, "source": "desk", "id": "e%d" % self.events, "time": text(clock + timedelta(minutes=step * i)), "item": item}
            if channel:
                event["channel"] = channel
            if self.maybe(0.02):
                event["item"] = r.choice(["mars", 3, None])
            operation = ["observe", event]
            if writer != "w1":
                operation.append({"writer": writer})
            out.append(operation)
            if self.maybe(0.03):
                out.append(operation)  # a repeat
        if self.maybe(0.1):
            r.shuffle(out)
        return out

    def step(self, clock, writer, account):
        """One operation (or a run of sightings) as a list, and the time that it takes."""
        r = self.r
        name = r.choice(self.names)
        merge = self.catalog_["attributes"][name].get("merge", "replace")
        if merge == "layout" and self.maybe(0.6) and not (account and self.maybe(0.2)):
            return [["edit", name, *self.edit(), self.meta(clock, writer, "edit")]]
        weights = {"choose": 8, "clear": 2, "declare": 3, "reject": 3}
        if not account:
            weights.update(reject=4, declare=6, infer=5, observe=9, set_mode=1.5, forget=1, consent=3, set_level=0.5, retract=1.5, bad=1)
        if account and merge == "layout":
            weights = {"clear": 2}
        if self.past:
            for verb in ("set_mode", "forget", "set_level", "retract", "clear"):
                weights.pop(verb, None)
        if not weights:
            return []
        verb = r.choices(list(weights), list(weights.values()))[0]
        if verb == "observe":
            return self.observe(clock, writer)
        meta = self.meta(clock, writer, verb)
        if verb == "bad":
            return [self.bad(name, merge, meta)]
        if verb in ("choose", "declare", "infer", "reject"):
            if merge == "layout" or (merge == "record" and verb == "reject"):
                meta["refused"] = True
            if verb == "infer":
                meta["confidence"] = r.choice([0.3, 0.5, 0.61, 0.7499999, 0.75, 0.77, 0.8999999, 0.93, 0.999, 0, 1])
            return [[verb, name, self.value(name), meta]]
        if verb == "clear":
            if merge == "record" and self.maybe(0.6):
                meta["member"] = r.choice(sorted(MEMBERS))
            return [["clear", name, meta]]
        if verb == "set_mode":
            return [["set_mode", name, r.choice(["AUTO", "MANUAL", "OFF"]), meta]]
        if verb == "set_level":
            return [["set_level", r.choice(sorted(model.LEVELS)), meta]]
        if verb == "consent":
            if not self.purposes:
                return []
            return [["consent", r.choice(self.purposes), "grant" if self.past or self.maybe(0.7) else "deny", meta]]
        if verb == "retract":
            return [["retract", "?", meta]]
        if verb == "forget":
            if self.maybe(0.45):
                begin = clock - timedelta(hours=r.choice([1, 5, 30, 100]))
                meta["from"], meta["to"] = text(begin), text(begin + timedelta(hours=r.choice([1, 4, 24, 90])))
            return [["forget", r.choice([name, name, "*"]), meta]]
        return []

    def bad(self, name, merge, meta):
        r = self.r
        meta["refused"] = True
        meta.pop("now", None)
        clock = model.instant(meta["at"])
        which = r.randrange(6)
        if which == 0:
            return ["choose", "nothing", "x", meta]
        if which == 1:
            later = datetime.fromtimestamp(clock / 1000, timezone.utc) + timedelta(minutes=6)
            meta["now"], meta["at"] = meta["at"], text(later)
            return ["declare", name, self.value(name), meta]
        if which == 2:
            meta["confidence"] = r.choice([-0.1, 1.01])
            return ["infer", name, self.value(name), meta]
        if which == 3 and merge != "layout":
            return [r.choice(["choose", "declare"]), name, self.wrong(name), meta]
        if which == 4 and merge != "layout":
            return ["edit", name, "map", "hide", meta]
        return ["retract", {"source": "desk", "id": "never"}, meta]

    def history(self, clock, steps, writers, account=False, depth=0, state=None):
        """Operations that the model accepts, made against a replica that grows along."""
        r = self.r
        replica = model.Replica(self.parsed, state.segments if state else None)
        out = []
        for _ in range(steps):
            clock += timedelta(minutes=r.choice([0, 1, 7, 60, 600, 1700]))
            if not account and depth < 2 and self.maybe(0.12):
                other = self.merge(clock, writers, depth, replica)
                if self.good(replica, other):
                    out.append(other)
                continue
            for operation in self.step(clock, r.choice(writers), account):
                operation = self.settled(replica, operation)
                if operation and self.good(replica, operation):
                    out.append(operation)
                    last = operation[1].get("time") if operation[0] == "observe" else None
                    if last and datetime.fromisoformat(last.replace("Z", "+00:00")) > clock:
                        clock = datetime.fromisoformat(last.replace("Z", "+00:00"))
        self.clock = max(self.clock, clock)
        return out

    def merge(self, clock, writers, depth, replica):
        r = self.r
        self.writers += 1
        fresh = ["m%d" % self.writers]
        back = clock + timedelta(minutes=r.choice([-3000, -600, -30, 0, 0, 5]))
        if self.maybe(0.5):
            state = model.Replica(self.parsed, replica.segments)
            use = r.choice([fresh, fresh, writers])
            return ["merge", self.history(back, r.randint(1, 5), use, False, depth + 1, state), {"from": "here"}]
        return ["merge", self.history(back, r.randint(1, 5), fresh, False, depth + 1)]

    def settled(self, replica, operation):
        """A retraction names an event of this replica that was not retracted before."""
        if operation[0] == "retract" and operation[1] == "?":
            gone = {op.event for op in replica.ops("retract")}
            known = [op.event for op in replica.ops("event") if op.event not in gone][-30:]
            if not known or replica.ops("forget"):
                return None
            source, name = self.r.choice(known)
            operation[1] = {"source": source, "id": name}
        if operation[0] == "observe":
            # A repeat comes through the writer that took the event, and not after an erasure.
            name = (operation[1]["source"], operation[1]["id"])
            writer = operation[2]["writer"] if len(operation) > 2 else "w1"
            horizon = self.parsed.horizon
            newest = max((op.at for op in replica.ops("event")), default=0)
            if horizon is not None and model.instant(operation[1]["time"]) < newest - horizon:
                return None  # late by what was seen, if not by the clock
            for op in replica.ops("event"):
                if op.event == name and (op.writer != writer or replica.ops("forget", "deny", "mode")):
                    return None
        return operation

    def good(self, replica, operation):
        """Applies the operation; one that the model refuses without being asked is left out."""
        try:
            replica.run(operation)
            return True
        except (model.Refused, AssertionError):
            return False

    def people(self, case, clock):
        """Other profiles, linked to this one and to each other; unlinks and vetoes among them."""
        r = self.r
        ids = r.sample(["app", "bus", "kiosk"], r.randint(1, 3))
        histories = {"me": case["profile"]}
        for pid in ids:
            self.writers += 1
            histories[pid] = self.history(START + timedelta(hours=r.randint(0, 80)), r.randint(1, 6), ["v%d" % self.writers])
        everybody = ["me"] + ids
        strengths = r.sample([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], 8)
        pairs = set()
        for pid in everybody:
            if self.maybe(0.3):
                kind = r.choice(["email", "email", "cookie"])
                histories[pid].append(["identify", kind, r.choice(["a@x", "b@x"]), {"at": text(self.clock), "writer": "z"}])
        for _ in range(r.randint(1, 4)):
            a, b = r.sample(everybody, 2)
            if frozenset((a, b)) in pairs:
                continue
            pairs.add(frozenset((a, b)))
            strength = strengths.pop()
            for verb in r.choice([["link"], ["link"], ["link"], ["link", "unlink"], ["link", "unlink", "link"], ["switch"]]):
                self.clock += timedelta(minutes=9)
                meta = {"at": text(self.clock), "writer": "z"}
                if verb == "link" and self.maybe(0.9):
                    meta["strength"] = strength
                place = a
                if verb == "unlink" and self.maybe(0.3):
                    place = b
                operation = [verb, a if place == b else b, meta]
                if self.maybe(0.15):
                    self.writers += 1
                    meta["writer"] = "zz%d" % self.writers
                    operation = ["merge", [operation]]
                histories[place].append(operation)
        case["profile"] = histories.pop("me")
        case["others"] = histories

    def case(self):
        r = self.r
        catalog = self.catalog()
        self.parsed = model.Catalog(catalog)
        self.clock = START
        case = {"id": "", "catalog": catalog}
        case["profile"] = self.history(START, r.randint(2, 14), ["w1", "w2", "w3"][: r.randint(1, 3)])
        if self.purposes and self.maybe(0.75):
            grants = [["consent", p, "grant", {"at": text(START - timedelta(hours=1))}] for p in self.purposes]
            case["profile"] = self.history_again(grants + case["profile"])
        if self.maybe(0.3):
            case["account"] = self.history(START + timedelta(hours=r.randint(0, 50)), r.randint(1, 5), ["a1", "a2"], True)
        if self.maybe(0.25) and not self.past:
            self.people(case, self.clock)
        now = self.clock + timedelta(minutes=r.choice([0, 1, 60, 2000, 9000, 50000]))
        if self.past:
            now = START + (self.clock - START) * r.random()
        case["context"] = {"now": text(now)}
        if self.maybe(0.6):
            case["context"]["channel"] = r.choice(["site", "desk", "phone"])
        if self.maybe(0.5):
            case["context"]["region"] = r.choice(["N", "S"])
        if self.maybe(0.12):
            case["host_level"] = r.choice(sorted(model.LEVELS))
        case["ask"] = [{"resolve": n} for n in sorted(self.names)]
        for name in sorted(self.names):
            if catalog["attributes"][name].get("merge", "replace") in ("replace", "max", "min") and self.maybe(0.6):
                case["ask"].append({"inspect": name})
        return case

    def history_again(self, operations):
        """The operations that still go through when others come first."""
        replica = model.Replica(self.parsed)
        return [o for o in operations if self.good(replica, o)]


def unsure(case, request):
    return any(abs(chance - 0.95) < 1e-6 for chance in request.near)


def make(seed, number):
    """Case `number` of a seed, with its answers."""
    for attempt in range(100):
        chance = random.Random("%s/%s/%s" % (seed, number, attempt))
        case = Maker(chance).case()
        request = model.request_of(case)
        case["expect"] = model.answers(request, case["ask"])
        if not unsure(case, request):
            case["id"] = "generated-%s-%s" % (seed, number)
            return case
    raise RuntimeError("no case")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", default="1")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    for number in range(arguments.first, arguments.first + arguments.count):
        print(json.dumps(make(arguments.seed, number)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

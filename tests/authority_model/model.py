#!/usr/bin/env python3
"""A reference model of authority, to judge the library by.

It is written from the specification alone and shares no idea of representation with the library: what
happened is a set of operations (replica.py), and every answer is computed anew from their union, with no
index, no cache and no care for speed.

    model.py FILE...        answers every case and says where the expectation differs
    model.py --fill FILE    prints the cases with the answers of the model as expectation

A case is in the notation of the published suite: catalog, profile, account, others, context,
host_level, ask.
"""
import json
import math
import sys
from fractions import Fraction

from replica import DAY, LEVELS, Catalog, Op, Refused, Replica, instant, key_of

__all__ = ["LEVELS", "Catalog", "Op", "Refused", "Replica", "instant", "request_of", "answers"]

TIERS = ["LOCK", "CHOICE", "ACCOUNT_CHOICE", "DECLARED", "INFERRED", "GROUP", "RECOMMENDED", "DEFAULT"]
RANK = {tier: i for i, tier in enumerate(TIERS)}
REASON = {"LOCK": "LOCKED", "CHOICE": "EXPLICIT", "ACCOUNT_CHOICE": "EXPLICIT"}


# ------------------------------------------------------------------------------------------- certainty


def beta_above(a, b, x):
    """The probability that a Beta(a, b) exceeds x: the incomplete beta by its continued fraction."""

    def fraction(p, q, t):
        tiny = 1e-300
        c, d = 1.0, 1.0 - (p + q) * t / (p + 1)
        d = 1 / (d or tiny)
        h = d
        for m in range(1, 5000):
            for step in (
                m * (q - m) * t / ((p + 2 * m - 1) * (p + 2 * m)),
                -(p + m) * (p + q + m) * t / ((p + 2 * m) * (p + 2 * m + 1)),
            ):
                d = 1 + step * d or tiny
                c = 1 + step / c or tiny
                d = 1 / d
                h *= d * c
            if abs(d * c - 1) < 1e-15:
                break
        return h

    if a <= 0:
        return 0.0
    if b <= 0:
        return 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):
        return 1 - front * fraction(a, b, x) / a
    return front * fraction(b, a, 1 - x) / b


def units(confidence):
    return math.floor(confidence * 65536 + 0.5) / 65536


# ---------------------------------------------------------------------------------------------- people


def members(catalog, profiles, start):
    """The connected component of a profile over links that stand and that no unique identifier vetoes."""

    def side(a, b):
        ops = profiles[a].ops("link", "unlink") if a in profiles else []
        unlinks = {id(op) for op in ops if op.kind == "unlink" and op.other == b}
        links = [op for op in ops if op.kind == "link" and op.other == b and op.seen >= unlinks]
        return links, bool(unlinks) and not links

    pairs = set()
    for pid, replica in profiles.items():
        for op in replica.ops("link"):
            if op.other in profiles and op.other != pid:
                pairs.add(tuple(sorted((pid, op.other))))
    edges = []
    for a, b in pairs:
        here, no = side(a, b)
        there, neither = side(b, a)
        if (here or there) and not no and not neither:
            words = [max(side, key=lambda op: (op.stamp, op.writer)) for side in (here, there) if side]
            edges.append((-max(op.strength for op in words), min(op.stamp for op in words), a, b))
    unique = {k for k, o in catalog.document.get("identifiers", {}).items() if o.get("unique")}
    group = {pid: {pid} for pid in profiles}
    known = {
        pid: {(op.identifier, op.value) for op in r.ops("identify") if op.identifier in unique}
        for pid, r in profiles.items()
    }
    for _, _, a, b in sorted(edges):
        if group[a] is group[b]:
            continue
        union = group[a] | group[b]
        facts = set().union(*(known[p] for p in union))
        if len({kind for kind, _ in facts}) < len(facts):
            continue
        for pid in union:
            group[pid] = union
    return sorted(group[start])


class Person:
    """What the members hold together. Claims carry the id of their profile as the last tie."""

    def __init__(self, profiles, ids):
        self.replicas = [(pid, profiles[pid]) for pid in ids]
        self.claims, self.pieces, self.chosen = [], [], []
        for pid, replica in self.replicas:
            self.chosen += [(op, pid) for op in replica.chosen()]
            self.claims += [(op, pid) for op in replica.claims()]
            self.pieces += replica.evidence()
        self.claims = [e for e in self.claims if not self._is_lifted(e)]

    def _is_lifted(self, entry):
        """A rejection before a word that it is lifted, whoever said either."""
        op = entry[0]
        return op.kind == "reject" and any(
            lift.kind == "lift"
            and lift.attribute == op.attribute
            and key_of(lift.value) == key_of(op.value)
            and order((lift, pid)) > order(entry)
            for lift, pid in self.chosen
        )

    def granted(self, purpose, now):
        if purpose is None:
            return True
        answers = [r.consent(purpose, now) for _, r in self.replicas]
        return any(grant for grant, _ in answers) and not any(denied for _, denied in answers)

    def newest(self, kind, name=None):
        ops = [
            (op.stamp, op.writer, pid, op)
            for pid, r in self.replicas
            for op in r.ops(kind)
            if name is None or op.attribute == name
        ]
        return max(ops, key=lambda t: t[:3])[3] if ops else None

    def of(self, name, *kinds):
        return [(op, pid) for op, pid in self.claims if op.attribute == name and op.kind in kinds]


def order(entry):
    op, pid = entry
    return op.stamp, op.writer, pid


# ------------------------------------------------------------------------------------------- one answer


class Layer:
    def __init__(self, tier, value, confidence=None, channel=None, op=None, pid=None):
        self.tier, self.value, self.confidence, self.channel = tier, value, confidence, channel
        self.op, self.pid = op, pid
        self.flags = []  # reasons why it does not answer
        self.removal = False


class Request:
    """All questions of one case: the view of a person (and account) at one moment."""

    def __init__(self, catalog, profiles, account, context, host_level):
        self.catalog, self.context = catalog, context
        self.now = instant(context["now"])
        self.person = Person(profiles, members(catalog, profiles, "me"))
        self.account = Person({"account": account}, ["account"]) if account else None
        self.answers = {}
        self.near = []  # probabilities of certainty tests, for those who make cases
        self.masked = self._masked(host_level)

    # Rules.

    def _masked(self, host_level):
        document = self.catalog.document
        masked = set(document.get("mask", [])) | LEVELS[document.get("level", "deep")]
        masked |= LEVELS[host_level or "deep"]
        level = self.person.newest("level")
        masked |= LEVELS[level.level] if level else set()
        for policy in document.get("policies", []):
            if ("level" in policy or "mask" in policy) and self.rule(policy["when"], self._policy_input):
                masked |= LEVELS[policy.get("level", "deep")] | set(policy.get("mask", []))
        return masked

    def _policy_input(self, name):
        attribute = self.catalog.attributes[name]
        if not attribute.spec.get("policy_input") or not self.person.granted(attribute.purpose, self.now):
            return None
        layers = self._facts(attribute, None)
        return layers[0].value if layers and not layers[0].flags else None

    def _resolved(self, name):
        return self.resolve(name).get("value")

    def rule(self, text, read):
        """A rule of ==, !=, && and ||: true, false, or None where it is not known."""

        def comparison(part):
            if part == "true":
                return True
            same = "==" in part
            left, right = part.split("==" if same else "!=")
            root, name = left.strip().split(".")
            value = read(name) if root == "profile" else self.context.get(name)
            if value is None:
                return None
            return (value == right.strip().strip("'\"")) == same

        def both(part):
            found = [comparison(p.strip()) for p in part.split("&&")]
            return False if False in found else None if None in found else True

        found = [both(p) for p in text.split("||")]
        return True if True in found else None if None in found else False

    def _policies(self, member, name):
        for policy in self.catalog.document.get("policies", []):
            if name in policy.get(member, {}) and self.rule(policy["when"], self._resolved):
                yield policy[member][name]

    def bounds(self, name):
        low = high = allowed = None
        for bound in self._policies("bound", name):
            if "min" in bound:
                low = bound["min"] if low is None else max(low, bound["min"])
            if "max" in bound:
                high = bound["max"] if high is None else min(high, bound["max"])
            if "one_of" in bound:
                allowed = set(bound["one_of"]) if allowed is None else allowed & set(bound["one_of"])
        return low, high, allowed

    # The view of claims.

    def _flag_time(self, layer, retention=None):
        op = layer.op
        ends = [t for t in (op.expires, None if retention is None else op.at + retention * 1000) if t is not None]
        if any(self.now >= end for end in ends):
            layer.flags.append("EXPIRED")
        elif op.at > self.now:
            layer.flags.append("FUTURE")
        return layer

    def _in_force(self, op):
        return not self._flag_time(Layer(None, None, op=op)).flags

    def _cleared(self, person, name, member=None):
        clears = [e for e in person.of(name, "clear") if e[0].member is None or e[0].member == member]
        return max(map(order, clears), default=(-1,))

    def _choices(self, tier, person, attribute, part):
        """The one choice of a slot that is not cleared, as a layer."""
        if person is None:
            return []
        since = self._cleared(person, attribute.name, part if attribute.merge == "record" else None)
        found = [e for e in person.of(attribute.name, "choose") if e[0].part == part and order(e) > since]
        if not found:
            return []
        op, pid = max(found, key=order)
        return [self._flag_time(Layer(tier, op.value, None, op.channel, op, pid))]

    def _facts(self, attribute, part):
        """Recorded facts: the one that ranks first; of max and min all of them, the greatest (least) first."""
        found = [e for e in self.person.of(attribute.name, "declare") if e[0].part == part]
        layers = [
            self._flag_time(Layer("DECLARED", op.value, None, op.channel, op, pid), attribute.retention)
            for op, pid in sorted(found, key=lambda e: (e[0].at,) + order(e), reverse=True)
        ]
        return layers[:1] if attribute.merge not in ("max", "min") else layers

    def usable_class(self, attribute):
        """Masking cross-channel removes by channel only, whatever the class of the attribute."""
        return attribute.klass == "cross-channel" or attribute.klass not in self.masked

    def _heard(self, channel):
        """Whether masking cross-channel leaves this channel."""
        return "cross-channel" not in self.masked or channel in ("", self.context.get("channel", ""))

    def _hosts(self, attribute, part):
        """Claims of hosts' models: per channel the newest (of max and min all)."""
        found = [e for e in self.person.of(attribute.name, "infer") if e[0].part == part and self._heard(e[0].channel)]
        if attribute.merge not in ("max", "min"):
            channels = {e[0].channel for e in found}
            found = [max((e for e in found if e[0].channel == c), key=order) for c in channels]
        layers = []
        for op, pid in found:
            layer = Layer("INFERRED", op.value, units(op.confidence), op.channel, op, pid)
            self._flag_time(layer, attribute.retention)
            if attribute.threshold is None or op.confidence < attribute.threshold:
                layer.flags.append("UNCERTAIN")
            layers.append(layer)
        return layers

    # Evidence.

    def weights(self, attribute, used=True):
        """value → [for, against], saturated and decayed; nothing when the evidence may not be used."""
        totals = {}
        if not used:
            return totals
        width = attribute.width
        cells, days = [], {}
        for piece in self.person.pieces:
            if piece.attribute != attribute.name or not self._heard(piece.channel):
                continue
            start = piece.at // 1000 // width * width
            age = self.now // 1000 // width - start // width
            if age < 0:
                continue
            if attribute.retention is not None and self.now >= (start + attribute.retention) * 1000:
                continue
            side = 0 if piece.weight > 0 else 1
            cells.append((piece.value, side, start // DAY, age, Fraction(abs(piece.weight))))
            day = (key_of(piece.value), side, start // DAY)
            days[day] = days.get(day, 0) + Fraction(abs(piece.weight))
        limit = attribute.spec.get("saturation")
        for value, side, day, age, weight in cells:
            total = days[key_of(value), side, day]
            if limit is not None and total > limit:
                weight *= Fraction(limit) / total
            if attribute.half_life:
                weight *= Fraction(2.0 ** (-age * width / attribute.half_life))
            totals.setdefault(key_of(value), [Fraction(), Fraction()])[side] += weight
        return totals

    def _judge(self, attribute, a, b):
        chance = beta_above(a, b, attribute.threshold)
        self.near.append(chance)
        return chance >= 0.95

    def posteriors(self, attribute, used):
        """node → (a, b, personal weight for)"""
        totals = self.weights(attribute, used)
        out = {}
        for node in attribute.parent:
            line, strength, share = set(attribute.line(node)), attribute.strength(), attribute.share(node)
            a, b, personal = strength * share, strength * (1 - share), 0.0
            for value in attribute.parent:
                plus, minus = map(float, totals.get(key_of(value), (0, 0)))
                if attribute.merge == "set":
                    if value == node:
                        a, b, personal = a + plus, b + minus, plus
                    continue
                if node in attribute.line(value):
                    a += plus
                    personal += plus
                elif value not in line:
                    b += plus
                if value in line:
                    b += minus
            out[node] = (a, b, personal)
        return out

    def _guesses(self, attribute, part, barred):
        """Layers of the evidence and of the group. `barred` names what rejection or bound forbids."""
        if attribute.threshold is None or not attribute.parent:
            return []
        consented = self.person.granted(attribute.purpose, self.now)
        used = consented and self.usable_class(attribute)
        layers = []
        allowed_tiers = [("INFERRED", attribute.spec.get("min_evidence", 1))] if used else []
        if attribute.spec.get("group") and "peers" not in self.masked:
            allowed_tiers.append(("GROUP", None))
        posteriors = self.posteriors(attribute, used)
        for tier, least in allowed_tiers:
            sure = []
            for node, (a, b, personal) in posteriors.items():
                if attribute.merge == "set" and node != part:
                    continue
                if least is not None and personal < least:
                    continue
                if self._judge(attribute, a, b) and not barred(node):
                    sure.append((len(attribute.line(node)), a / (a + b), key_of(node), node))
            if sure:
                node = max(sure, key=lambda t: t[:3])[3]
                a, b, _ = posteriors[node]
                layers.append(Layer(tier, node, units(a / (a + b))))
        return layers

    def rejected(self, attribute, value, who=None, itself=True):
        """Whether somebody's rejections (the person's) forbid a value: of it (unless `itself` is False) or of an
        ancestor, and not chosen later."""
        if attribute.merge == "record":
            return False
        name, who = attribute.name, who or self.person
        since = self._cleared(who, name)
        chosen = [e for e in who.chosen if e[0].attribute == name]
        line = attribute.line(value) if value in attribute.parent else [value]
        if not itself:
            line = [node for node in line if node != value]
        newest = {}
        for entry in sorted(who.of(name, "reject"), key=order):
            newest[key_of(entry[0].value)] = entry
        for entry in newest.values():
            node = entry[0].value
            if order(entry) < since or node not in line or not self._in_force(entry[0]):
                continue
            either = (value, node)
            if not any(c[0].value in either and order(c) > order(entry) for c in chosen):
                return True
        return False

    # Putting it together.

    def mode(self, name):
        newest = self.person.newest("mode", name)
        return newest.mode if newest else "AUTO"

    def layers(self, attribute, part, allowed):
        """All layers of one slot, strongest first, each with the reasons why it does not answer."""
        name = attribute.name
        mode = self.mode(name)
        consented = self.person.granted(attribute.purpose, self.now)
        barred_by = lambda v: ["REJECTED"] * self.rejected(attribute, v) + ["BOUNDED"] * (
            allowed is not None and v not in allowed
        )
        layers = self._choices("CHOICE", self.person, attribute, part)
        layers += self._account_choices(attribute, part, mode)
        if consented and "declared" not in self.masked:
            facts = self._facts(attribute, part)
            if attribute.merge in ("max", "min"):
                facts = self._extreme(attribute, facts, barred_by)
            layers += facts
        hosts = []
        if consented and self.usable_class(attribute):
            hosts = self._hosts(attribute, part)
        guesses = self._guesses(attribute, part, lambda v: bool(barred_by(v)))
        evidence = [g for g in guesses if g.tier == "INFERRED"]
        if attribute.merge in ("max", "min"):
            layers += self._extreme(attribute, hosts, barred_by)
        else:
            stamps = lambda l: order((l.op, l.pid)) if l.op else ()
            layers += sorted(evidence + hosts, key=lambda l: (l.confidence, l.op is None, stamps(l)), reverse=True)
        layers += [g for g in guesses if g.tier == "GROUP"]
        for tier, member in (("RECOMMENDED", "recommended"), ("DEFAULT", "default")):
            if member not in attribute.spec:
                continue
            value = attribute.spec[member]
            if attribute.merge == "record":
                if part in value:
                    layers.append(Layer(tier, value[part]))
            elif attribute.merge == "set":
                if part in value:
                    layers.append(Layer(tier, part))
            else:
                layers.append(Layer(tier, value))
        for layer in layers:
            gone = RANK[layer.tier] in range(3, 7) if mode == "MANUAL" else RANK[layer.tier] in range(1, 7)
            if mode != "AUTO" and gone:
                layer.flags.append("MODE")
            layer.flags += barred_by(layer.value)
        return layers

    def _account_choices(self, attribute, part, mode):
        """An account's choice, which its own later rejection ends; of a set the newest word about the element."""
        layers = self._choices("ACCOUNT_CHOICE", self.account, attribute, part)
        if attribute.merge == "set" and layers and any(self._removed(attribute, part, self.account)):
            return []
        for layer in layers:
            if mode != "OFF" and self.rejected(attribute, layer.value, self.account):
                layer.flags.append("REJECTED")
        return layers

    def _extreme(self, attribute, layers, barred_by):
        """Of max and min one layer: the greatest (least) that is usable; of equals as others rank."""
        sign = 1 if attribute.merge == "max" else -1
        usable = [l for l in layers if not l.flags]
        free = lambda l: self.mode(attribute.name) == "AUTO" and not barred_by(l.value)
        ties = lambda l: (l.confidence if l.confidence is not None else l.op.at, order((l.op, l.pid)))
        return sorted(usable, key=lambda l: (free(l), sign * l.value, ties(l)), reverse=True)[:1]

    def lock(self, name):
        return next(iter(self._policies("lock", name)), None)

    def resolve(self, name):
        if name not in self.answers:
            self.answers[name] = self._resolve(name)
        return self.answers[name]

    def _resolve(self, name):
        attribute = self.catalog.attributes[name]
        lock = self.lock(name)
        if lock is not None:
            return {"value": lock, "tier": "LOCK", "reason": "LOCKED"}
        if attribute.merge == "layout":
            return self._layout(attribute)
        if attribute.merge in ("set", "record"):
            return self._composed(attribute)
        return self._scalar(attribute)

    def _scalar(self, attribute):
        low, high, allowed = self.bounds(attribute.name)
        layers = self.layers(attribute, None, allowed)
        used = next((l for l in layers if not l.flags), None)
        if used is None:
            return {"unresolved": True}
        value = used.value
        if low is not None and value < low:
            value = low
        if high is not None and value > high:
            value = high
        answer = {"value": value, "tier": used.tier, "reason": REASON.get(used.tier, used.tier)}
        if used.tier == "DEFAULT" and self.mode(attribute.name) == "OFF":
            answer["reason"] = "DISABLED"
        if value != used.value:
            answer["reason"] = "BOUNDED"
        if used.confidence is not None:
            answer["confidence"] = used.confidence
        if used.channel:
            answer["channel"] = used.channel
        return answer

    def _parts(self, attribute):
        parts = {op.part for op, _ in self.person.of(attribute.name, "choose", "reject", "declare", "infer")}
        if self.account:
            parts |= {op.part for op, _ in self.account.of(attribute.name, "choose")}
        for member in ("recommended", "default"):
            parts |= set(attribute.spec.get(member, ()))
        return sorted(parts | set(attribute.parent))

    def _removed(self, attribute, element, who=None):
        """Whether somebody's newest word about an element of a set is a removal, and whether a removal of it or of
        an ancestor is in force."""
        who = who or self.person
        since = self._cleared(who, attribute.name)
        entries = [
            e
            for e in who.of(attribute.name, "choose", "reject")
            if e[0].part == element and order(e) > since
        ]
        newest = max(entries, key=order)[0] if entries else None
        is_removal = newest is not None and newest.kind == "reject"
        inherited = self.rejected(attribute, element, who, itself=False)
        return is_removal or inherited, inherited or is_removal and self._in_force(newest)

    def _composed(self, attribute):
        """A set or a record: each element or member by itself."""
        allowed = self.bounds(attribute.name)[2]
        parts, tiers, guesses = {}, [], []
        mode = self.mode(attribute.name)
        for part in self._parts(attribute):
            layers = self.layers(attribute, part, allowed if attribute.merge == "set" else None)
            if attribute.merge == "set":
                hides, removes = self._removed(attribute, part)
                if hides:  # in force or not, it is newer than any add
                    layers = [l for l in layers if l.tier != "CHOICE"]
                if removes and (allowed is None or part in allowed):
                    tiers.append("CHOICE")
                if removes:
                    continue
            used = next((l for l in layers if not l.flags), None)
            if used:
                parts[part] = used
                tiers.append(used.tier)
                guesses += [used.confidence] if used.confidence is not None else []
        bases = [t for t, m in (("RECOMMENDED", "recommended"), ("DEFAULT", "default")) if m in attribute.spec]
        if mode != "AUTO":
            bases = [t for t in bases if t == "DEFAULT"]
        if mode == "OFF":
            tiers = [t for t in tiers if t == "DEFAULT"]
        strong = [t for t in tiers if t not in ("RECOMMENDED", "DEFAULT")]
        tiers = strong or tiers or bases[:1]
        if not tiers:
            return {"unresolved": True}
        tier = max(tiers, key=RANK.get)
        value = {p: l.value for p, l in parts.items()} if attribute.merge == "record" else sorted(parts)
        answer = {"value": value, "tier": tier, "reason": REASON.get(tier, tier)}
        if tier == "DEFAULT" and mode == "OFF":
            answer["reason"] = "DISABLED"
        if guesses:
            answer["confidence"] = min(guesses)
        answer["members"] = {p: l.tier for p, l in parts.items()}
        return answer

    # Layouts.

    def _edits(self, tier, person, attribute):
        """(item, register) → (tier, edit, rank) of what is in force; the person's rank above the account's."""
        out = {}
        if person is None:
            return out
        since = self._cleared(person, attribute.name)
        newest = {}
        for entry in person.of(attribute.name, "edit"):
            slot = entry[0].slot
            if order(entry) > since and (slot not in newest or order(entry) > order(newest[slot])):
                newest[slot] = entry
        for slot, (op, pid) in newest.items():
            if self._in_force(op) and op.what != "unplace":
                out[slot] = (tier, op, (tier == "CHOICE", op.stamp, op.writer, pid))
        return out

    def _layout(self, attribute):
        mode = self.mode(attribute.name)
        spec = attribute.spec
        base, tier = spec.get("recommended"), "RECOMMENDED"
        if base is None or mode != "AUTO":
            base, tier = spec.get("default"), "DEFAULT"
        if base is None:
            return {"unresolved": True}
        if mode == "OFF":
            return {"value": base, "tier": "DEFAULT", "reason": "DISABLED"}
        beneath = self._edits("ACCOUNT_CHOICE", self.account, attribute)
        edits = dict(beneath)
        edits.update(self._edits("CHOICE", self.person, attribute))
        part = []
        shown = []
        for item in base:
            hidden = edits.get((item, "hidden"))
            if hidden and hidden[1].what == "hide":
                part.append(hidden[0])
                continue
            shown.append(item)
            if hidden and (item, "hidden") in beneath and beneath[item, "hidden"][1].what == "hide":
                part.append(hidden[0])  # shown against the account's will
        used = self.person.granted(attribute.purpose, self.now) and self.usable_class(attribute)
        if spec.get("ranked") and mode == "AUTO":
            totals = self.weights(attribute, used)
            score = {i: (lambda t: t[0] - t[1])(totals.get(key_of(i), (0, 0))) for i in base}
            if any(score.values()):
                part.append("INFERRED")
            shown.sort(key=lambda i: -score[i])
        places = {i: edits[i, "place"] for i in shown if (i, "place") in edits}
        follows = {}
        afters = [(i, e) for i, e in places.items() if "after" in e[1].what]
        for item, (who, op, rank) in sorted(afters, key=lambda t: t[1][2], reverse=True):
            target = op.what["after"]
            if target not in shown:
                continue
            walk = target
            while walk is not None and walk != item:
                walk = follows.get(walk)
            if walk == item:
                continue
            follows[item] = target
            part.append(who)
        behind = {}
        for item in follows:  # newest first
            behind.setdefault(follows[item], []).append(item)

        def spread(item):
            return [item] + [i for follower in behind.get(item, []) for i in spread(follower)]

        out = [i for item in shown if item not in follows for i in spread(item)]
        pins = [(e[1].what["pin"], e[2], e[0], i) for i, e in places.items() if "pin" in e[1].what]
        out = [i for i in out if i not in {p[3] for p in pins}]
        for index, _, who, item in sorted(pins):
            out.insert(min(index, len(out)), item)
            part.append(who)
        tier = max(part, key=RANK.get) if part else tier
        return {"value": out, "tier": tier, "reason": REASON.get(tier, tier)}

    def inspect(self, name):
        attribute = self.catalog.attributes[name]
        allowed = self.bounds(name)[2]
        layers = self.layers(attribute, None, allowed)
        lock = self.lock(name)
        if lock is not None:
            layers.insert(0, Layer("LOCK", lock))
        answered, out = False, []
        for layer in layers:
            why = "SHADOWED" if answered else "USED"
            for flag in ("EXPIRED", "FUTURE", "UNCERTAIN", "MODE", "REJECTED", "BOUNDED"):
                if flag in layer.flags:
                    why = flag
                    break
            answered = answered or why == "USED"
            entry = {"tier": layer.tier, "value": layer.value, "why": why}
            if layer.confidence is not None:
                entry["confidence"] = layer.confidence
            out.append(entry)
        return {"layers": out}


# ------------------------------------------------------------------------------------------------ cases


def replay(catalog, operations):
    replica = Replica(catalog)
    for operation in operations:
        replica.run(operation)
    return replica


def request_of(case):
    catalog = Catalog(case["catalog"])
    profiles = {pid: replay(catalog, ops) for pid, ops in case.get("others", {}).items()}
    profiles["me"] = replay(catalog, case["profile"])
    account = replay(catalog, case["account"]) if "account" in case else None
    return Request(catalog, profiles, account, case["context"], case.get("host_level"))


def answers(request, questions):
    """One answer per question, as in `expect`."""
    out = []
    for question in questions:
        ((how, name),) = question.items()
        out.append(request.resolve(name) if how == "resolve" else request.inspect(name))
    return out


def same(got, want, ordered):
    """Equal but for the order of a set and 2/65536 of a confidence."""
    if isinstance(want, dict):
        if not isinstance(got, dict) or got.keys() != want.keys():
            return False
        return all(
            abs(got[k] - want[k]) <= 2 / 65536 if k == "confidence" else same(got[k], want[k], ordered) for k in want
        )
    if isinstance(want, list):
        if not isinstance(got, list) or len(got) != len(want):
            return False
        if not ordered and all(isinstance(v, str) for v in want + got):
            return sorted(got) == sorted(want)
        return all(same(g, w, ordered) for g, w in zip(got, want))
    return got == want and isinstance(got, bool) == isinstance(want, bool)


def main(arguments):
    fill = "--fill" in arguments
    right = wrong = 0
    for path in [a for a in arguments if a != "--fill"]:
        for line in open(path, encoding="utf-8"):
            case = json.loads(line)
            got = answers(request_of(case), case["ask"])
            if fill:
                case["expect"] = got
                print(json.dumps(case))
                continue
            for question, g, want in zip(case["ask"], got, case["expect"]):
                ((_, name),) = question.items()
                ordered = case["catalog"]["attributes"][name].get("merge") != "set"
                if not same(g, want, ordered):
                    print("%s %s\n  expected %s\n  model    %s" % (case["id"], question, json.dumps(want), json.dumps(g)))
                    wrong += 1
                    break
            else:
                right += 1
    if not fill:
        print("%d cases right, %d wrong" % (right, wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

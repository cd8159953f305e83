"""The catalog and the replicas of the reference model: what was done, and what was known when.

A replica is nothing but the operations of each writer, in the order in which the writer made them; what an
operation had seen when it was made (its epoch, the denials it covers, the claims of its own writer that it
replaced) is noted on the operation itself. Joining is choosing, per writer, the longer list.
"""
import json
from datetime import datetime, timezone

SKEW = 5 * 60 * 1000
WRITER_MAX, CHANNEL_MAX = 16, 128  # bytes
DAY = 86400
BUCKET_ALONE = 65536  # seconds, without a half-life
LEVELS = {
    "basic": {"declared", "peers", "behaviour", "cross-channel"},
    "demographic": {"behaviour", "cross-channel"},
    "self-service": {"behaviour", "cross-channel"},
    "deep": set(),
}


class Refused(Exception):
    """The operation must fail and change nothing."""


# ---------------------------------------------------------------------------------------- small things


def instant(text):
    """Milliseconds since 1970 of an RFC 3339 time."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    delta = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (delta.days * DAY + delta.seconds) * 1000 + delta.microseconds // 1000


def duration(text):
    """Seconds of a duration such as 30d or 12h."""
    return int(float(text[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": DAY}[text[-1]])


def key_of(value):
    """A hashable stand-in that keeps true apart from 1."""
    return json.dumps(value, sort_keys=True)


def spelling(value):
    """The name that a value has as a member of a JSON object."""
    return value if isinstance(value, str) else json.dumps(value)


# --------------------------------------------------------------------------------------------- catalog


class Attribute:
    def __init__(self, name, spec, taxonomies):
        self.name, self.spec = name, spec
        self.merge = spec.get("merge", "replace")
        self.purpose = spec.get("purpose")
        self.klass = spec.get("class", "behaviour")
        self.threshold = spec.get("threshold")
        self.retention = duration(spec["retention"]) if "retention" in spec else None
        self.parent = {}
        if "taxonomy" in spec:
            self._grow(taxonomies[spec["taxonomy"]], None)
        elif spec["type"] == "bool":
            self.parent = {False: None, True: None}
        elif "one_of" in spec:
            self.parent = {v: None for v in spec["one_of"]}
        self.half_life = duration(spec["half_life"]) if "half_life" in spec else None
        self.width = BUCKET_ALONE
        if self.half_life:
            self.width = 1
            while self.width * 2 * 16 <= self.half_life:
                self.width *= 2
        if "saturation" in spec:
            self.width = min(self.width, BUCKET_ALONE)

    def _grow(self, nodes, parent):
        for name, below in nodes.items():
            self.parent[name] = parent
            self._grow(below, name)

    def line(self, node):
        """The node and its ancestors, upwards."""
        out = []
        while node is not None:
            out.append(node)
            node = self.parent.get(node)
        return out

    def leaves(self):
        inner = set(p for p in self.parent.values() if p is not None)
        return [n for n in self.parent if n not in inner]

    def share(self, node):
        shares = self.spec.get("prior", {}).get("shares")
        if self.merge == "set":
            return (shares or {}).get(spelling(node), 0.5)
        leaves = self.leaves()
        if shares is None:
            return sum(1 for leaf in leaves if node in self.line(leaf)) / len(leaves)
        return sum(shares.get(spelling(leaf), 0) for leaf in leaves if node in self.line(leaf))

    def strength(self):
        return self.spec.get("prior", {}).get("strength", 1)

    def takes(self, value):
        """Whether one value (or element, or member) is of the type and in the domain."""
        kind = self.spec["type"]
        if self.merge in ("set", "layout"):
            kind = kind[len("list<"):-1]
        elif self.merge == "record":
            kind = kind.split(",")[1][:-1].strip()
        fits = {
            "bool": isinstance(value, bool),
            "int": isinstance(value, int) and not isinstance(value, bool),
            "string": isinstance(value, str),
            "double": isinstance(value, float),
        }[kind]
        if not fits:
            return False
        if "taxonomy" in self.spec or "one_of" in self.spec:
            return value in self.parent
        return not (
            ("min" in self.spec and value < self.spec["min"]) or ("max" in self.spec and value > self.spec["max"])
        )


class Catalog:
    def __init__(self, document):
        self.document = document
        taxonomies = document.get("taxonomies", {})
        self.attributes = {n: Attribute(n, s, taxonomies) for n, s in document["attributes"].items()}
        self.horizon = duration(document["horizon"]) * 1000 if "horizon" in document else None

    def attribute(self, name):
        if name not in self.attributes:
            raise Refused("undeclared")
        return self.attributes[name]

    def erases(self, purpose):
        return self.document.get("purposes", {}).get(purpose, {}).get("on_deny") == "erase"


# --------------------------------------------------------------------------------------------- replicas


class Op:
    """One operation with what its replica knew. Identity is the object."""

    def __init__(self, kind, writer, at, stamp=None, **more):
        self.kind, self.writer, self.at, self.stamp = kind, writer, at, stamp
        self.replaces = ()  # claims of the same writer that this one made it drop
        self.slot = None
        self.expires = None
        self.channel = ""
        self.__dict__.update(more)


def forget_covers(forget, name, begin, end):
    """Whether a forgetting covers an attribute over [begin, end) (an instant: end = begin + 1)."""
    if forget.attribute not in ("*", name):
        return False
    return (forget.to is None or begin < forget.to) and (forget.since is None or end > forget.since)


def bucket_span(attribute, at):
    width = attribute.width * 1000
    begin = at // width * width
    return begin, begin + width


class Replica:
    def __init__(self, catalog, segments=None):
        self.catalog = catalog
        self.segments = {w: list(ops) for w, ops in (segments or {}).items()}

    def ops(self, *kinds):
        return [op for ops in self.segments.values() for op in ops if not kinds or op.kind in kinds]

    def join(self, other):
        for writer, ops in other.segments.items():
            if len(ops) > len(self.segments.get(writer, ())):
                self.segments[writer] = list(ops)

    # What a reader of the profile may still see.

    def epoch(self, attribute, begin, end):
        return max(
            [(f.counter, f.writer) for f in self.ops("forget") if forget_covers(f, attribute.name, begin, end)],
            default=(0, ""),
        )

    def erased(self, op):
        attribute = self.catalog.attributes[op.attribute]
        takes_back = op.kind in ("clear", "lift") or op.kind == "edit" and op.what == "unplace"
        if takes_back:  # to forget a while gives nothing back that was taken back in it
            whole = [f for f in self.ops("forget") if f.since is None and f.to is None and f.what == "all"]
            return any(op.stamp <= f.stamp and f.attribute in ("*", op.attribute) for f in whole)
        if op.kind == "evidence":
            return op.epoch != self.epoch(attribute, *bucket_span(attribute, op.at))
        if op.kind == "infer":
            return op.epoch != self.epoch(attribute, op.at, op.at + 1)
        takers = ("all", "facts") if op.kind == "declare" else ("all",)
        return any(
            f.what in takers and op.stamp <= f.stamp and forget_covers(f, op.attribute, op.at, op.at + 1)
            for f in self.ops("forget")
        )

    def chosen(self):
        """What lifts rejections: every choice ever made that was not erased, replaced ones as well, and every
        word that a known one is lifted."""
        return [op for op in self.ops("choose", "lift") if not self.erased(op)]

    def knows_rejection(self, op):
        """Whether a value is rejected as far as this replica knows: that it is lifted is said then, a word of
        its own, which outlives the choice."""
        words = [
            old
            for old in self.ops("reject", "lift")
            if old.attribute == op.attribute and key_of(old.value) == key_of(op.value) and not self.erased(old)
        ]
        return bool(words) and max(words, key=lambda old: (old.stamp, old.writer)).kind == "reject"

    def claims(self):
        """Choices, rejections, edits, clearings, facts and inferred claims that count."""
        dropped = {id(old) for op in self.ops() for old in op.replaces}
        kinds = ("choose", "reject", "edit", "clear", "declare", "infer")
        return [op for op in self.ops(*kinds) if id(op) not in dropped and not self.erased(op)]

    def evidence(self):
        """Contributions of events that count; a retracted event has none."""
        retracted = {op.event for op in self.ops("retract")}
        out = []
        for op in self.ops("event"):
            if op.event not in retracted:
                out += [piece for piece in op.pieces if not self.erased(piece)]
        return out

    def mode(self, name):
        modes = [op for op in self.ops("mode") if op.attribute == name]
        return max(modes, key=lambda op: (op.stamp, op.writer)).mode if modes else "AUTO"

    def consent(self, purpose, now):
        """(a grant is in force, a denial is uncovered)"""
        denials = {id(op) for op in self.ops("deny") if op.purpose == purpose}
        grants = [op for op in self.ops("grant") if op.purpose == purpose and op.seen >= denials]
        if not grants:
            return False, bool(denials)
        grant = max(grants, key=lambda op: (op.stamp, op.writer))
        return grant.at <= now and (grant.expires is None or now < grant.expires), False

    # Writing.

    def apply(self, operation):
        verb, *arguments = operation
        if verb == "merge":
            options = arguments[1] if len(arguments) > 1 else {}
            other = Replica(self.catalog, self.segments if options.get("from") == "here" else None)
            for inner in arguments[0]:
                other.run(inner)
            self.join(other)
            return
        if verb == "observe":
            meta = arguments[1] if len(arguments) > 1 else {}
            self._observe(arguments[0], meta)
            return
        meta = arguments.pop()
        at = instant(meta["at"])
        now = instant(meta["now"]) if "now" in meta else at
        if at > now + SKEW:
            raise Refused("future")
        if not 1 <= len(meta.get("writer", "w1").encode()) <= WRITER_MAX:
            raise Refused("writer")
        if len(meta.get("channel", "").encode()) > CHANNEL_MAX:
            raise Refused("channel")
        stamp = max([now] + [op.stamp + 1 for op in self.ops() if op.stamp is not None])
        base = {
            "writer": meta.get("writer", "w1"),
            "at": at,
            "stamp": stamp,
            "channel": meta.get("channel", ""),
            "expires": instant(meta["expires"]) if "expires" in meta else None,
        }
        getattr(self, "_" + verb)(arguments, meta, base, now)

    def run(self, operation):
        meta = operation[-1] if isinstance(operation[-1], dict) else {}
        try:
            self.apply(operation)
        except Refused:
            if not meta.get("refused"):
                raise
            return
        if meta.get("refused"):
            raise AssertionError("not refused: %r" % (operation,))

    def _add(self, op):
        self.segments.setdefault(op.writer, []).append(op)

    def _claim(self, kind, base, attribute, slot, **more):
        """Adds a claim; of its own writer it replaces what it outranks in the same slot."""
        op = Op(kind, attribute=attribute.name, slot=slot, **base, **more)
        if kind == "choose" and attribute.merge != "record" and self.knows_rejection(op):
            self._add(Op("lift", attribute=attribute.name, **base, **more))
        if kind == "infer":
            op.epoch = self.epoch(attribute, op.at, op.at + 1)
        alive = [
            old
            for old in self.claims()
            if old.writer == op.writer and old.attribute == op.attribute and old.slot == slot and old.kind == kind
        ]
        all_kept = attribute.merge in ("max", "min") and kind in ("declare", "infer")
        if kind == "declare" and not all_kept and any((old.at, old.stamp) > (op.at, op.stamp) for old in alive):
            op.void = True
            op.replaces = (op,)
        elif not all_kept:
            op.replaces = tuple(alive)
        self._add(op)

    def _stated(self, kind, arguments, base, **more):
        attribute = self.catalog.attribute(arguments[0])
        value = arguments[1]
        if attribute.merge == "layout":
            raise Refused("a layout is edited")
        pieces = [(None, value)]
        if attribute.merge == "record":
            if not isinstance(value, dict):
                raise Refused("not a record")
            pieces = list(value.items())
        elif attribute.merge == "set":
            pieces = [(value, value)]
        if not all(attribute.takes(piece) for _, piece in pieces):
            raise Refused("domain")
        for part, piece in pieces:
            slot = (part, base["channel"]) if kind == "infer" else (part,)
            if kind == "reject":
                slot = (key_of(piece),)
            self._claim(kind, base, attribute, slot, part=part, value=piece, **more)

    def _choose(self, arguments, meta, base, now):
        self._stated("choose", arguments, base)

    def _declare(self, arguments, meta, base, now):
        self._stated("declare", arguments, base)

    def _infer(self, arguments, meta, base, now):
        confidence = meta["confidence"]
        if not 0 <= confidence <= 1:
            raise Refused("confidence")
        attribute = self.catalog.attribute(arguments[0])
        if self.mode(arguments[0]) == "OFF":
            probe = Replica(self.catalog)
            probe._stated("infer", arguments, base, confidence=confidence)
            return
        self._stated("infer", arguments, base, confidence=confidence)

    def _reject(self, arguments, meta, base, now):
        if self.catalog.attribute(arguments[0]).merge == "record":
            raise Refused("a record is not rejected")
        self._stated("reject", arguments, base)

    def _clear(self, arguments, meta, base, now):
        attribute = self.catalog.attribute(arguments[0])
        self._claim("clear", base, attribute, (meta.get("member"),), member=meta.get("member"))

    def _edit(self, arguments, meta, base, now):
        attribute = self.catalog.attribute(arguments[0])
        item, what = arguments[1], arguments[2]
        if attribute.merge != "layout" or not attribute.takes(item):
            raise Refused("no layout")
        register = "hidden" if what in ("hide", "show") else "place"
        self._claim("edit", base, attribute, (item, register), item=item, register=register, what=what)

    def _set_mode(self, arguments, meta, base, now):
        name, mode = arguments
        self.catalog.attribute(name)
        self._add(Op("mode", attribute=name, mode=mode, **base))
        if mode == "OFF":
            self._forgetting(base, name, "gathered")

    def _set_level(self, arguments, meta, base, now):
        if arguments[0] not in LEVELS:
            raise Refused("level")
        self._add(Op("level", level=arguments[0], **base))

    def _forgetting(self, base, name, what, since=None, to=None):
        counter = 1 + max((f.counter for f in self.ops("forget")), default=0)
        self._add(Op("forget", attribute=name, what=what, since=since, to=to, counter=counter, **base))

    def _forget(self, arguments, meta, base, now):
        if arguments[0] != "*":
            self.catalog.attribute(arguments[0])
        since = instant(meta["from"]) if "from" in meta else None
        to = instant(meta["to"]) if "to" in meta else None
        self._forgetting(base, arguments[0], "all", since, to)

    def _consent(self, arguments, meta, base, now):
        purpose, what = arguments
        seen = {id(op) for op in self.ops("deny") if op.purpose == purpose}
        self._add(Op(what, purpose=purpose, seen=seen, **base))
        if what == "deny" and self.catalog.erases(purpose):
            for attribute in self.catalog.attributes.values():
                if attribute.purpose == purpose:
                    self._forgetting(base, attribute.name, "facts")

    def _link(self, arguments, meta, base, now):
        seen = {id(op) for op in self.ops("unlink") if op.other == arguments[0]}
        self._add(Op("link", other=arguments[0], seen=seen, strength=meta.get("strength", 1), **base))

    def _unlink(self, arguments, meta, base, now):
        self._add(Op("unlink", other=arguments[0], **base))

    def _switch(self, arguments, meta, base, now):
        self._add(Op("switch", other=arguments[0], **base))

    def _identify(self, arguments, meta, base, now):
        self._add(Op("identify", identifier=arguments[0], value=arguments[1], **base))

    def _retract(self, arguments, meta, base, now):
        event = (arguments[0]["source"], arguments[0]["id"])
        if not any(op.event == event for op in self.ops("event")):
            raise Refused("not found")
        base["stamp"] = None  # like an event: it is a fact without an order
        self._add(Op("retract", event=event, **base))

    def _observe(self, event, meta):
        at = instant(event["time"])
        now = instant(meta["now"]) if "now" in meta else at
        if at > now + SKEW:
            raise Refused("future")
        if self.catalog.horizon is not None and at < now - self.catalog.horizon:
            raise Refused("late")
        name = (event["source"], event["id"])
        if any(op.event == name for op in self.ops("event")):
            return
        pieces = []
        for signal in self.catalog.document.get("signals", []):
            if signal["on"] != event["kind"] or event.get("item") is None:
                continue
            attribute = self.catalog.attributes[signal["about"]]
            if self.mode(attribute.name) == "OFF":
                continue
            if attribute.purpose and not self.consent(attribute.purpose, now)[0]:
                continue
            pieces.append(
                Op(
                    "evidence",
                    meta.get("writer", "w1"),
                    at,
                    attribute=attribute.name,
                    value=event["item"],
                    weight=signal["weight"],
                    channel=event.get("channel", meta.get("channel", "")),
                    epoch=self.epoch(attribute, *bucket_span(attribute, at)),
                )
            )
        self._add(Op("event", meta.get("writer", "w1"), at, event=name, pieces=pieces))

"""Reads stored profiles, written from docs/format.md alone.

    read_format.py EXPORTER FILE.hex...

For each golden file the reader decodes every octet and compares what it found with what the library
exports of the same bytes (EXPORTER --export FILE.hex prints that). Only the standard library is used
and nothing of the project is imported: what this program can do, anybody's can.
"""

import datetime
import json
import struct
import subprocess
import sys

SLOTS = ["unknown", "choice", "reject", "mode", "declared", "inferred", "hidden", "place", "level",
         "identifier", "account", "switch", "lift"]
KINDS = ["person", "account", "device"]
NAMES, ATTRIBUTES, CLAIMS, CELLS, COUNTERS, EVENTS = 1, 2, 3, 4, 5, 6
GRANTS, FORGETTINGS, RETRACTIONS, RING, HISTORY, ERASED = 7, 8, 9, 10, 11, 12
LAST = ERASED
NO_EPOCH = (0, b"")


class Malformed(Exception):
    pass


def require(holds, what):
    if not holds:
        raise Malformed(what)


class Reader:
    """The words of the format over a run of bytes."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def take(self, count):
        require(count <= self.left(), "cut off")
        self.at += count
        return self.data[self.at - count:self.at]

    def octet(self):
        return self.take(1)[0]

    def varint(self):
        n = shift = 0
        while True:
            octet = self.octet()
            n |= (octet & 0x7F) << shift
            shift += 7
            if octet < 0x80:
                require(octet or shift == 7, "not the shortest varint")
                require(n < 1 << 64, "varint beyond 64 bits")
                return n

    def zigzag(self):
        n = self.varint()
        return n >> 1 if n % 2 == 0 else -(n >> 1) - 1

    def diff(self, start):
        n = (start + self.zigzag()) % (1 << 64)
        return n - (1 << 64) if n >= 1 << 63 else n

    def text(self):
        return self.take(self.varint())

    def confidence(self):
        units = self.varint()
        require(units <= 65537, "confidence")
        if units <= 65536:
            return units / 65536
        exact = struct.unpack(">d", self.take(8))[0]
        require(0 < exact < 1 and exact * 65536 % 1 != 0, "confidence")
        return exact

    def fixed(self, width):
        return int.from_bytes(self.take(width), "little")

    def value(self):
        kind = self.octet()
        if kind == 0:
            return None
        if kind == 1:
            return bool(self.octet())
        if kind == 2:
            return self.zigzag()
        if kind == 3:
            return self.varint()
        if kind == 4:
            return struct.unpack(">d", self.take(8))[0]
        if kind == 5:
            return self.text().decode()
        if kind == 6:
            return self.text()
        if kind == 7:
            return ("timestamp", self.zigzag(), self.varint())
        if kind == 8:
            return ("duration", self.zigzag())
        if kind == 9:
            return [self.value() for _ in range(self.varint())]
        if kind == 10:
            return {key: self.value() for key in (self.value() for _ in range(self.varint()))}
        raise Malformed("no such kind of value")


class Segment:
    """One writer's body, section by section."""

    def __init__(self, writer, data):
        self.writer = writer
        body = Reader(data)
        self.sequence, self.dropped = body.varint(), body.varint()
        entries = [(body.varint(), body.varint()) for _ in range(body.varint())]
        require([tag for tag, _ in entries] == sorted({tag for tag, _ in entries}), "tags in order")
        sections = {tag: Reader(body.take(length)) for tag, length in entries}
        require(body.left() == 0, "the sections fill the body")
        self.unknown = {tag: part.data for tag, part in sections.items() if tag > LAST}
        self.names = self.read_names(sections.get(NAMES))
        self.claims, self.cells, self.kept_since = [], [], {}
        self.read_attributes(sections)
        self.floor, self.events = self.read_events(sections.get(EVENTS))
        self.grants = self.read_list(sections.get(GRANTS), self.read_grant)
        self.forgettings = self.read_list(sections.get(FORGETTINGS), self.read_forgetting)
        self.retractions = self.read_times(sections.get(RETRACTIONS), lambda part: None)
        self.ring = self.read_times(sections.get(RING), self.read_parts)
        self.history = self.read_list(sections.get(HISTORY), self.read_deed)
        self.erased = sections[ERASED].varint() if ERASED in sections else 0
        require(ERASED not in sections or self.erased > 0, "a count of what was erased is not 0")
        for tag in range(CELLS, LAST + 1):
            if tag in sections and tag not in (CELLS, COUNTERS):
                require(sections[tag].left() == 0, f"section {tag} is used up")

    @staticmethod
    def read_names(part):
        if part is None:
            return []
        width, count = part.octet(), part.varint()
        ends = [part.fixed(width) for _ in range(count)]
        names = [part.take(end - start) for start, end in zip([0] + ends, ends)]
        require(names == sorted(set(names)) and part.left() == 0, "names are sorted")
        return names

    def name(self, part):
        return self.names[part.varint()]

    def optional(self, part):
        number = part.varint()
        return self.names[number - 1].decode() if number else ""

    def read_attributes(self, sections):
        part = sections.get(ATTRIBUTES)
        if part is None:
            return
        widths = part.octet()
        widths = [widths >> 2 * column & 3 for column in range(4)]
        rows = [[part.fixed(width) for width in widths] for _ in range(part.varint())]
        names = Reader(part.take(part.left()))
        runs, counts = [], []
        for tag in (CLAIMS, CELLS, COUNTERS):
            section = sections.get(tag, Reader(b"\0"))
            counts.append(section.varint())
            runs.append(section)
        before = [0] * 4
        for row in rows:
            lengths = [end - start for start, end in zip(before, row)]
            attribute = names.take(lengths[0]).decode()
            claims, cells, counter = (Reader(run.take(length))
                                      for run, length in zip(runs, lengths[1:]))
            while claims.left():
                self.claims.append(self.read_claim(claims, attribute))
            last = None
            while cells.left():
                last = self.read_cell(cells, attribute, last)
                self.cells.append(last)
            if counter.left():
                self.kept_since[attribute] = counter.zigzag() if counter.octet() else None
            before = row
        require(names.left() == 0 and all(run.left() == 0 for run in runs), "rows reach the ends")
        require(counts == [len(self.claims), len(self.cells), len(self.kept_since)], "counts")

    def epoch(self, part):
        counter = part.varint()
        return (counter, self.name(part)) if counter else NO_EPOCH

    def read_claim(self, part, attribute):
        head = part.octet()
        claim = {"attribute": attribute, "slot": head & 15, "part": b"", "expires": 0,
                 "cleared": bool(head & 16), "epoch": NO_EPOCH, "confidence": 0, "value": None}
        if head & 128:
            claim["part"] = part.text()
        if not claim["cleared"]:
            claim["value"] = part.value()
        claim["channel"], claim["who"] = self.optional(part), self.optional(part)
        claim["at"] = part.zigzag()
        claim["stamp"] = part.diff(claim["at"]) if head & 64 else claim["at"]
        if head & 32:
            claim["expires"] = part.diff(claim["at"])
        if claim["slot"] == 5:
            claim["confidence"], claim["epoch"] = part.confidence(), self.epoch(part)
        return claim

    def read_cell(self, part, attribute, before):
        before = before or {"value": None, "channel": "", "width": 0, "epoch": NO_EPOCH, "bucket": 0}
        head = part.octet()
        cell = {"attribute": attribute, "against": bool(head & 16)}
        cell["value"] = before["value"] if head & 1 else part.value()
        cell["channel"] = before["channel"] if head & 2 else self.optional(part)
        cell["width"] = before["width"] if head & 4 else part.octet()
        cell["epoch"] = before["epoch"] if head & 8 else self.epoch(part)
        cell["bucket"] = part.diff(before["bucket"] if head & 1 else 0)
        cell["weight"] = part.zigzag()
        return cell

    @staticmethod
    def read_events(part):
        if part is None:
            return None, []
        head = part.varint()
        floor = part.zigzag() if head & 1 else None
        events, time = [], floor or 0
        for _ in range(head >> 1):
            time = part.diff(time)
            events.append((time, part.take(16)))
        require(events == sorted(set(events)), "events are sorted")
        return floor, events

    @staticmethod
    def read_list(part, read):
        return [read(part) for _ in range(part.varint())] if part else []

    @staticmethod
    def read_times(part, read):
        if part is None:
            return []
        items, time = [], 0
        for _ in range(part.varint()):
            time = part.diff(time)
            items.append((time, part.take(16), read(part)))
        return items

    def read_grant(self, part):
        head = part.octet()
        grant = {"kind": head & 3, "name": part.text(), "denials": 0, "given": bool(head & 4)}
        if head & 8:
            grant["denials"], grant["denied_at"] = part.varint(), part.zigzag()
            grant["denied_stamp"] = part.diff(grant["denied_at"])
            grant["denied_channel"] = self.optional(part)
            grant["denied_who"] = self.optional(part)
        if head & 4:
            grant["at"] = part.zigzag()
            grant["stamp"] = part.diff(grant["at"])
            grant["expires"] = part.diff(grant["at"]) if head & 16 else 0
            grant["channel"], grant["who"] = self.optional(part), self.optional(part)
            grant["strength"] = part.varint()
            grant["seen"] = {self.name(part): part.varint() for _ in range(part.varint())}
        return grant

    @staticmethod
    def read_forgetting(part):
        head = part.octet()
        forgetting = {"what": head & 3, "attribute": part.text().decode()}
        forgetting["from"] = part.zigzag() if head & 4 else None
        forgetting["to"] = part.zigzag() if head & 8 else None
        forgetting["counter"], forgetting["at"] = part.varint(), part.zigzag()
        forgetting["stamp"] = part.diff(forgetting["at"])
        return forgetting

    def read_parts(self, part):
        cells, last = [], None
        for _ in range(part.varint()):
            attribute = self.optional(part)
            if last and last["attribute"] != attribute:
                last = None
            last = self.read_cell(part, attribute, last)
            cells.append(last)
        return cells

    def read_deed(self, part):
        deed = {"verb": part.text().decode(), "at": part.zigzag()}
        deed["stamp"] = part.diff(deed["at"])
        deed["channel"], deed["who"] = self.optional(part), self.optional(part)
        undone = part.varint()
        if undone:
            deed["undoes"] = (self.names[undone - 1], part.diff(deed["stamp"]))
        deed["before"] = [self.read_claim(part, self.optional(part))
                          for _ in range(part.varint())]
        return deed


class Profile:
    def __init__(self, data):
        part = Reader(data)
        require(part.take(3) == b"PZp" and part.octet() == 1, "a profile of version 1")
        self.kind, self.subject = part.octet(), part.text()
        self.segments = [Segment(part.text(), part.text()) for _ in range(part.varint())]
        require(part.left() == 0, "nothing behind the last segment")


# ---- what counts ----


def epoch_of(profile, attribute, is_counter, first, last):
    """The greatest epoch of the forgettings about an attribute that touch a span of time."""
    return max(((f["counter"], s.writer) for s in profile.segments for f in s.forgettings
                if (f["attribute"] == "*" or (f["attribute"] == attribute and not is_counter))
                and touches(f, first, last)), default=NO_EPOCH)


def touches(forgetting, first, last):
    start, end = forgetting["from"], forgetting["to"]
    return (start is None or start <= last) and (end is None or first < end)


def does_claim_count(profile, claim):
    if claim["slot"] == 5:
        at = claim["at"]
        return claim["epoch"] == epoch_of(profile, claim["attribute"], False, at, at)
    least = {1: 3, 2: 3, 6: 3, 7: 3, 4: 2}.get(claim["slot"])
    return least is None or not any(
        f["what"] >= least and f["attribute"] in ("*", claim["attribute"])
        and touches(f, claim["at"], claim["at"]) and claim["stamp"] <= f["stamp"]
        and (not claim["cleared"] or (f["from"] is None and f["to"] is None))
        for s in profile.segments for f in s.forgettings)


def cell_key(cell):
    return repr([cell[name] for name in sorted(cell) if name != "weight"]), cell["weight"] < 0


def counting_cells(profile, segment):
    retracted = {(time, event) for s in profile.segments for time, event, _ in s.retractions}
    back = {}
    for time, event, parts in segment.ring:
        for part in parts if (time, event) in retracted else []:
            back[cell_key(part)] = back.get(cell_key(part), 0) + part["weight"]
    for cell in segment.cells:
        left = dict(cell, weight=cell["weight"] - back.get(cell_key(cell), 0))
        start = (cell["bucket"] << cell["width"]) * 1000
        end = ((cell["bucket"] + 1) << cell["width"]) * 1000 - 1
        if left["weight"] and cell["epoch"] == epoch_of(profile, cell["attribute"],
                                                        cell["value"] is None, start, end):
            yield left


# ---- in the words of the export ----


def plain(value):
    """A value as JSON has it."""
    if isinstance(value, bytes):
        return shown(value)
    return value


def shown(data):
    """Text as it is, other bytes as hexadecimal."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data.hex()
    return text if all(c >= " " for c in text) else data.hex()


def moment(ms):
    when = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms)
    text = when.isoformat(timespec="milliseconds" if ms % 1000 else "seconds")
    return text.rstrip("0") + "Z" if "." in text else text + "Z"


def exported_claim(segment, claim):
    slot = claim["slot"]
    made = {"attribute": claim["attribute"], "inferred": slot == 5, "at": moment(claim["at"]),
            "slot": SLOTS[slot] if slot < len(SLOTS) else "unknown", "stamp_ms": claim["stamp"],
            "writer": shown(segment.writer)}
    made.update({"cleared": True} if claim["cleared"] else {"value": plain(claim["value"])})
    if claim["part"]:
        made["part"] = Reader(claim["part"]).value() if slot == 2 else shown(claim["part"])
    if slot == 5:
        made["confidence"] = claim["confidence"]
    if claim["expires"]:
        made["expires"] = moment(claim["expires"])
    for name in ("channel", "who"):
        if claim[name]:
            made[name] = claim[name]
    return made


def exported_cell(segment, cell):
    made = {"from": moment((cell["bucket"] << cell["width"]) * 1000), "seconds": 1 << cell["width"],
            "writer": shown(segment.writer)}
    if cell["value"] is None:
        made.update(counter=cell["attribute"], amount=cell["weight"])
    else:
        made.update(attribute=cell["attribute"], value=plain(cell["value"]),
                    side="against" if cell["against"] else "for", weight=cell["weight"] / 1024,
                    inferred=True)
    if cell["epoch"][0]:
        made["epoch"] = cell["epoch"][0]
    if cell["channel"]:
        made["channel"] = cell["channel"]
    return made


def in_order(items):
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))


def compare(profile, export):
    """What both say, list by list: the export leaves out what does not count."""
    require(export["subject"] == {"kind": KINDS[profile.kind], "id": shown(profile.subject)},
            "the same subject")
    claims = [exported_claim(s, c) for s in profile.segments for c in s.claims
              if does_claim_count(profile, c)]
    cells = [exported_cell(s, c) for s in profile.segments for c in counting_cells(profile, s)]
    evidence = [cell for cell in cells if "value" in cell]
    counters = [cell for cell in cells if "value" not in cell]
    for name, mine in ("claims", claims), ("evidence", evidence), ("counters", counters):
        require(in_order(mine) == in_order(export[name]), f"{name}:\n{mine}\n{export[name]}")
    for segment, writer in zip(profile.segments, export["writers"]):
        mine = {"writer": shown(segment.writer), "sequence": segment.sequence,
                "dropped": segment.dropped, "claims": len(segment.claims),
                "cells": len(segment.cells), "events": len(segment.events)}
        theirs = {name: writer[name] for name in mine}
        require(mine == theirs, f"writer:\n{mine}\n{theirs}")
        kept = {name: moment(since) if since is not None else None
                for name, since in segment.kept_since.items()}
        require(kept == writer["kept_since"], "since when counters are kept")


def read_hex(path):
    with open(path, encoding="ascii") as file:
        return bytes.fromhex("".join(line.split("#")[0] for line in file))


def main():
    exporter, *paths = sys.argv[1:]
    for path in paths:
        profile = Profile(read_hex(path))
        text = subprocess.run([exporter, "--export", path], check=True, capture_output=True).stdout
        compare(profile, json.loads(text))
        print(path, "reads as the library exports it")


if __name__ == "__main__":
    main()

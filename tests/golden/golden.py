#!/usr/bin/env python3
"""Replays tests/data/cases with the Python binding.

    golden.py CASES_DIR            compare with what is recorded
    golden.py CASES_DIR --record   write the bytes and ids anew: a deliberate act, never part of a
                                   check; what changes is a change of meaning or of format

golden.c and golden.lua replay the same files. All compare canonical bytes of decisions and profiles
with the recorded ones, and so with each other (law 3).
"""
import datetime
import json
import pathlib
import sys

import personalize


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def plain(value):
    """A value as the text that JSON would print, for kinds that JSON has not."""
    if isinstance(value, datetime.datetime):
        nanos = value.microsecond * 1000 + getattr(value, "nanosecond", 0)
        fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
        return value.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"
    if isinstance(value, datetime.timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, bytes):
        import base64
        return base64.b64encode(value).decode()
    return value


def profile(engine, id, operations, writer, subject="person"):
    made = engine.detached(id, subject)
    for operation in operations:
        made.apply(operation, writer=writer)
    return made


def ask(engine, question, me, asked):
    """The answer to one question as a dict."""
    if "decide" in question:
        d = engine.decide(question["decide"], me, **asked)
        return {"value": d.value, "reason": d.reason, "rule": d.rule, "confidence": d.confidence,
                "text": plain(d.value), "id": d.id, "bytes": d.bytes.hex()}
    if "resolve" in question:
        r = engine.resolve(question["resolve"], me, **asked)
        answer = {"tier": r.tier, "reason": r.reason, "confidence": r.confidence,
                  "channel": r.channel, "who": r.who}
        return dict(answer, value=r.value) if r else dict(answer, unresolved=True)
    if "inspect" in question:
        layers = engine.inspect(question["inspect"], me, **asked)
        return {"layers": [{k: layer[k] for k in ("tier", "value", "why")} for layer in layers]}
    return {"names": engine.segments(me, **asked)}


def replay(folder, case, is_recording):
    """The members that differ, as (question, member, expected, got)."""
    differences = []

    def compare(where, expect, name, got):
        if is_recording:
            expect[name] = got
        elif expect.get(name) != got:
            differences.append((where, name, expect.get(name), got))

    with personalize.open(folder / "catalogs" / (case["catalog"] + ".json")) as engine:
        me = profile(engine, "me", case["profile"], case["writer"])
        account = None
        if "account" in case:
            account = profile(engine, "account", case["account"], case["writer"], "account")
        context = dict(case["context"])
        asked = {"now": moment(context.pop("now")), "account": account, "context": context}
        for number, (question, expect) in enumerate(zip(case["ask"], case["expect"])):
            answer = ask(engine, question, me, asked)
            for name in [n for n in expect if n not in ("bytes", "id")]:
                if answer.get(name) != expect[name]:
                    differences.append((number, name, expect[name], answer.get(name)))
            for name in ("bytes", "id") if "bytes" in answer else ():
                compare(number, expect, name, answer[name])
        compare("profile", case, "profile_bytes", me.bytes.hex())
        again = engine.decode(me.bytes)
        if again.bytes != me.bytes:
            differences.append(("profile", "decoded", me.bytes.hex(), again.bytes.hex()))
    return differences


def main(folder, is_recording):
    count, failed = 0, 0
    for path in sorted(folder.glob("*.jsonl")):
        cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for case in cases:
            count += 1
            differences = replay(folder, case, is_recording)
            failed += bool(differences)
            for where, name, expected, got in differences:
                print(f"{path.name}: {case['id']}: {where} {name}: expected {expected!r}, "
                      f"got {got!r}")
        if is_recording:
            path.write_text("".join(json.dumps(case) + "\n" for case in cases), encoding="utf-8")
    print(f"{count} cases, {failed} failed")
    return 1 if failed or not count else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), "--record" in sys.argv[2:]))

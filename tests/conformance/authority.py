"""The authority suite through the Python binding: the same cases, nothing but public calls.

    python3 authority.py FILE...

Prints each case that fails, and at the end how many passed, failed and were skipped.
"""
import json
import sys
import datetime

import personalize

SLACK = 2 / 65536


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Failed(Exception):
    pass


def require(holds, what, got):
    if not holds:
        raise Failed(f"{what} {got!r}")


def run_operation(engine, profile, operation):
    if operation[0] == "merge":
        is_from_here = len(operation) > 2 and operation[2].get("from") == "here"
        other = engine.decode(profile.bytes) if is_from_here else engine.detached(profile.id)
        for inner in operation[1]:
            run_operation(engine, other, inner)
        profile.merge(other)
        other.close()
        return
    meta = operation[-1] if isinstance(operation[-1], dict) else {}
    if not meta.get("refused"):
        profile.apply(operation, writer="w1")
        return
    before = profile.bytes
    unmarked = {name: value for name, value in meta.items() if name != "refused"}
    try:
        profile.apply(operation[:-1] + [unmarked], writer="w1")
    except personalize.Error:
        require(profile.bytes == before, "was refused and changed the profile:", operation)
    else:
        raise Failed(f"was not refused: {operation!r}")


def make(engine, id, operations, subject="person"):
    profile = engine.detached(id, subject)
    for operation in operations:
        run_operation(engine, profile, operation)
    return profile


def is_same(got, expected):
    """As JSON tells values apart: true is not 1, and 1 is 1.0."""
    if isinstance(got, bool) or isinstance(expected, bool):
        return got is expected
    if isinstance(got, list) and isinstance(expected, list):
        return len(got) == len(expected) and all(map(is_same, got, expected))
    if isinstance(got, dict) and isinstance(expected, dict):
        return got.keys() == expected.keys() and all(is_same(got[k], expected[k]) for k in got)
    return got == expected


def is_value(case, attribute, got, expected):
    law = case["catalog"]["attributes"][attribute].get("merge")
    if law == "set" and isinstance(got, list) and isinstance(expected, list):
        return is_same(sorted(got, key=json.dumps), sorted(expected, key=json.dumps))
    return is_same(got, expected)


def is_confidence(got, expected):
    if got is None or expected is None:
        return got is expected
    return abs(got - expected) <= SLACK


def judge_answer(case, attribute, answer, expected):
    if "unresolved" in expected:
        return require(not answer, "expected unresolved, got", answer)
    require(is_value(case, attribute, answer.value, expected["value"]), "wrong value:", answer)
    require(answer.tier == expected["tier"], "wrong tier:", answer)
    require(answer.reason == expected["reason"], "wrong reason:", answer)
    require(is_confidence(answer.confidence, expected.get("confidence")), "wrong confidence:",
            answer)
    require(answer.channel == expected.get("channel", ""), "wrong channel:", answer)
    require(answer.members == expected.get("members", {}), "wrong members:", answer)


def judge_layers(case, attribute, layers, expected):
    require(len(layers) == len(expected["layers"]), "another number of layers:", layers)
    for got, wanted in zip(layers, expected["layers"]):
        require(got["tier"] == wanted["tier"] and got["why"] == wanted["why"] and
                is_value(case, attribute, got["value"], wanted["value"]) and
                is_confidence(got.get("confidence"), wanted.get("confidence")),
                "another layer:", layers)


def run_case(case):
    context = dict(case["context"])
    now = moment(context.pop("now"))
    with personalize.Engine() as engine:
        engine.load_text(json.dumps(case["catalog"]))
        me = make(engine, "me", case["profile"])
        firm = make(engine, "firm", case["account"], "account") if "account" in case else None
        others = [make(engine, id, operations) for id, operations in case.get("others", {}).items()]
        if others:
            me.person(others)
        asked = dict(now=now, account=firm, level=case.get("host_level"), context=context)
        for question, expected in zip(case["ask"], case["expect"]):
            if "inspect" in question:
                name = question["inspect"]
                judge_layers(case, name, engine.inspect(name, me, **asked), expected)
            else:
                name = question["resolve"]
                judge_answer(case, name, engine.resolve(name, me, **asked), expected)


def main(paths):
    passed = failed = 0
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                case = json.loads(line)
                try:
                    run_case(case)
                    passed += 1
                except (Failed, personalize.Error) as error:
                    failed += 1
                    print(f"{case['id']}: {error}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

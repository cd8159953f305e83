"""The published cases of the Common Expression Language through the Python binding.

    python3 cel.py FILE...

Each case is compiled and evaluated by nothing but public calls, checked and unchecked, as the runner
in C does it. Values are built and compared kind for kind: 1, UInt(1), 1.0 and True are four values.
A function that a case declares is supplied and never to be called: such cases are checked only.
Those that declare functions over types of their own are skipped: hosts have no such types.
"""
import base64
import datetime
import json
import math
import sys

import personalize

_UTC = datetime.timezone.utc


class Failed(Exception):
    pass


# ---- the notation of the cases ----

def type_of(form):
    """A type as the library spells it; None where it has no spelling to be declared by."""
    if isinstance(form, str) or form is None:
        return form or "dyn"
    (kind, inner), = form.items()
    if kind in ("param", "message"):
        return inner
    if kind == "opaque":
        name, arguments = inner
        return name + ("<%s>" % ", ".join(map(type_of, arguments)) if arguments else "")
    if kind == "map":
        return "map<%s>" % ", ".join(map(type_of, inner))
    return "%s<%s>" % (kind, type_of(inner))


def value_of(form):
    (kind, inner), = form.items()
    if kind in ("null", "bool", "string", "type"):  # a type comes out as its name
        return inner
    if kind == "list":
        return [value_of(item) for item in inner]
    if kind == "map":
        return {value_of(key): value_of(item) for key, item in inner}
    if kind == "bytes":
        return base64.b64decode(inner)
    read = {"int": int, "uint": personalize.UInt, "double": float}.get(kind)
    return read(inner) if read else personalize.Program("%s('%s')" % (kind, inner))()


def is_same(got, wanted):
    if isinstance(wanted, dict):
        return isinstance(got, dict) and len(got) == len(wanted) and all(
            any(is_same(key, other) and is_same(item, wanted[other]) for other in wanted)
            for key, item in got.items())
    if isinstance(wanted, list):
        return isinstance(got, list) and len(got) == len(wanted) and all(map(is_same, got, wanted))
    if type(got) is not type(wanted):
        return False
    if isinstance(wanted, float) and math.isnan(wanted):
        return math.isnan(got)
    if isinstance(wanted, (datetime.datetime, datetime.timedelta)):
        return got == wanted and getattr(got, "nanosecond", 0) == getattr(wanted, "nanosecond", 0)
    return got == wanted


# ---- one case ----

def never(*arguments):
    raise Failed("a function was called, which only the checker was to see")


def signature_of(overload):
    parameters = [type_of(one) for one in overload.get("params", [])]
    receiver = parameters.pop(0) + "." if overload.get("member") else ""
    return "%s(%s) -> %s" % (receiver, ", ".join(parameters), type_of(overload["result"]))


def environment(case):
    variables, functions = {}, {}
    for one in case.get("type_env", []):
        if "overloads" in one:
            functions[one["name"]] = [(never, signature_of(each)) for each in one["overloads"]]
        else:
            variables[one["name"]] = type_of(one["type"])
    for name in case.get("bindings", {}):
        variables.setdefault(name, "dyn")
    return variables, functions


def declares_types(case):
    return any('"opaque"' in json.dumps(one) for one in case.get("type_env", []) if "overloads" in one)


def run(case, unchecked):
    expected = case["expect"]
    typed = expected.get("typed_result")
    variables, functions = environment(case)
    try:
        program = personalize.Program(case["expr"], variables, functions=functions,
                                      container=case.get("container"), unchecked=unchecked)
    except personalize.Error as error:
        if "error" in expected:
            return
        raise Failed(str(error)) from None
    if typed and not unchecked and program.type != type_of(typed["type"]):
        raise Failed("the type is %s" % program.type)
    if case.get("check_only"):
        return
    given = {name: value_of(one["value"]) for name, one in case.get("bindings", {}).items()}
    try:
        got = program(given)
    except personalize.Error as error:
        if "error" in expected:
            return
        raise Failed(str(error)) from None
    wanted = (typed or expected).get("value")
    if wanted is None or not is_same(got, value_of(wanted)):
        raise Failed("%r came out" % (got,))


def run_case(case):
    if not case.get("disable_check"):
        run(case, False)
    if not case.get("check_only"):
        run(case, True)


def main(paths):
    passed = failed = skipped = 0
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for case in map(json.loads, lines):
                if declares_types(case):
                    skipped += 1
                    continue
                try:
                    run_case(case)
                    passed += 1
                except Failed as error:
                    failed += 1
                    print("%s: %s" % (case["id"], error))
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

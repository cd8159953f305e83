#!/usr/bin/env python3
"""Bad input at every entry point: the binding's own kind of error, and nothing half done.

The table names every public method with one good call of it. Each argument is then replaced in turn
by what it must not be. A method that is not in the table fails the test.
"""
import contextlib
import copy
import datetime as dt
import decimal
import enum
import fractions
import gc
import inspect
import numbers
import os
import pathlib
import pickle
import subprocess
import sys
import unittest
import uuid

import personalize
from personalize import values
from python_kit import NOW, UTC, VERBS, shop


def cycles():
    line, ring = [], {}
    line.append(line)
    ring["a"] = [ring]
    deep = []
    for _ in range(600):
        deep = [deep]
    return [line, ring, deep]


class Stubborn:
    """Raises whatever is asked of it."""

    def __getattr__(self, name):
        raise RuntimeError(name)


TEXT = [5, 1.5, True, b"bytes", [], {}, object(), "a\0b", "\ud800", Stubborn()]
HOSTILE = {
    "name": [None, *TEXT],
    "name?": TEXT,
    "value": [object(), {1.5: 1}, {None: 1}, {"a": object()}, "\ud800", ["\ud800"], {"\ud800": 1},
              dt.datetime(2026, 1, 1), 2**64, -2**63 - 1, dt.timedelta(days=200000), *cycles()],
    "moment": ["now", 1.5, True, 0, 2**63, dt.datetime(2026, 1, 1), [], object()],
    "bool": [None, 0, 1, "no", [], object()],
    "count": [None, "1", 1.5, True, -1, 2**64, object()],
    "real": [None, "1", True, 10**400, [], object()],
    "bytes": [None, 5, "text", [1], object(), b"nonsense", b"\0" * 100],
    "source": [None, 5, [], object(), b"\xff", "\ud800"],
    "names": [None, 5, object(), ["a\0b"], [5], [None], [b"x"], ["\ud800"]],
    "profile": ["me", 5, b"", [], object()],
    "profiles": [None, 5, "me", ["me"], [5], object()],
    "context": [5, "x", [("a", 1)], object(), {5: 1}, {"a\0b": 1}, {"country": object()},
                {"\ud800": 1}, {"country": cycles()[0]}],
    "events": [None, 5, object(), [object()], [cycles()[0]], "{", b"\xff\n", "\ud800", ["\ud800"]],
    "customers": [5, object(), [5], [1.5], [True], [{"a": 1, "b": 2}], [{}], [{5: "x"}],
                  [{"email": 5}], ["a\0b"], ["\ud800"], "not json", b"\xff", "5", '{"customer": 5}',
                  '{"customer": {"a": 5}}', [{"email": "a\0b"}], [{"e\0": "x"}]],
    "functions": [5, "f", {"f": 5}, {"f": (5, [], "int")}, [len], {"f": (len, "nonsense")}],
    "path": [5, 1.5, b"\0", "a\0b", "\ud800", [], object(), "/nowhere/at/all.json"],
    "error": [None, 5, "x", ValueError("x")],
    "durability": [5, True, b"lazy", [], object(), "", "LAZY", "a\0b", "\ud800"],
    "decision": [None, 5, "x", {}, object()],
    "records": [5, "x", [], object()],
    "callable?": [5, "x", [], object()],
    "mode": [None, 5, "LOUD", "a\0b", [], object()],
}
TCF = "CQugWO9QugWO9AAAAAENAAAgADAAAAAAAAAAAAAAAAAA"
WRITE = {"at": "moment", "now": "moment", "expires": "moment", "channel": "name?", "who": "name?",
         "writer": "name?", "durability": "durability"}
ASKED = {"now": "moment", "account": "profile", "level": "name?", "context": "context"}
MANY = {**ASKED, "by": "name?"}
#: The catalog of the verbs, and a decision besides.
CATALOG = VERBS.read_text(encoding="utf-8").rstrip()[:-1].rstrip(", \n") + """,
    "decisions": {"greet": {"rules": [{"id": "own", "expr": "profile.language"}]}}}"""
EVENT = {"kind": "visit", "source": "s", "id": "1", "language": "de",
         "time": (dt.datetime.now(UTC) - dt.timedelta(hours=1)).isoformat()}

#: method: ({positional: (kind, good)}, {keyword: kind}); keywords are left out of the good call.
PROFILE = {
    "choose": ({"attribute": ("name", "language"), "value": ("value", "de")}, WRITE),
    "reject": ({"attribute": ("name", "language"), "value": ("value", "de")}, WRITE),
    "declare": ({"attribute": ("name", "language"), "value": ("value", "de")}, WRITE),
    "infer": ({"attribute": ("name", "language"), "value": ("value", "de"),
               "confidence": ("real", 0.9)}, WRITE),
    "clear": ({"attribute": ("name", "language")}, {"member": "name?", **WRITE}),
    "edit": ({"attribute": ("name", "toolbar"), "item": ("name", "help"),
              "what": ("value", "hide")}, WRITE),
    "set_mode": ({"attribute": ("name", "language"), "mode": ("mode", "MANUAL")}, WRITE),
    "set_level": ({"level": ("name", "basic")}, WRITE),
    "undo": ({}, {"attribute": "name?", **WRITE}),
    "consent": ({"purpose": ("name", "ads"), "granted": ("bool", True)}, WRITE),
    "consent_tcf": ({"tc_string": ("name", None)}, WRITE),
    "consent_gpc": ({"is_on": ("bool", True)}, WRITE),
    "tcf": ({}, {"cmp_id": "count", "cmp_version": "count", "vendor_list_version": "count",
                 "policy_version": "count", "screen": "count", "language": "name",
                 "publisher_country": "name"}),
    "forget": ({}, {"attribute": "name?", "start": "moment", "end": "moment", **WRITE}),
    "expire": ({}, {"attribute": "name?", **WRITE}),
    "retract": ({"source": ("name", "s"), "id": ("name", "1")}, WRITE),
    "retract_all": ({}, {"attribute": "name?", "start": "moment", "end": "moment", **WRITE}),
    "link": ({"other": ("name", "other"), "strength": ("real", 0.9)}, WRITE),
    "unlink": ({"other": ("name", "other")}, WRITE),
    "switch": ({"other": ("name", "other")}, WRITE),
    "set_account": ({"account": ("name?", "firm")}, WRITE),
    "identify": ({"kind": ("name", "email"), "value": ("name", "a@b.c")}, WRITE),
    "observe": ({"event": ("value", EVENT)}, WRITE),
    "apply": ({"operation": ("value", ["choose", "language", "de"])}, WRITE),
    "merge": ({"other": ("profile", "PROFILE")}, {}),
    "person": ({"others": ("profiles", [])}, {}),
    "export": ({"indent": ("count", 1)}, {}),
    "export_text": ({}, {}),
    "refresh": ({}, {}),
    "close": ({}, {}),
}
ENGINE = {
    "load": ({"path": ("path", VERBS)}, {}),
    "load_text": ({"text": ("source", CATALOG)}, {"name": "name"}),
    "test": ({}, {}),
    "customer": ({"kind": ("name", "email"), "value": ("name", "a@b.c")}, {}),
    "profile": ({"id": ("name", "STORED")}, {}),
    "detached": ({"id": ("name", "x")}, {"subject": "mode"}),
    "decode": ({"data": ("bytes", "BYTES")}, {}),
    "view": ({"data": ("bytes", "BYTES")}, {}),
    "ids": ({}, {}),
    "apply_many": ({"rows": ("events", [["c", ["declare", "language", "de"]]])}, WRITE),
    "observe_many": ({"events": ("events", [{**EVENT, "customer": "c"}])},
                     {"now": "moment", "durability": "durability"}),
    "decide_for": ({"name": ("name", "greet"), "kind": ("name?", "email"),
                    "value": ("name?", "stored@example.com")}, ASKED),
    "decide": ({"name": ("name", "greet"), "customer": ("profile", "PROFILE")}, ASKED),
    "value": ({"name": ("name", "greet"), "customer": ("profile", "PROFILE")}, ASKED),
    "resolve": ({"attribute": ("name", "language"), "customer": ("profile", "PROFILE")}, ASKED),
    "inspect": ({"attribute": ("name", "language"), "customer": ("profile", "PROFILE")}, ASKED),
    "inspect_privileged": ({"attribute": ("name", "language"), "customer": ("profile", "PROFILE")},
                           ASKED),
    "resolve_many": ({"attributes": ("names", ["language"]), "customers": ("profiles", [])}, ASKED),
    "inspect_many": ({"attributes": ("names", ["language"]), "customers": ("profiles", [])}, ASKED),
    "segments": ({"customer": ("profile", "PROFILE")}, ASKED),
    "person": ({"customer": ("profile", "PROFILE")}, {"now": "moment"}),
    "erase": ({"id": ("name", "STORED")}, WRITE),
    "expire": ({}, {"progress": "callable?", **WRITE}),
    "decide_many": ({"names": ("names", ["greet"]), "customers": ("customers", [None])}, MANY),
    "answer_many": ({"attributes": ("names", ["language"]), "customers": ("customers", [None])},
                    MANY),
    "segments_many": ({"customers": ("customers", [None])}, MANY),
    "store": ({}, {}),
    "record": ({"decision": ("decision", "DECISION")}, {
        "note": "name?", "now": "moment", "durability": "durability"}),
    "record_many": ({"records": ("events", ["DECISION"])},
                    {"now": "moment", "durability": "durability"}),
    "records": ({}, {"start": "count", "limit": "count", "subject": "name?", "id": "name?"}),
    "expire_records": ({"before": ("moment", NOW)}, {}),
    "close": ({}, {}),
}
MODULE = {
    "open": ({}, {"catalog": "path", "store": "path", "skew_ms": "count", "store_bytes": "count",
                  "functions": "functions", "durability": "durability", "records": "records"}),
    "check": ({"path": ("path", VERBS)}, {"functions": "functions"}),
    "eval": ({"expression": ("source", "1")}, {}),
    "excerpt": ({"error": ("error", personalize.ParseError("x", 1, 1)),
                 "source": ("source", "1")}, {}),
    "function": ({"signature": ("name", "() -> int")}, {"name": "name?"}),
    "Program": ({"source": ("source", "1")}, {
        "container": "name?", "result": "name?", "cost_limit": "count", "step_limit": "count",
        "functions": "functions"}),
    "library_version": ({}, {}),
    "open_store": ({"address": ("path", "memory:")}, {"store_bytes": "count"}),
}


def opened():
    engine = personalize.open()
    engine.load_text(CATALOG)
    return engine


def public(kind):
    return {name for name, member in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")}


class Hostile(unittest.TestCase):
    def setUp(self):
        self.engine = opened()
        self.addCleanup(self.engine.close)
        self.stored = self.engine.customer(email="stored@example.com")
        self.stored.choose("language", "fr")
        self.me = self.engine.detached("me")
        self.me.choose("language", "de", at=NOW, now=NOW)

    def good(self, value):
        """A good argument; some are words for what exists only now."""
        if value in ("DECISION", ["DECISION"]):
            made = self.engine.decide("greet", self.me, now=NOW)
            return made if value == "DECISION" else [made]
        if isinstance(value, str):
            return {"PROFILE": self.me, "STORED": self.stored.id, "BYTES": self.me.bytes}.get(
                value, value)
        return value

    def state(self):
        return self.me.bytes, self.stored.bytes, self.engine.ids(), self.engine.catalog_hash

    def refuses(self, call, *arguments, **keywords):
        """Raises an error of the binding that says something, and changes nothing."""
        before = self.state()
        with self.assertRaises(personalize.Error) as caught:
            call(*arguments, **keywords)
        self.assertTrue(str(caught.exception))
        self.assertEqual(self.state(), before)

    def check(self, call, row):
        positional, keywords = row
        names = list(positional)
        good = [self.good(value) for _, value in positional.values()]
        for place, name in enumerate(names):
            for bad in HOSTILE[positional[name][0]]:
                with self.subTest(argument=name, bad=type(bad).__name__ if isinstance(
                        bad, (object.__class__, list, dict)) else bad):
                    self.refuses(call, *good[:place], bad, *good[place + 1:])
        for name, kind in keywords.items():
            for bad in HOSTILE[kind]:
                with self.subTest(argument=name, bad=type(bad).__name__):
                    self.refuses(call, *good, **{name: bad})

    def test_the_table_is_whole(self):
        self.assertEqual(set(PROFILE), public(personalize.Profile))
        self.assertEqual(set(ENGINE), public(personalize.Engine))
        functions = {name for name in personalize.__all__
                     if inspect.isfunction(getattr(personalize, name))}
        self.assertEqual(set(MODULE), functions | {"Program"})

    def test_the_good_calls_of_the_table_are_good(self):
        """Else a refusal might be about something that was not replaced."""
        for table, owner in ((PROFILE, "me"), (ENGINE, "engine"), (MODULE, None)):
            for name, (positional, _) in table.items():
                self.setUp()
                good = [self.good(value) for _, value in positional.values()]
                if name == "consent_tcf":
                    good = [TCF]
                if name == "tcf":
                    self.me.consent("ads")
                if name == "undo":
                    self.me.choose("language", "fr")
                if name in ("retract", "retract_all"):
                    self.me.observe(EVENT)
                with self.subTest(method=name):
                    getattr(getattr(self, owner) if owner else personalize, name)(*good)

    def test_every_method_of_a_profile_refuses_what_it_must_not_be_given(self):
        for name, row in PROFILE.items():
            with self.subTest(method=name):
                self.check(getattr(self.me, name), row)

    def test_every_method_of_an_engine_refuses_what_it_must_not_be_given(self):
        for name, row in ENGINE.items():
            with self.subTest(method=name):
                self.check(getattr(self.engine, name), row)

    def test_every_function_refuses_what_it_must_not_be_given(self):
        for name, row in MODULE.items():
            with self.subTest(function=name):
                self.check(getattr(personalize, name), row)

    def test_programs_refuse_bad_variables(self):
        for bad in (5, "x", b"x", object(), [5], ["a\0b"], {"x": 5}, {5: "int"}, {"x": "\ud800"},
                    ["\ud800"], [""]):
            with self.subTest(bad=bad):
                self.refuses(personalize.Program, "1", bad)
        for bad in (5, "x", {"x": "1"}, {"x": -1}, {"x": 2**64}):
            with self.subTest(sizes=bad):
                self.refuses(personalize.Program, "x", {"x": "string"}, sizes=bad)
        rule = personalize.Program("x")
        for call in (rule, rule.evaluate, lambda given: personalize.eval("x", given)):
            for bad in (5, "x", [], object(), {5: 1}, {"x": object()}, {"\ud800": 1},
                        {"x": cycles()[1]}):
                with self.subTest(bad=bad):
                    self.refuses(call, bad)
        self.assertEqual(rule(x="a\0b"), "a\0b")

    def test_what_is_no_value_is_refused_with_what_would_be_one(self):
        class Array:
            def tolist(self):
                return [1]
        remedies = {enum.Enum("Kind", "DE").DE: ".value", dt.date(2026, 1, 1): "time zone",
                    decimal.Decimal("1.5"): "float()", fractions.Fraction(1, 3): "float()",
                    uuid.UUID(int=1): "str()", pathlib.Path("a"): "str()", frozenset("a"): "list()",
                    Array(): ".tolist()"}
        with shop() as engine:
            me = engine.detached("me")
            for value, remedy in remedies.items():
                for wrong in (value, [value], {"a": value}):
                    with self.assertRaises(personalize.TypeMismatch) as caught:
                        me.choose("language", wrong)
                    self.assertIn(remedy, str(caught.exception))
            for write, told in ({"expire": NOW}, "did you mean 'expires'"), ({"x": 1}, "only at, now"):
                with self.assertRaises(TypeError) as caught:
                    me.choose("language", "de", **write)
                self.assertIn(told, str(caught.exception))
            self.assertEqual(me.bytes, engine.detached("me").bytes)

    def test_an_error_says_where_in_a_value_it_is(self):
        good = {"kind": "view", "source": "s", "time": NOW.isoformat(), "customer": "ann"}
        events = [{**good, "id": str(number)} for number in range(100)]
        bad = {decimal.Decimal("1.5"): TypeError, 2**70: OverflowError, "\ud800": ValueError,
               dt.datetime(2026, 1, 1): TypeError}
        for wrong, kind in bad.items():
            events[57] = {**good, "id": "57", "order": {"totals": [1, wrong]}}
            with self.assertRaises(kind) as caught:
                self.engine.observe_many(events)
            self.assertRegex(str(caught.exception), r"^\[57\]\['order'\]\['totals'\]\[1\]: ")
            self.assertEqual(caught.exception.line, 0)
            copied = pickle.loads(pickle.dumps(caught.exception))
            self.assertEqual((str(copied), copied.__dict__),
                             (str(caught.exception), caught.exception.__dict__))
        with self.assertRaisesRegex(personalize.TypeMismatch, r"^\['n'\]: "):
            personalize.eval("n", n=decimal.Decimal(1))
        with self.assertRaisesRegex(personalize.TypeMismatch, "^circumstance 'country': "):
            self.engine.decide("greet", country=decimal.Decimal(1))
        deep = decimal.Decimal(1)
        for _ in range(20):
            deep = {"a" * 99: deep}
        with self.assertRaises(personalize.TypeMismatch) as caught:
            self.me.observe(deep)
        self.assertLess(len(str(caught.exception)), 600)

    def test_integers_of_other_makes_are_integers(self):
        class Whole:
            def __init__(self, number):
                self.number = number

            def __int__(self):
                return self.number
        numbers.Integral.register(Whole)
        rule = personalize.Program("n + 1", {"n": "int"})
        self.assertEqual(rule(n=Whole(41)), 42)
        with self.assertRaises(personalize.LimitError):
            rule(n=Whole(-2**63 - 1))

    def test_a_huge_dict_is_refused_everywhere_that_values_go_in(self):
        huge = {str(number): number for number in range(2000)}
        before, values.ITEMS_MAX = values.ITEMS_MAX, 1000
        try:
            for call in (lambda: self.me.choose("language", huge),
                         lambda: self.me.observe({**EVENT, "more": huge}),
                         lambda: self.engine.decide("greet", country=huge),
                         lambda: self.engine.observe_many([huge]),
                         lambda: personalize.eval("x", x=huge)):
                self.refuses(call)
        finally:
            values.ITEMS_MAX = before

    def test_too_many_at_once_is_told_with_what_to_do(self):
        many = "{}\n" * (personalize.OBSERVE_MANY_MAX + 1)
        for call in (self.engine.observe_many, self.engine.apply_many, self.engine.record_many):
            with self.assertRaisesRegex(personalize.LimitError, "make several calls"):
                call(many)

    def test_closed_profiles_say_so(self):
        closed = self.engine.detached("me")
        closed.close()
        for name, (positional, _) in PROFILE.items():
            if name == "close":
                continue
            with self.subTest(method=name):
                good = [self.good(value) for _, value in positional.values()]
                if name == "consent_tcf":
                    good = ["CO"]
                self.assertRaises(personalize.StateError, getattr(closed, name), *good)
        for name in ("id", "exists", "bytes"):
            self.assertRaises(personalize.StateError, lambda name=name: getattr(closed, name))
        for name, (positional, _) in ENGINE.items():
            words = [value for _, value in positional.values()]
            if "PROFILE" not in words:
                continue
            with self.subTest(question=name):
                good = [closed if word == "PROFILE" else word for word in words]
                self.assertRaises(personalize.StateError, getattr(self.engine, name), *good)
        for call in (lambda: self.engine.decide_many("greet", [self.me, closed]),
                     lambda: self.engine.resolve_many(["language"], [closed]),
                     lambda: self.engine.decide("greet", account=closed),
                     lambda: self.me.merge(closed), lambda: self.me.person([closed])):
            self.assertRaises(personalize.StateError, call)
        self.assertIn("closed", repr(closed))

    def test_closed_engines_say_so(self):
        engine = opened()
        theirs = engine.detached("me")
        data, made = theirs.bytes, engine.decide("greet")
        engine.close()
        for name, (positional, _) in ENGINE.items():
            if name == "close":
                continue
            with self.subTest(method=name):
                good = [{"PROFILE": None, "STORED": "x", "BYTES": data, "DECISION": made}.get(
                    value, value) if isinstance(value, str) else value
                        for _, value in positional.values()]
                if name == "record_many":
                    good = [[made]]
                if name == "person":
                    good = [theirs]
                self.assertRaises(personalize.StateError, getattr(engine, name), *good)
        self.assertRaises(personalize.StateError, len, engine)
        self.assertRaises(personalize.StateError, lambda: engine.catalog_hash)
        self.assertRaises(personalize.StateError, theirs.choose, "language", "de")
        self.assertIn("closed", repr(engine))

    def test_profiles_of_another_engine_are_refused(self):
        with opened() as other:
            stranger = other.detached("me")
            for name, (positional, _) in ENGINE.items():
                words = [value for _, value in positional.values()]
                if "PROFILE" not in words:
                    continue
                good = [stranger if word == "PROFILE" else word for word in words]
                self.refuses(getattr(self.engine, name), *good)
            for call in (lambda: self.engine.decide_many("greet", [stranger]),
                         lambda: self.engine.decide_many("greet", [None], account=stranger),
                         lambda: self.engine.resolve_many(["language"], [stranger]),
                         lambda: self.me.merge(stranger), lambda: self.me.person([stranger])):
                self.refuses(call)

    def test_what_an_iterator_raises_is_its_own(self):
        def broken():
            yield self.me
            raise KeyError("mine")
        for call in (self.engine.segments_many, self.me.person, self.engine.observe_many):
            self.assertRaises(KeyError, call, broken())

    def test_dictionaries_that_change_while_they_are_read_do_no_harm(self):
        class Shifty(dict):
            def items(self):
                self["more"] = len(self)
                return super().items()
        for call in (lambda: self.me.observe(Shifty(EVENT)),
                     lambda: personalize.eval("x", x=Shifty(a=1)),
                     lambda: self.engine.decide("greet", context=Shifty())):
            with contextlib.suppress(personalize.Error, RuntimeError):
                call()
        self.assertEqual(self.engine.value("greet", self.me), self.engine.value("greet", self.me))

    def test_nothing_is_left_to_say_at_the_end_of_the_interpreter(self):
        """Handles that are still open, in a cycle, and in use by a daemon thread."""
        script = f"""
import threading, time, personalize
engine = personalize.open(functions={{"f": (lambda: engine is None, [], "bool")}})
engine.load_text({CATALOG!r})
me, rule = engine.detached("me"), personalize.Program("1")
decision = engine.decide("greet", me)
loop = [engine, me, decision, rule]
loop.append(loop)
class Last:
    def __del__(self):
        try:
            engine.decide("greet", me)
        except Exception:
            pass
last = Last()
def work():
    try:
        while True:
            engine.value("greet")
    except Exception:
        pass
threading.Thread(target=work, daemon=True).start()
time.sleep(0.05)
"""
        done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=dict(os.environ), encoding="utf-8")
        self.assertEqual((done.returncode, done.stdout), (0, ""))


class Copies(unittest.TestCase):
    def test_handles_are_refused_and_never_freed_twice(self):
        with shop() as engine:
            me, store = engine.detached("me"), engine.store()
            for handle in (engine, me, store, personalize.Program("1")):
                for way in (copy.copy, copy.deepcopy, pickle.dumps):
                    with self.assertRaises(personalize.TypeMismatch) as caught:
                        way(handle)
                    self.assertIn("hand", str(caught.exception))
            self.assertEqual(me.id, "me")

    def test_a_decision_survives_what_it_is_a_copy_of(self):
        with shop() as engine:
            decision = engine.decide("home.hero", country="DE", now=NOW)
            expected = self.everything(decision)
            copies = [copy.copy(decision), copy.deepcopy(decision),
                      pickle.loads(pickle.dumps(decision)), copy.copy(copy.copy(decision))]
            del decision
            gc.collect()
            for one in copies:
                self.assertEqual(self.everything(one), expected)
                self.assertEqual(engine.record(one, note="copied"), copies.index(one) + 1)

    @staticmethod
    def everything(decision):
        return (decision.name, decision.value, decision.reason, decision.rule, decision.confidence,
                decision.impure, decision.id, decision.bytes, decision.explain(),
                decision.reasons(), decision.to_dict(), decision.record, repr(decision),
                decision._repr_html_())

    def test_a_decision_does_not_change_with_what_was_read_of_it(self):
        with shop() as engine:
            made = engine.decide("home.hero", engine.detached("me"), now=NOW)
        for decision in (made, copy.copy(made)):
            html, whole, record = decision._repr_html_(), decision.to_dict(), decision.record
            for given in (decision.reasons(), decision.to_dict(), decision.record):
                for part in given.values():
                    if isinstance(part, (list, dict)):
                        part.clear()
            self.assertEqual((decision._repr_html_(), decision.to_dict(), decision.record),
                             (html, whole, record))

    def test_nanoseconds_and_what_errors_carry_are_copied_too(self):
        exact = [personalize.eval("timestamp('2026-01-01T00:00:00.123456789Z')"),
                 personalize.eval("duration('-1.000000001s')")]
        for one, other in zip(exact, pickle.loads(pickle.dumps(copy.deepcopy(exact)))):
            self.assertEqual((type(other), other, other.nanosecond), (type(one), one, one.nanosecond))
        with self.assertRaises(personalize.CatalogError) as caught:
            personalize.Engine().load_text('{"catalog": "x", "decisions": {"a": 1}}')
        self.assertTrue(caught.exception.diagnostics)
        self.assertEqual(pickle.loads(pickle.dumps(caught.exception)).diagnostics,
                         caught.exception.diagnostics)
        with self.assertRaises(personalize.NotFound) as caught:
            personalize.Program("a", ["a"])()
        self.assertEqual(copy.copy(caught.exception).unknowns, ("a",))

    def test_moments_beyond_utc_are_errors_of_the_binding(self):
        early = dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=14)))
        late = dt.datetime.max.replace(tzinfo=dt.timezone(dt.timedelta(hours=-14)))
        with shop() as engine:
            for when in (early, late):
                self.assertRaises(personalize.LimitError, personalize.eval, "t", t=when)
                self.assertRaises(personalize.LimitError, engine.decide, "home.hero", now=when)


if __name__ == "__main__":
    unittest.main()

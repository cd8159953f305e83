#!/usr/bin/env python3
"""Tests of the Python binding: prototypes, values, engines, verbs, programs. A test is named by its
claim. What is about bad input, functions of the host, many customers and packages has files of its
own."""
import ctypes
import datetime as dt
import gc
import json
import os
import pathlib
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

import personalize
from personalize import _ffi
from python_kit import CATALOG, NOW, ROOT, UTC, VERBS, shop

# ---- the prototypes ----

TYPES = {
    "void": None, "bool": ctypes.c_bool, "int": ctypes.c_int, "double": ctypes.c_double,
    "int64_t": ctypes.c_int64, "uint64_t": ctypes.c_uint64, "uint32_t": ctypes.c_uint32,
    "size_t": ctypes.c_size_t, "char *": ctypes.c_char_p, "void *": ctypes.c_void_p,
    "pz_status": ctypes.c_int, "pz_kind": ctypes.c_int, "pz_subject": ctypes.c_int,
    "pz_mode": ctypes.c_int, "pz_durability": ctypes.c_int, "pz_fault_kind": ctypes.c_int,
    "pz_str": _ffi.Str, "pz_value": _ffi.Value, "pz_entry": _ffi.Entry,
    "pz_profile_fn": _ffi.PROFILE_FN, "pz_record_fn": _ffi.RECORD_FN,
}
CALLBACKS = {"pz_profile_fn": _ffi.PROFILE_FN, "pz_function_fn": _ffi.HOST_FN,
             "pz_record_fn": _ffi.RECORD_FN, "pz_store_progress_fn": _ffi.PROGRESS_FN,
             "pz_store_fault_fn": _ffi.FAULT_FN}
STRUCTS = {
    "pz_str": _ffi.Str, "pz_value": _ffi.Value, "pz_entry": _ffi.Entry, "pz_error": _ffi.Error,
    "pz_alloc": _ffi.Alloc, "pz_engine_options": _ffi.EngineOptions, "pz_write": _ffi.Write,
    "pz_resolution": _ffi.Resolution, "pz_observed": _ffi.Observed,
    "pz_diagnostic": _ffi.Diagnostic, "pz_span": _ffi.Span, "pz_tcf": _ffi.Tcf,
    "pz_batch": _ffi.Batch, "pz_many": _ffi.Many, "pz_decided": _ffi.Decided,
    "pz_variable": _ffi.Variable,
    "pz_function": _ffi.Function,
    "pz_store_options": _ffi.StoreOptions, "pz_store_info": _ffi.StoreInfo,
    "pz_store_progress": _ffi.StoreProgress, "pz_store_fault": _ffi.StoreFault,
    "pz_store_watch": _ffi.StoreWatch, "pz_store_outcome": _ffi.StoreOutcome,
    "pz_record_options": _ffi.RecordOptions, "pz_record_query": _ffi.RecordQuery,
    "pz_record_sink": _ffi.RecordSink, "pz_program_options": _ffi.ProgramOptions, "pz_evaluation": _ffi.Evaluation,
}
OPAQUE = {"pz_engine", "pz_profile", "pz_context", "pz_decision", "pz_pool", "pz_report",
          "pz_program", "pz_store_module", "pz_store"}


def c_type(text):
    """The ctypes type of a C type, as _ffi writes them."""
    text = re.sub(r"\bconst\b|\bstruct\b", " ", text)
    text = re.sub(r"\s*\*\s*", " *", " ".join(text.split())).replace("* *", "**")
    if text in TYPES:
        return TYPES[text]
    base, stars = text.rstrip("*").strip(), text.count("*")
    if base in OPAQUE:
        return ctypes.c_void_p if stars == 1 else ctypes.POINTER(ctypes.c_void_p)
    return ctypes.POINTER(STRUCTS.get(base) or TYPES[base])


def text_of(header):
    """A header without comments and directives."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", header.read_text(encoding="utf-8"), flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", " ", text, flags=re.M)


def headers():
    """Those of libpersonalize; the one of libpersonalize-redis is a library of its own."""
    return [header for header in sorted((ROOT / "include").rglob("*.h"))
            if header.name != "redis.h"]


def declarations(of_headers):
    """name -> (result, arguments) of every PZ_API function in public headers."""
    found = {}
    for header in of_headers:
        text = text_of(header)
        for match in re.finditer(r"\bPZ_API\b\s*([\w\s\*]+?)(\bpz_\w+)\s*\(([^;]*)\)\s*;", text):
            result, name, arguments = match.groups()
            types = []
            for argument in arguments.split(","):
                if argument.strip() == "void":
                    continue
                is_array = "[" in argument
                argument = re.sub(r"\[[^\]]*\]", "", argument).strip()
                argument = re.sub(r"\w+$", "", argument)
                types.append(c_type(argument + (" *" if is_array else "")))
            found[name] = (c_type(result), types)
    return found


class Prototypes(unittest.TestCase):
    def test_they_equal_the_headers(self):
        declared = declarations(headers())
        self.assertGreater(len(declared), 70)
        self.assertEqual(sorted(declared), sorted(_ffi.PROTOTYPES))
        for name, prototype in declared.items():
            self.assertEqual(prototype, tuple(_ffi.PROTOTYPES[name]), name)

    def test_those_of_redis_equal_its_header(self):
        declared = declarations([ROOT / "include/personalize/redis.h"])
        self.assertEqual({name: tuple(made) for name, made in _ffi.REDIS_PROTOTYPES.items()},
                         declared)

    def test_callbacks_equal_the_headers(self):
        for header in headers():
            for match in re.finditer(r"typedef ([\w\s\*]+?)\(\*(pz_\w+_fn)\)\(([^;]*)\);",
                                     text_of(header)):
                result, name, arguments = match.groups()
                if name not in CALLBACKS:  # clocks and allocators are left to C
                    self.assertIn(name, ("pz_clock_fn", "pz_realloc_fn"))
                    continue
                made = ctypes.CFUNCTYPE(c_type(result), *(
                    c_type(re.sub(r"\w+$", "", argument.strip()))
                    for argument in arguments.split(",")))
                self.assertEqual(made._argtypes_, CALLBACKS[name]._argtypes_, name)
                self.assertEqual(made._restype_, CALLBACKS[name]._restype_, name)

    def test_they_equal_what_the_library_exports(self):
        library, nm = os.environ.get("PZ_LIBRARY"), shutil.which("nm")
        if not library or not nm:
            self.skipTest("nm or PZ_LIBRARY is missing")
        lines = subprocess.run([nm, "-D", "--defined-only", library], check=True,
                               stdout=subprocess.PIPE, encoding="utf-8").stdout.split("\n")
        names = {line.split()[-1].split("@")[0] for line in lines if " T " in line}
        self.assertEqual(names, set(_ffi.PROTOTYPES))

    def test_structs_have_the_sizes_of_c(self):
        compiler = shutil.which("cc")
        if not compiler:
            self.skipTest("there is no C compiler")
        with tempfile.TemporaryDirectory() as folder:
            source = "#include <personalize.h>\n#include <stdio.h>\nint main(void) {\n"
            for name, struct in STRUCTS.items():
                source += f'printf("{name} %zu", sizeof({name}));\n'
                fields = [f for f, *_ in struct._fields_]
                fields = ["as" if (name, f) == ("pz_value", "bits") else f for f in fields]
                for field in fields:
                    source += f'printf(" %zu", offsetof({name}, {field}));\n'
                source += 'puts("");\n'
            path = pathlib.Path(folder, "sizes.c")
            path.write_text(source + "}\n", encoding="utf-8")
            subprocess.run([compiler, f"-I{ROOT}/include", "-o", f"{folder}/sizes", str(path)],
                           check=True)
            lines = subprocess.run([f"{folder}/sizes"], stdout=subprocess.PIPE, check=True,
                                   encoding="utf-8").stdout.splitlines()
        for line in lines:
            name, *numbers = line.split()
            struct = STRUCTS[name]
            mine = [ctypes.sizeof(struct)]
            mine += [getattr(struct, field[0]).offset for field in struct._fields_]
            self.assertEqual([int(number) for number in numbers], mine, name)

    def test_every_status_has_its_exception(self):
        text = (ROOT / "include/personalize/base.h").read_text(encoding="utf-8")
        codes = {int(code) for code in re.findall(r"X\(ERR_\w+, (-\d+)", text)}
        self.assertEqual(codes, set(personalize.errors.BY_STATUS))


# ---- values ----

class Values(unittest.TestCase):
    def same(self, value):
        got = personalize.eval("x", {"x": value})
        self.assertEqual(got, value)
        self.assertIs(type(got), type(value))
        return got

    def test_every_kind_comes_back_as_it_went_in(self):
        for value in (None, True, False, 0, -1, 2**63 - 1, -2**63, 1.5, -0.0, 5e-324, "", "Zoë 🌹",
                      "a\0b", b"", b"\xff\0", [], {}, [1, "two", None, {"k": [True]}],
                      {"a": {"b": [1.5]}}, {1: "x", True and 2: "y"},
                      dt.datetime(2020, 2, 29, 23, 59, 59, 123456, UTC), dt.timedelta(0),
                      dt.timedelta(days=-3, microseconds=7)):
            with self.subTest(value=value):
                self.same(value)

    def test_big_integers_are_exact(self):
        for value in (2**63, 2**64 - 1):
            self.assertEqual(personalize.eval("x", x=value), value)
        self.assertEqual(self.same([2**53 + 1, -2**63]), [2**53 + 1, -2**63])
        self.assertIsInstance(personalize.eval("5u"), personalize.UInt)
        self.assertEqual(personalize.eval("type(x) == uint", x=personalize.UInt(5)), True)
        for value in (2**64, -2**63 - 1, [2**64], {"a": [-2**63 - 1]}, 10**400):
            with self.assertRaises(personalize.LimitError):
                personalize.eval("x", x=value)

    def test_what_json_cannot_say_goes_in_too(self):
        self.same([float("inf"), -0.0, b"x", {"t": NOW}])
        self.assertTrue(personalize.eval("x != x", x=float("nan")))

    def test_both_ways_in_agree(self):
        from personalize import _handles, values
        value = {"a": [1, 2**64 - 1, 1.0, 0.1, "é", None, True, [], {}], "b": {"c": -1}}
        pool, keep = _handles.new_pool(), []
        try:
            by_text = values.put(pool, value, keep)
            by_items = values._put(pool, value, keep, 0, [0])
            self.assertEqual(_ffi.lib.pz_value_compare(by_text, by_items), 0)
        finally:
            _ffi.lib.pz_pool_free(pool)

    def test_nanoseconds_survive(self):
        when = personalize.eval("timestamp('2020-01-01T00:00:00.123456789Z')")
        self.assertEqual((when.microsecond, when.nanosecond), (123456, 789))
        self.assertTrue(personalize.eval(
            "t == timestamp('2020-01-01T00:00:00.123456789Z')", t=when))
        span = personalize.eval("duration('-0.000000001s')")
        self.assertTrue(personalize.eval("d == duration('-1ns')", d=span))

    def test_time_zones_are_converted_and_naive_times_refused(self):
        there = dt.datetime(2020, 1, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2)))
        self.assertEqual(personalize.eval("x", x=there), dt.datetime(2020, 1, 1, tzinfo=UTC))
        with self.assertRaises(TypeError):
            personalize.eval("x", x=dt.datetime(2020, 1, 1))

    def test_cyclic_deep_and_unfolding_objects_are_refused(self):
        cycle = []
        cycle.append(cycle)
        deep, deep_bytes = [], b""
        for _ in range(600):
            deep, deep_bytes = [deep], [deep_bytes]
        for value in (cycle, {"a": cycle}, deep, deep_bytes):
            with self.assertRaises(personalize.LimitError):
                personalize.eval("1", x=value)
        wide = [1]
        for _ in range(40):
            wide = [wide, wide]
        before, personalize.values.ITEMS_MAX = personalize.values.ITEMS_MAX, 10000
        try:
            with self.assertRaises(personalize.LimitError):
                personalize.eval("1", x=wide)
        finally:
            personalize.values.ITEMS_MAX = before

    def test_large_inputs_go_in(self):
        self.assertTrue(personalize.eval("size(x) == 200000", x=list(range(200000))))

    def test_no_values_are_refused(self):
        for value in (object(), {1, 2}, {None: 1}, {1.5: 2}, {"a": print}, [complex(1)]):
            with self.assertRaises(personalize.TypeMismatch):
                personalize.eval("1", x=value)
        with self.assertRaises(personalize.ParseError):
            personalize.eval("1", x="\ud800")
        with self.assertRaises(personalize.ParseError):
            personalize.eval("1", x=["\ud800"])

    def test_errors_have_places(self):
        with self.assertRaises(personalize.ParseError) as caught:
            personalize.eval("1 +\n  )")
        self.assertEqual((caught.exception.line, caught.exception.column), (2, 3))
        self.assertEqual(caught.exception.name, "ERR_PARSE")
        with self.assertRaises(personalize.EvalError):
            personalize.eval("1 / 0")
        copy = pickle.loads(pickle.dumps(caught.exception))
        self.assertEqual((type(copy), str(copy)), (personalize.ParseError, str(caught.exception)))


# ---- engines and profiles ----

class Engines(unittest.TestCase):
    def test_a_choice_decides(self):
        with shop() as engine:
            ann = engine.customer(email="ann@example.com")
            self.assertFalse(ann.exists)
            ann.choose("language", "de", channel="web")
            hero = engine.decide("home.hero", ann, country="DE")
            self.assertEqual((hero.value, hero.reason, hero.rule, hero.confidence),
                             ("hallo", "TARGETING_MATCH", "german", 1.0))
            self.assertEqual(engine.value("home.hero", ann, country="DE"), "hallo")
            self.assertEqual(len(engine), 1)
            self.assertEqual(engine.ids(), [ann.id])
            self.assertEqual(engine.profile(ann.id).bytes, ann.bytes)

    def test_answers_outlive_the_engine(self):
        engine = shop()
        me = engine.detached("me")
        me.choose("language", "de", at=NOW, now=NOW)
        hero = engine.decide("home.hero", me, now=NOW, country="DE")
        answer = engine.resolve("language", me, now=NOW)
        engine.close()
        del engine, me
        gc.collect()
        self.assertIn("hallo", hero.explain())
        self.assertEqual(hero.to_dict()["value"], "hallo")
        self.assertEqual(hero.to_dict()["id"], hero.id)
        self.assertIn("layers", hero.reasons())
        self.assertEqual((answer.value, answer.tier, answer.at), ("de", "CHOICE", NOW))

    def test_closed_handles_raise(self):
        engine = shop()
        me, other = engine.detached("me"), engine.detached("me")
        me.close()
        me.close()
        for call in (lambda: me.id, lambda: me.choose("language", "de"), lambda: me.bytes,
                     lambda: engine.decide("home.hero", me), lambda: other.merge(me),
                     lambda: engine.resolve("language", None, account=me)):
            self.assertRaises(personalize.StateError, call)
        engine.close()
        engine.close()
        for call in (lambda: engine.decide("home.hero"), lambda: other.id,
                     lambda: engine.customer(email="x"), lambda: engine.catalog_hash):
            self.assertRaises(personalize.StateError, call)

    def test_wrong_types_raise(self):
        with shop() as engine, shop() as stranger:
            me, other = engine.detached("me"), stranger.detached("me")
            for call in (lambda: engine.decide(7), lambda: engine.decide("home.hero", "ann"),
                         lambda: me.choose(None, "de"), lambda: me.choose("language", object()),
                         lambda: me.infer("language", "de", "sure"),
                         lambda: me.infer("language", "de", True), lambda: me.merge("x"),
                         lambda: me.choose("language", "de", at="now"),
                         lambda: me.choose("language", "de", channel=5),
                         lambda: me.choose("language", 5), lambda: personalize.open(7)):
                self.assertRaises(TypeError, call)
            for call in (lambda: engine.decide("home.hero", other), lambda: me.merge(other),
                         lambda: engine.customer(), lambda: engine.detached("me", "robot"),
                         lambda: me.choose("language", "de", at=0),
                         lambda: me.choose("language", "xx")):
                self.assertRaises(ValueError, call)

    def test_names_hold_no_nul_and_values_may(self):
        with shop() as engine:
            me = engine.detached("me")
            for call in (lambda: me.choose("lang\0uage", "de"), lambda: engine.detached("m\0e"),
                         lambda: engine.customer(email="a\0b"), lambda: engine.decide("a\0b"),
                         lambda: engine.decide("home.hero", context={"a\0b": 1}),
                         lambda: me.choose("language", "de", writer="w\0")):
                self.assertRaises(personalize.ArgumentError, call)
            self.assertRaises(personalize.ParseError, me.choose, "lang\ud800", "de")
            me.declare("note", "a\0b", at=NOW, now=NOW)
            self.assertEqual(engine.resolve("note", me, now=NOW).value, "a\0b")

    def test_every_verb_works(self):
        with shop() as engine:
            me = engine.detached("me")
            told = {"at": NOW, "now": NOW, "writer": "w1", "who": "agent:7", "channel": "phone"}
            me.declare("age", 30, **told)
            answer = engine.resolve("age", me, now=NOW)
            self.assertEqual((answer.value, answer.tier, answer.who, answer.channel, bool(answer)),
                             (30, "DECLARED", "agent:7", "phone", True))
            me.infer("category", "garden", 0.875, **told)
            self.assertEqual(engine.resolve("category", me, now=NOW).confidence, 0.875)
            me.reject("category", "garden", **told)
            self.assertFalse(engine.resolve("category", me, now=NOW))
            me.clear("category", **told)
            me.identify("email", "a@b.c", **told)
            event = {"kind": "purchase", "source": "s", "id": "1", "time": "2026-03-20T11:00:00Z",
                     "item": "roses", "total": 3.5}
            self.assertTrue(me.observe(event, **told))
            self.assertFalse(me.observe(event, **told))
            me.apply(["choose", "news", False, {"at": "2026-03-20T11:00:00Z"}], writer="w1")
            copy = engine.decode(me.bytes)
            copy.choose("language", "fr", at=NOW, now=NOW, writer="w2")
            me.merge(copy)
            me.merge(me)
            self.assertEqual(me.bytes, copy.bytes)
            self.assertEqual(json.loads(me.export(indent=1))["subject"]["id"], "me")
            self.assertEqual(engine.segments(me, now=NOW), ["adult"])
            self.assertEqual(engine.inspect("language", me, now=NOW)[0]["tier"], "CHOICE")
            self.assertTrue(me.exists)
            me.refresh()
            self.assertRaises(personalize.SubjectError, me.merge, engine.detached("you"))

    def test_statuses_become_exceptions(self):
        with shop() as engine:
            me = engine.detached("me")
            late = NOW + dt.timedelta(days=1)
            for kind, call in (
                    (personalize.NotFound, lambda: me.choose("langage", "de")),
                    (personalize.TypeMismatch, lambda: me.choose("age", "old")),
                    (personalize.DomainError, lambda: me.choose("age", 200)),
                    (personalize.TimeError, lambda: me.choose("age", 20, at=late, now=NOW)),
                    (personalize.NotFound, lambda: engine.profile("nobody")),
                    (personalize.CorruptError, lambda: engine.decode(b"nonsense")),
                    (personalize.StoreError, lambda: personalize.open("/nowhere.json")),
                    (LookupError, lambda: engine.decide("home.heroo")),
                    (OSError, lambda: engine.load("/nowhere.json"))):
                with self.assertRaises(kind) as caught:
                    call()
                self.assertTrue(str(caught.exception))
                self.assertLess(caught.exception.status, 0)

    def test_many_events_at_once(self):
        with shop() as engine:
            event = {"kind": "purchase", "source": "s", "id": "1", "customer": "c",
                     "time": "2026-03-20T11:00:00Z", "item": "roses"}
            out = engine.observe_many([event, event, {"kind": "visit"}], now=NOW)
            self.assertEqual([(o.status, o.is_new) for o in out[:2]], [(0, True), (0, False)])
            self.assertLess(out[2].status, 0)
            self.assertTrue(out[2].message)
            self.assertEqual(engine.observe_many([]), [])
            self.assertEqual(len(engine), 1)
            seen = engine.observe_many([{**event, "kind": "purchse", "id": "2"}], now=NOW)[0]
            self.assertEqual((out[0].message, seen.status, seen.is_new), ("", 0, True))
            self.assertIn("did you mean 'purchase'?", seen.message)

    def test_many_rows_at_once(self):
        rows = [["c1", ["declare", "language", "de"], ["choose", "language", "fr"]],
                ["c2", ["declare", "language", "de"], ["declare", "language", "klingon"]],
                ["c1", ["choose", "language", "fr"]]]
        with shop() as engine:
            out = engine.apply_many(rows, now=NOW, settled=True)
            self.assertEqual([(o.status == 0, o.is_new) for o in out],
                             [(True, True), (False, False), (True, False)])
            self.assertIn("klingon", out[1].message)
            self.assertEqual(engine.resolve("language", engine.customer(customer="c1")).value, "fr")
            self.assertFalse(engine.customer(customer="c2").exists)
            text = "\n".join(map(json.dumps, rows))
            self.assertEqual([o.is_new for o in engine.apply_many(text, settled=True)],
                             [False, False, False])

    def test_catalogs_are_checked(self):
        self.assertEqual(personalize.check(CATALOG), [])
        bad = personalize.open()
        with self.assertRaises(personalize.CatalogError) as caught:
            bad.load_text('{"attributes": {"a": {"type": "sting"}, "b": {"typ": 1}}}', "bad.json")
        first = caught.exception.diagnostics[0]
        self.assertEqual((first.file, first.line, first.severity, first.suggestion),
                         ("bad.json", 1, "error", "string"))
        self.assertGreater(len(caught.exception.diagnostics), 1)
        self.assertRaises(personalize.StateError, bad.decide, "x")
        text = ('{"attributes": {"a": {"type": "int", "default": 1}},'
                ' "tests": [{"resolve": {"a": 1}}, {"resolve": {"a": 2}}]}')
        bad.load_text(text)
        passed, failed, diagnostics = bad.test()
        self.assertEqual((passed, failed, len(diagnostics)), (1, 1, 1))
        self.assertEqual(len(bad.catalog_hash), 32)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "tests.json")
            path.write_text(text, encoding="utf-8")
            self.assertEqual(len(personalize.check(path)), 1)

    def test_a_store_on_disk_is_shared_by_engines_in_turn(self):
        with tempfile.TemporaryDirectory() as folder:
            try:
                with shop(store="lmdb:" + folder) as engine:
                    engine.customer(email="ann@example.com").choose("language", "fr")
            except personalize.Unsupported:
                self.skipTest("this build has no LMDB")
            with shop(store="lmdb:" + folder, read_only=True) as engine:
                ann = engine.customer("email", "ann@example.com")
                self.assertEqual(engine.resolve("language", ann).value, "fr")
                self.assertRaises(personalize.StateError, ann.choose, "language", "de")

    def test_a_customer_is_decided_about_by_name(self):
        with shop() as engine:
            ann = engine.customer(email="ann@example.com")
            ann.choose("language", "de")
            for kind, value in (("email", "ann@example.com"), (None, ann.id)):
                made = engine.decide_for("home.hero", kind, value, now=NOW, country="DE")
                self.assertEqual(made.bytes, engine.decide("home.hero", ann, now=NOW,
                                                           country="DE").bytes)
            for kind, value in (("email", "new@example.com"), (None, None)):
                made = engine.decide_for("home.hero", kind, value, country="DE")
                self.assertEqual(made.value, engine.value("home.hero", country="DE"))
            self.assertEqual(len(engine), 1)

    def test_writes_say_how_durable_they_are(self):
        with tempfile.TemporaryDirectory() as folder:
            for number, default in enumerate((None, "durable", "grouped", "lazy")):
                try:
                    engine = shop(store=f"lmdb:{folder}/{number}", durability=default)
                except personalize.Unsupported:
                    self.skipTest("this build has no LMDB")
                with engine:
                    ann = engine.customer(email="ann@example.com")
                    for durability in (None, "durable", "grouped", "lazy"):
                        ann.choose("language", "de", durability=durability)
                        ann.clear("language", durability=durability)
                        self.assertTrue(engine.observe_many([{
                            "kind": "purchase", "source": "s", "id": str(durability),
                            "customer": {"email": "ann@example.com"}, "item": "roses",
                            "time": "2026-03-20T11:00:00Z"}], now=NOW,
                            durability=durability)[0].is_new)

    def test_threads_share_engine_and_profile(self):
        with shop() as engine:
            shared, failures = engine.detached("me"), []

            def work(number):
                try:
                    mine = engine.detached(f"me{number}")
                    for turn in range(100):
                        shared.choose("language", ("de", "fr")[turn % 2])
                        mine.choose("language", "de")
                        assert engine.decide("home.hero", mine, country="DE").value == "hallo"
                        assert engine.value("home.hero", shared, country="DE") in ("hallo",
                                                                                   "generic")
                        engine.resolve("language", shared, account=mine)
                        engine.resolve("language", mine, account=shared)
                except BaseException as error:
                    failures.append(error)
            threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(failures, [])

    def test_closing_while_others_ask_is_safe(self):
        for _ in range(20):
            engine = shop()
            me = engine.detached("me")

            def work():
                try:
                    while True:
                        engine.decide("home.hero", me)
                except personalize.StateError:
                    pass
            threads = [threading.Thread(target=work) for _ in range(3)]
            for thread in threads:
                thread.start()
            engine.close()
            for thread in threads:
                thread.join(10)
                self.assertFalse(thread.is_alive())

    def test_finalizers_may_ask_in_the_middle_of_a_call(self):
        with shop() as engine:
            me = engine.detached("me")

            class Late:
                def __init__(self):
                    self.me = self

                def __del__(self):
                    engine.decide("home.hero", None, country="FR")

            threshold = gc.get_threshold()
            gc.set_threshold(5)
            try:
                for _ in range(200):
                    Late()
                    me.declare("age", 20)
                    self.assertEqual(engine.decide("home.hero", me, country="DE").value, "wine")
            finally:
                gc.set_threshold(*threshold)

    def test_a_fork_goes_on(self):
        with shop() as engine:
            me = engine.detached("me")
            me.choose("language", "de")
            engine.decide("home.hero", me)
            child = os.fork()
            if child == 0:
                is_good = engine.decide("home.hero", me, country="DE").value == "hallo"
                os._exit(0 if is_good else 1)
            self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_a_wrong_library_is_an_import_error(self):
        done = subprocess.run([sys.executable, "-c", "import personalize"], stderr=subprocess.PIPE,
                              env=dict(os.environ, PERSONALIZE_LIBRARY="/nowhere.so"),
                              encoding="utf-8")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("ImportError", done.stderr)
        self.assertIn("/nowhere.so", done.stderr)


# ---- verbs, each with its refusals ----

class Verbs(unittest.TestCase):
    def setUp(self):
        self.engine = personalize.open(VERBS)
        self.addCleanup(self.engine.close)
        self.me = self.engine.detached("me")
        self.minute = 0

    def told(self, **more):
        """A minute later each time, so that every write has a moment of its own."""
        self.minute += 1
        at = NOW - dt.timedelta(hours=2) + dt.timedelta(minutes=self.minute)
        return {"at": at, "now": at, **more}

    def answer(self, attribute, **more):
        return self.engine.resolve(attribute, self.me, now=NOW, **more)

    def refuses(self, kind, call, *arguments, **more):
        """The call raises and leaves the profile as it was."""
        before = self.me.bytes
        with self.assertRaises(kind) as caught:
            call(*arguments, **more)
        self.assertTrue(str(caught.exception))
        self.assertEqual(self.me.bytes, before)
        return caught.exception

    def test_sets_and_records_are_chosen_and_cleared_by_part(self):
        self.me.choose("topics", "news", **self.told())
        self.me.declare("topics", "sport", **self.told())
        topics = self.answer("topics")
        self.assertEqual(topics.value, ["news", "sport"])
        self.assertEqual(topics.members, {"news": "CHOICE", "sport": "DECLARED"})
        self.me.choose("address", {"city": "Bonn", "street": "Markt"}, **self.told())
        self.me.clear("address", member="street", **self.told())
        self.assertEqual(self.answer("address").value, {"city": "Bonn"})
        self.refuses(personalize.TypeMismatch, self.me.clear, "topics", member="news")
        self.refuses(personalize.NotFound, self.me.clear, "topic")

    def test_layouts_are_edited(self):
        self.me.edit("toolbar", "help", {"pin": 0}, **self.told())
        self.me.edit("toolbar", "orders", "hide", **self.told())
        self.assertEqual(self.answer("toolbar").value, ["help", "search"])
        self.me.edit("toolbar", "orders", "show", **self.told())
        self.me.edit("toolbar", "orders", {"after": "help"}, **self.told())
        self.assertEqual(self.answer("toolbar").value, ["help", "search", "orders"])
        self.me.edit("toolbar", "help", "unplace", **self.told())
        self.assertEqual(self.answer("toolbar").value, ["search", "help", "orders"])
        self.refuses(personalize.TypeMismatch, self.me.edit, "toolbar", "help", "explode")
        self.refuses(personalize.TypeMismatch, self.me.edit, "language", "de", "hide")
        self.refuses(personalize.TypeMismatch, self.me.edit, "toolbar", 7, "hide")

    def test_modes_and_levels_are_set(self):
        self.me.declare("language", "fr", **self.told())
        self.me.set_mode("language", "MANUAL", **self.told())
        self.assertEqual(self.answer("language").value, "en")
        self.me.set_mode("language", "AUTO", **self.told())
        self.assertEqual(self.answer("language").value, "fr")
        self.me.set_level("basic", **self.told())
        self.assertEqual(self.answer("language").tier, "DEFAULT")
        self.refuses(personalize.ArgumentError, self.me.set_mode, "language", "LOUD")
        self.refuses(personalize.NotFound, self.me.set_mode, "langage", "OFF")
        self.refuses(personalize.DomainError, self.me.set_level, "shallow")

    def test_the_host_has_a_level_of_its_own(self):
        self.me.declare("language", "fr", **self.told())
        self.assertEqual(self.answer("language", level="deep").value, "fr")
        self.assertEqual(self.answer("language", level="basic").tier, "DEFAULT")
        self.refuses(personalize.NotFound, self.answer, "language", level="shallow")

    def test_undo_goes_back_step_by_step(self):
        self.me.choose("language", "de", **self.told())
        self.me.choose("language", "fr", **self.told())
        self.me.choose("topics", "news", **self.told())
        self.me.undo("language", **self.told())
        self.assertEqual(self.answer("language").value, "de")
        self.me.undo(**self.told())
        self.assertEqual(self.answer("topics").is_resolved, False)
        self.me.undo(**self.told())
        self.assertEqual(self.answer("language").value, "en")
        self.refuses(personalize.NotFound, self.me.undo)

    def test_consent_opens_and_denial_closes(self):
        self.me.declare("age", 30, **self.told())
        self.assertFalse(self.answer("age"))
        self.me.consent("research", **self.told())
        self.assertEqual(self.answer("age").value, 30)
        self.me.consent("research", False, **self.told())
        self.assertFalse(self.answer("age"))
        self.refuses(personalize.TypeMismatch, self.me.consent, 7)
        self.refuses(personalize.ArgumentError, self.me.consent, "")

    def test_consent_comes_as_a_signal(self):
        self.me.consent("ads", **self.told())
        self.me.consent("research", **self.told())
        text = self.me.tcf(cmp_id=7, language="de", publisher_country="DE")
        self.assertRegex(text, r"^C[\w-]+$")
        other = self.engine.detached("other")
        self.assertEqual(other.consent_tcf(text, now=NOW), 2)
        self.assertEqual(other.consent_tcf(text, now=NOW), 0)
        self.assertEqual(self.me.consent_gpc(False, **self.told()), 0)
        self.assertEqual(self.me.consent_gpc(**self.told()), 1)
        self.assertEqual(self.me.consent_gpc(**self.told()), 0)
        error = self.refuses(personalize.ParseError, self.me.consent_tcf, "CO=")
        self.assertIn("character 3", str(error))
        self.refuses(personalize.ArgumentError, self.me.tcf, cmp_id=4096)
        self.assertRaises(personalize.NotFound, self.engine.detached("new").tcf)

    def event(self, id, hours=1):
        at = (NOW - dt.timedelta(hours=hours)).isoformat()
        return {"kind": "visit", "source": "s", "id": id, "time": at, "language": "de"}

    def test_events_are_taken_back(self):
        empty = personalize.Engine.inspect(self.engine, "language", self.me, now=NOW)
        for id in "abc":
            self.me.observe(self.event(id), now=NOW)
        self.me.retract("s", "a", now=NOW)
        self.assertFalse(self.me.observe(self.event("a"), now=NOW))
        self.refuses(personalize.NotFound, self.me.retract, "s", "z", now=NOW)
        self.assertEqual(self.me.retract_all("language", end=NOW, now=NOW), 2)
        self.assertEqual(self.engine.inspect("language", self.me, now=NOW), empty)
        self.refuses(personalize.NotFound, self.me.retract_all, "taste", now=NOW)
        self.refuses(personalize.ArgumentError, self.me.retract_all, start=NOW, end=NOW)

    def test_what_is_forgotten_is_gone(self):
        self.me.choose("language", "de", **self.told())
        self.me.choose("topics", "news", **self.told())
        self.me.forget("language", **self.told())
        self.assertEqual(self.answer("language").value, "en")
        self.me.forget("topics", end=NOW - dt.timedelta(days=1), **self.told())
        self.assertEqual(self.answer("topics").value, ["news"])
        self.me.forget(**self.told())
        self.assertFalse(self.answer("topics"))
        self.refuses(personalize.NotFound, self.me.forget, "langage")
        self.refuses(personalize.ArgumentError, self.me.forget, start=NOW, end=NOW)

    def test_what_its_retention_has_ended_is_dropped(self):
        engine = personalize.Engine(CATALOG)
        engine.load_text('{"attributes": {"city": {"type": "string", "retention": "30d"},'
                         ' "job": {"type": "string"}}}')
        old, then = {"at": NOW, "now": NOW}, NOW + dt.timedelta(days=40)
        for number in range(3):
            one = engine.customer("email", str(number))
            one.declare("city", "Bonnburg", **old)
            one.declare("job", "miller", **old)
        self.assertEqual(one.expire(now=NOW), 0)
        self.assertIn(b"Bonnburg", one.bytes)
        self.assertEqual(one.expire("job", now=then), 0)
        self.assertEqual(one.expire(now=then), 1)
        self.assertNotIn(b"Bonnburg", one.bytes)
        self.assertIn(b"miller", one.bytes)
        steps = []
        outcome = engine.expire(now=then, durability="lazy", progress=lambda done, all: steps.append((done, all)))
        self.assertEqual((outcome.profiles, outcome.rewritten, outcome.faults), (3, 2, []))
        self.assertEqual(steps[-1], (3, 3))
        self.assertEqual(engine.expire(now=then).rewritten, 0)
        self.assertRaises(personalize.NotFound, one.expire, "town")
        with self.assertRaises(ZeroDivisionError):
            engine.expire(progress=lambda done, all: 1 / 0)

    def test_people_are_linked_and_parted(self):
        other = self.engine.detached("other")
        other.choose("language", "fr", at=NOW, now=NOW)
        self.me.link("other", 0.9, **self.told())
        self.me.person([other])
        self.assertEqual(self.answer("language").value, "fr")
        who = self.engine.person(self.me, now=NOW)
        self.assertEqual([member["id"] for member in who["members"]], ["me", "other"])
        self.me.unlink("other", **self.told())
        self.assertEqual(self.answer("language").value, "en")
        self.me.switch("another", **self.told())
        self.me.set_account("firm", **self.told())
        firm = self.engine.detached("firm", "account")
        firm.choose("language", "de", at=NOW, now=NOW)
        self.me.person([other, firm])
        self.assertEqual(self.answer("language").tier, "ACCOUNT_CHOICE")
        self.me.set_account(None, **self.told())
        self.assertEqual(self.answer("language").tier, "DEFAULT")
        self.refuses(personalize.DomainError, self.me.link, "other", 0.0)
        self.refuses(personalize.ArgumentError, self.me.link, "me")
        self.refuses(personalize.ArgumentError, self.me.unlink, "")
        self.refuses(personalize.ArgumentError, self.me.switch, "x" * 65)
        self.refuses(personalize.TypeMismatch, self.me.person, ["other"])

    def test_a_person_is_erased(self):
        ann = self.engine.customer(email="ann@example.com")
        ann.choose("language", "de")
        self.assertEqual(self.engine.erase(ann.id), 1)
        self.assertEqual(len(self.engine), 0)
        self.assertRaises(personalize.NotFound, self.engine.erase, ann.id)

    def test_batches_answer_as_single_questions_do(self):
        self.me.choose("language", "de", **self.told())
        other = self.engine.detached("other")
        asked = dict(now=NOW, level="deep", country="DE")
        names, people = ["language", "topics"], [self.me, None, other, self.me]
        many = self.engine.resolve_many(names, people, **asked)
        layers = self.engine.inspect_many(names, people, **asked)
        for at, who in enumerate(people):
            for name in names:
                self.assertEqual(many[at][name], self.engine.resolve(name, who, **asked))
                self.assertEqual(layers[at][name], self.engine.inspect(name, who, **asked))
        self.assertEqual(self.engine.resolve_many([], [self.me]), [{}])
        self.assertEqual(self.engine.inspect_many(["language"], []), [])
        self.assertRaises(personalize.NotFound, self.engine.resolve_many, ["nothing"], [self.me])
        self.assertRaises(TypeError, self.engine.resolve_many, ["language"], ["me"])

    def test_operators_see_what_is_hidden(self):
        self.me.declare("age", 30, **self.told())
        self.assertEqual(self.engine.inspect("age", self.me, now=NOW), [])
        layers = self.engine.inspect_privileged("age", self.me, now=NOW)
        self.assertEqual([layer["why"] for layer in layers], ["DENIED"])

    def test_everything_is_told(self):
        for line in (VERBS.parent / "history.jsonl").read_text(encoding="utf-8").splitlines():
            self.me.apply(json.loads(line), writer="w1")
        told = (VERBS.parent / "export.txt").read_text(encoding="utf-8")
        self.assertEqual(self.me.export_text(), told)
        told = json.loads((VERBS.parent / "export.json").read_text(encoding="utf-8"))
        self.assertEqual(json.loads(self.me.export()), told)
        me = self.engine.detached("me")
        me.close()
        self.assertRaises(personalize.StateError, me.export_text)

    def test_bytes_are_read_in_place(self):
        self.me.choose("language", "de", **self.told())
        view = self.engine.view(self.me.bytes)
        gc.collect()
        self.assertEqual(self.engine.resolve("language", view, now=NOW).value, "de")
        view.choose("language", "fr", **self.told())
        self.assertEqual(self.engine.resolve("language", view, now=NOW).value, "fr")
        self.assertRaises(personalize.CorruptError, self.engine.view, b"nonsense")


# ---- records ----

class Sink:
    def __init__(self, refuses=False):
        self.taken, self.erased, self.refuses = [], [], refuses

    def take(self, record):
        if self.refuses:
            raise KeyError("the queue is shut")
        self.taken.append(record)

    def erase(self, id):
        self.erased.append(id)


class Records(unittest.TestCase):
    def test_decisions_are_kept_and_found(self):
        with shop() as engine:
            ann = engine.customer(email="ann@example.com")
            ann.choose("language", "de")
            hero = engine.decide("home.hero", ann, country="DE")
            self.assertEqual((hero.record["value"], hero.record["subject"]), ("hallo", ann.id))
            self.assertNotIn("number", hero.record)
            self.assertEqual(engine.record(hero, note="r-1", durability="lazy"), 1)
            self.assertEqual(engine.record(hero, value=False, anonymous=True), 2)
            text = json.dumps({**hero.record, "at": "2026-03-20T12:00:00Z"})
            self.assertEqual(engine.record_many(f"{text}\n{text}"), [3, 4])
            self.assertEqual(engine.record_many([]), [])
            first, second = engine.records(limit=2)
            self.assertEqual((first["number"], first["note"], first["id"]), (1, "r-1", hero.id))
            self.assertEqual({"value", "subject"} & set(second), set())
            self.assertEqual([one["number"] for one in engine.records(subject=ann.id)], [1, 3, 4])
            self.assertEqual(len(engine.records(id=hero.id, start=3)), 2)
            self.assertEqual(engine.expire_records(NOW + dt.timedelta(days=1)), 2)
            self.assertEqual(engine.erase(ann.id), 1)
            self.assertEqual([one["number"] for one in engine.records()], [2])
            self.assertIsNone(engine.record(hero))

    def test_a_sink_takes_them_instead(self):
        sink = Sink()
        with shop(records=sink) as engine:
            ann = engine.customer(email="ann@example.com")
            ann.choose("language", "de")
            self.assertIsNone(engine.record(engine.decide("home.hero", ann), note="x"))
            self.assertEqual(sink.taken[0]["note"], "x")
            self.assertEqual(engine.erase(ann.id), 1)
            self.assertEqual(sink.erased, [ann.id])
        with shop(records=Sink(refuses=True)) as engine:
            self.assertRaises(KeyError, engine.record, engine.decide("home.hero"))
        self.assertRaises(personalize.TypeMismatch, shop, records=5)


# ---- stores ----

class Stores(unittest.TestCase):
    def test_a_store_is_looked_after(self):
        with tempfile.TemporaryDirectory() as folder, shop() as engine:
            ann = engine.customer(email="ann@example.com")
            ann.choose("language", "fr")
            mine = engine.store()
            info = mine.info()
            self.assertEqual((info["backend"], info["profiles"], info["identifiers"]),
                             ("memory", 1, 1))
            told = []
            whole = mine.verify(progress=lambda done, total: told.append((done, total)))
            self.assertTrue(whole)
            self.assertEqual((whole.profiles, whole.faults), (1, []))
            try:
                copied = mine.backup(f"lmdb:{folder}/copy")
            except personalize.Unsupported:
                self.skipTest("this build has no LMDB")
            self.assertEqual(copied.added, 1)
            self.assertRaises(personalize.StateError, mine.backup, f"lmdb:{folder}/copy")
            with personalize.open_store(f"lmdb:{folder}/copy") as backup:
                self.assertEqual(backup.restore(f"lmdb:{folder}/again").profiles, 1)
                self.assertEqual(backup.copy_to(mine).unchanged, 1)
                self.assertTrue(backup.compact())
            with shop(store=f"lmdb:{folder}/again") as other:
                person = other.customer(email="ann@example.com")
                self.assertEqual(other.resolve("language", person).value, "fr")

    def test_bad_calls_are_refused_and_closed_stores_say_so(self):
        engine = shop()
        mine, other = engine.store(), personalize.open_store("memory:")
        for call in (lambda: personalize.open_store(5), lambda: personalize.open_store("a\0b"),
                     lambda: personalize.open_store("nowhere:"), lambda: mine.copy_to("x"),
                     lambda: mine.copy_to(mine), lambda: mine.backup(5),
                     lambda: mine.verify(progress=5), lambda: mine.copy_to(other, leave_out="no"),
                     lambda: personalize.open_store("memory:", store_bytes=-1)):
            self.assertRaises(personalize.Error, call)
        engine.customer(email="ann@example.com").choose("language", "fr")

        def refuse(done, total):
            raise KeyError("enough")
        self.assertRaises(KeyError, mine.verify, progress=refuse)
        engine.close()
        other.close()
        other.close()
        for store in (mine, other):
            for call in (store.info, store.verify, store.compact,
                         lambda: store.copy_to(other)):
                self.assertRaises(personalize.StateError, call)
            self.assertIn("closed", repr(store))


# ---- programs ----

class Programs(unittest.TestCase):
    def test_declared_variables_are_checked(self):
        rule = personalize.Program("price * n > limit", {"price": "int", "n": "int", "limit": "int"})
        self.assertIs(rule(price=3, n=4, limit=10), True)
        self.assertIs(rule({"price": 3}, n=4, limit=20), False)
        self.assertEqual((rule.type, rule.reads), ("bool", ("price", "n", "limit")))
        with self.assertRaises(personalize.TypeMismatch) as caught:
            personalize.Program("price +\n 'x'", {"price": "int"})
        self.assertEqual((caught.exception.line, caught.exception.column), (1, 7))
        self.assertRaises(personalize.TypeMismatch, personalize.Program, "1", result="string")
        self.assertRaises(personalize.Error, personalize.Program, "y", {"x": "int"})
        self.assertRaises(personalize.Error, personalize.Program, "x", {"x": "no type"})
        self.assertRaises(personalize.TypeMismatch, personalize.Program, "x", "x")

    def test_names_alone_are_of_any_type(self):
        rule = personalize.Program("a == b", ["a", "b"])
        self.assertIs(rule(a=1, b=1.0), True)
        self.assertIs(rule(a="x", b=[]), False)

    def test_undeclared_variables_are_looked_up(self):
        self.assertEqual(personalize.Program("shop.rate + x")({"shop.rate": 1.5}, x=2.0), 3.5)

    def test_errors_have_places_and_excerpts(self):
        source = "1 +\n  )"
        with self.assertRaises(personalize.ParseError) as caught:
            personalize.Program(source)
        self.assertEqual((caught.exception.line, caught.exception.column), (2, 3))
        self.assertEqual(personalize.excerpt(caught.exception, source), "  )\n  ^")
        rule = personalize.Program("10 / x", ["x"])
        with self.assertRaises(personalize.EvalError) as caught:
            rule(x=0)
        self.assertEqual((caught.exception.line, caught.exception.column), (1, 4))
        self.assertEqual(rule(x=5), 2)

    def test_what_is_unknown_is_named(self):
        rule = personalize.Program("a || b || c", {"a": "bool", "b": "bool", "c": "bool"})
        self.assertIs(rule(c=True), True)
        with self.assertRaises(personalize.NotFound) as caught:
            rule(b=False)
        self.assertEqual(caught.exception.unknowns, ("a", "c"))
        found = rule.evaluate(b=False)
        self.assertEqual((found.value, found.unknowns, bool(found)), (None, ("a", "c"), False))
        self.assertIs(rule.evaluate(a=True).value, True)

    def test_cost_is_estimated_counted_and_limited(self):
        free = personalize.Program("l.all(x, x > 0)", {"l": "list<int>"})
        self.assertEqual(free.cost[1], None)
        rule = personalize.Program("l.all(x, x > 0)", {"l": "list<int>"}, sizes={"l": 10})
        least, most = rule.cost
        cost = rule.evaluate(l=[1] * 10).cost
        self.assertTrue(least <= cost <= most, (least, cost, most))
        limited = personalize.Program("l.all(x, x > 0)", {"l": "list<int>"}, cost_limit=20)
        self.assertIs(limited(l=[1]), True)
        self.assertRaises(personalize.LimitError, limited, l=[1] * 100)

    def test_text_is_canonical(self):
        rule = personalize.Program("( a+b )  // sum", ["a", "b"])
        self.assertEqual(rule.text, "a + b")
        self.assertEqual(repr(rule), "<personalize.Program a + b>")
        self.assertEqual(personalize.Program("x.y", container="shop")({"shop.x": {"y": 1}}), 1)

    def test_mistakes_of_type_may_wait(self):
        rule = personalize.Program("x ? 1 : 'a' + 1", ["x"], unchecked=True)
        self.assertEqual(rule(x=True), 1)
        self.assertRaises(personalize.EvalError, rule, x=False)

    def test_threads_share_a_program(self):
        rule, failures = personalize.Program("l.map(x, x * n)", ["l", "n"]), []

        def work(n):
            try:
                for _ in range(300):
                    assert rule(l=[1, 2, 3], n=n) == [n, 2 * n, 3 * n]
            except BaseException as error:
                failures.append(error)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


if __name__ == "__main__":
    unittest.main()

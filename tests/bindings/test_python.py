#!/usr/bin/env python3
"""Tests of the Python binding. A test is named by its claim.

PZ_LIBRARY names the library whose exports are compared, PZ_SOURCE_DIR the source tree.
"""
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

ROOT = pathlib.Path(os.environ.get("PZ_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
CATALOG = ROOT / "tests/data/cases/catalogs/shop.json"
UTC = dt.timezone.utc
NOW = dt.datetime(2026, 3, 20, 12, tzinfo=UTC)


def shop(**options):
    return personalize.open(CATALOG, **options)


# ---- the prototypes ----

TYPES = {
    "void": None, "bool": ctypes.c_bool, "int": ctypes.c_int, "double": ctypes.c_double,
    "int64_t": ctypes.c_int64, "uint64_t": ctypes.c_uint64, "uint32_t": ctypes.c_uint32,
    "size_t": ctypes.c_size_t, "char *": ctypes.c_char_p, "void *": ctypes.c_void_p,
    "pz_status": ctypes.c_int, "pz_kind": ctypes.c_int, "pz_subject": ctypes.c_int,
    "pz_str": _ffi.Str, "pz_value": _ffi.Value, "pz_entry": _ffi.Entry,
    "pz_profile_fn": _ffi.PROFILE_FN,
}
STRUCTS = {
    "pz_str": _ffi.Str, "pz_value": _ffi.Value, "pz_entry": _ffi.Entry, "pz_error": _ffi.Error,
    "pz_alloc": _ffi.Alloc, "pz_engine_options": _ffi.EngineOptions, "pz_write": _ffi.Write,
    "pz_resolution": _ffi.Resolution, "pz_observed": _ffi.Observed,
    "pz_diagnostic": _ffi.Diagnostic,
}
#: Headers that this binding leaves to C. What they declare is no part of the table.
NOT_BOUND = {"program.h"}
OPAQUE = {"pz_engine", "pz_profile", "pz_context", "pz_decision", "pz_pool", "pz_report"}


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


def declarations():
    """name -> (result, arguments) of every PZ_API function in the public headers."""
    found = {}
    for header in sorted((ROOT / "include").rglob("*.h")):
        if header.name in NOT_BOUND:
            continue
        text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", header.read_text(encoding="utf-8"), flags=re.S)
        text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", " ", text, flags=re.M)
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
        declared = declarations()
        self.assertGreater(len(declared), 70)
        self.assertEqual(sorted(declared), sorted(_ffi.PROTOTYPES))
        for name, prototype in declared.items():
            self.assertEqual(prototype, tuple(_ffi.PROTOTYPES[name]), name)

    def test_they_equal_what_the_library_exports(self):
        library, nm = os.environ.get("PZ_LIBRARY"), shutil.which("nm")
        if not library or not nm:
            self.skipTest("nm or PZ_LIBRARY is missing")
        lines = subprocess.run([nm, "-D", "--defined-only", library], check=True,
                               stdout=subprocess.PIPE, encoding="utf-8").stdout.split("\n")
        names = {line.split()[-1].split("@")[0] for line in lines if " T " in line}
        left = "".join(path.read_text(encoding="utf-8")
                       for path in (ROOT / "include").rglob("*.h") if path.name in NOT_BOUND)
        names -= set(re.findall(r"\bpz_\w+(?=\()", left)) - set(_ffi.PROTOTYPES)
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


if __name__ == "__main__":
    unittest.main()

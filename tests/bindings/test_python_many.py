#!/usr/bin/env python3
"""Many customers and events in one call, from lists and JSON Lines; how answers show. A test is
named by its claim."""
import csv
import datetime as dt
import gc
import io
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

import personalize
from personalize import _many
from python_kit import NOW, UTC, shop

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from ports import free_port  # noqa: E402

TIME = "2026-03-20T11:00:00Z"


def purchase(number, customer, **more):
    return {"kind": "purchase", "source": "s", "id": str(number), "time": TIME,
            "customer": customer, "item": "roses", "total": 3.5, **more}


class Many(unittest.TestCase):
    def setUp(self):
        self.engine = shop()
        self.addCleanup(self.engine.close)
        self.people = []
        for number, language in enumerate(("de", "fr", "en")):
            person = self.engine.customer(email=f"p{number}@example.com")
            person.choose("language", language)
            self.people.append(person)
        self.ids = [person.id for person in self.people]
        self.emails = [f"p{number}@example.com" for number in range(3)]

    def one_by_one(self, name, people, **asked):
        found = []
        for person in people:
            made = self.engine.decide(name, person, **asked)
            found.append((made.value, made.reason, made.rule, made.confidence))
        return found

    @staticmethod
    def short(lines):
        return [(line["value"], line["reason"], line["rule"], line["confidence"])
                for line in lines]

    def test_a_value_that_only_rules_can_hold_is_an_error_of_its_rule(self):
        engine = shop()
        self.addCleanup(engine.close)
        engine.load_text('{"decisions": {"kind": {"default": "none", "rules": ['
                         '{"id": "hidden", "expr": "[dyn(type(1))]"}]}}}')
        decision = engine.decide("kind")
        self.assertEqual((decision.value, decision.reason), ("none", "ERROR"))
        self.assertIn("only rules can hold", str(decision.explain()))
        self.assertEqual([one["value"] for one in engine.decide_many("kind", [None, None])], ["none"] * 2)

    def test_many_decide_as_one_by_one(self):
        wanted = self.one_by_one("home.hero", self.people, country="DE")
        for customers, by in ((self.ids, None), (self.people, None), (self.emails, "email"),
                              ([person.bytes for person in self.people], None),
                              ([{"email": email} for email in self.emails], None)):
            got = self.engine.decide_many("home.hero", customers, by=by, country="DE")
            self.assertEqual(self.short(got), wanted)
        got = self.engine.decide_many("home.hero", country="DE")
        self.assertEqual([line["customer"] for line in got], sorted(self.ids))

    def test_lines_and_dicts_say_the_same(self):
        for why, id in ((False, False), (True, True)):
            asked = dict(why=why, id=id, now=NOW, country="DE")
            customers = [self.ids[0], None, self.people[1], "nobody", {"email": "new@example.com"}]
            got = self.engine.decide_many(["home.hero"], customers, **asked)
            text = self.engine.decide_many(["home.hero"], customers, jsonl=True, **asked)
            self.assertEqual(got, [json.loads(line) for line in text.splitlines()])
            self.assertEqual([line["customer"] for line in got],
                             [self.ids[0], None, self.ids[1], "nobody", "new@example.com"])
            self.assertEqual(got[3]["status"], "ERR_NOT_FOUND")
            self.assertTrue(got[4]["is_new"])
            self.assertEqual("why" in got[0], why)
            self.assertEqual("id" in got[0], id)
        alone = self.engine.decide("home.hero", self.engine.profile(self.ids[0]), now=NOW,
                                   country="DE")
        self.assertEqual((got[0]["why"], got[0]["id"]), (alone.explain(), alone.id))
        self.assertEqual(len(self.engine), 3)

    def test_customers_come_as_json_lines_too(self):
        lines = "\n".join([json.dumps(self.ids[0]), "", json.dumps({"email": self.emails[1]}),
                           json.dumps({"customer": self.ids[2], "more": 1}), "null"])
        got = self.engine.segments_many(lines)
        self.assertEqual([line["customer"] for line in got],
                         [self.ids[0], self.emails[1], self.ids[2], None])
        again = self.engine.segments_many(self.engine.segments_many(lines, jsonl=True).encode())
        self.assertEqual(again[0], got[0])
        with self.assertRaises(personalize.ParseError) as caught:
            self.engine.segments_many('"a"\n\n {"email" 1}')
        self.assertEqual((caught.exception.line, caught.exception.column), (3, 11))
        self.assertNotIn("line 1", str(caught.exception))

    def test_answers_say_where_they_come_from(self):
        got = self.engine.answer_many(["language", "age"], self.ids[:1])
        self.assertEqual([(line["attribute"], line["value"], line["tier"]) for line in got],
                         [("language", "de", "CHOICE"), ("age", None, "NONE")])
        self.assertEqual(self.engine.answer_many("language", self.people)[1]["value"], "fr")

    def test_texts_with_every_sign_come_back_as_they_were(self):
        names = ['q"uote', "back\\slash", "Zoë 🌹", "line\nfeed", ',"decision":', '{"customer":"x"']
        got = self.engine.decide_many(["home.hero", "home.hero"], names, by="card")
        self.assertEqual([line["customer"] for line in got],
                         [name for name in names for _ in range(2)])
        self.assertTrue(all(line["is_new"] for line in got))

    def test_crowds_are_told_apart(self):
        """Answers that differ in rule, value, confidence, or in not being there."""
        crowd = []
        for number in range(300):
            person = self.engine.customer(card=str(number))
            if number % 2:
                person.choose("language", ("de", "fr", "en")[number % 3])
            if number % 5 == 0:
                person.infer("category", "garden", 0.8 + number / 3000)
            if number % 7 == 0:
                person.declare("age", number % 40)
            crowd.append(str(number) if number % 11 else "nobody" + str(number))
        names = ["home.hero", "home.hero"]
        for asked in ({"country": "DE"}, {"country": "FR"}, {}):
            got = self.engine.decide_many(names, crowd, by="card", **asked)
            text = self.engine.decide_many(names, crowd, by="card", jsonl=True, **asked)
            self.assertEqual(got, [json.loads(line) for line in text.splitlines()])

    def test_answers_that_are_alike_are_dicts_of_their_own(self):
        got = self.engine.decide_many("home.hero", [self.ids[1]] * 2, country="DE")
        self.assertEqual(got[0], got[1])
        got[0]["value"] = "mine"
        self.assertNotEqual(got[1]["value"], "mine")
        got = self.engine.decide_many("fixed", self.ids)
        got[0]["value"]["layout"].append("mine")
        self.assertEqual(got[1]["value"], {"layout": ["a", "b"], "depth": 2})

    def test_long_lists_are_cut(self):
        with mock.patch.object(_many, "MANY_MAX", 2):
            got = self.engine.decide_many("home.hero", self.ids * 2, country="DE")
        self.assertEqual(self.short(got), self.one_by_one("home.hero", self.people * 2,
                                                          country="DE"))
        self.assertEqual(self.engine.decide_many("home.hero", []), [])
        self.assertEqual(self.engine.decide_many([], self.ids), [])
        with personalize.open() as bare:
            self.assertRaises(personalize.StateError, bare.decide_many, "x", ["a"])

    def test_account_and_level_hold_for_all(self):
        firm = self.engine.detached("firm", "account")
        firm.choose("language", "de", at=NOW, now=NOW)
        me = self.engine.detached("me")
        got = self.engine.answer_many("language", [me, me.bytes], account=firm, now=NOW)
        self.assertEqual([line["tier"] for line in got], ["ACCOUNT_CHOICE"] * 2)
        self.assertRaises(personalize.NotFound, self.engine.decide_many, "home.hero", self.ids,
                          level="shallow")
        self.assertRaises(personalize.NotFound, self.engine.decide_many, "home.heroo", self.ids)

    def test_a_batch_leaves_nothing_behind(self):
        self.engine.decide_many("home.hero", self.ids * 200, why=True)
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(3):
            self.engine.decide_many("home.hero", self.ids * 200, why=True)
            self.engine.decide_many("home.hero", self.people)
        gc.collect()
        self.assertLess(len(gc.get_objects()) - before, 100)

    def test_events_come_as_json_lines_too(self):
        events = [purchase(number, f"c{number}") for number in range(3)]
        text = "\n\n".join(json.dumps(event) for event in events)
        self.assertEqual(self.engine.observe_many(text, now=NOW),
                         [personalize.Observed(0, True, "")] * 3)
        self.assertEqual(self.engine.observe_many(events, now=NOW),
                         [personalize.Observed(0, False, "")] * 3)
        self.assertEqual(self.engine.observe_many(b"\n"), [])
        before = self.engine.ids()
        with self.assertRaises(personalize.ParseError) as caught:
            self.engine.observe_many(json.dumps(purchase(9, "new")) + "\n{\"a\": }")
        self.assertEqual((caught.exception.line, caught.exception.column), (2, 7))
        self.assertEqual(self.engine.ids(), before)

    def test_from_a_table_of_customers_to_decisions_with_reasons(self):
        """An analyst's path: rows of a CSV file in, a list of dicts out."""
        table = io.StringIO("card,when,item,total\n4711,2026-03-19T10:00:00Z,roses,12.5\n"
                            "4711,2026-03-20T10:00:00Z,roses,7.5\n"
                            "0815,2026-03-20T10:30:00Z,tv,300\n")
        rows = list(csv.DictReader(table))
        events = [{"kind": "purchase", "source": "till", "id": str(number), "time": row["when"],
                   "customer": {"card": row["card"]}, "item": row["item"],
                   "total": float(row["total"])} for number, row in enumerate(rows)]
        seen = self.engine.observe_many(events, now=NOW)
        self.assertEqual([one.is_new for one in seen], [True] * 3)
        cards = sorted({row["card"] for row in rows})
        found = self.engine.decide_many("home.hero", cards, by="card", why=True, now=NOW,
                                        country="DE")
        self.assertEqual([row["customer"] for row in found], cards)
        for row in found:
            self.assertIn(f"home.hero is {json.dumps(row['value'])}", row["why"])


class Showing(unittest.TestCase):
    def test_representations_help(self):
        with shop() as engine:
            me = engine.detached("me")
            me.choose("language", "de", at=NOW, now=NOW)
            hero = engine.decide("home.hero", me, now=NOW, country="DE")
            self.assertEqual(repr(hero), "<personalize.Decision home.hero: 'hallo' "
                             "(TARGETING_MATCH, rule 'german')>")
            self.assertEqual(repr(me), "<personalize.Profile me>")
            self.assertRegex(repr(engine), r"^<personalize\.Engine memory:, catalog [0-9a-f]{8}>$")
        bare = personalize.open()
        self.assertEqual(repr(bare), "<personalize.Engine memory:, without a catalog>")
        self.assertEqual(repr(bare.store()), "<personalize.Store memory:>")
        with personalize.open_store("memory:") as alone:
            self.assertEqual(repr(alone), "<personalize.Store memory:>")
        self.assertEqual(repr(alone), "<personalize.Store, closed>")
        self.assertEqual(repr(engine), "<personalize.Engine, closed>")

    def test_a_notebook_shows_why_and_runs_nothing(self):
        with personalize.open() as engine:
            engine.load_text("""{"attributes": {"name": {"type": "string"}}, "decisions": {"d<b>": {
                "rules": [{"id": "a&b", "when": "profile.name != '<i>' && 1 < 2",
                           "expr": "profile.name", "because": "<u>"}]}}}""")
            me = engine.detached("me")
            me.choose("name", "<script>alert(1)</script>\"'&")
            shown = engine.decide("d<b>", me)._repr_html_()
            for bad in ("<script", "<b>:", "<i>", "<u>", "a&b"):
                self.assertNotIn(bad, shown.replace("<b>d&lt;b&gt;</b>:", ""))
            for good in ("&lt;script&gt;", "a&amp;b", "TARGETING_MATCH", "<table>", "CHOICE"):
                self.assertIn(good, shown)
            empty = engine.decide("d<b>")._repr_html_()
            self.assertIn("UNKNOWN", empty)


class Redis(unittest.TestCase):
    def test_a_missing_library_is_named(self):
        with mock.patch.dict("os.environ", PERSONALIZE_REDIS_LIBRARY="/nowhere.so"), \
                mock.patch.object(personalize._ffi, "_redis", []):
            with self.assertRaises(personalize.Unsupported) as caught:
                personalize.open(store="redis://localhost:1/")
        self.assertIn("libpersonalize-redis", str(caught.exception))
        self.assertIn("/nowhere.so", str(caught.exception))

    def test_passwords_are_not_shown(self):
        try:
            engine = personalize.open(store="redis://user:secret@127.0.0.1:1/")
        except personalize.Error as error:
            self.assertNotIn("secret", str(error))
        else:
            self.assertNotIn("secret", repr(engine))
            with engine.store() as borrowed:
                self.assertEqual(repr(borrowed), "<personalize.Store redis://127.0.0.1:1/>")
            engine.close()

    def test_profiles_live_in_a_real_server(self):
        server = shutil.which("redis-server")
        if not server:
            self.skipTest("redis-server is not installed")
        try:
            personalize._ffi.redis_module()
        except ImportError:
            self.skipTest("libpersonalize-redis was not built")
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            running = subprocess.Popen(
                [server, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder,
                 "--appendonly", "yes", "--save", ""], stdout=subprocess.DEVNULL)
            try:
                self.ask(port, time.monotonic() + 30)
            finally:
                running.terminate()
                running.wait()

    def ask(self, port, until):
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
        where = f"redis://127.0.0.1:{port}"
        while True:
            try:
                with shop(store=where) as engine:
                    ann = engine.customer(email="ann@example.com")
                    ann.choose("language", "de")
                    id = ann.id
                break
            except personalize.BusyError:  # it is still loading
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
        with shop(store=where) as engine:
            ann = engine.customer(email="ann@example.com")
            self.assertEqual((ann.id, engine.ids()), (id, [id]))
            self.assertEqual(engine.value("home.hero", ann, country="DE"), "hallo")
            line, = engine.decide_many("home.hero", ["ann@example.com"], by="email", country="DE")
            self.assertEqual(line["value"], "hallo")


if __name__ == "__main__":
    unittest.main()

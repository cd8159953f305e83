#!/usr/bin/env python3
"""Functions written in Python that rules call. A test is named by its claim."""
import datetime as dt
import gc
import os
import threading
import traceback
import unittest
import weakref

import personalize
from python_kit import IS_FULL, NOW, resident_bytes

CATALOG = """{
  "attributes": {"town": {"type": "string", "default": "Bonn"}},
  "segments": {"served": "shop.open(profile.town)"},
  "decisions": {
    "door": {"rules": [{"id": "open", "when": "segment.served", "value": "in"}], "default": "out"},
    "sign": {"rules": [{"id": "loud", "expr": "profile.town.shout()"}]},
    "pure": {"rules": [{"id": "a", "when": "profile.town == 'Bonn'", "value": 1}]}},
  "tests": [{"name": "the door is open", "decide": {"door": "in"}}]
}"""


@personalize.function("string.() -> string")
def shout(town):
    return town + "!"


class Closed(Exception):
    pass


def opened(is_open, **options):
    engine = personalize.open(functions={
        "shop.open": (is_open, ["string"], "bool"), "shout": shout}, **options)
    engine.load_text(CATALOG)
    return engine


class Programs(unittest.TestCase):
    def test_a_rule_calls_python(self):
        rule = personalize.Program("add(a, b) * 2", {"a": "int", "b": "int"}, functions={
            "add": (lambda a, b: a + b, ["int", "int"], "int")})
        self.assertEqual(rule(a=3, b=4), 14)
        self.assertEqual(rule.type, "int")

    def test_every_kind_goes_in_and_comes_out(self):
        same = personalize.Program("same(x)", ["x"], functions={
            "same": (lambda x: x, "(dyn) -> dyn")})
        for value in (None, True, 7, -2**63, 1.5, "Zoë\0🌹", b"\xff", NOW, dt.timedelta(days=-1),
                      [1, ["x", None]], {"a": {"b": [1.5, b"x"]}}, {1: "x"}, 2**64 - 1):
            with self.subTest(value=value):
                got = same(x=value)
                self.assertEqual(got, value)

    def test_functions_are_declared_above_them_or_by_name(self):
        @personalize.function("(int) -> int", name="math.twice")
        def twice(n):
            return 2 * n
        self.assertEqual(twice(4), 8)
        for functions in ([twice], {"math.twice": twice}, {"math.twice": (twice, "(int) -> int")}):
            rule = personalize.Program("math.twice(n)", {"n": "int"}, functions=functions)
            self.assertEqual(rule(n=4), 8)
        either = personalize.Program("f(1) + f('x')", functions={"f": [
            (lambda n: "int", ["int"], "string"), (lambda n: "text", ["string"], "string")]})
        self.assertEqual(either(), "inttext")

    def test_what_python_raises_is_raised_where_the_rule_was_called(self):
        def refuse(n):
            raise Closed(f"no {n}")
        rule = personalize.Program("n > 0 && f(n) && f(n + 1)", {"n": "int"}, functions={
            "f": (refuse, ["int"], "bool")})
        try:
            rule(n=1)
        except Closed as error:
            self.assertEqual(str(error), "no 1")
            frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        else:
            self.fail("nothing was raised")
        self.assertIn("refuse", frames)
        self.assertIn("test_what_python_raises_is_raised_where_the_rule_was_called", frames)
        self.assertIs(rule(n=0), False)
        self.assertRaises(Closed, rule.evaluate, n=1)

    def test_an_exception_is_raised_even_where_the_rule_would_do_without(self):
        def refuse():
            raise Closed
        rule = personalize.Program("f() || true", functions={"f": (refuse, [], "bool")})
        self.assertRaises(Closed, rule)

    def test_even_interrupts_come_through(self):
        def interrupt():
            raise KeyboardInterrupt
        rule = personalize.Program("f()", functions={"f": (interrupt, [], "bool")})
        self.assertRaises(KeyboardInterrupt, rule)

    def test_whole_numbers_are_doubles_where_doubles_are_declared(self):
        half = personalize.Program("one() / x", {"x": "double"},
                                   functions={"one": (lambda: 1, [], "double")})
        self.assertEqual(half(x=2), 0.5)
        self.assertEqual(half.evaluate(x=None).unknowns, ("x",))
        with self.assertRaisesRegex(personalize.TypeMismatch, "variable 'x'"):
            half(x="2")

    def test_callables_need_not_be_hashable(self):
        class Shout:
            __hash__ = None

            def __call__(self, text):
                return text + "!"
        with personalize.open(functions={"shout": (Shout(), ["string"], "string")}) as engine:
            engine.load_text('{"decisions": {"d": {"rules": [{"expr": "shout(\'a\')"}]}}}')
            self.assertEqual(engine.value("d"), "a!")

    def test_results_have_the_declared_type(self):
        for wrong in (5, None, "true", object(), "\ud800", [], 2**70):
            rule = personalize.Program("f()", functions={"f": (lambda: wrong, [], "bool")})
            self.assertRaises(personalize.Error, rule)

    def test_declarations_are_checked(self):
        good = lambda: 1  # noqa: E731
        for functions in (5, "f", {"f": good}, {"f": (good,)}, {"f": (5, [], "int")}, [good],
                          {"f": (good, "int", "int")}, {"f": (good, [5], "int")},
                          {5: (good, [], "int")}, {"f": (good, [], None)}, {"f": (good, 7)}):
            with self.subTest(functions=functions):
                self.assertRaises(personalize.TypeMismatch, personalize.Program, "1",
                                  functions=functions)
        for functions in ({"f": (good, "nonsense")}, {"f": (good, ["no type"], "int")},
                          {"": (good, [], "int")}, {"a\0b": (good, [], "int")},
                          {"f": (good, [], "\ud800")}):
            with self.subTest(functions=functions):
                self.assertRaises(personalize.Error, personalize.Program, "1", functions=functions)
        self.assertRaises(personalize.TypeMismatch, personalize.function, 5)
        self.assertRaises(personalize.TypeMismatch, personalize.function("() -> int"), 5)

    def test_rules_that_ask_themselves_end(self):
        rules = []
        rule = personalize.Program("f(n)", {"n": "int"}, functions={
            "f": (lambda n: rules[0](n=n), ["int"], "int")})
        rules.append(rule)
        self.assertRaises(personalize.LimitError, rule, n=1)
        count_down = personalize.Program("n == 0 ? 0 : f(n - 1)", {"n": "int"}, functions={
            "f": (lambda n: rules[1](n=n), ["int"], "int")})
        rules.append(count_down)
        self.assertEqual(count_down(n=10), 0)

    def test_a_program_that_its_function_knows_is_collected(self):
        class Holder:
            pass
        holder = Holder()
        holder.rule = personalize.Program("f()", functions={
            "f": (lambda: holder is None, [], "bool")})
        gone = weakref.ref(holder)
        self.assertIs(holder.rule(), False)
        del holder
        gc.collect()
        self.assertIsNone(gone())


class Engines(unittest.TestCase):
    def test_rules_of_a_catalog_call_python_and_say_so(self):
        towns = []

        def is_open(town):
            towns.append(town)
            return town == "Bonn"
        with opened(is_open) as engine:
            door = engine.decide("door")
            self.assertEqual((door.value, door.impure, towns), ("in", True, ["Bonn"]))
            self.assertTrue(door.to_dict()["impure"])
            self.assertIn("host's own functions", door.explain())
            self.assertEqual(engine.value("sign"), "Bonn!")
            self.assertFalse(engine.decide("pure").impure)
            self.assertNotIn("impure", engine.decide("pure").to_dict())
            me = engine.detached("me")
            me.choose("town", "Ulm")
            self.assertEqual(engine.value("door", me), "out")
            self.assertEqual(engine.segments(me), [])
            self.assertEqual(engine.test(), (1, 0, []))
            lines = engine.decide_many("door", [me, None])
            self.assertEqual([(line["value"], line["impure"]) for line in lines],
                             [("out", True), ("in", True)])

    def test_one_question_calls_a_function_once_with_the_same_arguments(self):
        calls = []

        def is_open(town):
            calls.append(town)
            return len(calls) % 2 == 1  # another answer each time
        with opened(is_open) as engine:
            for turn in range(1, 5):
                door = engine.decide("door")
                self.assertEqual(len(calls), turn)
                came_to = door.reasons()["rules"][0]["came_to"]
                self.assertEqual(came_to, "TRUE" if door.value == "in" else "FALSE")

    def test_what_python_raises_is_raised_by_every_question(self):
        def is_open(town):
            raise Closed(town)
        with opened(is_open) as engine:
            me = engine.detached("me")
            for call in (lambda: engine.decide("door", me), lambda: engine.value("door"),
                         lambda: engine.segments(me), lambda: engine.test(),
                         lambda: engine.decide_many("door", [me]),
                         lambda: engine.segments_many([None])):
                self.assertRaises(Closed, call)
            self.assertEqual(engine.value("sign", me), "Bonn!")
            self.assertEqual(engine.decide("pure", me).value, 1)

    def test_a_function_may_ask_the_engine_but_not_close_it(self):
        asked = []

        def is_open(town):
            asked.append(engine.value("sign"))
            return True
        engine = opened(is_open)
        self.assertEqual(engine.value("door"), "in")
        self.assertEqual(asked, ["Bonn!"])
        engine.close()

        def shut(town):
            engine.close()
            return True
        engine = opened(shut)
        self.assertRaises(personalize.StateError, engine.value, "door")
        self.assertEqual(engine.value("sign"), "Bonn!")
        engine.close()

    def test_a_function_that_asks_about_the_same_profile_is_refused(self):
        def is_open(town):
            return engine.value("pure", me) == 1
        with opened(is_open) as engine:
            me = engine.detached("me")
            self.assertRaises(personalize.StateError, engine.value, "door", me)
            self.assertEqual(engine.value("sign", me), "Bonn!")

    def test_catalogs_are_checked_against_the_declared_types(self):
        engine = personalize.open(functions=[shout])
        with self.assertRaises(personalize.CatalogError) as caught:
            engine.load_text('{"segments": {"s": "5.shout() == \'x\'"}}')
        self.assertEqual(caught.exception.diagnostics[0].line, 1)
        self.assertRaises(personalize.ArgumentError, personalize.open,
                          functions={"count": (lambda: 1, [], "int")})

    def test_an_engine_that_its_function_knows_is_collected(self):
        class Holder:
            pass
        holder = Holder()
        holder.engine = opened(lambda town: holder is not None)
        holder.me = holder.engine.detached("me")
        self.assertEqual(holder.engine.value("door", holder.me), "in")
        gone = weakref.ref(holder), weakref.ref(holder.engine)
        del holder
        gc.collect()
        self.assertEqual([ref() for ref in gone], [None, None])


class Threads(unittest.TestCase):
    def test_eight_threads_whose_rules_raise_leak_nothing(self):
        rounds = 20000 if IS_FULL else 2000

        def is_open(town):
            if town == "Ulm":
                raise Closed(town)
            return town == "Bonn"
        engine, failures, grown = opened(is_open), [], []
        barrier = threading.Barrier(8)

        def work(number):
            try:
                me = engine.detached(f"me{number}")
                for turn in range(rounds):
                    if turn == rounds // 10 and barrier.wait() == 0:
                        gc.collect()
                        grown.append(resident_bytes())
                    if turn % 100 == 0:
                        me.choose("town", ("Bonn", "Ulm")[turn // 100 % 2])
                    try:
                        value = engine.value("door", me)
                        assert value == "in" and turn // 100 % 2 == 0, (turn, value)
                    except Closed:
                        assert turn // 100 % 2 == 1, turn
            except BaseException as error:
                barrier.abort()
                failures.append(error)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        gc.collect()
        if grown[0] is not None:
            self.assertLessEqual(resident_bytes() - grown[0], 1 << 20)
        engine.close()

    def test_children_by_the_hundred_decide_with_their_parents_engine(self):
        with opened(lambda town: town == "Bonn") as engine:
            me = engine.detached("me")
            self.assertEqual(engine.value("door", me), "in")
            for _ in range(1000 if IS_FULL else 100):
                child = os.fork()
                if child == 0:
                    try:
                        os._exit(0 if engine.value("door", me) == "in" else 1)
                    finally:
                        os._exit(2)
                self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_a_child_of_a_busy_process_decides(self):
        with opened(lambda town: True) as engine:
            me, is_over = engine.detached("me"), threading.Event()

            def work():
                while not is_over.is_set():
                    engine.value("door", me)
            threads = [threading.Thread(target=work) for _ in range(3)]
            for thread in threads:
                thread.start()
            try:
                for _ in range(50):
                    child = os.fork()
                    if child == 0:
                        try:
                            os._exit(0 if engine.value("door", me) == "in" else 1)
                        finally:
                            os._exit(2)
                    self.assertEqual(os.waitpid(child, 0)[1], 0)
            finally:
                is_over.set()
                for thread in threads:
                    thread.join()


if __name__ == "__main__":
    unittest.main()

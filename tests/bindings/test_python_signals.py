#!/usr/bin/env python3
"""What a signal raises, such as Ctrl-C, may come at any step of a call and breaks nothing: the engine
and the profile answer afterwards, from other threads too, and close() returns.

The interpreter runs signal handlers where a Python function begins and where a call has come back.
A profile function is called at the same places; it raises at each of them in turn.
"""
import contextlib
import os
import signal
import subprocess
import sys
import threading
import unittest

import personalize

CATALOG = """{"catalog": "s", "attributes": {"language": {"type": "string", "default": "en"}},
  "decisions": {"hero": {"rules": [{"id": "de", "when": "profile.language == 'de'", "value": 1}],
                         "default": 0}}}"""


class Stop(BaseException):
    pass


def stopped_at(step, call):
    """Call and raise Stop at the step of that number; false once there are not so many."""
    steps = [0]

    def tell(frame, event, argument):
        if event in ("call", "c_return"):
            steps[0] += 1
            if steps[0] == step:
                raise Stop
    sys.setprofile(tell)
    try:
        call()
        return False
    except Stop:
        return True
    finally:
        sys.setprofile(None)


def in_thread(call):
    """Call in another thread, which must come back."""
    done = []
    thread = threading.Thread(target=lambda: done.append(call()), daemon=True)
    thread.start()
    thread.join(60)
    return done


class Signals(unittest.TestCase):
    def unharmed(self, scenario):
        """`scenario` gives, for an engine and two profiles of it, what is to be interrupted."""
        step = 0
        while True:
            step += 1
            engine = personalize.Engine()
            engine.load_text(CATALOG)
            ann, bob = engine.customer("email", "a"), engine.customer("email", "b")
            call = scenario(engine, ann, bob)
            call()
            with self.subTest(step=step):
                was_stopped = stopped_at(step, call)
                for one in (ann, bob):
                    one.choose("language", "de")
                    self.assertEqual(engine.value("hero", one), 1)
                    self.assertEqual(in_thread(lambda: engine.value("hero", one)), [1])
                self.assertEqual(in_thread(engine.close), [None])
            if not was_stopped:
                break
        self.assertGreater(step, 5)

    def test_a_decision(self):
        self.unharmed(lambda engine, ann, bob: lambda: engine.decide("hero", ann, now=5))

    def test_a_decision_with_an_account(self):
        self.unharmed(lambda engine, ann, bob: lambda: engine.value("hero", ann, account=bob))

    def test_writes(self):
        self.unharmed(lambda engine, ann, bob: lambda: ann.choose("language", "en"))
        self.unharmed(lambda engine, ann, bob: lambda: bob.consent("ads", False))

    def test_many(self):
        self.unharmed(lambda engine, ann, bob: lambda: engine.decide_many("hero", [ann, bob, None]))
        self.unharmed(lambda engine, ann, bob: lambda: engine.resolve_many(["language"], [ann, bob]))

    def test_reading(self):
        self.unharmed(lambda engine, ann, bob: lambda: (ann.id, ann.bytes, len(engine)))

    def test_listing_is_whole_or_raises(self):
        """No Python runs in the middle of a visit, where ctypes would swallow what a signal raises."""
        with personalize.Engine() as engine:
            engine.load_text(CATALOG)
            engine.observe_many([{"kind": "view", "source": "t", "id": str(n), "customer":
                                  {"email": str(n)}, "time": "2026-01-01T00:00:00Z"}
                                 for n in range(500)], replay=True)
            engine.record_many([engine.decide("hero").record] * 1500)
            for read in (engine.ids, engine.records):
                whole = read()
                self.assertGreater(len(whole), 499)
                signal.signal(signal.SIGALRM, self.stop)
                for step in range(1, 20):
                    with contextlib.suppress(Stop):
                        try:
                            signal.setitimer(signal.ITIMER_REAL, step / 5000)
                            for _ in range(30):
                                self.assertEqual(len(read()), len(whole))
                        finally:
                            signal.setitimer(signal.ITIMER_REAL, 0)

    @staticmethod
    def stop(number, frame):
        raise Stop

    def test_functions_of_the_host(self):
        """Interrupted questions do not count among those that are asked in one another."""
        rule = personalize.Program("f(1)", functions={"f": (lambda n: n, "(int) -> int")})

        def ask():
            with contextlib.suppress(personalize.EvalError):  # ctypes swallowed it: no value came
                rule()
        for _ in range(3):
            step = 1
            while step < 60:
                stopped_at(step, ask)
                step += 1
        self.assertEqual(rule(), 1)

    def test_closing_may_be_interrupted_and_called_again(self):
        step = 0
        while True:
            step += 1
            engine = personalize.Engine()
            engine.load_text(CATALOG)
            ann = engine.customer("email", "a")
            engine.value("hero", ann)
            was_stopped = stopped_at(step, engine.close)
            engine.close()
            self.assertRaises(personalize.StateError, lambda: ann.id)
            if not was_stopped:
                break


@unittest.skipUnless(hasattr(signal, "SIGPIPE"), "no SIGPIPE here")
class TheCommand(unittest.TestCase):
    def test_a_reader_that_has_gone_ends_it_like_any_command(self):
        """`python -m personalize ... | head` says nothing, though Python itself ignores SIGPIPE."""
        asked = subprocess.run([sys.executable, "-m", "personalize", "--help"], check=False,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
        if asked.returncode == 127:
            self.skipTest(asked.stderr.decode())
        reading, writing = os.pipe()
        os.close(reading)
        run = subprocess.run([sys.executable, "-m", "personalize", "eval", "1"], stdout=writing,
                             stderr=subprocess.PIPE, timeout=60, check=False)
        os.close(writing)
        self.assertEqual((run.returncode, run.stderr), (-signal.SIGPIPE, b""))


def setUpModule():
    """What a finalizer or a callback of ctypes swallows, the interpreter only tells."""
    sys.unraisablehook = lambda what: None


if __name__ == "__main__":
    unittest.main()

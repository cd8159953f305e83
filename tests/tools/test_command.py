"""The `personalize` command: every subcommand, every exit code, output for people and programs."""
import gzip
import json
import os
import pty
import resource
import signal
import subprocess
import unittest

import kit

ALL = ["check", "observe", "profile", "resolve", "inspect", "decide", "explain", "segments", "records",
       "eval", "import", "export", "store"]


class CommandLine(kit.CommandTest):
    def test_help_of_the_command_lists_every_subcommand(self):
        for word in ("--help", "-h", "help"):
            run = self.run_command(word)
            self.assertEqual((run.code, run.err), (0, ""))
            for name in ALL:
                self.assertRegex(run.out, rf"(?m)^  {name} ")
            self.assertIn("exit status", run.out)

    def test_help_of_each_subcommand_shows_usage_and_options(self):
        for name in ALL:
            for word in ("--help", "-h"):
                run = self.run_command(name, word)
                self.assertEqual((run.code, run.err), (0, ""), name)
                self.assertTrue(run.out.startswith(f"usage: personalize {name} "), run.out)
                self.assertEqual(self.run_command("help", name).out, run.out)
                self.assertEqual(self.run_command(word, name).out, run.out)
        self.assertIn("--replay", self.run_command("observe", "--help").out)
        self.assertNotIn("--replay", self.run_command("decide", "--help").out)

    def test_version_is_that_of_the_headers(self):
        header = (kit.SOURCE / "include/personalize/base.h").read_text()
        parts = [line.split()[2] for line in header.splitlines() if line.startswith("#define PZ_VERSION_")]
        self.assertEqual(self.run_command("--version").out, f"personalize {'.'.join(parts)}\n")

    def test_wrong_usage_is_status_1_and_does_nothing(self):
        for words, fragment in [
                ((), "usage: personalize COMMAND"),
                (("decid",), "did you mean 'decide'?"),
                (("quux",), "there is no command 'quux'"),
                (("help", "decid"), "did you mean 'decide'?"),
                (("-c", "x", "decide"), "the command comes first, options behind it"),
                (("decide", "--catalg", "x"), "did you mean --catalog?"),
                (("decide", "--replay"), "decide takes no option --replay"),
                (("decide", "-x"), "decide takes no option -x"),
                (("decide", "--json=1"), "--json takes no argument"),
                (("decide", "greeting", "1", "--now"), "--now needs TIME"),
                (("decide", "greeting", "1"), "decide needs --catalog"),
                (("decide", "-c", self.catalog, "greeting", "1"), "decide needs --store"),
                (("decide", "a", "b", "c"), "usage: personalize decide"),
                (("decide", "greeting"), "decide takes a customer, or --all"),
                (("profile",), "usage: personalize profile"),
                (("profile", "chose", "1"), "did you mean 'choose'?"),
                (("profile", "choose", "1"), "usage: personalize profile choose"),
                (("profile", "clear", "--all", "language"), "usage: personalize profile clear"),
                (("observe",), "usage: personalize observe"),
                (("check",), "usage: personalize check")]:
            self.expect(self.run_command(*words), 1, fragment)
        for words, fragment in [
                (("decide", "--now", "yesterday", "greeting", "1"), "--now is a time such as"),
                (("observe", "--batch", "0", "-"), "--batch is a number from 1 to 65536"),
                (("observe", "--batch", "65537", "-"), "--batch is a number from 1 to 65536"),
                (("observe", "--batch", "ten", "-"), "--batch is a number from 1 to 65536"),
                (("profile choose", "--at", "1.1.2026", "1", "language", "de"), "--at is a time such as"),
                (("profile choose", "--expires", "", "1", "language", "de"), "--expires is a time")]:
            self.expect(self.on_store(*words, now=False), 1, fragment)
        self.expect(self.on_store("profile choose", "1", "language", "de"), 0)
        self.expect(self.on_store("decide", "--context", "country", "greeting", "1"), 1, "NAME=VALUE")

    def test_two_dashes_end_the_options(self):
        self.expect(self.on_store("profile choose", "1", "language", "de"), 0)
        self.expect(self.on_store("resolve", "--", "1", "-x"), 2, "declares no attribute '-x'")

    def test_colour_needs_a_terminal_and_no_NO_COLOR(self):
        self.catalog.write_text('{"attributes": {"a": {"type": "strin"}}}')
        for environment, is_coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
            try:
                master, slave = pty.openpty()
            except OSError:
                self.skipTest("this machine has no terminals to give")
            clean = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
            run = subprocess.run([str(kit.COMMAND), "check", str(self.catalog)], stderr=slave,
                                 stdout=subprocess.PIPE, env={**clean, **environment}, timeout=60)
            os.close(slave)
            shown = os.read(master, 65536).decode()
            os.close(master)
            self.assertEqual(run.returncode, 4)
            self.assertIn("strin", shown)
            self.assertEqual("\x1b[" in shown, is_coloured, shown)
        self.expect(self.run_command("check", self.catalog), 4, "strin")

    def test_a_result_that_cannot_be_written_is_status_5(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("there is no /dev/full")
        with open("/dev/full", "w") as full:
            run = subprocess.run([str(kit.COMMAND), "eval", "1 + 1"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(run.returncode, 5)
        self.assertIn(b"cannot write the result", run.stderr)


class Subcommands(kit.CommandTest):
    def setUp(self):
        super().setUp()
        events = [kit.event(n) for n in range(12)] + [kit.event(n, kind="purchase", total=60) for n in (20, 21)]
        self.expect(self.observe(events), 0)

    def test_check_tells_hash_and_tests(self):
        run = self.run_command("check", self.catalog)
        self.assertRegex(run.out, r"catalog [0-9a-f]{32}; tests: 1 passed, 0 failed")
        self.assertEqual(run.code, 0)

    def test_check_finds_a_failing_test(self):
        self.catalog.write_text(kit.CATALOG.replace('"decide": {"greeting": "Guten Tag"}',
                                                    '"decide": {"greeting": "Bonjour"}'))
        self.expect(self.run_command("check", self.catalog), 4, 'expected "Bonjour", got "Guten Tag"')
        run = self.run_command("check", "--json", self.catalog)
        self.assertEqual(run.code, 4)
        self.assertEqual(run.lines()[0]["severity"], "error")

    def test_a_test_whose_customer_failed_asks_nothing(self):
        self.catalog.write_text(kit.CATALOG.replace('["choose", "language", "de"]',
                                                    '["choose", "language", "de", {"att": "2026-01-01T00:00:00Z"}]'))
        run = self.run_command("check", "--json", self.catalog)
        self.assertEqual(run.code, 4)
        self.assertEqual(len(run.lines()), 1, run.out)
        self.assertIn('did you mean \\"at\\"', run.out)

    def test_tests_of_a_catalog_say_values_as_verbs_do(self):
        for name in "tests_typed", "tests_verbs":
            catalog = kit.SOURCE / f"tests/data/catalog/good/{name}.json"
            run = self.run_command("check", catalog)
            self.expect(run, 0)
            self.assertRegex(run.out, "tests: [1-9] passed, 0 failed")
        text = (kit.SOURCE / "tests/data/catalog/good/tests_typed.json").read_text()
        for right, wrong in ('"resolve": {"birthday": "1990', '"resolve": {"birthday": "1991'), ('480m', '481m'), ('"price": 3}}', '"price": 4}}'):
            self.assertEqual(text.count(right), 1)
            self.catalog.write_text(text.replace(right, wrong))
            self.expect(self.run_command("check", self.catalog), 4, "expected")

    def test_check_lists_each_mistake_with_its_place(self):
        self.catalog.write_text(kit.CATALOG.replace("profile.language == 'de'", "profile.langage == 'de'"))
        run = self.run_command("check", "--json", self.catalog)
        self.assertEqual(run.code, 4)
        mistake = run.lines()[0]
        self.assertEqual(mistake["suggestion"], "profile.language", mistake)
        self.assertEqual(mistake["line"], 12)
        self.expect(self.run_command("check", self.catalog), 4, "langage", "^")

    def test_sentences_tell_windows_as_their_author_wrote_them(self):
        spans = "'2160h'", "'90m'", "'5400s'", "'45s'", "'90.5s'"
        rules = ", ".join(f'"s{i}": "count(\'visit\', duration({span})) > 90"' for i, span in enumerate(spans))
        tried = " || ".join(f"segment.s{i}" for i in range(len(spans)))
        self.catalog.write_text(f'''{{"segments": {{{rules}, "e": "sum('buy', 'n', duration('24h')) > 1"}},
            "events": {{"visit": {{}}, "buy": {{"n": "int"}}}},
            "decisions": {{"d": {{"rules": [{{"when": "{tried} || segment.e", "value": 1}}], "default": 0}}}}}}''')
        told = self.on_store("explain", "d", "1").out
        for span in "2160h", "90m", "45s", "90.5s":
            self.assertIn(f"count('visit', duration('{span}')) is ", told)
        self.assertIn("sum('buy', 'n', duration('24h')) is ", told)
        self.assertIn("duration('7776000s')", self.on_store("decide", "--json", "d", "1").out)
        self.assertIn("sum('buy', 'n', duration('24h'))", self.on_store("explain", "d", "nobody").out.splitlines()[-1])

    def test_resolve(self):
        self.assertEqual(self.on_store("resolve", "1", "language").out, "de\n")
        answer = self.on_store("resolve", "--json", "1", "language").lines()[0]
        self.assertEqual((answer["value"], answer["tier"]), ("de", "INFERRED"))
        self.assertGreater(answer["confidence"], 0.75)
        self.expect(self.on_store("resolve", "1", "age"), 2, "'age' is not resolved")
        answer = self.on_store("resolve", "--json", "1", "age").lines()[0]
        self.assertEqual(answer["tier"], "NONE")
        self.assertNotIn("value", answer)

    def test_inspect_one_and_all(self):
        layers = self.on_store("inspect", "1", "language").lines()
        self.assertEqual([(l["tier"], l["why"]) for l in layers],
                         [("INFERRED", "USED"), ("DEFAULT", "SHADOWED")])
        everybody = self.on_store("inspect", "--all", "language").lines()
        self.assertEqual(len(everybody), 1)
        self.assertEqual(everybody[0]["layers"], layers)
        self.assertEqual(everybody[0]["attribute"], "language")

    def test_decide_one_and_all(self):
        self.assertEqual(self.on_store("decide", "greeting", "1").out, "Guten Tag\n")
        self.assertEqual(self.on_store("decide", "greeting", "nobody").out, "Hello\n")
        one = self.on_store("decide", "--json", "greeting", "1").lines()[0]
        self.assertEqual((one["value"], one["rule"], one["reason"]),
                         ("Guten Tag", "german", "TARGETING_MATCH"))
        everybody = self.on_store("decide", "--all", "greeting").lines()
        self.assertRegex(everybody[0].pop("profile"), r"^[0-9a-f-]{36}$")
        self.assertEqual(everybody, [one])

    def test_a_profile_id_names_the_same_customer(self):
        profile = self.on_store("decide", "--all", "greeting").lines()[0]["profile"]
        self.assertEqual(self.on_store("decide", "greeting", f"id:{profile}").out, "Guten Tag\n")
        self.expect(self.on_store("decide", "greeting", "id:nobody"), 2, "holds no profile 'nobody'")

    def test_an_identifier_of_another_kind_is_another_customer(self):
        self.expect(self.on_store("profile choose", "email:ann@example.com", "language", "fr"), 0)
        self.assertEqual(self.on_store("resolve", "email:ann@example.com", "language").out, "fr\n")
        self.assertEqual(self.on_store("resolve", "ann@example.com", "language").out, "en\n")

    def test_explain(self):
        run = self.on_store("explain", "greeting", "1")
        self.assertIn("rule 'german' matched", run.out)
        self.assertIn("inferred", run.out)
        structure = json.loads(self.on_store("explain", "--json", "greeting", "1").out)
        self.assertEqual(structure["rules"][0]["came_to"], "TRUE")
        self.assertEqual(structure["layers"]["language"][0]["tier"], "INFERRED")

    def test_a_question_is_asked_for_an_account_and_at_a_level(self):
        self.expect(self.on_store("profile choose", "firm", "language", "fr"), 0)
        for who, language in ("1", "fr"), ("nobody", "fr"):
            self.assertEqual(self.on_store("resolve", "--account", "firm", who, "language").out, f"{language}\n")
        self.assertEqual(self.on_store("inspect", "--account", "firm", "1", "language").lines()[0]["tier"], "ACCOUNT_CHOICE")
        self.assertEqual(self.on_store("decide", "--account", "firm", "greeting", "1").out, "Hello\n")
        self.assertEqual({line["value"] for line in self.on_store("decide", "--account", "firm", "--all", "greeting").lines()},
                         {"Hello"})
        self.expect(self.on_store("decide", "--account", "firn", "greeting", "1"), 2, "--account: the store knows no 'firn'")
        self.expect(self.on_store("decide", "--account", "firn", "--all", "greeting"), 2, "the store knows no 'firn'")
        self.assertEqual(self.on_store("resolve", "--level", "deep", "1", "language").out, "de\n")
        self.assertEqual(self.on_store("resolve", "--level", "basic", "1", "language").out, "en\n")
        self.assertEqual(self.on_store("decide", "--level", "basic", "greeting", "1").out, "Hello\n")
        self.assertNotIn("Guten Tag", self.on_store("decide", "--level", "basic", "--all", "greeting").out)
        self.expect(self.on_store("decide", "--level", "basics", "greeting", "1"), 2, "did you mean 'basic'?")

    def test_a_number_below_zero_is_no_option(self):
        self.expect(self.on_store("profile declare", "1", "age", "-5"), 2, "-5 is less than the least value")
        self.expect(self.on_store("profile declare", "1", "age", "-.5"), 2)
        self.expect(self.on_store("profile declare", "1", "age", "-x"), 1, "takes no option -x")
        self.expect(self.on_store("profile declare", "1", "age", "-."), 1, "takes no option -.")

    def test_segments(self):
        self.assertEqual(self.on_store("segments", "1").out, "regular\n")
        self.assertEqual(self.on_store("segments", "--json", "1").out, '["regular"]\n')
        self.assertEqual(self.on_store("segments", "nobody").out, "")
        everybody = self.on_store("segments", "--all").lines()
        self.assertEqual(sorted(line["segments"] for line in everybody), [["regular"]])
        self.assertTrue(all(list(line) == ["profile", "segments"] for line in everybody))
        self.expect(self.on_store("segments"), 1, "segments takes a customer, or --all")
        self.expect(self.on_store("segments", "--all", "1"), 1, "segments takes a customer, or --all")

    def test_eval(self):
        self.assertEqual(self.run_command("eval", "'a' + 'b'").out, "ab\n")
        self.assertEqual(self.run_command("eval", "--json", "'a' + 'b'").out, '"ab"\n')
        self.assertEqual(self.run_command("eval", "x + 1", "-", stdin=b'{"x": 41}').out, "42\n")
        packed = self.folder / "x.json.gz"
        packed.write_bytes(gzip.compress(b'{"x": [1,\n2]}'))
        self.assertEqual(self.run_command("eval", "x", packed).out, "[1,2]\n")
        run = self.run_command("eval", stdin=b"x = 2\nx + 40\n1 / 0\n:type x\n")
        self.assertEqual((run.code, run.out), (2, "42\ndyn\n"))
        self.assertIn("1 / 0\n  ^", run.err)
        self.expect(self.run_command("eval", "1 +"), 2, "line 1, column 4", "^")
        self.expect(self.run_command("eval", "y", "-", stdin=b"{}"), 2, "line 1, column 1")
        self.expect(self.run_command("eval", "1 / 0"), 2, "divi")
        self.expect(self.run_command("eval", "x", "-", stdin=b"[1]"), 2, "the variables are an object")
        self.expect(self.run_command("eval", "x", "-", stdin=b"{"), 2, "line ")
        self.expect(self.run_command("eval", "double('NaN')"), 2, "JSON cannot say")

    def test_profile_choose_reject_clear_declare_get(self):
        def language():
            return self.on_store("profile get", "1", "language").out
        self.expect(self.on_store("profile choose", "1", "language", "fr", "--channel", "web", "--who", "ann"), 0)
        self.assertEqual(language(), "fr\n")
        layer = self.on_store("inspect", "1", "language").lines()[0]
        self.assertEqual((layer["tier"], layer["channel"], layer["who"], layer["at"]),
                         ("CHOICE", "web", "ann", kit.NOW))
        self.expect(self.on_store("profile clear", "1", "language"), 0)
        self.assertEqual(language(), "de\n")
        self.expect(self.on_store("profile reject", "1", "language", "de"), 0)
        self.assertEqual(language(), "en\n")
        self.expect(self.on_store("profile declare", "1", "language", "fr"), 0)
        self.assertEqual(language(), "fr\n")
        self.expect(self.on_store("profile choose", "1", "age", "40", "--expires", "2026-01-02T00:00:01Z"), 0)
        self.assertEqual(self.on_store("resolve", "1", "age").out, "40\n")
        run = self.on_store("resolve", "--now", "2026-01-02T00:00:02Z", "1", "age", now=False)
        self.expect(run, 2, "not resolved")

    def test_profile_says_every_verb(self):
        """Each does what its operation would do as a line of `profile apply`."""
        said = [("edit", "age", "x", "hide"), ("set_mode", "age", "OFF"), ("set_level", "deep"),
                ("identify", "card", "7"), ("consent", "ads", "grant"), ("forget", "age"),
                ("link", "other"), ("unlink", "other"), ("switch", "other"), ("set_account", "firm"),
                ("undo", "*"), ("retract", "test", "1"), ("consent_tcf", "CO=")]
        for verb, *words in said:
            one = self.on_store(f"profile {verb}", "1", *words)
            operation = [verb, *words] if verb != "retract" else [verb, dict(zip(("source", "id"), words))]
            two = self.on_store("profile apply", "-", stdin=kit.jsonl([["2", operation]]))
            if one.code == 0:
                # The other customer has no such event, and not the same card.
                self.expect(two, 3 if verb in ("retract", "identify") else 0)
            else:
                self.expect(one, 2)
                self.assertEqual(one.err.replace("personalize: ", ""), two.err.split("-:1: ")[-1], verb)
        self.expect(self.on_store("profile retract", "1", "test", "none"), 2)
        self.expect(self.on_store("profile consent", "1", "ads", "perhaps"), 2, '"grant" or "deny"')
        self.expect(self.on_store("profile set_mode", "1", "age"), 1, "usage: personalize profile set_mode")
        self.expect(self.on_store("profile get", "--text", "1", "age"), 1, "usage: personalize profile get")

    def test_what_a_retention_has_ended_is_dropped(self):
        catalog = self.folder / "short.json"
        catalog.write_text(kit.CATALOG.replace('"max": 150}', '"max": 150, "retention": "30d"}'), encoding="utf-8")
        for name in "23":
            self.expect(self.on_store("profile declare", name, "age", "40", catalog=catalog), 0)

        def later(*words):
            return self.on_store("profile expire", "--now", "2026-02-02T00:00:00Z", *words, catalog=catalog, now=False)
        self.assertEqual(later("2").out, "1 attributes had something that was over\n")
        self.assertEqual(later("--all").out, "3 profiles, 1 of them rewritten\n")
        self.assertEqual(later("--all", "--json").lines(), [{"profiles": 3, "rewritten": 0}])
        self.expect(later("2", "age"), 1, "usage: personalize profile expire")

    def test_profile_export_speaks_plainly(self):
        told = self.on_store("profile export", "--text", "1", now=False).out
        self.assertTrue(told.startswith("Everything known about the person "), told)
        self.assertIn("Your behaviour speaks for \"de\": weight ", told)

    def test_profile_export_tells_everything_known(self):
        profile = json.loads(self.on_store("profile export", "1", now=False).out)
        self.assertEqual(profile["writers"][0]["events"], 14)
        self.assertEqual(self.on_store("profile export", "--json", "1", now=False).lines(), [profile])
        self.assertEqual(self.on_store("profile export", "--all", now=False).lines(), [profile])

    def test_profile_apply(self):
        good = [["1", ["choose", "language", "fr", {"at": kit.TIME}]], ["2", ["reject", "language", "en"]],
                ["2", ["observe", kit.event(1)]], ["email:b@c.d", ["infer", "age", 30, {"confidence": 0.9}]]]
        run = self.on_store("profile apply", "-", stdin=kit.jsonl(good))
        self.assertEqual(run.out, "4 operations applied, 0 refused\n")
        self.expect(run, 0)
        bad = [b'["1",["chose","language","fr"]]', b'{"a":1}', b'["1",["choose","language"', b"",
               b'["1",["choose","langage","fr"]]', b'["1",["choose","language","xx"]]',
               b'["1",["choose","language","fr",{"at":"2999-01-01T00:00:00Z"}]]', b'["a\\u0000b",["clear","age"]]',
               b'["id:nobody",["clear","age"]]', b'["\xff",["clear","age"]]', b'[1,["clear","age"]]',
               b'["1",["clear","age"],3]', b'["",["clear","age"]]', b'["9",["clear","age"]]']
        before = self.export()
        run = self.on_store("profile apply", "--json", "-", stdin=b"\n".join(bad))
        self.assertEqual(run.lines(), [{"applied": 1, "refused": 12}])
        self.expect(run, 3, "-:1: there is no operation 'chose'; did you mean 'choose'?", "-:2: ", "-:3:",
                    "-:5: ", "did you mean 'language'?", "-:6: ", "-:7: the claimed time", "-:8: ", "-:9: ",
                    "-:10:", "-:11: ", "-:12: ", "-:13: ")
        after = self.export()
        after.pop(("9",))
        self.assertEqual(after, before)

    def test_observe_reports_counts(self):
        events = [kit.event(n) for n in range(11, 14)]
        run = self.observe(events)
        self.assertEqual(run.out, "2 events applied, 1 seen before, 0 refused\n")
        run = self.observe(events, "--json")
        self.assertEqual(run.lines(), [{"applied": 0, "repeated": 3, "refused": 0, "undeclared": 0}])
        run = self.observe([{**kit.event(n), "kind": kind} for n, kind in enumerate(["vist", "visit", "vist"], 900)])
        self.assertEqual(run.out, "3 events applied, 0 seen before, 0 refused\n"
                                  "2 of them of kinds that the catalog does not declare\n")
        self.expect(run, 0, "-:1: the catalog declares no event 'vist'; did you mean 'visit'?")
        self.assertEqual(len(run.err.splitlines()), 1)

    def test_observe_acknowledges_every_line(self):
        run = self.observe([kit.event(n) for n in range(200, 230)], "--ack", "--batch", "7")
        self.assertEqual(run.out.split(), [str(n) for n in range(1, 31)])

    def test_observe_reads_many_files_plain_and_compressed(self):
        plain, packed = self.folder / "a.jsonl", self.folder / "b.jsonl.gz"
        plain.write_bytes(kit.jsonl([kit.event(n) for n in range(300, 310)]).rstrip(b"\n"))
        packed.write_bytes(gzip.compress(kit.jsonl([kit.event(310)])) + gzip.compress(kit.jsonl([kit.event(311)])))
        run = self.on_store("observe", plain, packed, "-", stdin=kit.jsonl([kit.event(312)]))
        self.assertEqual(run.out, "13 events applied, 0 seen before, 0 refused\n")

    def test_replay_takes_the_times_of_events_for_the_clock(self):
        old = [kit.event(1, time="2019-05-05T00:00:00Z", customer="old")]
        self.expect(self.observe(old), 3, "older than the horizon", "replay")
        self.expect(self.observe(old, "--replay", now=False), 0)
        older = [kit.event(2, time="2018-05-05T00:00:00Z", customer="old")]
        self.expect(self.observe(older, "--replay", now=False), 3, "older than the horizon", "in the order of time")


class Exports(kit.CommandTest):
    """What is known of everybody, as lines, in a file, compressed."""

    EVERYBODY = "profile export --all"
    COUNT = 60

    def setUp(self):
        super().setUp()
        customers = [kit.event(n, customer=str(n % self.COUNT)) for n in range(4 * self.COUNT)]
        self.expect(self.observe(customers), 0)
        self.file = self.folder / "all.jsonl.gz"

    def plain(self, *words):
        run = self.on_store(self.EVERYBODY, *words, now=False)
        self.expect(run, 0)
        return run.out.encode()

    def test_an_export_is_one_line_for_each_profile(self):
        lines = [json.loads(line) for line in self.plain().decode().splitlines()]
        self.assertEqual(len(lines), self.COUNT)
        ids = [line["subject"]["id"] for line in lines]
        self.assertEqual(ids, sorted(set(ids)))

    def test_gzip_holds_the_bytes_of_the_plain_form(self):
        plain = self.plain()
        run = self.on_store(self.EVERYBODY, "--gzip", "-o", self.file, now=False)
        self.expect(run, 0)
        self.assertEqual(run.out, "")
        self.assertEqual(subprocess.run(["gunzip", "-t", self.file]).returncode, 0)
        packed = self.file.read_bytes()
        self.assertEqual(gzip.decompress(packed), plain)
        self.assertEqual(packed[4:8], bytes(4), "a time in the header")
        self.assertLess(len(packed) * 4, len(plain))
        piped = subprocess.run([str(kit.COMMAND), *self.EVERYBODY.split(), "--gzip", "-c", self.catalog, "-s",
                                f"lmdb:{self.store}"], stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual(piped, packed)

    def test_a_file_holds_what_standard_output_would(self):
        for words in ((), ("--text",)):
            self.expect(self.on_store(self.EVERYBODY, "-o", self.file, *words, now=False), 0)
            self.assertEqual(self.file.read_bytes(), self.plain(*words))
        one = self.on_store("profile export", "7", now=False).out
        self.expect(self.on_store("profile export", "7", "--gzip", "-o", self.file, now=False), 0)
        self.assertEqual(gzip.decompress(self.file.read_bytes()).decode(), one)

    def test_a_store_without_profiles_is_an_empty_export(self):
        empty = self.folder / "empty"
        self.expect(self.observe([], store=empty), 0)
        self.expect(self.on_store(self.EVERYBODY, "--gzip", "-o", self.file, store=empty, now=False), 0)
        self.assertEqual(gzip.decompress(self.file.read_bytes()), b"")

    def test_an_export_that_fails_leaves_the_file_that_was_there(self):
        self.file.write_bytes(b"before")
        def no_room():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        for words in ((), ("--gzip",)):
            # The store's lock file is there already and stays as large as it is.
            run = self.on_store(self.EVERYBODY, "-o", self.file, *words, now=False, preexec_fn=no_room)
            self.expect(run, 5, f"cannot write {self.file}: File too large")
            self.assertEqual(run.err.count("\n"), 1, run.err)
            self.assertEqual(self.file.read_bytes(), b"before")
            self.assertEqual(list(self.folder.glob("*.new")), [])
        self.expect(self.on_store("profile export", "nobody", "-o", self.file, now=False, catalog="missing"), 2)
        self.expect(self.on_store(self.EVERYBODY, "-o", self.folder / "no/such/file", now=False), 5, "no/such/file")
        self.assertEqual(self.file.read_bytes(), b"before")

    def test_a_device_is_written_to_and_not_replaced(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("there is no /dev/full")
        for words in ((), ("--gzip",)):
            self.expect(self.on_store(self.EVERYBODY, "-o", "/dev/full", *words, now=False), 5,
                        "cannot write /dev/full: No space left on device")
            self.expect(self.on_store(self.EVERYBODY, "-o", "/dev/null", *words, now=False), 0)
            with open("/dev/full", "w") as full:
                run = subprocess.run([str(kit.COMMAND), *self.EVERYBODY.split(), "-c", self.catalog, "-s",
                                      f"lmdb:{self.store}", *words], stdout=full, stderr=subprocess.PIPE)
            self.assertEqual(run.returncode, 5)
            self.assertEqual(run.stderr, b"personalize: cannot write standard output: No space left on device\n")
        self.assertFalse(os.path.exists("/dev/full.new"))

    def test_compressed_bytes_are_not_for_a_terminal_nor_for_other_actions(self):
        master, terminal = pty.openpty()
        run = subprocess.run([str(kit.COMMAND), *self.EVERYBODY.split(), "--gzip", "-c", self.catalog, "-s",
                              f"lmdb:{self.store}"], stdout=terminal, stderr=subprocess.PIPE)
        os.close(terminal)
        os.close(master)
        self.assertEqual(run.returncode, 1)
        self.assertIn(b"not for a terminal", run.stderr)
        for action, *words in (("get", "--gzip", "1", "language"), ("get", "-o", "x", "1", "language"),
                               ("dump", "--gzip", "-o", "x", "1"), ("diff", "--gzip", "a", "b")):
            self.expect(self.on_store(f"profile {action}", *words), 1, f"usage: personalize profile {action}")


class Documentation(kit.CommandTest):
    """The console blocks of docs/command.md, in order, as if typed in one folder."""

    def test_the_examples_of_the_manual_come_out_as_printed(self):
        os.symlink(kit.COMMAND, self.folder / "personalize")
        environment = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", "NO_COLOR": "1"}
        count = 0
        for command, expected in console_examples((kit.SOURCE / "docs/command.md").read_text()):
            run = subprocess.run(["sh", "-c", command], cwd=self.folder, env=environment, timeout=60,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.assertEqual(run.stdout, expected, command)
            count += 1
        self.assertGreater(count, 10)


def console_examples(text):
    """(command, output) of each line that begins with "$ " in a ```console block."""
    for block in text.split("```console\n")[1:]:
        lines = block.split("\n```", 1)[0].split("\n")
        while lines:
            command = lines.pop(0)[2:]
            if command.endswith("<<'END'"):
                while lines[0] != "END":
                    command += "\n" + lines.pop(0)
                command += "\n" + lines.pop(0) + "\n"
            output = []
            while lines and not lines[0].startswith("$ "):
                output.append(lines.pop(0) + "\n")
            yield command, "".join(output)


class FilesTest(kit.CommandTest):
    """Profiles as files: dump, diff, merge, verify."""

    def setUp(self):
        super().setUp()
        self.ours, self.theirs = self.folder / "ours", self.folder / "theirs"
        self.on_store("profile choose", "ann", "language", "de")
        customers = self.export_ids()
        self.dump_id(customers[0], self.ours)
        self.on_store("profile declare", "ann", "age", "33")
        self.dump_id(customers[0], self.theirs)

    def export_ids(self):
        run = self.on_store("profile export", "--all", now=False)
        return [json.loads(line)["subject"]["id"] for line in run.out.splitlines()]

    def dump_id(self, customer, path):
        run = self.on_store("profile dump", f"id:{customer}", "-o", path, now=False)
        self.assertEqual(run.code, 0, run.err)

    def test_diff_tells_what_only_one_side_says(self):
        run = self.run_command("profile", "diff", self.ours, self.theirs)
        self.assertEqual(run.code, 3, run.err)
        self.assertIn('+ claims {"attribute":"age"', run.out.replace('": "', '":"'))
        self.assertNotIn("- claims", run.out)
        self.assertEqual(self.run_command("profile", "diff", self.ours, self.ours).out, "")
        self.assertEqual(self.run_command("profile", "diff", self.ours, self.ours).code, 0)
        lines = self.run_command("profile", "diff", self.ours, self.theirs, "--json").lines()
        self.assertIn(("B", "claims", 33), [(line["in"], line["list"], line["entry"].get("value"))
                                            for line in lines])

    def test_merge_joins_replicas_and_refuses_others(self):
        out = self.folder / "joined"
        for pair in (self.ours, self.theirs), (self.theirs, self.ours):
            run = self.run_command("profile", "merge", *pair, "-o", out)
            self.assertEqual(run.code, 0, run.err)
            self.assertEqual(out.read_bytes(), self.theirs.read_bytes())
        self.on_store("profile choose", "bob", "language", "fr")
        mine = json.loads(self.on_store("profile export", "bob", "--json", now=False).out)
        other = self.folder / "bob"
        self.dump_id(mine["subject"]["id"], other)
        self.expect(self.run_command("profile", "merge", self.ours, other, "-o", out), 2,
                    "only replicas of one profile")
        self.expect(self.run_command("profile", "merge", self.ours, other), 1, "usage")

    def test_verify_names_the_byte_and_the_remedy(self):
        run = self.run_command("profile", "verify", self.ours, self.theirs)
        self.assertEqual(run.code, 0, run.err)
        self.assertEqual(len(run.out.splitlines()), 2)
        data = self.ours.read_bytes()
        self.ours.write_bytes(data[:-1])
        run = self.run_command("profile", "verify", self.ours, self.theirs)
        self.expect(run, 2, "ours: byte ", "restore it from a backup")
        self.assertIn("sound", run.out)
        self.ours.write_bytes(b"PZp\x09" + data[4:])
        self.expect(self.run_command("profile", "verify", self.ours), 2, "use the version")
        self.expect(self.run_command("profile", "verify", self.folder / "none"), 2, "No such file")
        self.expect(self.run_command("profile", "verify"), 1, "usage")


if __name__ == "__main__":
    kit.main()

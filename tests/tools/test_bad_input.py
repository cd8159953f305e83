"""Bad input and broken stores: each its own clear error, and nothing half-applied."""
import gzip
import json
import os
import pathlib
import random
import shutil
import stat
import subprocess
import unittest

import kit

# A line that is no good event, and what its error says.
BAD_LINES = [
    (b'{"kind":"visit","source":"test"', "cut short"),
    (b'{"kind":"visit","x":NaN}', "found NaN"),
    (b'{"kind":"visit","x":1e999}', "beyond the largest double"),
    (b'{"kind":"visit","x":"\\ud800"}', "half of a surrogate pair"),
    (b'{"kind":"visit","x":"\xff"}', "not valid UTF-8"),
    (b'{"kind":"visit","x":"\xed\xa0\x80"}', "not valid UTF-8"),
    (b"\xef\xbb\xbf{}", "byte-order mark"),
    (b'{"kind":"visit","kind":"visit"}', "stands twice"),
    (b"[" * 600, "512"),
    (b"[1,2]", "an event must be an object"),
    (b"null", "an event must be an object"),
    (b'{"kind":"visit","x":1,}', "comma"),
    (b"{'kind':'visit'}", "double quotes"),
    (kit.event(1, kind=7), '"kind" of the event must be a text'),
    (kit.event(1, kind=""), '"kind" of the event must be a text'),
    (kit.event(1, source=None), '"source"'),
    (kit.event(1, id=17), '"id"'),
    (kit.event(1, time="yesterday"), '"time" of the event must be RFC 3339'),
    (kit.event(1, time=1767225600), '"time" of the event must be RFC 3339'),
    (kit.event(1, time="2026-02-30T00:00:00Z"), '"time" of the event must be RFC 3339'),
    (kit.event(1, time="2999-01-01T00:00:00Z"), "beyond now"),
    (kit.event(1, time="2024-01-01T00:00:00Z"), "older than the horizon"),
    (kit.event(1, customer=17), "names no customer"),
    (kit.event(1, customer=""), "names no customer"),
    (kit.event(1, customer="x" * 321), "an identifier has 1 to 320 bytes"),
    (kit.event(1, customer={"a": "1", "b": "2"}), "names no customer"),
    ({key: value for key, value in kit.event(1).items() if key != "customer"}, "names no customer"),
    ({key: value for key, value in kit.event(1).items() if key != "id"}, 'the event has no "id"'),
]


def raw(line):
    return line if isinstance(line, bytes) else json.dumps(line).encode()


class BadLines(kit.CommandTest):
    def test_each_bad_line_has_its_own_error_at_its_number(self):
        self.expect(self.observe([kit.event(1)]), 0)
        before = self.export()
        run = self.on_store("observe", "-", stdin=b"\n".join(raw(line) for line, _ in BAD_LINES))
        self.expect(run, 3)
        told = run.err.splitlines()
        self.assertEqual(len(told), len(BAD_LINES), run.err)
        for number, (line, (_, fragment)) in enumerate(zip(told, BAD_LINES), 1):
            self.assertTrue(line.startswith(f"personalize: -:{number}:"), line)
            self.assertIn(fragment, line)
        self.assertEqual(self.export(), before)

    def test_empty_lines_are_no_lines_and_line_ends_may_be_of_any_kind(self):
        lines = kit.jsonl([kit.event(1)]) + b"\n  \n\r\n" + kit.jsonl([kit.event(2)]).rstrip() + b"\r\n{"
        run = self.on_store("observe", "-", stdin=lines)
        self.expect(run, 3, "-:6:")
        self.assertEqual(run.out, "2 events applied, 0 seen before, 1 refused\n")

    def test_repeats_change_nothing(self):
        events = [kit.event(n % 7, customer=str(n % 3)) for n in range(21)]
        self.expect(self.observe(events), 0)
        before = self.export()
        run = self.observe(events + events)
        self.assertEqual(run.out, "0 events applied, 42 seen before, 0 refused\n")
        self.assertEqual(self.export(), before)

    def test_a_line_longer_than_the_limit_is_refused_before_it_takes_all_memory(self):
        run = self.on_store("observe", "-", stdin=b'{"kind":"' + b"x" * (17 << 20))
        self.expect(run, 2, ":1: the line is longer than")

    def test_a_gzip_that_is_cut_short_or_damaged(self):
        packed = gzip.compress(kit.jsonl([kit.event(n, note=str(random.Random(n).random()))
                                          for n in range(3000)]))
        broken = self.folder / "a.jsonl.gz"
        broken.write_bytes(packed[:len(packed) // 2])
        run = self.on_store("observe", broken)
        self.expect(run, 3, "is cut short")
        count = kit.event_count(self.export())
        self.assertIn(f"{count} events applied", run.out)
        self.assertTrue(0 < count < 3000)
        broken.write_bytes(b"\x1f\x8bgarbage")
        self.expect(self.on_store("observe", broken), 2, "is damaged")

    def test_files_that_are_none(self):
        self.expect(self.on_store("observe", "nowhere.jsonl"), 2, "cannot open 'nowhere.jsonl'")
        self.expect(self.on_store("observe", self.folder), 2, "is a directory")
        self.expect(self.on_store("profile apply", "nowhere.jsonl"), 2, "cannot open 'nowhere.jsonl'")
        self.expect(self.run_command("check", "nowhere.json"), 2, "cannot open 'nowhere.json'")
        self.expect(self.run_command("eval", "1", "nowhere.json"), 2, "cannot open 'nowhere.json'")

    def test_ten_bad_lines_among_a_hundred_thousand(self):
        bad = sorted(random.Random(20110901).sample(range(1, 100001), 10))
        lines = [kit.jsonl([kit.event(n, customer=str(n % 500))]) for n in range(1, 100001)]
        for place, number in enumerate(bad):
            lines[number - 1] = raw(BAD_LINES[place][0]) + b"\n"
        run = self.on_store("observe", "-", stdin=b"".join(lines))
        self.expect(run, 3)
        self.assertEqual(run.out, "99990 events applied, 0 seen before, 10 refused\n")
        self.assertEqual([int(line.split(":")[2]) for line in run.err.splitlines()], bad)
        self.assertEqual(kit.event_count(self.export()), 99990)


class BadWords(kit.CommandTest):
    def test_values_the_catalog_does_not_allow(self):
        self.expect(self.on_store("profile choose", "1", "language", "de"), 0)
        before = self.export()
        for words, fragments in [
                (("langage", "de"), ("no attribute 'langage'", "did you mean 'language'?")),
                (("language", "xx"), ('"xx" is no value of "language"', '"de"')),
                (("language", "7"), ('"language" is of type string',)),
                (("language", "null"), ("language",)),
                (("language", '["de"]'), ('"language" is of type string',)),
                (("language", '"\\ud800"'), ("is not JSON", "surrogate")),
                (("language", '["de"'), ("is not JSON",)),
                (("language", b"\xff"), ("not valid UTF-8",)),
                (("age", "old"), ('"age" is of type int',)),
                (("age", "NaN"), ('"age" is of type int',)),
                (("age", "1.5"), ('"age" is of type int',)),
                (("age", "151"), ("151 is greater than the greatest value",)),
                (("age", "-1"), ("-1 is less than the least value",))]:
            value = words[1] if isinstance(words[1], bytes) else words[1].encode()
            run = kit.Result(subprocess.run(
                [os.fsencode(kit.COMMAND), b"profile", b"choose", b"-c", os.fsencode(self.catalog), b"-s",
                 os.fsencode(f"lmdb:{self.store}"), b"--now", kit.NOW.encode(), b"--", b"1",
                 words[0].encode(), value], capture_output=True, timeout=60))
            self.expect(run, 2, *fragments)
        self.assertEqual(self.export(), before)

    def test_times_that_lie_ahead(self):
        ahead = "2026-01-02T00:05:01Z"
        self.expect(self.on_store("profile choose", "--at", ahead, "1", "language", "de"), 2, "beyond now")
        self.assertEqual(self.export() if self.store.exists() else {}, {})
        self.expect(self.on_store("profile choose", "--at", "2026-01-02T00:05:00Z", "1", "language", "de"), 0)

    def test_names_the_catalog_does_not_declare(self):
        self.expect(self.observe([kit.event(1)]), 0)
        for action, words, fragments in [
                ("decide", ("greting", "1"), ("did you mean 'greeting'?",)),
                ("explain", ("greting", "1"), ("did you mean 'greeting'?",)),
                ("decide", ("--all", "greting"), ("did you mean 'greeting'?",)),
                ("resolve", ("1", "langage"), ("did you mean 'language'?",)),
                ("inspect", ("1", "langage"), ("did you mean 'language'?",)),
                ("profile get", ("1", "langage"), ("did you mean 'language'?",)),
                ("profile clear", ("1", "langage"), ("did you mean 'language'?",)),
                ("decide", ("--context", "cuntry=DE", "greeting", "1"), ("did you mean 'country'?",)),
                ("decide", ("--context", "country=5", "greeting", "1"), ("'country'",)),
                ("decide", ("greeting", ""), ("an identifier has 1 to 320 bytes",))]:
            self.expect(self.on_store(action, *words), 2, *fragments)


class BadStores(kit.CommandTest):
    def setUp(self):
        super().setUp()
        self.expect(self.observe([kit.event(n, customer="1") for n in range(30)]), 0)
        self.data = self.store / "data.mdb"

    def try_everything(self, code, *fragments):
        """Reading and writing both fail, and the file stays as it is."""
        content = self.data.read_bytes()
        for action, words in [("decide", ("greeting", "1")), ("decide", ("--all", "greeting")),
                              ("profile export", ("--all",)), ("profile choose", ("1", "language", "fr")),
                              ("profile apply", ("-",)), ("observe", ("-",))]:
            stdin = kit.jsonl([["1", ["choose", "language", "fr"]]] if action == "profile apply"
                              else [kit.event(99)])
            run = self.on_store(action, *words, stdin=stdin)
            self.expect(run, code, *fragments)
        # The system may lengthen a file by zeros when it is opened for writing.
        self.assertEqual(self.data.read_bytes()[:len(content)], content)

    def change(self, function):
        content = bytearray(self.data.read_bytes())
        self.data.write_bytes(function(content) or content)

    def test_a_flipped_bit_in_a_record(self):
        def flip(content):
            at = -1
            while (at := content.find(b"PZr\x02", at + 1)) >= 0:
                content[at + 40] ^= 4
        self.change(flip)
        self.try_everything(5, "damaged")

    def test_a_damaged_customer_keeps_no_other_out(self):
        self.change(lambda content: content.replace(b"PZr\x02", b"PZr\x03"))
        run = self.observe([kit.event(101, customer="1"), kit.event(102, customer="2")])
        self.expect(run, 5, ":1: profile", "later version")
        self.assertIn("1 events applied, 0 seen before, 1 refused", run.out)
        self.assertNotIn(":2: ", run.err)

    def test_a_record_of_a_later_version(self):
        self.change(lambda content: content.replace(b"PZr\x02", b"PZr\x03"))
        self.try_everything(5, "version")

    def test_a_file_cut_short(self):
        self.change(lambda content: content[:len(content) // 2])
        self.try_everything(5, "damaged")
        self.change(lambda content: content[:100])
        self.try_everything(5, "not a store")

    def test_a_file_of_something_else(self):
        self.data.write_bytes(b"hello\n" * 5000)
        self.try_everything(5, "not a store")

    def test_an_address_that_is_none(self):
        # Who has no module for Redis is told how to get it; the module says what its addresses are.
        has_module = any(kit.COMMAND.parent.glob("libpersonalize-redis.so.*"))
        for store, code, fragment in [("mysql:x", 2, "is not the address of a store"),
                                      ("redis:x", 2, "redis://" if has_module else "install it"),
                                      ("lmdb:" + str(self.folder / "none"), 2, "there is no store"),
                                      ("lmdb:" + str(self.data), 2, "there is no store")]:
            run = self.run_command("decide", "-c", self.catalog, "-s", store, "greeting", "1")
            self.expect(run, code, fragment)

    def test_a_catalog_that_is_none(self):
        before = self.export()
        for text, code, fragment in [("hello", 4, "1:1: error"), ("[]", 4, "error"), ("", 4, "error"),
                                     ('{"attributes": {"a": {"type": "strin"}}}', 4, "string"),
                                     (None, 2, "cannot open")]:
            if text is None:
                self.catalog.unlink()
            else:
                self.catalog.write_text(text)
            for action, words in [("decide", ("greeting", "1")), ("observe", ("-",)),
                                  ("profile choose", ("1", "language", "fr"))]:
                self.expect(self.on_store(action, *words, stdin=kit.jsonl([kit.event(99)])), code, fragment)
        self.catalog.write_text(kit.CATALOG)
        self.assertEqual(self.export(), before)

    def test_a_directory_that_may_only_be_read(self):
        options = {}
        if os.getuid() == 0:
            # Root may write anywhere, so somebody else tries.
            command = pathlib.Path("/tmp") / f"personalize-{os.getpid()}"
            shutil.copy(kit.COMMAND, command)
            self.addCleanup(command.unlink)
            command.chmod(0o755)
            self.folder.chmod(0o755)
            for path in [self.store, *self.store.iterdir(), self.catalog]:
                path.chmod(0o555 if path.is_dir() else 0o444)
            options = {"user": 65534, "group": 65534, "extra_groups": []}
            try:
                subprocess.run([str(command), "--version"], capture_output=True, timeout=60, cwd=self.folder, **options)
            except PermissionError:
                self.skipTest("nobody else may run a program here")
        else:
            command = kit.COMMAND
            self.data.chmod(0o444)
            self.store.chmod(0o555)
            self.addCleanup(self.store.chmod, 0o755)
        before = self.data.read_bytes()
        place = ["-c", self.catalog, "-s", f"lmdb:{self.store}", "--now", kit.NOW]
        for words in (["profile", "choose", *place, "1", "language", "fr"], ["observe", *place, "-"]):
            run = kit.Result(subprocess.run([str(command), *map(str, words)], input=kit.jsonl([kit.event(99)]),
                                            capture_output=True, timeout=60, cwd=self.folder, **options))
            self.expect(run, 5, "denied")
        fresh = kit.Result(subprocess.run(
            [str(command), "observe", "-c", str(self.catalog), "-s", f"lmdb:{self.store}/new", "-"],
            input=kit.jsonl([kit.event(99)]), capture_output=True, timeout=60, cwd=self.folder, **options))
        self.expect(fresh, 5, "denied")
        self.assertEqual(self.data.read_bytes(), before)
        # A store that may not be looked at is not none.
        self.store.chmod(0o700 if options else 0)
        for words in (["decide", *place, "greeting", "1"], ["store", "info", f"lmdb:{self.store}"]):
            run = kit.Result(subprocess.run([str(command), *map(str, words)], capture_output=True, timeout=60,
                                            cwd=self.folder, **options))
            self.expect(run, 5, 'store/data.mdb": Permission denied')

    def test_a_full_disk(self):
        if os.getuid() != 0:
            self.skipTest("a small file system can only be mounted by root")
        disk = self.folder / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(disk)],
                          capture_output=True).returncode:
            self.skipTest("this machine does not allow a small file system to be mounted")
        self.addCleanup(subprocess.run, ["umount", "-l", str(disk)])
        store = disk / "store"
        events = [kit.event(n, customer=str(n)) for n in range(20000)]
        run = self.observe(events, "--ack", "--batch", "100", store=store)
        self.expect(run, 5, "space left")
        acknowledged = len(run.out.split())
        self.assertGreater(acknowledged, 0)
        # What was acknowledged is there, and nothing of the batch that failed.
        profiles = self.export(store=store)
        self.assertEqual(kit.event_count(profiles), acknowledged)
        self.assertEqual({name for names in profiles for name in names}, {str(n) for n in range(acknowledged)})
        self.assertEqual(self.on_store("decide", "greeting", "1", store=store).code, 0)
        run = self.on_store("profile apply", "-", store=store, stdin=kit.jsonl(
            [[str(30000 + n), ["choose", "language", "de"]] for n in range(20000)]))
        self.expect(run, 5, "space left")
        self.assertIn("operations applied, 0 refused", run.out)


if __name__ == "__main__":
    kit.main()

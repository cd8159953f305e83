"""`personalize records`: reading by number, customer and decision; keeping lines; removing."""
import gzip
import json
import unittest

import kit


def record(number, **members):
    return {"id": f"{number:032x}", "catalog": "0" * 32, "decision": "greeting",
            "at": "2026-01-02T00:00:00Z", "subject": f"s{number}", **members}


class Records(kit.CommandTest):
    def records(self, *words, **options):
        return self.on_store("records", *words, now=False, **options)

    def keep(self, *records):
        return self.records("keep", "-", stdin=kit.jsonl(records))

    def numbers(self, *words):
        run = self.records(*words)
        self.assertEqual((run.code, run.err), (0, ""))
        return [line["number"] for line in run.lines()]

    def test_kept_lines_are_read_as_they_were(self):
        run = self.keep(record(1, note="a"), record(2), record(1))
        self.assertEqual((run.code, run.out), (0, "3 kept, 0 passed over\n"))
        lines = self.records("list").lines()
        self.assertEqual(lines[0], {"number": 1, **record(1, note="a")})
        self.assertEqual([line["number"] for line in lines], [1, 2, 3])

    def test_they_are_found_by_number_subject_and_decision(self):
        self.keep(*(record(n % 3 + 1) for n in range(9)))
        self.assertEqual(self.numbers("list", "7"), [7, 8, 9])
        self.assertEqual(self.numbers("list", "4", "2"), [4, 5])
        self.assertEqual(self.numbers("of", "id:s2"), [2, 5, 8])
        self.assertEqual(self.numbers("of", "nobody"), [])
        self.assertEqual(self.numbers("made", f"{3:032x}"), [3, 6, 9])

    def test_more_lines_than_one_transaction_takes(self):
        run = self.keep(*(record(n) for n in range(2500)))
        self.assertEqual((run.code, run.out), (0, "2500 kept, 0 passed over\n"))
        self.assertEqual(len(self.numbers("list")), 2500)

    def test_what_was_kept_before_a_mistake_is_told_by_the_status(self):
        run = self.records("keep", "-", stdin=kit.jsonl(record(n) for n in range(1500)) + b"{\n")
        self.expect(run, 3, "lines 1001 to 1501 were not kept")
        self.assertEqual(len(self.numbers("list")), 1000)

    def test_a_file_may_be_compressed(self):
        self.keep(record(1))
        out = self.folder / "records.gz"
        self.assertEqual(self.records("list", "-o", out, "--gzip").code, 0)
        self.assertEqual(json.loads(gzip.decompress(out.read_bytes()))["number"], 1)
        self.assertEqual(self.records("keep", out).out, "1 kept, 0 passed over\n")
        self.assertEqual(self.numbers("list"), [1, 2])

    def test_expire_removes_what_is_older(self):
        self.keep(record(1), record(2, at="2026-02-01T00:00:00Z"))
        run = self.records("expire", "2026-01-15T00:00:00Z")
        self.assertEqual((run.code, run.out), (0, "1 removed\n"))
        self.assertEqual(self.numbers("list"), [2])
        self.expect(self.records("expire"), 2, "retention")
        text = kit.CATALOG.replace('"catalog": "test",', '"catalog": "test", "records": {"retention": "1d"},')
        self.catalog.write_text(text, encoding="utf-8")
        self.assertEqual(self.records("expire").out, "1 removed\n")

    def test_records_of_the_erased_are_passed_over(self):
        self.on_store("profile choose", "1", "language", "de")
        subject = json.loads(self.on_store("profile export", "1").out)["subject"]["id"]
        self.keep(record(1, subject=subject))
        self.assertEqual(self.numbers("of", "1"), [1])
        self.assertEqual(self.on_store("profile erase", "1").code, 0)
        self.assertEqual(self.numbers("list"), [])
        run = self.keep(record(1, subject=subject), record(2))
        self.assertEqual(run.out, "1 kept, 1 passed over\n")

    def test_what_is_wrong_is_said(self):
        for words, code, fragment in [
                (("list", "x"), 1, "usage: personalize records list"),
                (("list", "1", "2", "3"), 1, "usage: personalize records"),
                (("made",), 1, "usage: personalize records made"),
                (("made", "x"), 2, "32 hexadecimal digits"),
                (("lst",), 1, "did you mean 'list'?"),
                (("quux",), 1, "records has no 'quux'"),
                (("keep", "-", "-o", "x"), 1, "usage: personalize records keep"),
                (("expire", "yesterday"), 1, "2011-09-01T12:00:00Z"),
                (("keep", "missing.jsonl"), 2, "missing.jsonl")]:
            self.keep(record(1))
            self.expect(self.records(*words), code, fragment)
        run = self.keep(record(1), {"id": "1"})
        self.expect(run, 2, "lines 1 to 2 were not kept", "record 2", '"id"')
        run = self.records("keep", "-", stdin=b"{\n")
        self.expect(run, 2, "line")


if __name__ == "__main__":
    unittest.main()

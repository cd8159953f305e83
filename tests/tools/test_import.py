#!/usr/bin/env python3
"""`personalize import`: tables of customers, what does not fit, and what a second run changes."""
import gzip
import json
import random
import shutil
import signal
import subprocess
import time

import kit

EXAMPLE = kit.SOURCE / "examples" / "import"


class ImportTest(kit.CommandTest):
    def setUp(self):
        super().setUp()
        self.mapping = {"customer": "id", "attributes": {"language": "lang",
                                                         "age": {"column": "age", "as": "number"}}}

    def import_table(self, table, *words, mapping=None):
        path = self.folder / "map.json"
        path.write_text(mapping if isinstance(mapping, str) else json.dumps(mapping or self.mapping),
                        encoding="utf-8")
        source = self.folder / "table.csv"
        source.write_bytes(table if isinstance(table, bytes) else table.encode())
        return self.run_command("import", "-c", self.catalog, "-s", f"lmdb:{self.store}",
                                "--mapping", path, "--now", kit.NOW, source, *words)

    def resolve(self, customer, attribute):
        run = self.on_store("resolve", customer, attribute)
        self.assertEqual(run.code, 0, run.err)
        return run.out.strip()

    def test_the_example_comes_in_and_tells_what_does_not_fit(self):
        rejects = self.folder / "rejects.csv"
        words = ["import", "-c", EXAMPLE / "shop.json", "-s", f"lmdb:{self.store}", "--mapping",
                 EXAMPLE / "crm.json", "--now", "2026-02-01T00:00:00Z",
                 EXAMPLE / "customers.csv", "--rejects", rejects]
        run = self.run_command(*words)
        self.assertEqual(run.code, 3, run.err)
        self.assertIn("3 rows applied, 0 as they stood, 3 did not fit", run.err)
        self.assertIn("customers.csv:6: column 'Language': 'Dutch' is not among", run.err)
        self.assertIn("customers.csv:7: column 'Born': '30.02.1990' is no date", run.err)
        self.assertIn("customers.csv:8: 'ann@example.com' is the email of another profile", run.err)
        options = ["-c", EXAMPLE / "shop.json", "-s", f"lmdb:{self.store}"]
        for customer, attribute, value in (
                ("email:ann@example.com", "revenue", "1234.5"), ("1001", "orders", "7"),
                ("1001", "interests", '["garden","home"]'), ("1001", "catalogue_by_post", "true"),
                ("1001", "birthday", "1980-02-01T00:00:00Z"), ("1001", "language", "de"),
                ("1002", "city", "Newcastle\nupon Tyne"), ("1003", "city", 'the "old" port')):
            got = self.run_command("resolve", *options, customer, attribute)
            self.assertEqual(got.out.strip('"\n'), value, (attribute, got.err))
        # A second time changes not one octet; mended rejects come in.
        before = self.run_command("profile", "export", "--all", *options).out
        run = self.run_command(*words)
        self.assertIn("0 rows applied, 3 as they stood, 3 did not fit", run.err)
        self.assertEqual(self.run_command("profile", "export", "--all", *options).out, before)
        text = rejects.read_text(encoding="utf-8")
        self.assertEqual(len(text.splitlines()), 4)
        rejects.write_text(text.replace("Dutch", "English").replace("30.02", "28.02")
                           .replace("1006;ann@", "1006;fay@"), encoding="utf-8")
        run = self.run_command(*words[:-3], rejects)
        self.expect(run, 0, "3 rows applied")

    def test_csv_of_every_kind_is_read(self):
        tables = (
            b"id,lang\n1,de\n", b"id,lang\r\n1,de\r\n", b"\xef\xbb\xbfid,lang\n1,de",
            b'"id","lang"\n"1","de"\n', b'id,x,lang\n1,"a,""b""\nc",de\n', b"id,lang\n\n1,de\n\n",
            b"lang,id\n de ,1\n")
        mapping = {"customer": "id", "attributes": {"language": "lang"}}
        for table in tables:
            run = self.import_table(table, mapping=mapping)
            self.assertEqual(run.code, 0, (table, run.err))
            self.assertEqual(self.resolve("1", "language"), "de")
        run = self.import_table(b"2\tfr\n", mapping={
            "separator": "\t", "header": False, "customer": "1", "attributes": {"language": "2"}})
        self.expect(run, 0, "1 rows applied")
        self.assertEqual(self.resolve("2", "language"), "fr")

    def test_rows_that_are_not_well_formed_are_told_and_the_others_go_in(self):
        run = self.import_table('id,lang,age\n1,de,5\n2,"d"e,5\n3,d"e,5\n4,de\n5,fr,x\n6,xx,5\n'
                                ',de,1\n7,fr,200\n8,fr,8\n9,"de,5\n')
        self.assertEqual(run.code, 3)
        self.assertIn("2 rows applied, 0 as they stood, 8 did not fit", run.err)
        for line, text in ((3, "closing quote"), (4, "quote the field"), (5, "has 2 fields"),
                           (6, "column 'age': 'x' is no number"), (7, "is no value of"),
                           (8, "needs its customer"), (9, "150"), (11, "never closed")):
            self.assertRegex(run.err, rf"table.csv:{line}: .*{text}")
        self.assertEqual(self.resolve("8", "age"), "8")
        # All of a row or nothing: the age of 6 was well.
        self.assertEqual(self.on_store("resolve", "6", "language").out.strip(), "en")

    def test_mistakes_of_a_mapping_are_told_at_their_place(self):
        run = self.import_table("id,lang\n1,de\n", mapping="""{
  "customer": "id",
  "atributes": {},
  "attributes": {
    "langage": "lang",
    "age": {"colum": "age", "as": "numbr"}
  },
  "format": "xml"
}""")
        self.assertEqual(run.code, 4, run.err)
        for place, text in (("3:3", 'did you mean "attributes"?'), ("5:5", "did you mean 'language'?"),
                            ("6:13", 'did you mean "column"?'), ("6:35", '"as" is text'),
                            ("8:13", "csv or jsonl")):
            self.assertRegex(run.err, rf"map.json:{place}: .*{text}".replace("?", r"\?"))
        run = self.import_table("id,lang\n1,de\n", mapping={
            "customer": "id", "attributes": {"language": "lnag"}})
        self.expect(run, 4, "no column 'lnag'", "did you mean 'lang'?")
        run = self.import_table("id\n1\n", mapping="{")
        self.assertEqual(run.code, 4)
        self.assertIn("map.json:1:2", run.err)

    def test_json_lines_say_themselves_what_they_are(self):
        mapping = {"format": "jsonl", "customer": "id",
                   "attributes": {"language": "lang", "age": "age"}}
        run = self.import_table('{"id": 1, "lang": "de", "age": 40}\nnothing\n'
                                '{"id": "2", "age": null}\n{"id": "3", "age": "x"}\n',
                                mapping=mapping)
        self.assertEqual(run.code, 3)
        self.assertIn("2 rows applied", run.err)
        self.assertEqual(self.resolve("1", "age"), "40")

    def test_json_lines_are_told_by_place_and_columns_that_no_row_has(self):
        mapping = {"format": "jsonl", "customer": "id", "attributes": {"age": "Age", "language": "lang"}}
        run = self.import_table('{"id": 1, "lang": "de", "age": 40}\n  \t\n{"id": "2", "lang": x}\n'
                                '{"id": 18446744073709551615}\n{"id": 1.5}\n', mapping=mapping)
        self.expect(run, 3, "table.csv:3:21: expected a value",
                    "table.csv:5: column 'id': text, or a whole number, is expected",
                    "map.json:1:61: no row has the column 'Age'\n2 rows applied")
        self.assertNotIn("'lang'", run.err)
        self.assertEqual(self.resolve("18446744073709551615", "language"), "en")
        run = self.import_table('{"id": 1, "lang": "de", "Age": 40}\n', mapping=mapping)
        self.assertEqual((run.code, run.err), (0, "1 rows applied, 0 as they stood, 0 did not fit\n"))

    def test_choices_of_a_table_win_over_its_facts(self):
        mapping = {"customer": "id", "attributes": {"language": {"column": "lang", "choice": True}}}
        self.expect(self.import_table("id,lang\n1,fr\n", mapping=mapping), 0)
        mapping["attributes"]["language"] = "lang"
        self.expect(self.import_table("id,lang\n1,de\n", mapping=mapping), 0)
        self.assertEqual(self.resolve("1", "language"), "fr")

    def use_catalog_with_codes(self):
        self.catalog.write_text(json.dumps({
            "purposes": {"ads": {}},
            "attributes": {"code": {"type": "string"}, "age": {"type": "int"}}}), encoding="utf-8")

    def test_consent_that_says_neither_is_refused(self):
        self.use_catalog_with_codes()
        run = self.import_table("id,ads\n1,grant\n2,yes\n3,deny\n4,0\n5,Granted\n6,\n",
                                mapping={"customer": "id", "consents": {"ads": "ads"}})
        self.expect(run, 3, "5 rows applied", "column 'ads': 'Granted' neither grants nor denies")
        run = self.import_table('{"id": 7, "ads": 1}\n{"id": 8, "ads": 2}\n{"id": 9, "ads": []}\n',
                                mapping={"format": "jsonl", "customer": "id",
                                         "consents": {"ads": "ads"}})
        self.expect(run, 3, "1 rows applied", "neither grants nor denies")
        exported = self.on_store("profile export", "--all", now=False).out
        self.assertEqual(exported.count('"granted":true'), 3, exported)
        self.assertEqual(exported.count('"denied":true'), 2, exported)

    def test_codes_are_no_numbers_and_numbers_are_whole(self):
        self.use_catalog_with_codes()
        mapping = {"customer": "id", "attributes": {"code": {"column": "v", "as": "auto"}}}
        run = self.import_table("id,v\n1,01067\n2,+491711\n", mapping=mapping)
        self.assertEqual(run.code, 0, run.err)
        self.assertEqual(self.resolve("1", "code").strip('"'), "01067")
        self.assertEqual(self.resolve("2", "code").strip('"'), "+491711")
        digits = "12345678901234567890123"
        self.catalog.write_text('{"attributes": {"code": {"type": "dyn"}, "age": {"type": "int"}}}', encoding="utf-8")
        self.expect(self.import_table(f"id,v\n1,{digits}\n2,{2 ** 64 - 1}\n3,-\n4,7\n", mapping=mapping), 0)
        self.assertEqual([self.resolve(str(i), "code") for i in range(1, 5)], [digits, str(2 ** 64 - 1), "-", "7"])
        self.use_catalog_with_codes()
        run = self.import_table("id,v\n3," + "0" * 64 + "x\n4," + "0" * 63 + "9\n", mapping={
            "customer": "id", "attributes": {"age": {"column": "v", "as": "number"}}})
        self.expect(run, 3, "1 rows applied", "is no number")

    def test_sign_of_groups_stands_between_thousands_only(self):
        self.catalog.write_text('{"attributes": {"money": {"type": "double"}}}', encoding="utf-8")
        for decimal, good, bad in (
                (",", {"1.234,5": 1234.5, "1.234.567": 1234567, "-12.345": -12345, "12,5": 12.5,
                       "1234,5": 1234.5, "12.34.567,5": 1234567.5, "0,500": 0.5},
                 ("1.5", "12.50", "1.2.3", "1.234,5.6", "1234.567", "1..234", ".5", "0.500", "01.234",
                  "1.23,456", "1.234.")),
                (".", {"1,234.5": 1234.5, "12.5": 12.5, "1e3": 1000.0}, ("1,5", "12,50", "1.5,000"))):
            mapping = {"separator": ";", "customer": "id",
                       "attributes": {"money": {"column": "v", "decimal": decimal}}}
            rows = [*good, *bad]
            run = self.import_table("id;v\n" + "".join(f"{decimal}{i};{v}\n" for i, v in
                                                      enumerate(rows)), mapping=mapping)
            self.expect(run, 3, f"{len(good)} rows applied, 0 as they stood, {len(bad)} did not fit",
                        "'1.5' is no number" if decimal == "," else "'1,5' is no number")
            for i, value in enumerate(good.values()):
                self.assertEqual(float(self.resolve(f"{decimal}{i}", "money")), value, rows[i])

    def test_forms_that_cannot_be_meant_are_told(self):
        for form, text in (({"date": "DD.MM.YY"}, "YYYY"), ({"date": "DMM.YYYY"}, "YYYY"),
                           ({"decimal": "comma"}, "decimal sign")):
            run = self.import_table("id,age\n1,1\n", mapping={
                "customer": "id", "attributes": {"age": {"column": "age", **form}}})
            self.expect(run, 4, text)
        run = self.import_table("id\n1\n", mapping={"customer": "id", "channel": "c" * 129})
        self.expect(run, 4, "at most 128 bytes")
        run = self.import_table("id\n1\n", mapping={"customer": "id", "separator": "\n"})
        self.expect(run, 4, "one character")

    def test_column_that_is_there_twice_is_refused(self):
        run = self.import_table("id,lang,lang\n1,de,fr\n",
                                mapping={"customer": "id", "attributes": {"language": "lang"}})
        self.expect(run, 4, "more than one column 'lang'")

    def test_nothing_is_read_behind_a_record_that_never_ends(self):
        mapping = {"customer": "id", "attributes": {"language": "lang"}}
        text = "x" * 1000 + "\n"
        run = self.import_table("id,lang\n1,de\n2,\"" + text * 1200 + "evil,de\n3\",de\n4,de\n",
                                mapping=mapping)
        self.expect(run, 3, "1 rows applied, 0 as they stood, 1 did not fit",
                    "nothing behind it was read")
        self.assertEqual(len(self.export()), 1)
        run = self.import_table("id,lang\n5," + "x" * 1200000 + "\n6,de\n", mapping=mapping)
        self.expect(run, 3, "1 rows applied", "longer than a MiB")

    def test_rejects_do_not_replace_the_table(self):
        table = "id,lang,age\n1,de,1\n2,xx,1\n"
        run = self.import_table(table, "--rejects", self.folder / "table.csv")
        self.expect(run, 1, "--rejects would replace the table")
        self.assertEqual((self.folder / "table.csv").read_text(encoding="utf-8"), table)

    def test_open_quote_is_the_last_of_the_rejects(self):
        rejects = self.folder / "rejects.csv"
        run = self.import_table('id,lang,age\n1,xx,1\n2,"de,1\n', "--rejects", rejects)
        self.assertEqual(run.code, 3, run.err)
        self.assertEqual(rejects.read_text(encoding="utf-8"), 'id,lang,age\n1,xx,1\n2,"de,1\n')

    def test_table_that_breaks_off_is_taken_in_partly(self):
        seeded = random.Random(1)
        rows = "id,lang,age\n" + "".join(f"{seeded.random()},de,{i % 90}\n" for i in range(9000))
        packed = gzip.compress(rows.encode())
        run = self.import_table(packed[:len(packed) // 2])
        self.expect(run, 3, "is cut short", "0 did not fit")
        self.assertGreater(len(self.export()), 0)
        shutil.rmtree(self.store)
        self.expect(self.import_table(packed[:20]), 2, "is cut short", "0 rows applied")

    def test_header_that_is_no_header_says_what_to_do(self):
        for table, fragment in (
                ("id;lang;age\n1;de;3\n", "if ';' separates, say so in"),
                ("id\tlang\tage\n1\tde\t3\n", '"separator": "\\t"'),
                ("id,lang,age\n1,de,3\n".encode("utf-16"), "table.csv:1: the header is not UTF-8"),
                ("id,lang,\xe5ge\n".encode("latin-1"), "save the table as UTF-8")):
            run = self.import_table(table)
            self.expect(run, 4, fragment)
            self.assertEqual(len(run.err.splitlines()), 1, run.err)
        for table in ("", "\n\n", "\ufeff"):
            self.expect(self.import_table(table), 2, "the table is empty")
        self.expect(self.import_table("id,lang,age,\xe4\n1,de,3,\xe4\n".encode("latin-1")), 0)
        run = self.import_table("id,lang,age\n1\xe4,de,3\n".encode("latin-1"))
        self.expect(run, 3, "column 'id': the text is not UTF-8: save the table as UTF-8")

    def test_nothing_of_a_table_is_an_order_to_the_terminal(self):
        run = self.import_table("id,lang,age\n1,de,\x1b]0;x\x07\n2,de,\x9b1m\n3,de,ü\tß\n4,\x1b[31mde,1\n".encode()
                                + b"5,de,\xff\xc3(\n")
        self.expect(run, 3, r"'\x1b]0;x\x07' is no number", r"'\xc2\x9b1m' is", "'ü\tß' is",
                    r"'\xff\xc3(' is", "0 rows applied")
        self.assertNotIn("\x07", run.err)

    def test_killed_import_is_taken_in_again(self):
        table = "id,lang,age\n" + "".join(f"{i},de,{i % 90}\n" for i in range(20000))
        self.import_table("id,lang,age\n")
        (self.folder / "table.csv").write_text(table, encoding="utf-8")
        words = [str(kit.COMMAND), "import", "-c", str(self.catalog), "-s", f"lmdb:{self.store}",
                 "--mapping", str(self.folder / "map.json"), "--now", kit.NOW,
                 str(self.folder / "table.csv"), "--batch", "100"]
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
        process.wait()
        run = self.import_table(table)
        self.assertEqual(run.code, 0, run.err)
        self.assertIn(", 0 did not fit", run.err)
        profiles = self.export()
        self.assertEqual(len(profiles), 20000)
        self.assertTrue(all(len(profile["claims"]) == 3 for profile in profiles.values()))


if __name__ == "__main__":
    kit.main()

#!/usr/bin/env python3
"""`personalize export`: a store as a table, which `import` reads as what stands already."""
import csv
import io
import json

import kit

EXAMPLE = kit.SOURCE / "examples" / "import"
LATER = "2026-02-01T00:00:00Z"


def rows_of(text, separator=","):
    return sorted(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


class ExportTableTest(kit.CommandTest):
    def setUp(self):
        super().setUp()
        self.map = self.folder / "map.json"
        self.use_mapping({"customer": "id", "attributes": {
            "language": "lang", "age": {"column": "age", "as": "number"}}})

    def use_mapping(self, mapping):
        self.map.write_text(json.dumps(mapping), encoding="utf-8")

    def use_attributes(self, **attributes):
        self.catalog.write_text(json.dumps({"attributes": {
            name: {"type": kind} for name, kind in attributes.items()}}), encoding="utf-8")

    def export_table(self, *words, mapping=None, **options):
        return self.on_store("export", mapping or self.map, "--now", LATER, *words, now=False, **options)

    def import_table(self, table, mapping=None, rejects=None, **options):
        words = ["--rejects", rejects] if rejects else []
        return self.on_store("import", "--mapping", mapping or self.map, "--now", LATER, "-", *words,
                             now=False, stdin=table.encode(), **options)

    def expect_round_trip(self, table, separator=",", **options):
        """What is imported is exported as it was, and changes nothing when imported again."""
        count = len(rows_of(table, separator)) - 1
        self.expect(self.import_table(table, **options), 0)
        run = self.export_table(**options)
        self.expect(run, 0)
        self.assertEqual(rows_of(run.out, separator), rows_of(table, separator))
        for words in ((), ("--format", "jsonl")):
            again, extra = self.export_table(*words, **options), dict(options)
            if words:
                text = (options.get("mapping") or self.map).read_text(encoding="utf-8")
                extra["mapping"] = self.folder / "jsonl.json"
                extra["mapping"].write_text(text.replace("{", '{"format": "jsonl",', 1),
                                            encoding="utf-8")
            self.expect(self.import_table(again.out, **extra), 0,
                        f"0 rows applied, {count} as they stood, 0 did not fit")

    def test_the_example_comes_out_as_it_came_in(self):
        # Groups of thousands, words for true, and spaces in lists are not remembered.
        table = (EXAMPLE / "customers.csv").read_text(encoding="utf-8")
        table = table[:table.index("1004;")].replace("1.234,50", "1234,5").replace(
            '"garden, home";yes', "garden,home;true").replace(";;no;no;", ";;false;no;")
        options = {"catalog": EXAMPLE / "shop.json", "mapping": EXAMPLE / "crm.json"}
        self.expect_round_trip(table, ";", **options)

    def test_the_example_itself_changes_nothing_when_it_is_exported_and_imported(self):
        options = {"catalog": EXAMPLE / "shop.json", "mapping": EXAMPLE / "crm.json"}
        table = (EXAMPLE / "customers.csv").read_text(encoding="utf-8")
        self.expect(self.import_table(table, **options), 3, "3 rows applied")
        self.expect(self.import_table(self.export_table(**options).out, **options), 0,
                    "0 rows applied, 3 as they stood, 0 did not fit")

    def test_text_of_every_kind_is_quoted_as_import_reads_it(self):
        self.use_attributes(note="string")
        self.use_mapping({"customer": "id", "attributes": {"note": "no, \"te\""}})
        notes = ["a,b", 'say "x"', '"', "two\nlines", "=1+1", "ü € 漢字", "x;y", "'"]
        out = io.StringIO(newline="")
        csv.writer(out, lineterminator="\n").writerows(
            [["id", 'no, "te"'], *([str(i), note] for i, note in enumerate(notes))])
        self.expect_round_trip(out.getvalue())

    def test_numbers_dates_and_lists_follow_the_mapping(self):
        self.use_attributes(seen="timestamp", sum="double", tags="list<string>", on="bool", n="int")
        self.use_mapping({"separator": "\t", "customer": "id", "attributes": {
            "seen": {"column": "seen", "date": "YYYY/MM/DD hh:mm:ss"},
            "sum": {"column": "sum", "decimal": ","}, "tags": {"column": "tags", "list": " | "},
            "on": {"column": "on", "values": {"ja": True, "nein": False, "yes": True}},
            "n": {"column": "n", "as": "auto"}}})
        self.expect_round_trip(
            "id\tseen\tsum\ttags\ton\tn\n"
            "1\t1969/12/31 23:59:58\t-0,125\ta | b | c\tja\t-9223372036854775808\n"
            "2\t0001/01/01 00:00:00\t1000000\ta\tnein\t0\n"
            "3\t9999/12/31 23:59:59\t1e+300\t\t\t\n", "\t")

    def test_columns_without_a_header_have_their_numbers(self):
        self.use_mapping({"header": False, "customer": "3", "attributes": {"language": "1"}})
        self.expect(self.import_table("de,x,7\n"), 0)
        self.assertEqual(self.export_table().out, "de,,7\n")
        for number in ("0", "1025", "1x", "4294967297"):
            self.use_mapping({"header": False, "customer": number})
            self.expect(self.export_table(), 4, "map.json:1:", "a column is a number, 1 to 1024")
        self.use_mapping({"header": False, "customer": "1024"})
        self.assertEqual(self.export_table().out, "," * 1023 + "7\n")

    def test_answers_are_those_of_the_context_and_what_nobody_can_say_is_empty(self):
        self.catalog.write_text(json.dumps({
            "purposes": {"ads": {}}, "context": {"country": "string"},
            "attributes": {"a": {"type": "string"}, "b": {"type": "string", "default": "x"}}}),
            encoding="utf-8")
        self.use_mapping({"customer": "id", "attributes": {"a": "a", "b": "b"},
                          "consents": {"ads": "ads"}})
        self.expect(self.import_table("id,a,b,ads\n1,,,\n2,v,w,grant\n3,,,deny\n"), 0)
        run = self.export_table("--context", "country=de")
        self.assertEqual(rows_of(run.out), rows_of("id,a,b,ads\n1,,x,\n2,v,w,grant\n3,,x,deny\n"))
        self.expect(self.export_table("--context", "contry=de"), 2, "contry")

    def test_what_would_not_be_read_back_is_told(self):
        self.use_mapping({"customer": "id", "attributes": {
            "language": {"column": "lang", "values": {"German": "de"}}}})
        for customer, language in (("1", "de"), ("2", "fr"), ("3", "fr")):
            self.expect(self.on_store("profile identify", customer, "email", f"{customer}@x.org"), 0)
            self.expect(self.on_store("profile declare", customer, "language", language), 0)
        run = self.export_table()
        self.expect(run, 3, "map.json:1:", "column 'lang' cannot say \"fr\"", "2 cells would not")
        self.assertEqual(rows_of(run.out), rows_of("id,lang\n1,German\n2,\n3,\n"))
        self.use_attributes(tags="list<string>")
        self.expect(self.on_store("profile declare", "4", "tags", '["a;b"]'), 0)
        self.use_mapping({"customer": "id", "attributes": {"tags": {"column": "t", "list": ";"}}})
        self.expect(self.export_table(), 3, "column 't' cannot say [\"a;b\"]", "1 cells would not")

    def test_identifiers_with_line_ends_and_tabs_lead_to_whom_they_did(self):
        self.use_mapping({"customer": "id", "identifiers": {"card": "card"}})
        self.expect_round_trip('id,card\n"1\n2",a\tb\n')
        run = self.on_store("profile export --text", "card:a\tb", now=False)
        self.assertIn('Found by the customer "1\\n2" (', run.out)

    def test_line_end_that_a_table_cannot_say_is_told(self):
        self.use_attributes(note="string")
        self.use_mapping({"customer": "id", "attributes": {"note": "note"}})
        self.expect(self.on_store("profile declare", "1", "note", "a\r\nb"), 0)
        self.expect(self.export_table(), 3, 'column \'note\' cannot say "a\\r\\nb"')
        self.expect(self.export_table("--format", "jsonl"), 0)

    def test_rows_without_a_customer_are_told(self):
        self.expect(self.on_store("profile declare", "email:a@x.org", "language", "de"), 0)
        run = self.export_table()
        self.expect(run, 0, "1 of 1 rows have no customer")
        self.assertEqual(run.out, "id,lang,age\n,de,\n")

    def test_the_output_file_is_replaced_only_when_it_is_whole(self):
        self.expect(self.import_table("id,lang,age\n1,de,5\n"), 0)
        out = self.folder / "out.csv"
        out.write_text("before", encoding="utf-8")
        self.expect(self.export_table("-o", out, "--context", "nothing=1"), 2)
        self.assertEqual(out.read_text(encoding="utf-8"), "before")
        self.expect(self.export_table("-o", out), 0)
        self.assertEqual(out.read_text(encoding="utf-8"), "id,lang,age\n1,de,5\n")
        self.assertFalse((self.folder / "out.csv.new").exists())

    def test_a_dash_is_standard_output(self):
        self.expect(self.import_table("id,lang,age\n1,de,30\n"), 0)
        plain = self.export_table()
        self.assertEqual(self.export_table("-o", "-").out, plain.out)
        self.assertEqual(self.on_store("profile export", "1", "-o", "-", now=False).code, 0)
        run = self.import_table("id,lang,age\n2,xx,30\n", rejects="-")
        self.expect(run, 3)
        self.assertEqual(run.out, "id,lang,age\n2,xx,30\n")
        self.assertEqual(list(self.folder.glob("-*")), [])

    def test_wrong_usage_is_told(self):
        self.expect(self.on_store("export"), 1, "usage: personalize export")
        self.expect(self.import_table("id,lang,age\n1,de,5\n"), 0)
        self.expect(self.export_table("--format", "xml"), 1, "csv or jsonl, not 'xml'")
        self.use_mapping({"customer": "id", "atributes": {}})
        self.expect(self.export_table(), 4, 'did you mean "attributes"?')


if __name__ == "__main__":
    kit.main()

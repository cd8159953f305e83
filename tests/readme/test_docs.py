"""The documents tell of what there is: names, options, numbers, places.

    test_docs.py SOURCE_DIR BUILD_DIR

What is promised by examples is tested where they are run (tests/catalog/test_docs.c,
tests/engine/test_rules_doc.c, tests/tools/test_command.py, test_readme.sh). Here the rest: that nothing
public goes without a word, and that no word leads nowhere.
"""
import inspect
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE, BUILD = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
DOCS = sorted((SOURCE / "docs").glob("*.md"))
PAGES = [SOURCE / "README.md", SOURCE / "CONTRIBUTING.md", *DOCS]


def text_of(*names):
    return "\n".join((SOURCE / name).read_text() for name in names)


def words_of(text):
    return set(re.findall(r"\w+", text))


def anchors_of(page):
    """The fragments that a reader's browser finds: headings, as GitHub names them."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)$", prose, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def help_of(command):
    return subprocess.run([str(BUILD / "personalize"), *command, "--help"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout


class Places(unittest.TestCase):
    def test_the_readme_leads_to_every_document(self):
        readme = text_of("README.md")
        self.assertEqual([page.name for page in DOCS if f"docs/{page.name}" not in readme], [])

    def test_links_lead_somewhere(self):
        for page in PAGES:
            for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
                if "://" in target:
                    continue
                path, _, anchor = target.partition("#")
                to = page.parent / path if path else page
                with self.subTest(page=page.name, link=target):
                    self.assertTrue(to.exists())
                    if anchor:
                        self.assertTrue(anchor in anchors_of(to))

    def test_files_that_are_named_exist(self):
        named = re.compile(r"`((?:docs|examples|tests|scripts|bench|include|bindings)/[\w./-]+)`")
        for page in PAGES:
            for path in named.findall(page.read_text()):
                if not re.search(r"ROOM|FILE", path):
                    with self.subTest(page=page.name):
                        self.assertTrue((SOURCE / path).exists(), path)

    def test_names_of_c_are_those_of_the_headers(self):
        headers = words_of("\n".join(path.read_text() for path in (SOURCE / "include").rglob("*.h")))
        options = words_of("\n".join(path.read_text() for path in SOURCE.rglob("CMakeLists.txt")))
        internal = {"pz__fixed_key", "pz_noun_verb", "pz__noun_verb", "PZ_SEED", "PZ_CASE", "PZ_CASES", "PZ_FULL"}
        for page in PAGES:
            for name in re.findall(r"\b(?:pz|PZ)_\w*[A-Za-z0-9]\b(?!\*|_\*)", page.read_text()):
                with self.subTest(page=page.name):
                    self.assertTrue(name in internal | options | headers, name)


class Command(unittest.TestCase):
    manual = text_of("docs/command.md")

    def test_every_option_is_in_the_manual(self):
        commands = re.findall(r"^  (\w+) {2,}", help_of([]), re.M)
        self.assertGreater(len(commands), 10)
        for command in commands:
            for option in re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", help_of([command]), re.M):
                with self.subTest(command=command):
                    self.assertTrue(re.search(rf"`{option}[ `]", self.manual), option)

    def test_every_action_is_in_the_manual(self):
        for command in "profile", "records", "store":
            told = help_of([command]).split("options:")[0]
            for action in re.findall(r"^  ([a-z_|]+)", told, re.M):
                for word in action.split("|"):
                    with self.subTest(command=command):
                        self.assertTrue(re.search(rf"^\|? ?`?{word}\b|; {word}: ", self.manual, re.M), word)


class Catalogs(unittest.TestCase):
    def test_the_tests_of_the_examples_pass(self):
        blocks = re.findall(r"<!-- catalog -->\n```json\n(.*?)\n```", text_of("docs/catalog.md"), re.S)
        self.assertGreater(len(blocks), 10)
        with tempfile.TemporaryDirectory() as folder:
            for block in blocks:
                path = pathlib.Path(folder, "catalog.json")
                path.write_text(block)
                run = subprocess.run([str(BUILD / "personalize"), "check", str(path)], text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                self.assertEqual(run.returncode, 0, run.stdout)


    def test_the_catalogs_of_the_examples_are_sound_and_without_a_warning(self):
        catalogs = [path for path in (SOURCE / "examples").rglob("*.json")
                    if '"attributes"' in path.read_text() and '"customer": {' not in path.read_text()]
        self.assertGreater(len(catalogs), 3)
        for path in catalogs:
            run = subprocess.run([str(BUILD / "personalize"), "check", str(path)], text=True, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
            self.assertTrue(run.returncode == 0 and "warning" not in run.stdout, run.stdout)

    def test_the_table_of_the_example_is_taken_in(self):
        example = SOURCE / "examples/import"
        with tempfile.TemporaryDirectory() as folder:
            run = subprocess.run([str(BUILD / "personalize"), "import", "-c", str(example / "shop.json"), "-s",
                                  f"lmdb:{folder}/store", "--mapping", str(example / "crm.json"),
                                  str(example / "customers.csv")], text=True, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
        self.assertEqual(run.returncode, 3, run.stdout)
        self.assertIn("3 rows applied, 0 as they stood, 3 did not fit", run.stdout)


class Shell(unittest.TestCase):
    def test_the_commands_of_the_readme_run(self):
        readme = text_of("README.md")
        catalog, event = re.findall(r"```json\n(.*?)\n```", readme, re.S)
        commands = re.search(r"## From the shell.*?```sh\n(.*?)```", readme, re.S).group(1)
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "shop.json").write_text(catalog)
            pathlib.Path(folder, "events.jsonl").write_text(event + "\n")
            script = commands.replace("observe", "observe --now 2026-03-21T00:00:00Z", 1)
            run = subprocess.run(["sh", "-ec", script], cwd=folder, text=True, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, env={**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}"})
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertIn("1 events applied", run.stdout)
        self.assertIn('home.hero is "willkommen"', run.stdout)


    def test_the_shop_is_asked_by_hand_as_its_page_says(self):
        page = text_of("examples/retail/README.md")
        commands = re.search(r"By hand.*?```sh\n(.*?)```", page, re.S).group(1)
        script = commands.replace("build/personalize", str(BUILD / "personalize"))
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(SOURCE / "examples", pathlib.Path(folder, "examples"))
            run = subprocess.run(["sh", "-ec", script], cwd=folder, text=True, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertRegex(run.stdout, "chose it")


class Redis(unittest.TestCase):
    def test_every_command_that_is_sent_is_among_those_to_allow(self):
        sources = "\n".join(path.read_text() for path in (SOURCE / "lib/store").glob("redis*.c"))
        sent = set(re.findall(r"PZ__STR\(\"([A-Z]+)\"\)|call\('([A-Z]+)'", sources))
        sent = {a or b for a, b in sent} - {"COUNT", "MATCH", "MYID", "NODES", "SLOTS"}  # arguments
        told = re.search(r"Commands needed:(.*?); an ACL", text_of("docs/operations.md"), re.S).group(1)
        self.assertEqual(sorted(sent - words_of(told)), [])


class Errors(unittest.TestCase):
    def test_the_table_is_that_of_the_library(self):
        import personalize
        from personalize import _ffi, errors
        self.assertTrue(personalize.library_version())
        rows = re.findall(r"^\| `PZ_(\w+)` \| (-?\d+) \| (.*?) \| ", text_of("docs/errors.md"), re.M)
        self.assertEqual([int(number) for _, number, _ in rows], [0, *sorted(errors.BY_STATUS, reverse=True)])
        for name, number, means in rows:
            self.assertEqual(_ffi.lib.pz_status_name(int(number)).decode(), name)
            self.assertEqual(_ffi.lib.pz_status_text(int(number)).decode(), means)


class Bindings(unittest.TestCase):
    told = words_of(text_of("docs/binding.md", "docs/verbs.md"))

    def test_every_name_of_python_is_told(self):
        import personalize
        missing = [name for name in personalize.__all__ if name not in self.told]
        for name in personalize.__all__:
            kind = getattr(personalize, name)
            if inspect.isclass(kind):
                missing += [f"{name}.{member}" for member in vars(kind)
                            if not member.startswith("_") and member not in self.told]
        self.assertEqual([name for name in missing if not name.endswith(".status")], [])

    def test_every_name_of_lua_is_told(self):
        sources = "\n".join(path.read_text() for path in (SOURCE / "bindings/lua").glob("*.c"))
        names = set(re.findall(r'\{"([a-z]\w*)", \w+\}', sources))
        self.assertGreater(len(names), 60)
        self.assertEqual(sorted(names - self.told), [])


if __name__ == "__main__":
    sys.path.insert(0, str(BUILD / "python"))
    unittest.main(argv=sys.argv[:1])

#!/usr/bin/env python3
"""The wheel and the source archive, installed without a network into environments of their own. A
test is named by its claim.

    test_python_package.py SOURCE_DIR BUILD_DIR

The wheel takes what BUILD_DIR holds. With PZ_FULL the source archive is built from its own sources,
which takes as long as the library does.
"""
import ast
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile

SOURCE, BUILD = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
PACKAGE = SOURCE / "bindings/python"
PROGRAM = pathlib.Path(__file__).resolve().with_name("typed_program.py")
IS_FULL = bool(os.environ.get("PZ_FULL"))


def run(*command, cwd=None, **environment):
    """A program in an environment that knows nothing of the build tree; what it printed."""
    keep = {name: value for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "PERSONALIZE", "PIP_", "LD_LIBRARY_PATH"))}
    done = subprocess.run([str(part) for part in command], cwd=cwd, encoding="utf-8",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**keep, "PYTHONDONTWRITEBYTECODE": "1", "PIP_NO_INDEX": "1",
                               "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environment})
    if done.returncode:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}")
    return done.stdout


def find_mypy():
    """How mypy is started, and what it says it is. Debian's python3-mypy has no command, and belongs to Debian's Python."""
    for command in ([shutil.which("mypy")], [sys.executable, "-m", "mypy"], ["/usr/bin/python3", "-m", "mypy"]):
        try:
            done = subprocess.run([*command, "--version"], capture_output=True, text=True)
        except (OSError, TypeError):
            continue
        if done.returncode == 0:
            return command, done.stdout
    return None, ""


def pythons():
    """This Python and the others that are found, one of each version from 3.9 on: path and version."""
    known = {}
    names = [f"python3.{minor}" for minor in range(9, 20)]
    places = [sys.executable, *filter(None, map(shutil.which, names))]
    for folder in (pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv")) / "versions").glob("*"):
        places += [folder / "bin" / name for name in names]
    for place in places:
        try:
            said = subprocess.run([place, "-c", "import ctypes, sys; print('%d.%d' % sys.version_info[:2])"],
                                  capture_output=True, text=True)
        except OSError:
            continue
        if said.returncode == 0:
            known.setdefault(said.stdout.strip(), place)
    return [(place, version) for version, place in known.items()]


def readme_block(language):
    return run(sys.executable, SOURCE / "scripts/readme-block.py", language, 1,
               SOURCE / "README.md")


class Sources(unittest.TestCase):
    """What needs no installation."""

    def test_the_package_is_python_3_9(self):
        for path in PACKAGE.rglob("*.py"):
            with self.subTest(path=path.name):
                tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
                for node in ast.walk(tree):
                    self.assertNotIn(type(node).__name__, ("Match", "TryStar", "TypeAlias"))
                imports = [alias.name for node in ast.walk(tree)
                           if isinstance(node, (ast.Import, ast.ImportFrom)) and
                           getattr(node, "level", 0) == 0
                           for alias in ([ast.alias(node.module)] if isinstance(
                               node, ast.ImportFrom) else node.names)]
                known = getattr(sys, "stdlib_module_names", None)
                for name in imports if known else []:
                    self.assertIn(name.split(".")[0], known)

    def test_annotations_do_not_ask_a_later_python(self):
        """X | Y and the like are read by type checkers only where annotations are not evaluated."""
        for path in (PACKAGE / "personalize").glob("*.py"):
            text = path.read_text(encoding="utf-8")
            with self.subTest(path=path.name):
                self.assertIn("from __future__ import annotations", text)

    def test_only_one_module_mentions_ctypes(self):
        for path in (PACKAGE / "personalize").glob("*.py"):
            if path.name != "_ffi.py":
                text = path.read_text(encoding="utf-8")
                self.assertNotRegex(text, r"(?m)^\s*(import|from) ctypes")

    def test_types_are_strict(self):
        mypy, about = find_mypy()
        if not mypy:
            self.skipTest("mypy is not installed")
        oldest = "3.9" if re.match(r"mypy [01]\.", about) else "3.10"  # mypy 2 knows no older one
        with tempfile.TemporaryDirectory() as cache:
            for what, path in (("personalize", ""), (PROGRAM, PACKAGE)):
                run(*mypy, "--strict", "--python-version", oldest, "--cache-dir", cache, what,
                    cwd=PACKAGE, MYPYPATH=str(path))

    def test_the_typed_program_uses_everything(self):
        text = PROGRAM.read_text(encoding="utf-8")
        said = {getattr(node, "attr", None) or getattr(node, "id", None) for node in ast.walk(ast.parse(text))}
        for module, kind in (("engine", "Engine"), ("profile", "Profile"), ("store", "Store"), ("program", "Program"),
                             ("decision", "Decision")):
            tree = ast.parse((PACKAGE / f"personalize/{module}.py").read_text(encoding="utf-8"))
            made, = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == kind)
            for method in made.body:
                if isinstance(method, ast.FunctionDef) and not method.name.startswith("_") and method.name != "close":
                    with self.subTest(kind=kind, method=method.name):
                        self.assertTrue(method.name in said, "typed_program.py does not use it")

    def test_the_typed_program_runs_in_each_python(self):
        """In all that are here, of those that the package is for."""
        tried = []
        for python, version in pythons():
            with self.subTest(version=version):
                self.assertIn("the types are true", run(python, PROGRAM, PROGRAM.with_suffix(".json"),
                                                        PYTHONPATH=str(BUILD / "python")))
                tried.append(version)
        print("ran in Python", ", ".join(tried))

    def test_versions_agree(self):
        header = (SOURCE / "include/personalize/base.h").read_text(encoding="utf-8")
        version = ".".join(re.search(rf"PZ_VERSION_{part} (\d+)", header).group(1)
                           for part in ("MAJOR", "MINOR", "PATCH"))
        text = (PACKAGE / "personalize/__init__.py").read_text(encoding="utf-8")
        self.assertIn(f'__version__ = "{version}"', text)
        major, minor, _ = version.split(".")
        text = (PACKAGE / "personalize/_ffi.py").read_text(encoding="utf-8")
        self.assertIn(f"VERSION_MAJOR, VERSION_MINOR = {major}, {minor}", text)


class Installed(unittest.TestCase):
    def setUp(self):
        for module in ("pip", "venv"):
            if not importlib.util.find_spec(module):
                self.skipTest(f"this Python has no {module}")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def environment(self, name):
        """A fresh environment that the pip of this Python installs into; its interpreter."""
        run(sys.executable, "-m", "venv", "--without-pip", self.folder / name)
        return self.folder / name / "bin/python"

    def install(self, name, what, **environment):
        python = self.environment(name)
        home = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        run(sys.executable, "-m", "pip", "install", "--no-deps", "--target", home, what,
            **environment)
        return python

    @staticmethod
    def backend(hook, folder, **environment):
        """What a hook of the build backend made in a folder."""
        code = ("import sys; sys.path.insert(0, 'build_backend'); import personalize_build; "
                f"print(personalize_build.{hook}(sys.argv[1]))")
        return run(sys.executable, "-c", code, folder, cwd=PACKAGE, **environment).split()[-1]

    def speaks(self, python):
        """README's lines run, the command runs, and the library is the package's own."""
        scratch = self.folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        (scratch / "shop.json").write_text(readme_block("json"), encoding="utf-8")
        (scratch / "block.py").write_text(readme_block("python"), encoding="utf-8")
        says = re.search(r"^It prints `([^`]*)`", (SOURCE / "README.md").read_text(
            encoding="utf-8"), re.M).group(1)
        printed = run(python, "block.py", cwd=scratch)
        self.assertEqual(printed.splitlines()[0], says)
        found = run(python, "-c", "import personalize; print(personalize._ffi.path_of_library)",
                    cwd=scratch).strip()
        self.assertIn(str(python.parents[1]), found)
        version = run(python, "-c", "import personalize; print(personalize.library_version())",
                      cwd=scratch).strip()
        said = run(python, "-m", "personalize", "--version", cwd=scratch)
        self.assertIn(version, said)
        self.assertNotEqual(subprocess.run([python, "-m", "personalize", "nonsense"],
                                           stdout=subprocess.DEVNULL, cwd=scratch,
                                           stderr=subprocess.DEVNULL).returncode, 0)

    def test_the_wheel_carries_library_and_command(self):
        run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w",
            self.folder, PACKAGE, PERSONALIZE_BUILD=str(BUILD))
        wheel, = self.folder.glob("personalize-*-py3-none-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            self.assertIsNone(archive.testzip())
        for name in ("personalize/libpersonalize.so.0.1", "personalize/command/personalize",
                     "personalize/py.typed", "personalize/_ffi.py"):
            self.assertIn(name, names)
        again = self.folder / "again"
        again.mkdir()
        self.backend("build_wheel", again, PERSONALIZE_BUILD=str(BUILD))
        self.assertEqual((again / wheel.name).read_bytes(), wheel.read_bytes())
        self.speaks(self.install("of_wheel", wheel))

    def test_a_clone_is_installed_as_the_readme_says(self):
        """With the isolation that pip takes by default: there is nothing to fetch."""
        environment = {} if IS_FULL else {"PERSONALIZE_BUILD": str(BUILD)}
        self.speaks(self.install("of_clone", PACKAGE, **environment))

    def test_the_source_archive_builds_itself(self):
        name = self.backend("build_sdist", self.folder)
        with tarfile.open(self.folder / name) as archive:
            names = archive.getnames()
        root = name[:-len(".tar.gz")]
        for inside in ("PKG-INFO", "pyproject.toml", "personalize/_ffi.py",
                       "source/include/personalize.h", "source/lib/engine/engine.c"):
            self.assertIn(f"{root}/{inside}", names)
        self.assertFalse([inside for inside in names if "__pycache__" in inside])
        self.assertFalse([inside for inside in names if inside.endswith((".so", ".so.0.1"))])
        if IS_FULL:
            self.speaks(self.install("of_archive", self.folder / name))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])

"""Makes the wheel and the source archive of the Python package, with the standard library alone.

A wheel carries the package, libpersonalize, libpersonalize-redis (where hiredis is found) and the
``personalize`` command, which cmake builds from the sources: those of the clone that this folder is
in, or those that the source archive carries in ``source/``. PERSONALIZE_BUILD names a folder that
cmake has built in already; then nothing is built. CMAKE_ARGS is handed to cmake.

The hooks are those of PEP 517; nothing has to be installed to run them, so a package is built
without a network too: ``pip install --no-index bindings/python``.
"""
import base64
import contextlib
import gzip
import hashlib
import io
import os
import pathlib
import re
import shlex
import shutil
import stat
import subprocess
import sysconfig
import tarfile
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parents[1]
#: What is needed to build the library and the command, in a source archive.
SOURCES = ("CMakeLists.txt", "LICENSE", "README.md", "CHANGELOG.md", "personalize.pc.in",
           "personalize-redis.pc.in", "cmake", "include", "lib", "tools")
#: What a source archive holds beside ``source/``.
OWN = ("pyproject.toml", "build_backend")
EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", 315532800))  # what is made twice is the same

METADATA = """\
Metadata-Version: 2.1
Name: personalize
Version: {version}
Summary: Personalization as a library: choices, inferences, rules and reasons in your process
License: MIT
Requires-Python: >=3.9
Classifier: License :: OSI Approved :: MIT License
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: Python :: 3 :: Only
Classifier: Typing :: Typed
Description-Content-Type: text/markdown

{readme}"""

WHEEL = """\
Wheel-Version: 1.0
Generator: personalize_build
Root-Is-Purelib: false
Tag: {tag}
"""

ENTRY_POINTS = """\
[console_scripts]
personalize = personalize.__main__:main
"""


# ---- the sources ----

def source_root():
    """Where CMakeLists.txt is."""
    for place in (HERE / "source", HERE.parents[1]):
        if (place / "include/personalize/base.h").exists():
            return place
    raise RuntimeError(f"the sources of the library are not beside {HERE}: build the package from "
                       "a clone or from its source archive (pip 21.3 or later builds in place)")


def version():
    text = (source_root() / "include/personalize/base.h").read_text(encoding="utf-8")
    return ".".join(re.search(rf"PZ_VERSION_{part} (\d+)", text).group(1)
                    for part in ("MAJOR", "MINOR", "PATCH"))


def metadata():
    readme = (source_root() / "README.md").read_text(encoding="utf-8")
    return METADATA.format(version=version(), readme=readme)


# ---- building ----

@contextlib.contextmanager
def built():
    """A folder in which cmake has built."""
    ready = os.environ.get("PERSONALIZE_BUILD")
    if ready:
        yield pathlib.Path(ready)
        return
    if not shutil.which("cmake"):
        raise RuntimeError("cmake 3.18 or later and a C compiler are needed; on Debian: apt install"
                           " cmake gcc pkg-config zlib1g-dev uuid-dev libpcre2-dev liblmdb-dev")
    with tempfile.TemporaryDirectory(prefix="personalize-") as folder:
        off = [f"-DPZ_BUILD_{part}=OFF" for part in ("TESTS", "BENCH", "BINDINGS", "FUZZ")]
        subprocess.run(["cmake", "-S", str(source_root()), "-B", folder,
                        "-DCMAKE_BUILD_TYPE=Release", *off,
                        *shlex.split(os.environ.get("CMAKE_ARGS", ""))], check=True)
        jobs = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL") or str(os.cpu_count() or 1)
        subprocess.run(["cmake", "--build", folder, "--parallel", jobs], check=True)
        yield pathlib.Path(folder)


def binaries(folder):
    """(name in the package, file, whether it is run) of what a build has made."""
    major, minor, _ = version().split(".")
    abi = major if major != "0" else f"0.{minor}"
    library = folder / f"libpersonalize.so.{abi}"
    if not library.exists():
        raise RuntimeError(f"{folder} holds no {library.name}")
    yield library.name, library, False
    redis = folder / f"libpersonalize-redis.so.{abi}"
    if redis.exists():
        yield redis.name, redis, False
    command = folder / "personalize"
    if command.is_file():
        yield "command/personalize", command, True


# ---- archives ----

def digest(data):
    text = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    return f"sha256={text}"


class Wheel:
    """A zip archive that notes what it holds."""

    def __init__(self, path):
        self.archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self.records = []

    def put(self, name, data, is_run=False):
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = (stat.S_IFREG | (0o755 if is_run else 0o644)) << 16
        self.archive.writestr(info, data)
        self.records.append(f"{name},{digest(data)},{len(data)}\n")

    def close(self, record_name):
        self.records.append(f"{record_name},,\n")
        self.put(record_name, "".join(self.records).encode())
        self.archive.close()


def tag():
    """ctypes: any CPython 3, one platform. That of the system's own libraries is not claimed."""
    return "py3-none-" + re.sub(r"[-.]", "_", sysconfig.get_platform())


def info_folder():
    return f"personalize-{version()}.dist-info"


def package_files():
    return sorted(path for path in (HERE / "personalize").iterdir()
                  if path.suffix == ".py" or path.name == "py.typed")


def info_files():
    yield "METADATA", metadata()
    yield "WHEEL", WHEEL.format(tag=tag())
    yield "entry_points.txt", ENTRY_POINTS
    yield "LICENSE", (source_root() / "LICENSE").read_text(encoding="utf-8")


# ---- the hooks ----

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = pathlib.Path(metadata_directory, info_folder())
    folder.mkdir()
    for name, text in info_files():
        (folder / name).write_text(text, encoding="utf-8")
    return folder.name


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = f"personalize-{version()}-{tag()}.whl"
    with built() as folder:
        wheel = Wheel(pathlib.Path(wheel_directory, name))
        for path in package_files():
            wheel.put(f"personalize/{path.name}", path.read_bytes())
        for inside, path, is_run in binaries(folder):
            wheel.put(f"personalize/{inside}", path.read_bytes(), is_run)
        for file_name, text in info_files():
            wheel.put(f"{info_folder()}/{file_name}", text.encode())
        wheel.close(f"{info_folder()}/RECORD")
    return name


def add(archive, name, path):
    """One file of a source archive, without the traces of who made it."""
    if path.suffix in (".pyc", ".so") or "__pycache__" in path.parts:
        return
    data = path.read_bytes()
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(data), EPOCH
    info.mode = 0o755 if os.access(path, os.X_OK) else 0o644
    archive.addfile(info, io.BytesIO(data))


def add_all(archive, prefix, root, names):
    for name in names:
        path = root / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                add(archive, f"{prefix}/{file.relative_to(root).as_posix()}", file)


def build_sdist(sdist_directory, config_settings=None):
    folder = f"personalize-{version()}"
    path = pathlib.Path(sdist_directory, f"{folder}.tar.gz")
    with open(path, "wb") as file, \
            gzip.GzipFile("", "wb", fileobj=file, mtime=EPOCH) as packed, \
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info, data = tarfile.TarInfo(f"{folder}/PKG-INFO"), metadata().encode()
        info.size, info.mtime = len(data), EPOCH
        archive.addfile(info, io.BytesIO(data))
        add_all(archive, folder, HERE, OWN)
        for file in package_files():
            add(archive, f"{folder}/personalize/{file.name}", file)
        add_all(archive, f"{folder}/source", source_root(), SOURCES)
    return path.name

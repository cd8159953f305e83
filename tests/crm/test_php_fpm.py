"""The PHP class under php-fpm, as most CRMs written in PHP run: a pool of workers, FFI for preloaded files alone.

    test_php_fpm.py SOURCE_DIR LIBRARY

Exit status 77: skipped, with the reason. The pool listens on a socket in a scratch folder, its
workers are not root, and it is stopped by its pid. PZ_FULL=1 asks for more pages.
"""
import glob
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

SOURCE = pathlib.Path(sys.argv[1])
LIBRARY = sys.argv[2]
IS_FULL = os.environ.get("PZ_FULL", "0") not in ("", "0")
PAGES = 20000 if IS_FULL else 1000
NOBODY = ("nobody", "nogroup")

# What a CRM's page does: asks for a letter, or keeps a choice first.
PAGE = """<?php
require 'Personalize.php';
$crm = new Personalize\\Shop('crm.json', 'lmdb:customers');
$ann = $crm->customer('email', $_GET['customer']);
if (isset($_GET['language']))
    $ann->choose('language', $_GET['language'], channel: 'web');
echo getmypid(), ' ', $crm->decide('letter', $ann, ['channel' => 'mail'])['value'];
"""
REFUSED = """<?php
require 'Personalize.php';
try { new Personalize\\Shop('crm.json'); }
catch (Personalize\\PersonalizeException $e) { echo $e->status, ' ', $e->getMessage(); }
"""
POOL = """[global]
error_log = {folder}/fpm.log
daemonize = no
process_control_timeout = 10s
[www]
listen = {folder}/fpm.sock
pm = static
pm.max_children = 2
clear_env = no
{user}
"""


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def programs():
    """php-fpm's program, and the settings that load its extensions from nowhere but the command line."""
    found = sorted(glob.glob("/usr/sbin/php-fpm8.*")) or [name for name in [shutil.which("php-fpm")] if name]
    if not found:
        skip("no php-fpm")
    fpm = found[-1]
    loaded = subprocess.run([fpm, "-m"], capture_output=True, text=True).stdout
    if "FFI" not in loaded:
        skip("this php-fpm has no FFI")
    if "Zend OPcache" not in loaded:
        skip("this php-fpm has no opcache, which preloads")
    return fpm


class Pool:
    def __init__(self, fpm, folder, *settings):
        self.folder = folder
        self.log = open(folder / "out.log", "a")
        is_root = os.geteuid() == 0
        user = "user = {}\ngroup = {}".format(*NOBODY) if is_root else ""
        (folder / "fpm.conf").write_text(POOL.format(folder=folder, user=user))
        words = [fpm, "-F", "-R", "-y", folder / "fpm.conf", "-d", "opcache.enable=1", "-d", "display_errors=1"]
        if is_root:
            words += ["-d", f"opcache.preload_user={NOBODY[0]}"]
        for setting in settings:
            words += ["-d", setting]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=folder,
                                        env={**os.environ, "PERSONALIZE_LIBRARY": LIBRARY})
        try:
            self.wait()
        except BaseException:
            self.stop()
            raise

    def wait(self):
        """Until the pool answers; a page that is missing is an answer."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.get("missing.php")
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("php-fpm does not answer: " + (self.folder / "out.log").read_text()) from None
                time.sleep(0.05)

    def get(self, page, query=""):
        """What a page prints: one request of FastCGI 1.0 on a connection of its own."""
        told = {"SCRIPT_FILENAME": str(self.folder / page), "REQUEST_METHOD": "GET", "QUERY_STRING": query}
        pairs = b"".join(struct.pack("BB", len(k), len(v)) + k.encode() + v.encode() for k, v in told.items())

        def record(kind, content):
            return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content

        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(str(self.folder / "fpm.sock"))
            s.sendall(record(1, struct.pack(">HB5x", 1, 0)) + record(4, pairs) + record(4, b"") + record(5, b""))
            out = b""
            with s.makefile("rb") as answer:
                while True:
                    head = answer.read(8)
                    if len(head) < 8:
                        raise ConnectionError("the pool hung up")
                    _, kind, _, length, padding, _ = struct.unpack(">BBHHBB", head)
                    content = answer.read(length + padding)[:length]
                    if kind == 3:
                        return out.decode().partition("\r\n\r\n")[2]
                    if kind == 6:
                        out += content

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.log.close()


def resident(pid):
    """Kilobytes that are the process's own: what it shares with the pool is not its growth."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(n) for n in re.findall(r"^Private_\w+: +(\d+)", text, re.MULTILINE))


def many(pool, count):
    """Pages asked for by two at a time; the workers that made them, and seconds of one page."""
    seen, wrong = [], []  # which two threads may append to

    def ask(part):
        for n in range(part, count, 2):
            pid, value = pool.get("page.php", "customer=ann@example.com").split(" ", 1)
            seen.append(pid)
            if value != "hello":
                wrong.append((n, value))

    begun = time.monotonic()
    askers = [threading.Thread(target=ask, args=(part,)) for part in range(2)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert not wrong, wrong[:3]
    assert len(seen) == count, f"{len(seen)} of {count} pages"
    return set(seen), 2 * (time.monotonic() - begun) / count


def drive(fpm, folder):
    allowed = ("ffi.enable=preload", f"opcache.preload={folder}/preload.php")
    pool = Pool(fpm, folder, *allowed)
    try:
        # A choice holds from the next page on, whichever worker makes it.
        for language, greeting in ("de", "hallo"), ("en", "hello"):
            pid, value = pool.get("page.php", f"customer=ann@example.com&language={language}").split(" ", 1)
            assert value == greeting, value
            for _ in range(20):
                value = pool.get("page.php", "customer=ann@example.com").split(" ", 1)[1]
                assert value == greeting, value
        workers = set()
        deadline = time.monotonic() + 60
        while len(workers) < 2:
            assert time.monotonic() < deadline, "one worker makes all the pages"
            workers |= many(pool, PAGES // 5)[0]
        before = {pid: resident(pid) for pid in workers}
        again, seconds = many(pool, PAGES)
        assert again <= workers, "a worker has ended"
        grown = max(resident(pid) - before[pid] for pid in workers)
        assert grown <= 1024, f"a worker has grown by {grown} KB"
        # A reload ends every worker and preloads anew.
        pool.process.send_signal(12)  # SIGUSR2
        deadline = time.monotonic() + 60
        while True:
            pool.wait()
            pid, value = pool.get("page.php", "customer=ann@example.com").split(" ", 1)
            assert value == "hello", value
            if pid not in workers:
                break
            assert time.monotonic() < deadline, "the reload never came"
            time.sleep(0.05)
    finally:
        pool.stop()
    pool = Pool(fpm, folder, "ffi.enable=preload")
    try:
        said = pool.get("refused.php")
        assert said.startswith("ERR_IO ") and "ffi.enable" in said, said
    finally:
        pool.stop()
    print(f"{PAGES} pages by two workers, {1e6 * seconds:.0f} us each with catalog and store opened for it; "
          f"grown by {grown} KB; a reload; refused where FFI is not allowed")


def main():
    fpm = programs()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pz-fpm."))
    try:
        shutil.copy(SOURCE / "examples/php/Personalize.php", folder)
        shutil.copy(SOURCE / "examples/postgresql/crm.json", folder)
        (folder / "page.php").write_text(PAGE)
        (folder / "refused.php").write_text(REFUSED)
        (folder / "preload.php").write_text(f"<?php opcache_compile_file('{folder}/Personalize.php');\n")
        if os.geteuid() == 0:
            shutil.chown(folder, *NOBODY)
        drive(fpm, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()

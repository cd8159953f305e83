#!/usr/bin/env python3
"""`personalize store`: copies, backups, faults and compacting, with LMDB and real Redis servers."""
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

import kit

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from ports import free_port  # noqa: E402

REDIS = shutil.which("redis-server")
HAS_MODULE = any(kit.COMMAND.parent.glob("libpersonalize-redis.so.*"))


class Server:
    """One redis-server on a free port of loopback, stopped by its process id."""

    def __init__(self, folder, *options):
        self.port = free_port()
        self.folder = folder
        folder.mkdir()
        self.process = subprocess.Popen(
            [REDIS, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder),
             "--save", "", "--daemonize", "no", *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                if self.ask("PING") == "+PONG":
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise RuntimeError("redis-server does not answer")

    def ask(self, line):
        with socket.create_connection(("127.0.0.1", self.port), 2) as to:
            to.sendall(line.encode() + b"\r\n")
            return to.makefile("rb").readline().decode().strip()

    def stop(self):
        self.process.kill()
        self.process.wait()


class Base(kit.CommandTest):
    def fill(self, count, store=None):
        events = [kit.event(i, customer=f"c{i:05}") for i in range(count)]
        if store:
            run = self.run_command("observe", "-", "-c", self.catalog, "-s", store, "--now",
                                   kit.NOW, stdin=kit.jsonl(events))
        else:
            run = self.observe(events)
        self.assertEqual(run.code, 0, run.err)

    def at(self, name):
        return f"lmdb:{self.folder / name}"

    def store_command(self, *words):
        return self.run_command("store", *words)

    def info(self, address):
        run = self.store_command("info", address, "--json")
        self.assertEqual(run.code, 0, run.err)
        return json.loads(run.out)


class StoreTest(Base):
    def test_info_tells_what_is_there(self):
        self.fill(7)
        told = self.info(self.at("store"))
        self.assertEqual((told["backend"], told["profiles"], told["identifiers"]), ("lmdb", 7, 7))
        run = self.run_command("store", "info", "-s", self.at("store"))
        self.expect(run, 0)
        self.assertIn("profiles         7\n", run.out)

    def test_words_that_are_wrong_are_told(self):
        self.fill(1)
        self.expect(self.store_command("verfy", self.at("store")), 1, "did you mean 'verify'?")
        self.expect(self.store_command("copy", self.at("store")), 1, "copy FROM TO")
        self.expect(self.store_command("info", self.at("none")), 2, "no store")
        self.expect(self.store_command("copy", "memory:", self.at("x")), 2, "lives in a process")
        self.expect(self.store_command("info", "tape:1"), 2, "lmdb:DIRECTORY")
        self.expect(self.store_command("backup", self.at("store"), self.at("store")), 2,
                    "a store already")

    def test_backup_restore_and_copy_are_the_same_profiles_and_other_writers(self):
        self.fill(40)
        before = self.export()
        self.expect(self.store_command("backup", self.at("store"), self.at("backup")), 0,
                    "one snapshot")
        self.expect(self.store_command("restore", self.at("backup"), self.at("back")), 0)
        self.expect(self.store_command("copy", self.at("back"), self.at("copy")), 0, "40 added")
        self.expect(self.store_command("copy", self.at("store"), self.at("copy")), 0,
                    "40 as they were")
        writers = {self.info(self.at(name))["writer"] for name in ("store", "backup", "back", "copy")}
        self.assertEqual(len(writers), 4)
        for name in ("backup", "back", "copy"):
            self.assertEqual(self.export(self.folder / name), before)
            self.expect(self.store_command("verify", self.at(name)), 0, "sound")

    def test_plain_copy_of_the_files_is_recognized(self):
        self.fill(3)
        shutil.copytree(self.store, self.folder / "cp")
        self.expect(self.store_command("copy", self.at("store"), self.at("cp")), 2,
                    "one writer id", "backup")

    def test_flipped_byte_is_told_and_left_out_on_demand(self):
        self.fill(30)
        data = self.store / "data.mdb"
        content = bytearray(data.read_bytes())
        at = content.find(b"PZr")
        while at >= 0:  # the one record, on whichever pages it was ever written
            if b"c00007" in content[at:content.find(b"PZr", at + 3)]:
                content[at + 40] ^= 1
            at = content.find(b"PZr", at + 3)
        data.write_bytes(content)
        run = self.store_command("verify", self.at("store"))
        self.assertEqual(run.code, 2)
        self.assertIn("damaged: profile", run.out)
        self.assertIn("1 faults", run.err)
        told = self.store_command("verify", self.at("store"), "--json")
        self.assertEqual(json.loads(told.out)["kind"], "damaged")
        self.expect(self.store_command("copy", self.at("store"), self.at("copy")), 5, "profile")
        run = self.store_command("copy", self.at("store"), self.at("copy"), "--keep-going")
        self.assertEqual(run.code, 3)
        self.assertIn("1 left out", run.err)
        self.assertEqual(self.info(self.at("copy"))["profiles"], 29)
        self.expect(self.store_command("verify", self.at("copy")), 0, "sound")

    def test_nothing_of_a_damaged_key_is_an_order_to_the_terminal(self):
        self.fill(1)
        shown = self.on_store("profile export", "--all").lines()[0]["subject"]["id"].encode()
        data = self.store / "data.mdb"
        data.write_bytes(data.read_bytes().replace(shown, b"\x1b]" + shown[2:]))
        run = self.store_command("verify", self.at("store"))
        self.assertEqual(run.code, 2, run.err)
        self.assertIn("\\x1b]" + shown[2:].decode(), run.out)
        self.assertNotIn("\x1b", run.out)

    def test_files_that_may_not_grow_are_full(self):
        self.fill(2000)
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (300 << 10, 300 << 10))
        for action in ("backup", "copy"):
            run = self.run_command("store", action, f"lmdb:{self.store}", self.at(action), preexec_fn=limit)
            self.expect(run, 5)
            self.assertNotIn("Input/output", run.err)
        self.assertEqual(list(self.folder.glob("*partial*")), [])
        self.expect(self.store_command("copy", f"lmdb:{self.store}", self.at("copy")), 0)

    def test_killed_copy_goes_on(self):
        self.fill(3000)
        for wait in (0.02, 0.05, 0.1):
            process = subprocess.Popen([str(kit.COMMAND), "store", "copy", self.at("store"),
                                        self.at("copy")], stderr=subprocess.DEVNULL)
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
            process.wait()
        if (self.folder / "copy" / "data.mdb").exists():
            run = self.store_command("verify", self.at("copy"))
            self.assertIn(run.code, (0, 2), run.err)
            self.assertNotIn("faults", run.err)
        self.expect(self.store_command("copy", self.at("store"), self.at("copy")), 0)
        self.expect(self.store_command("verify", self.at("copy")), 0, "3000 profiles", "sound")

    def test_compacting_shrinks_what_erasing_left(self):
        self.fill(2000)
        for number in range(0, 40):
            self.expect(self.on_store("profile erase", f"c{number:05}"), 0)
        before = self.info(self.at("store"))
        self.expect(self.store_command("compact", self.at("store")), 0, "1960 profiles")
        after = self.info(self.at("store"))
        self.assertLess(after["file"], before["file"])
        self.assertEqual(before["writer"], after["writer"])
        self.expect(self.store_command("verify", self.at("store")), 0, "sound")

    def test_compacting_makes_no_store(self):
        self.expect(self.store_command("compact", self.at("nowhere")), 2, "there is no store in")
        self.assertFalse((self.folder / "nowhere").exists())

    def test_backup_is_sound_while_others_write(self):
        self.fill(500)
        events = [kit.event(f"more{i}", customer=f"c{i % 900:05}") for i in range(30000)]
        source = self.folder / "events.jsonl"
        source.write_bytes(kit.jsonl(events))
        writer = subprocess.Popen([str(kit.COMMAND), "observe", str(source), "-c", str(self.catalog),
                                   "-s", self.at("store"), "--now", kit.NOW, "--batch", "50"],
                                  stderr=subprocess.DEVNULL)
        try:
            for number in range(4):
                name = f"backup{number}"
                run = self.store_command("backup", self.at("store"), self.at(name))
                self.expect(run, 0)
                held = self.info(self.at(name))["profiles"]
                self.assertIn(f"{held} profiles, one snapshot", run.err)
                self.expect(self.store_command("verify", self.at(name)), 0, "sound")
            self.expect(self.store_command("verify", self.at("store")), 0, "sound")
        finally:
            writer.kill()
            writer.wait()


@unittest.skipUnless(REDIS, "there is no redis-server")
class RedisTest(Base):
    @unittest.skipUnless(HAS_MODULE, "built without Redis")
    def test_every_verb_takes_a_redis_store(self):
        server = Server(self.folder / "redis")
        self.addCleanup(server.stop)
        address = f"redis://127.0.0.1:{server.port}"
        self.fill(300, address)
        told = self.info(address)
        self.assertEqual((told["backend"], told["profiles"]), ("redis", 300))
        options = ["-c", self.catalog, "-s", address]
        self.expect(self.run_command("profile", "choose", *options, "c00001", "language", "fr"), 0)
        run = self.run_command("resolve", *options, "c00001", "language")
        self.assertEqual((run.code, run.out.strip()), (0, "fr"), run.err)
        self.expect(self.store_command("verify", address), 0, "300 profiles", "sound")
        self.expect(self.store_command("backup", address, self.at("backup")), 0, "300 added")
        self.expect(self.store_command("restore", self.at("backup"), address + "?prefix=new:"), 0)
        self.expect(self.store_command("copy", self.at("backup"), address), 0, "300 as they were")
        self.expect(self.store_command("compact", address), 0, "no files to shrink")
        writers = {self.info(a)["writer"] for a in (address, address + "?prefix=new:",
                                                    self.at("backup"))}
        self.assertEqual(len(writers), 3)
        server.ask("SHUTDOWN NOSAVE")
        self.expect(self.store_command("info", address + "?deadline_ms=300"), 5)

    @unittest.skipUnless(HAS_MODULE, "built without Redis")
    def test_password_is_in_a_file_and_seen_nowhere(self):
        server = Server(self.folder / "redis")
        self.addCleanup(server.stop)
        self.assertEqual(server.ask("CONFIG SET requirepass s3cret"), "+OK")
        address = f"redis://:s3cret@127.0.0.1:{server.port}"
        kept = self.folder / "address"
        kept.write_text(address + "\n", encoding="utf-8")
        kept.chmod(0o600)
        self.fill(3, f"@{kept}")
        self.expect(self.store_command("verify", f"@{kept}"), 0, "3 profiles")
        self.expect(self.store_command("copy", f"@{kept}", self.at("copied")), 0, "3 added")
        self.assertEqual(self.info(address)["profiles"], 3)
        with subprocess.Popen([str(kit.COMMAND), "profile", "apply", "-c", self.catalog,
                               f"--store={address}", "-"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            words = pathlib.Path(f"/proc/{run.pid}/cmdline")
            for _ in range(3000):  # on a machine that stalls it may not have begun
                if b"***@127" in words.read_bytes():
                    break
                time.sleep(0.01)
            self.assertIn(b"***@127", words.read_bytes())
            self.assertNotIn(b"s3cret", words.read_bytes())
            run.communicate(b'["one", ["choose", "language", "de"]]\n')
            self.assertEqual(run.returncode, 0)
        # A word has no end but its own: what is raw in a password is part of it.
        for given in ("redis://:s'3cret@", 'redis://u:s "3cret@', "redis://[u:s3cret@"):
            with socket.create_server(("127.0.0.1", 0)) as silent:
                at = f"127.0.0.1:{silent.getsockname()[1]}"
                with subprocess.Popen([str(kit.COMMAND), "store", "info", given + at],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
                    words = pathlib.Path(f"/proc/{run.pid}/cmdline")
                    for _ in range(200):
                        if b"***@127" in words.read_bytes():
                            break
                        time.sleep(0.01)
                    self.assertNotIn(b"3cret", words.read_bytes())
                    run.kill()
        for words in (["info", address + "?wiat=1"], [address], ["info", "--sotre=" + address]):
            run = self.store_command(*words)
            self.assertNotIn("s3cret", run.err)
            self.assertIn(run.code, (1, 2))

    def test_file_of_an_address_that_has_none_is_told(self):
        empty = self.folder / "empty"
        empty.write_text("\n", encoding="utf-8")
        self.expect(self.store_command("info", f"@{empty}"), 2, "first line", str(empty))
        self.expect(self.store_command("info", "@nowhere"), 2, "cannot open 'nowhere'")

    def test_without_the_module_it_is_told_what_to_install(self):
        alone = self.folder / "alone"
        alone.mkdir()
        command = alone / "personalize"
        shutil.copy(kit.COMMAND, command)
        environment = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
        run = kit.Result(subprocess.run([str(command), "store", "info", "redis://127.0.0.1:1"],
                                        capture_output=True, env=environment, check=False))
        if "cannot be loaded" not in run.err:
            self.skipTest("the module is installed on this machine")
        self.expect(run, 2, "libpersonalize-redis.so.0.1", "install it")


if __name__ == "__main__":
    kit.main()

#!/usr/bin/env python3
"""Runs test_lua_redis.lua with a redis-server of its own: test_lua_redis.py LUA CATALOG.

The server is on a free port of loopback and stopped by its process id. Skipped, with status 77, where there is no
redis-server.
"""
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from ports import free_port  # noqa: E402

def wait_for(port, server):
    until = time.monotonic() + 30
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("redis-server does not answer")


def main():
    program = shutil.which("redis-server")
    if not program:
        print("skipped: redis-server is not installed")
        return 77
    lua, catalog = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        server = subprocess.Popen([program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder,
                                   "--appendonly", "yes", "--save", ""], stdout=subprocess.DEVNULL)
        try:
            wait_for(port, server)
            script = pathlib.Path(__file__).with_suffix(".lua")
            return subprocess.run([lua, script, catalog, f"redis://127.0.0.1:{port}"], check=False).returncode
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    sys.exit(main())

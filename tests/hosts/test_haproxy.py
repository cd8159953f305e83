"""The site behind HAProxy: two threads of one process, reloads by a new process."""
import os
import signal
import time
import unittest

import kit


class Haproxy(kit.Server):
    name, lua, configuration, example_port = "haproxy", "5.3", "haproxy.cfg", 8083

    def command(self):
        return ["haproxy", "-W", "-f", self.path("site", "haproxy.cfg")]

    def times_loaded(self):
        with open(self.path("log", "output"), encoding="utf-8", errors="replace") as file:
            return file.read().count("Loading success")

    def reload(self):
        """A signal is lost that comes when the master has said that it loaded, and does not listen
        yet: it is sent again until the master loads."""
        kit.wait_until(lambda: self.times_loaded() > 0, "the master has loaded")
        before, sent = self.times_loaded(), 0.0

        def has_loaded():
            nonlocal sent
            if self.times_loaded() > before:
                return True
            if time.monotonic() - sent > 3:
                sent = time.monotonic()
                os.kill(self.process.pid, signal.SIGUSR2)
            return False
        kit.wait_until(has_loaded, "the master loads again")


class Site(kit.Claims, unittest.TestCase):
    server_class = Haproxy
    processes = 1


if __name__ == "__main__":
    kit.need("haproxy", "5.3")
    kit.main()

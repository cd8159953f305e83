"""The site behind HAProxy: two threads of one process, reloads by a new process."""
import os
import signal
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
        """A signal that comes while the master is still loading is lost."""
        self.reloads = getattr(self, "reloads", 0) + 1
        kit.wait_until(lambda: self.times_loaded() >= self.reloads, "the master has loaded")
        os.kill(self.process.pid, signal.SIGUSR2)


class Site(kit.Claims, unittest.TestCase):
    server_class = Haproxy
    processes = 1


if __name__ == "__main__":
    kit.need("haproxy", "5.3")
    kit.main()

"""The site behind HAProxy: two threads of one process, reloads by a new process."""
import os
import signal
import unittest

import kit


class Haproxy(kit.Server):
    name, lua, configuration, example_port = "haproxy", "5.3", "haproxy.cfg", 8083

    def command(self):
        return ["haproxy", "-W", "-f", self.path("site", "haproxy.cfg")]

    def reload(self):
        os.kill(self.process.pid, signal.SIGUSR2)


class Site(kit.Claims, unittest.TestCase):
    server_class = Haproxy
    processes = 1


if __name__ == "__main__":
    kit.need("haproxy", "5.3")
    kit.main()

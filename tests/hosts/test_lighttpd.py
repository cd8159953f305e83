"""The site behind lighttpd: two workers of one master, graceful restarts by USR1."""
import os
import signal
import unittest

import kit


class Lighttpd(kit.Server):
    name, lua, configuration, example_port = "lighttpd", "5.4", "lighttpd.conf", 8082

    def command(self):
        return ["lighttpd", "-D", "-f", self.path("site", "lighttpd.conf")]

    def reload(self):
        os.kill(self.process.pid, signal.SIGUSR1)


class Site(kit.Claims, unittest.TestCase):
    server_class = Lighttpd


if __name__ == "__main__":
    kit.need("lighttpd", "5.4", ["/usr/lib/lighttpd/mod_magnet.so"])
    kit.main()

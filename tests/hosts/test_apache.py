"""The site behind Apache, for each LuaScope: processes, threads, and Lua states of several lives."""
import os
import signal
import unittest

import kit


class Apache(kit.Server):
    name, lua, configuration, example_port = "apache", "5.3", "shop.conf", 8081

    def command(self):
        return ["apache2", "-d", self.path("run"), "-f", self.path("site", "shop.conf"), "-D", "FOREGROUND"]

    def reload(self):
        os.kill(self.process.pid, signal.SIGUSR1)


class Thread(kit.Claims, unittest.TestCase):
    server_class = Apache


@kit.full
class Server(kit.Claims, unittest.TestCase):
    server_class = Apache
    changes = [("\nLuaScope thread", "\nLuaScope server 1 8")]


@kit.full
class Connection(kit.Claims, unittest.TestCase):
    server_class = Apache
    changes = [("\nLuaScope thread", "\nLuaScope conn")]


@kit.full
class Request(kit.Claims, unittest.TestCase):
    server_class = Apache
    changes = [("\nLuaScope thread", "\nLuaScope request")]


@kit.full
class Once(kit.Claims, unittest.TestCase):
    server_class = Apache
    changes = [("\nLuaScope thread", "\nLuaScope once")]


if __name__ == "__main__":
    kit.need("apache2", "5.3", ["/usr/lib/apache2/modules/mod_lua.so"])
    kit.main()

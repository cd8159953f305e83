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


@kit.full
class ManyStates(unittest.TestCase):
    """Ten thousand Lua states, each opened and closed by a request, in one process."""

    STATES, GROWTH_KB = 10000, 1024

    @classmethod
    def setUpClass(cls):
        cls.server = Apache([
            ("\nLuaScope thread", "\nLuaScope once"), ("StartServers 2", "StartServers 1"),
            ("ServerLimit 4", "ServerLimit 1"), ("MinSpareThreads 8", "MinSpareThreads 1"),
            ("MaxSpareThreads 32", "MaxSpareThreads 8"), ("MaxRequestWorkers 32", "MaxRequestWorkers 8"),
            ("# ----", "MaxKeepAliveRequests 0")])
        cls.addClassCleanup(cls.server.remove)
        # One heap for all threads: of eight, each grows when its thread is first busy, and shrinks as
        # it likes, by more than what is looked for.
        cls.server.environment = {"MALLOC_ARENA_MAX": "1"}
        cls.server.start()

    def child(self):
        with open("/proc/%d/task/%d/children" % ((self.server.process.pid,) * 2), encoding="ascii") as file:
            (child,) = file.read().split()
        return int(child)

    def resident_kb(self, pid):
        with open("/proc/%d/status" % pid, encoding="ascii") as file:
            return int(next(line for line in file if line.startswith("VmRSS")).split()[1])

    def test_they_come_and_go_without_a_leak(self):
        child = self.child()
        sizes = []
        with self.server.keep_asking("/", kit.VISITOR % 9) as ask:
            for _ in range(10):
                self.assertEqual(len({ask().worker for _ in range(self.STATES // 10)}), self.STATES // 10)
                sizes.append(self.resident_kb(child))
        self.assertEqual(self.child(), child)
        self.assertLess(sizes[-1] - sizes[0], self.GROWTH_KB, sizes)
        print("resident after each tenth, kB:", sizes)


if __name__ == "__main__":
    kit.need("apache2", "5.3", ["/usr/lib/apache2/modules/mod_lua.so"])
    kit.main()

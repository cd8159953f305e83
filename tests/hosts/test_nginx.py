"""The site behind nginx: two workers, reloads by HUP."""
import os
import signal
import unittest

import kit


class Nginx(kit.Server):
    name, lua, configuration, example_port = "nginx", "5.1", "nginx.conf", 8080

    def command(self):
        return ["nginx", "-p", self.path("run"), "-c", self.path("site", "nginx.conf"),
                "-e", self.path("log", "error.log"), "-g", "daemon off;"]

    def reload(self):
        os.kill(self.process.pid, signal.SIGHUP)


class Site(kit.Claims, unittest.TestCase):
    server_class = Nginx


if __name__ == "__main__":
    kit.need("nginx", "5.1", ["/usr/lib/nginx/modules/ngx_http_lua_module.so"])
    kit.main()

"""What the tests of the four web servers share: the site put into a folder of its own, the real
server on a free loopback port, and the claims that hold behind every server.

A test file names its server, says how it is started and reloaded, and inherits the claims.
Everything lies below one temporary folder; servers are stopped by their pid. Where a server or a
build of the Lua module is missing, the test says so and exits with 77, which ctest shows as skipped.
"""
import contextlib
import glob
import http.client
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from ports import free_port  # noqa: E402

SOURCE = os.environ.get("PZ_SOURCE_DIR") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.environ.get("PZ_BUILD_DIR") or os.path.join(SOURCE, "build")
# Servers lie where not every user looks for commands.
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin"
VISITOR = "0123456789abcdef0123456789abcd%02x"

# What the examples say, and what stands there instead in a test.
PLACES = {
    "/usr/local/lib": "lib",
    "/usr/local/share": "share",
    "/srv/shop": "site",
    "/var/lib/shop": "state",
    "/run/shop": "run",
    "/var/log/shop": "log",
}


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


def need(command=None, lua=None, files=()):
    """Skip the test unless these are here: a server, a build of the Lua module, files (any of a glob)."""
    if command and not shutil.which(command):
        skip("%s is not installed" % command)
    if lua and not os.path.exists(os.path.join(BUILD, "lua", lua, "personalize.so")):
        skip("the module for Lua %s is not built" % lua)
    for pattern in files:
        if not glob.glob(pattern):
            skip("%s is missing" % pattern)


def wait_until(is_so, what, seconds=float(os.environ.get("PZ_WAIT", 30))):
    """Wait until `is_so()` gives something true, and give it."""
    end = time.monotonic() + seconds
    while True:
        found = is_so()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError("after %d s still not: %s" % (seconds, what() if callable(what) else what))
        time.sleep(0.05)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode("utf-8")
        self.worker = self.headers.get("X-Worker")

    def process(self):
        return self.worker.split(".")[0]

    def hero(self):
        return self.text.split('data-hero="', 1)[1].split('"', 1)[0]


class Server:
    """One server with the site, in a folder of its own."""

    name = None  # of the folder below examples/ and of the command
    lua = None  # which build of the module it loads
    configuration = None  # the file in that folder
    environment = {}
    example_port = None

    def __init__(self, changes=()):
        self.root = tempfile.mkdtemp(prefix="shop-")
        os.chmod(self.root, 0o755)
        self.port = free_port()
        self.process = None
        self.is_catalog_changed = False
        for folder in PLACES.values():
            os.mkdir(os.path.join(self.root, folder))
        self._copy_library()
        for folder in ("site", self.name):
            for path in glob.glob(os.path.join(SOURCE, "examples", folder, "*")):
                self.copy(path, changes)
        self.give_to_server("state", "log", "run")

    # ---- places ----

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def _copy_library(self):
        module = os.path.join("lua", self.lua, "personalize.so")
        os.makedirs(os.path.dirname(self.path("lib", module)))
        shutil.copy(os.path.join(BUILD, module), self.path("lib", module))
        shutil.copytree(os.path.join(BUILD, "lua", "ffi"), self.path("share", "lua", "5.1"),
                        ignore=shutil.ignore_patterns("personalize.lua"))
        for library in glob.glob(os.path.join(BUILD, "libpersonalize.so*")):
            shutil.copy(library, self.path("lib"), follow_symlinks=False)

    def copy(self, path, changes=()):
        """Copy a file of the example, with the places of this test."""
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for old, new in PLACES.items():
            text = text.replace(old, self.path(new))
        text = re.sub(r"\b%d\b" % self.example_port, str(self.port), text)
        if os.geteuid() != 0:  # nobody else to become
            text = re.sub(r"(?m)^ *(user|group|User|Group|server\.(user|group)name) .*\n", "", text)
        for old, new in changes:
            if path.endswith(self.configuration) and old not in text:
                raise AssertionError("%s does not say %r" % (path, old))
            text = text.replace(old, new)
        with open(self.path("site", os.path.basename(path)), "w", encoding="utf-8") as file:
            file.write(text)

    def give_to_server(self, *folders):
        """Servers started by root answer as another user, who has to own what is written."""
        if os.geteuid() != 0:
            return
        user = pwd.getpwnam("www-data")
        for folder in folders:
            os.chown(self.path(folder), user.pw_uid, user.pw_gid)

    def write_catalog(self, change=None, text=None):
        """Put another catalog in place, by renaming, as a deployment does."""
        if text is None:
            with open(os.path.join(SOURCE, "examples/site/shop.json"), encoding="utf-8") as file:
                text = file.read()
            for old, new in change or ():
                assert old in text, old
                text = text.replace(old, new)
        with open(self.path("site", "shop.json.new"), "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(self.path("site", "shop.json.new"), self.path("site", "shop.json"))
        self.is_catalog_changed = True

    # ---- life ----

    def command(self):
        raise NotImplementedError

    def reload(self):
        raise NotImplementedError

    def start(self):
        with open(self.path("log", "output"), "ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.root, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C", **self.environment}, start_new_session=True)
        wait_until(self.is_up, lambda: "%s answers; its log says:\n%s" % (self.name, self.log()))
        return self

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError("%s ended with %d:\n%s" % (self.name, self.process.returncode, self.log()))
        try:
            return self.get("/plain").status == 200
        except OSError:
            return False

    def stop(self):
        """End the server as its operator would. What is still there after a while is a failure."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
                raise AssertionError("%s did not end:\n%s" % (self.name, self.log())) from None

    def remove(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.root, ignore_errors=True)

    def log(self):
        texts = []
        for path in sorted(glob.glob(self.path("log", "*"))):
            with open(path, encoding="utf-8", errors="replace") as file:
                texts.append(file.read()[-4000:])
        return "\n".join(texts)

    # ---- questions ----

    def ask(self, method, path, visitor=None, form=None, headers=None, timeout=20, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = dict(headers or {}, Connection="close")
        if visitor:
            headers["Cookie"] = "theme=dark; visitor=" + visitor
        if form is not None:
            body = urllib.parse.urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, headers)
            return Answer(connection.getresponse())
        except http.client.HTTPException as failure:
            raise OSError("%s %s: %r" % (method, path, failure)) from failure
        finally:
            connection.close()

    @contextlib.contextmanager
    def keep_asking(self, path, visitor):
        """A function that asks the same over one connection that is kept."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

        def ask():
            connection.request("GET", path, headers={"Cookie": "visitor=" + visitor})
            return Answer(connection.getresponse())
        yield ask
        connection.close()

    def send(self, text):
        """Send bytes, and give all that the server says until it closes."""
        with socket.create_connection(("127.0.0.1", self.port), 20) as door:
            door.sendall(text)
            return b"".join(iter(lambda: door.recv(65536), b"")).decode("utf-8")

    def get(self, path, visitor=None, **more):
        return self.ask("GET", path, visitor, **more)

    def post(self, path, visitor=None, form=None, **more):
        return self.ask("POST", path, visitor, form or {}, **more)

    def look_at(self, visitor, category, times):
        for count in range(times):
            answer = self.post("/beacon", visitor, {"category": category, "id": "%s-%d" % (category, count)})
            assert answer.status == 204, (answer.status, answer.text)


class Traffic:
    """Visitors who never stop asking, each on a new connection; what goes wrong is kept."""

    def __init__(self, server, threads=3):
        self.server, self.failures, self.count = server, [], 0
        self.heroes = set()
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(threads)]

    def _run(self, number):
        while not self._end.is_set():
            try:
                answer = self.server.get("/", VISITOR % (200 + number))
                hero = answer.hero() if answer.status == 200 else answer.text
                failure = None if answer.status == 200 else "%d %s" % (answer.status, answer.text)
            except OSError as error:
                hero, failure = None, repr(error)
            with self._lock:
                self.count += 1
                self.heroes.add(hero)
                if failure:
                    self.failures.append(failure)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        for thread in self._threads:
            thread.join()


full = unittest.skipIf(os.environ.get("PZ_FULL", "0") in ("", "0"), "only in the long run (PZ_FULL=1)")

OTHER_DEFAULT = [('"default": "everything"', '"default": "spring"'),
                 ('"home.hero": "everything"', '"home.hero": "spring"')]
MISSPELT = [("tier(profile.interest)", "tier(profile.intrest)")]
FAILING = [('"decide": {"home.hero": "everything"}', '"decide": {"home.hero": "toys"}')]


NO_DEFAULT = [(',\n      "default": "everything",', ""),
              ('{"name": "a stranger sees everything", "decide": {"home.hero": "everything"}},', "")]


class Claims:
    """What holds behind every server. Mixed into a unittest.TestCase with `server`."""

    server_class = None
    changes = ()
    workers = 2  # how many Lua states a visitor has to have met
    processes = 2  # and how many processes they are in

    @classmethod
    def setUpClass(cls):
        cls.server = cls.server_class(cls.changes)
        try:
            cls.server.start()
        except BaseException:
            cls.server.remove()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.server.remove()

    def setUp(self):
        self.addCleanup(self.restore_catalog)

    def restore_catalog(self):
        if self.server.is_catalog_changed:
            self.deploy()
            self.server.is_catalog_changed = False

    def ask_every_worker(self, path, visitor=None):
        """Ask until `workers` Lua states of `processes` processes have answered; all answers."""
        answers = []

        def are_met():
            answer = self.server.get(path, visitor)
            self.assertEqual(answer.status, 200, answer.text)
            answers.append(answer)
            return (len({a.worker for a in answers}) >= self.workers and
                    len({a.process() for a in answers}) >= self.processes)
        wait_until(are_met, lambda: "enough workers answer: %s" % {a.worker for a in answers})
        return answers

    def deploy(self, change=None, **more):
        """Put a catalog in place and wait until every worker has to have seen it: each looks at the
        file at its first request in a new second."""
        self.server.write_catalog(change, **more)
        time.sleep(1.05)

    def test_stranger_gets_everything_and_a_cookie(self):
        answer = self.server.get("/")
        self.assertEqual((answer.status, answer.hero()), (200, "everything"))
        cookie = answer.headers["Set-Cookie"]
        self.assertRegex(cookie, r"^visitor=[0-9a-f]{32}; Path=/; Max-Age=\d+; HttpOnly; SameSite=Lax$")
        self.assertNotEqual(cookie, self.server.get("/").headers["Set-Cookie"])

    def test_page_is_a_kilobyte(self):
        page, plain = self.server.get("/", VISITOR % 1), self.server.get("/plain")
        self.assertEqual(page.text, plain.text)
        self.assertTrue(900 < len(page.text) < 1200, len(page.text))

    def test_choice_overrides_inference_at_once_in_every_worker(self):
        visitor = VISITOR % 2
        self.server.look_at(visitor, "garden", 12)
        for answer in self.ask_every_worker("/", visitor):
            self.assertEqual(answer.hero(), "garden")
            self.assertIn("because of what you looked at", answer.text)
        for choice in ("toys", "home"):
            answer = self.server.post("/choose", visitor, {"interest": choice})
            self.assertEqual((answer.status, answer.headers["Location"]), (303, "/"))
            for answer in self.ask_every_worker("/", visitor):
                self.assertEqual(answer.hero(), choice)
                self.assertIn("because you asked for it", answer.text)
        self.server.post("/choose", visitor, {"interest": ""})
        for answer in self.ask_every_worker("/", visitor):
            self.assertEqual(answer.hero(), "garden")

    def test_choice_is_seen_by_the_request_right_behind_it(self):
        """Both are sent at once, so that a server may read the clock for both of them before the first is answered."""
        head = "Host: shop\r\nCookie: visitor=%s\r\n" % (VISITOR % 16)
        for choice in ("toys", "home", "garden") * 5:
            form = "interest=" + choice
            text = self.server.send((
                "POST /choose HTTP/1.1\r\n%sContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s"
                "GET / HTTP/1.1\r\n%sConnection: close\r\n\r\n" % (head, len(form), form, head)).encode())
            self.assertEqual(text.count("HTTP/1.1 "), 2, text)
            self.assertIn('data-hero="%s"' % choice, text)

    def test_cookies_may_come_in_several_lines(self):
        visitor = VISITOR % 17
        self.assertEqual(self.server.post("/choose", visitor, {"interest": "toys"}).status, 303)
        for lines in (("a=1", "visitor=" + visitor), ("a=1", "b=2", "visitor=" + visitor, "c=3"), ("visitor=" + visitor, "a=1")):
            text = self.server.send(("GET / HTTP/1.1\r\nHost: shop\r\n%sConnection: close\r\n\r\n" % "".join(
                "Cookie: %s\r\n" % line for line in lines)).encode())
            self.assertIn('data-hero="toys"', text, lines)
            self.assertNotRegex(text, "(?i)set-cookie", lines)

    def test_only_a_cookie_of_its_own_names_the_visitor(self):
        visitor, other = VISITOR % 18, VISITOR % 19
        self.assertEqual(self.server.post("/choose", visitor, {"interest": "toys"}).status, 303)
        self.assertEqual(self.server.post("/choose", other, {"interest": "home"}).status, 303)
        for before in "q=shoes visitor=" + other, "q=shoes, visitor=" + other, "q=shoes,visitor=" + other, "visitor=old":
            text = self.server.send(("GET / HTTP/1.1\r\nHost: shop\r\nCookie: %s; visitor=%s\r\nConnection: close\r\n\r\n" % (
                before, visitor)).encode())
            self.assertIn('data-hero="toys"', text, before)
            self.assertNotRegex(text, "(?i)set-cookie", before)

    def test_choice_of_a_stranger_makes_a_visitor(self):
        answer = self.server.post("/choose", None, {"interest": "toys"})
        self.assertEqual(answer.status, 303)
        visitor = answer.headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
        self.assertEqual(self.server.get("/", visitor).hero(), "toys")

    def test_form_of_another_site_speaks_for_nobody(self):
        visitor, own = VISITOR % 14, "http://127.0.0.1:%d" % self.server.port
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": own + "0"},
                        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site", "Origin": own}):
            for cookie in (None, visitor):
                answer = self.server.post("/choose", cookie, {"interest": "toys"}, headers=headers)
                self.assertEqual((answer.status, answer.headers["Set-Cookie"]), (403, None), headers)
            self.assertEqual(self.server.post("/beacon", visitor, {"category": "toys"}, headers=headers).status, 403)
        self.assertEqual(self.server.get("/", visitor).hero(), "everything")
        for headers in ({"Origin": own}, {"Sec-Fetch-Site": "same-origin", "Origin": "null"}):
            answer = self.server.post("/choose", visitor, {"interest": "toys"}, headers=headers)
            self.assertEqual(answer.status, 303, headers)

    def test_sighting_counts_once(self):
        visitor = VISITOR % 3
        for _ in range(12):
            self.server.post("/beacon", visitor, {"category": "garden", "id": "the same"})
        self.assertEqual(self.server.get("/", visitor).hero(), "everything")

    def test_wrong_input_is_refused_and_changes_nothing(self):
        visitor = VISITOR % 4
        self.assertEqual(self.server.post("/choose", visitor, {"interest": "home"}).status, 303)
        for interest in ("gold", "to\0ys", "\u00fc" * 300, "<script>"):
            self.assertEqual(self.server.post("/choose", visitor, {"interest": interest}).status, 422, interest)
        self.assertEqual(self.server.post("/choose", visitor, {"colour": "red"}).status, 422)
        self.assertEqual(self.server.get("/nowhere").status, 404)
        self.assertIn(self.server.post("/choose", visitor, {"interest": "x" * 9000}).status, (413, 400))
        for cookie in ("short", "g" * 32, "0" * 31, "0" * 33, "../../etc/passwd", visitor + "z", '"%s"' % visitor):
            self.assertEqual(self.server.get("/", cookie).hero(), "everything", cookie)
        self.assertEqual(self.server.get("/", visitor).hero(), "home")

    def test_other_methods(self):
        visitor = VISITOR % 8
        self.server.post("/choose", visitor, {"interest": "home"})
        page, head = self.server.get("/", visitor), self.server.ask("HEAD", "/", visitor)
        self.assertEqual((head.status, head.text, head.headers["Content-Type"]),
                         (200, "", page.headers["Content-Type"]))
        for method, path, allowed in (("PUT", "/", "GET, HEAD"), ("OPTIONS", "/why", "GET, HEAD"),
                                      ("GET", "/choose", "POST"), ("HEAD", "/beacon", "POST")):
            answer = self.server.ask(method, path, visitor)
            self.assertEqual((answer.status, answer.headers["Allow"]), (405, allowed), (method, path))

    def test_form_in_chunks_is_read_or_refused(self):
        chunks = (piece for piece in (b"inter", b"est=toys"))
        answer = self.server.ask("POST", "/choose", VISITOR % 10, body=chunks,
                                 headers={"Content-Type": "application/x-www-form-urlencoded"})
        self.assertIn(answer.status, (303, 411), answer.text)
        if answer.status == 303:
            self.assertEqual(self.server.get("/", VISITOR % 10).hero(), "toys")

    def test_catalog_without_a_default_has_a_page_for_everybody(self):
        self.server.post("/choose", VISITOR % 11, {"interest": "toys"})
        self.deploy(NO_DEFAULT)
        for visitor, hero in ((None, "everything"), (VISITOR % 12, "everything"), (VISITOR % 11, "toys")):
            for answer in self.ask_every_worker("/", visitor):
                self.assertEqual(answer.hero(), hero)
        self.assertEqual(len(self.server.get("/status").text.splitlines()), 1)

    def test_page_without_a_store(self):
        server = self.server_class(self.changes)
        self.addCleanup(server.remove)
        os.rmdir(server.path("state"))
        server.start()
        visitor = VISITOR % 13
        self.assertEqual(server.get("/", visitor).hero(), "everything")
        self.assertIn(server.path("state"), server.get("/status").text)
        for method, path, form in (("POST", "/choose", {"interest": "toys"}), ("POST", "/beacon", {}), ("GET", "/why", None)):
            answer = server.ask(method, path, visitor, form)
            self.assertEqual(answer.status, 503, path)
            self.assertNotIn(server.root, answer.text)
        # As soon as it can be opened it is.
        os.mkdir(server.path("state"))
        server.give_to_server("state")
        wait_until(lambda: server.post("/choose", visitor, {"interest": "toys"}).status == 303, "a choice is taken")
        wait_until(lambda: server.get("/", visitor).hero() == "toys", "and heard")

    def test_reasons_are_told(self):
        visitor = VISITOR % 5
        self.server.post("/choose", visitor, {"interest": "home"})
        answer = self.server.get("/why", visitor)
        self.assertEqual(answer.status, 200)
        self.assertIn("chosen", answer.text)
        self.assertIn("interest", answer.text)

    @full
    def test_catalog_is_replaced_without_dropping_a_request(self):
        with Traffic(self.server) as traffic:
            for change, expected in ((OTHER_DEFAULT, "spring"), (None, "everything")) * 2:
                self.deploy(change)
                for answer in self.ask_every_worker("/"):
                    self.assertEqual(answer.hero(), expected)
        self.assertEqual(traffic.failures, [])
        self.assertEqual(traffic.heroes, {"everything", "spring"})
        self.assertGreater(traffic.count, 20)

    def test_broken_catalog_is_refused_and_the_report_is_visible(self):
        good = self.server.get("/status").text
        self.assertRegex(good, r"^catalog [0-9a-f]{32}\n$")
        for change, complaint in ((MISSPELT, "intrest"), (FAILING, "toys")):
            with Traffic(self.server) as traffic:
                self.deploy(change)
                for answer in self.ask_every_worker("/status"):
                    self.assertTrue(answer.text.startswith(good + "refused:\n"), answer.text)
                    self.assertRegex(answer.text, r"\n\S*shop\.json:\d+:\d+: .*" + complaint)
            self.assertEqual(traffic.failures, [])
            self.assertEqual(traffic.heroes, {"everything"})
        self.deploy()
        for answer in self.ask_every_worker("/status"):
            self.assertEqual(answer.text, good)

    @full
    def test_reload_drops_no_request_and_keeps_what_was_said(self):
        visitor = VISITOR % 6
        self.server.post("/choose", visitor, {"interest": "toys"})
        with Traffic(self.server) as traffic:
            for _ in range(3):
                self.reload_and_wait()
        self.assertEqual(traffic.failures, [])
        self.assertEqual(self.server.get("/", visitor).hero(), "toys")

    @full
    def test_reload_with_a_broken_catalog_goes_on_with_the_last_good_one(self):
        visitor = VISITOR % 7
        self.server.post("/choose", visitor, {"interest": "home"})
        self.deploy(text="{ this is no catalog")
        self.reload_and_wait()
        for answer in self.ask_every_worker("/", visitor):
            self.assertEqual(answer.hero(), "home")
        for answer in self.ask_every_worker("/status"):
            self.assertIn("refused:", answer.text)

    def reload_and_wait(self):
        """Reload, and wait until somebody answers who was not there before."""
        old = {answer.process() for answer in self.ask_every_worker("/")}
        self.server.reload()
        wait_until(lambda: self.server.get("/").process() not in old, "new workers answer")


def main():
    unittest.main(verbosity=2)

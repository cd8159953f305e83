"""Requests a second with the decision and without, in pairs, and what a decision takes.
    measure.py [--pairs N] [--seconds S] [SERVER...]
The server has one worker on the first core, wrk is on the second (on the same where there is one).
Both pages have the same bytes; the requests are those of 1,000 visitors in turn, cookies and all, for
both. Connections are kept, and nginx writes its access log, as it does where nobody says otherwise;
--close makes a connection for each request, --no-log has no log. A pair is a run of each, in alternating order. Beside the rate stands the worker's own time on
the processor for each request, which other work on the machine disturbs less.
"""
import argparse
import importlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys

import kit

VISITORS = 1000
REQUESTS = """
local visitors, at = {}, 0
for n = 1, %d do visitors[n] = ("%%032x"):format(n) end
local requests = {}
function init()
  for n, visitor in ipairs(visitors) do
    requests[n] = wrk.format("GET", nil, {Cookie = "theme=dark; visitor=" .. visitor})
  end
end
function request()
  at = at %% #requests + 1
  return requests[at]
end
""" % VISITORS

ALONE = {  # one process; but Apache has threads enough for wrk's connections
    "nginx": [("worker_processes 2", "worker_processes 1")],
    "apache": [("StartServers 2", "StartServers 1"), ("ServerLimit 4", "ServerLimit 1"),
               ("MinSpareThreads 8", "MinSpareThreads 1"), ("ThreadsPerChild 8", "ThreadsPerChild 32"), ("# ----", "MaxKeepAliveRequests 0")],
    "lighttpd": [("server.max-worker = 2\n", "")],
    "haproxy": [("nbthread 2", "nbthread 1")],
}
TIMED = [('init_by_lua_block { require "site_nginx" }',
          'init_by_lua_block { require "site_nginx" require "timed" }'),
         ("location = /status {",
          'location = /times { content_by_lua_block { require("timed").tell() } }\n        location = /status {')]


def fill(server):
    """Half of the visitors looked at garden things, a quarter at everything, a quarter chose."""
    for number in range(VISITORS):
        visitor = "%032x" % (number + 1)
        if number % 4 == 3:
            server.post("/choose", visitor, {"interest": "toys"})
        for view in range(6):
            category = "garden" if number % 2 else ("garden", "home", "toys")[view % 3]
            server.post("/beacon", visitor, {"category": category, "id": str(view)})


def processor_seconds(pid):
    """Of a process and its children, living."""
    total, ticks = 0, os.sysconf("SC_CLK_TCK")
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name, encoding="utf-8") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(name) == pid or int(fields[1]) == pid:
            total += (int(fields[11]) + int(fields[12])) / ticks
    return total


# As Debian's nginx.conf has it.
LOGGED = [("    access_log off;", "    access_log LOG;\n    keepalive_requests 1000000;")]


def run(server, path, script, seconds, core):
    before = processor_seconds(server.process.pid)
    text = subprocess.run(
        ["taskset", "-c", str(core), "wrk", "-t1", "-c16", "-d%ds" % seconds, "-s", script,
         "http://127.0.0.1:%d%s" % (server.port, path)],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    used = processor_seconds(server.process.pid) - before
    if "Non-2xx" in text or "Socket errors" in text:
        raise AssertionError(text)
    count = int(re.search(r"(\d+) requests in", text).group(1))
    return {"rate": float(re.search(r"Requests/sec: +([\d.]+)", text).group(1)), "cpu": used / count * 1e6}


def measure(name, pairs, seconds, scope=None, close=False, log=True):
    module = importlib.import_module("test_" + name)
    changes = list(ALONE[name])
    if name == "nginx":
        changes += TIMED + (LOGGED if log else [])
    if scope:
        changes.append(("\nLuaScope thread", "\nLuaScope " + scope))
    cores = sorted(os.sched_getaffinity(0))
    server = getattr(module, name.capitalize())(changes)
    try:
        shutil.copy(os.path.join(os.path.dirname(os.path.abspath(__file__)), "timed.lua"), server.path("site"))
        script = server.path("requests.lua")
        conf = server.path("site", module.__dict__[name.capitalize()].configuration)
        with open(conf, encoding="utf-8") as file:
            text = file.read().replace("access_log LOG", "access_log " + server.path("log", "access.log"))
        with open(conf, "w", encoding="utf-8") as file:
            file.write(text)
        with open(script, "w", encoding="utf-8") as file:
            file.write(REQUESTS.replace("Cookie =", 'Connection = "close", Cookie =') if close else REQUESTS)
        os.sched_setaffinity(0, {cores[0]})
        server.start()
        os.sched_setaffinity(0, cores)
        fill(server)
        for path in ("/plain", "/"):
            run(server, path, script, 1, cores[-1])
        if name == "nginx":
            server.get("/times")
        found = {"/": [], "/plain": []}
        for pair in range(pairs):
            for path in ("/plain", "/") if pair % 2 else ("/", "/plain"):
                found[path].append(run(server, path, script, seconds, cores[-1]))
        times = server.get("/times").text.split() if name == "nginx" else None
    finally:
        os.sched_setaffinity(0, cores)
        server.remove()
    return summary(name + (" " + scope if scope else ""), found, times)


def summary(name, found, times):
    pairs = list(zip(found["/"], found["/plain"]))
    slower = [100 * (1 - page["rate"] / plain["rate"]) for page, plain in pairs]
    quarters = statistics.quantiles(slower, n=4) if len(slower) > 1 else slower * 3
    middle = {path: {key: statistics.median(r[key] for r in runs) for key in ("rate", "cpu")}
              for path, runs in found.items()}
    result = {
        "server": name, "pairs": len(pairs),
        "rate_plain": round(middle["/plain"]["rate"]), "rate_decided": round(middle["/"]["rate"]),
        "slower_percent": round(statistics.median(slower), 1),
        "slower_quartiles": [round(quarters[0], 1), round(quarters[2], 1)],
        "cpu_us_plain": round(middle["/plain"]["cpu"], 2), "cpu_us_decided": round(middle["/"]["cpu"], 2),
    }
    if times:
        result["decisions"], result["p50_ns"], result["p90_ns"], result["p99_ns"], result["p999_ns"] = map(int, times)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--scope", help="Apache's LuaScope")
    parser.add_argument("--close", action="store_true", help="a connection for each request")
    parser.add_argument("--no-log", action="store_true", help="nginx without its access log")
    parser.add_argument("servers", nargs="*", default=list(ALONE))
    chosen = parser.parse_args()
    for tool in ("wrk", "taskset"):
        kit.need(tool)
    for name in chosen.servers:
        print(json.dumps(measure(name, chosen.pairs, chosen.seconds, chosen.scope, chosen.close, not chosen.no_log)))
        sys.stdout.flush()


if __name__ == "__main__":
    main()

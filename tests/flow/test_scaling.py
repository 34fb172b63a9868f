"""Servers come and go with the load, and nobody notices: not one request is lost."""
import os
import re
import signal
import time

import pytest

from harness import FLASK_COMMAND, PATIENCE, PYTHON, TINY_SERVER, psutil, run_weir, wait_until

TINY = [PYTHON, TINY_SERVER, "{address}"]


def tiny(servers, scale=(), **service):
    return {"main": {"health": {"path": "/healthz"}, **service, "scale": {"command": TINY, "servers": servers, **dict(scale)}}}


def serving(w):
    return len(w.takes_requests())


def describe(w):
    events = w.api("events?count=60")["events"]
    return "\n".join(f"{e['time'][14:23]} {e['kind']} {e.get('server') or ''} {e['text']}" for e in events)


@pytest.mark.plain
@pytest.mark.long
@pytest.mark.few
@pytest.mark.timeout(180)
def test_real_load_nothing_lost(weir, load):
    """The promise: a Flask site at 1..6 servers; the load triples and falls; a server is killed; the scale goes down under load."""
    w = weir(services={"site": {
        "health": {"path": "/healthz"},
        "max_requests": 4,
        "queue": {"length": 1000, "timeout": "20s"},
        "scale": {"command": FLASK_COMMAND, "servers": "1..6", "scale_down_after": "6s"},
    }})
    users = load(w.port, "/work?ms=100", clients=4)
    time.sleep(8)
    calm = serving(w)
    users.set_clients(12)  # three times the load
    peak = 0
    for _ in range(20):
        time.sleep(0.5)
        peak = max(peak, serving(w))
    rows = w.takes_requests()
    victim = max(rows, key=lambda row: row["in_flight"])
    os.killpg(os.getpgid(victim["pid"]), signal.SIGKILL)
    for _ in range(30):
        time.sleep(0.5)
        peak = max(peak, serving(w))
    users.set_clients(2)
    wait_until(lambda: serving(w) < peak, 30, "a scale-down under load")
    time.sleep(8)
    low = serving(w)
    users.wait_ok(1500).stop()
    story = describe(w)
    assert not users.failures, f"{len(users.failures)} of {users.ok}: {users.failures[:5]}\n{story}"
    assert peak > calm and peak >= 3, f"calm {calm}, peak {peak}\n{story}"
    assert low < peak, f"peak {peak}, low {low}\n{story}"
    assert victim["name"] in story, "the killed server's end is told"


def test_scale_to_zero_and_back(weir):
    w = weir(services=tiny("0..2", {"scale_down_after": "1s"}), wait="alive")
    assert serving(w) == 0
    clients = [w.client(timeout=20) for _ in range(5)]
    for n, client in enumerate(clients):
        client.request("GET", f"/work?ms=1&n={n}")
    assert [client.response().status for client in clients] == [200] * 5
    for client in clients:
        client.close()
    first = {row["pid"] for row in w.takes_requests()}
    assert first
    wait_until(lambda: serving(w) == 0 and not w.application_pids(), 15, "the scale to be zero again")
    assert w.ask().status == 200
    assert not first & {row["pid"] for row in w.takes_requests()}


def test_first_request_is_sent_the_moment_the_server_is_ready(weir):
    w = weir(services=tiny("0..1"), wait="alive")
    start = time.monotonic()
    assert w.ask().status == 200
    assert time.monotonic() - start < 3 * PATIENCE
    start = time.monotonic()
    assert w.ask().status == 200
    assert time.monotonic() - start < 0.5 * PATIENCE


def test_requests_that_wait_for_the_first_server_are_bounded(weir):
    """Held requests are limited in number and time also when no server ever comes."""
    w = weir(services={"main": {"queue": {"length": 2, "timeout": "1s"},
                                "scale": {"command": ["/bin/sleep", "60"], "servers": "0..1"}}}, wait="alive")
    clients = [w.client().request() for _ in range(2)]
    wait_until(lambda: w.api("services")["services"][0]["queued"] == 2, 5)
    assert w.ask().status == 503
    for client in clients:
        response = client.response()
        assert response.status == 503 and "Retry-After" in response.fields


def test_retry_after_is_learned_from_the_starts(weir):
    """A server that takes 3 s to start is learned; later, who is turned away during a start is told about that time."""
    script = ("import sys, time, http.server as h\n"
              "time.sleep(3)\n"
              "class H(h.BaseHTTPRequestHandler):\n"
              "    def do_GET(self):\n"
              "        self.send_response(200)\n"
              "        self.send_header('Content-Length', '0')\n"
              "        self.end_headers()\n"
              "    def log_message(self, *a): pass\n"
              "host, port = sys.argv[1].split(':')\n"
              "h.ThreadingHTTPServer((host, int(port)), H).serve_forever()\n")
    w = weir(services={"main": {"queue": {"length": 1},
                                "scale": {"command": [PYTHON, "-c", script, "{address}"], "servers": "0..1"}}}, wait="alive")
    assert w.client(timeout=20).ask().status == 200
    learned = w.api("services")["services"][0]["scale"]["start_seconds"]["p90"]
    assert w.post("services/main/replicas", {"count": 0}).status == 200
    wait_until(lambda: not w.servers(), 20)
    assert w.post("services/main/replicas", {"auto": True}).status == 200
    waiting = w.client(timeout=20).request()
    wait_until(lambda: w.servers(), 5)
    response = w.ask()
    assert response.status == 503
    assert 2 <= int(response.fields["Retry-After"]) <= learned + 2, "what is left of the start, and up to a second by chance"
    assert waiting.response().status == 200


def test_cold_and_warm_starts_are_learned_apart(weir, tmp_path):
    """The first server fetches what it needs, which takes long; the next one finds it there."""
    tmp_path.parent.chmod(0o755)
    tmp_path.chmod(0o777)
    script = f"until [ -e {tmp_path}/fetched ]; do sleep 0.02; done; exec {PYTHON} {TINY_SERVER} \"$0\""
    w = weir(services={"main": {"scale": {"command": ["/bin/sh", "-c", script, "{address}"], "servers": "1..2"}}}, wait="alive")

    def starts():
        return w.api("services")["services"][0]["scale"]["start_seconds"]

    assert starts()["next"] == "cold" and starts()["cold"] == {"median": None, "p90": None, "count": 0}
    time.sleep(3)
    (tmp_path / "fetched").touch()
    wait_until(lambda: starts()["cold"]["count"] == 1, 30)
    first = starts()
    assert first["next"] == "warm" and first["warm"]["count"] == 0
    assert first["median"] == first["cold"]["median"] >= 2.9, "all that is known"
    assert w.post("services/main/replicas", {"count": 2}).status == 200
    wait_until(lambda: starts()["warm"]["count"] == 1, 30)
    both = starts()
    assert both["cold"] == first["cold"] and both["count"] == 2
    assert both["p90"] == both["warm"]["p90"] < both["cold"]["p90"]
    for start in ("cold", "warm"):
        told = w.metric("weir_scale_start_median_seconds", service="main", start=start)
        assert told == pytest.approx(both[start]["median"], rel=1e-6)
    text = run_weir("explain", "main", "--admin", f"127.0.0.1:{w.admin_port}").stdout
    assert re.search(r"starts +a server takes .*s to start, .*s from cold", text), text


def test_minimum_is_started_at_once(weir):
    w = weir(services=tiny("3..5"))
    wait_until(lambda: serving(w) == 3, 5)
    assert len(w.application_pids()) == 3
    assert len({row["address"] for row in w.servers()}) == 3


def test_no_request_before_the_first_good_probe(weir):
    """The server listens at once but is not healthy yet: until then requests wait, and none fails."""
    script = ("import sys, time, os, http.server as h\n"
              "ready = time.monotonic() + 1\n"
              "class H(h.BaseHTTPRequestHandler):\n"
              "    def do_GET(self):\n"
              "        good = time.monotonic() > ready\n"
              "        self.send_response(200 if good else 500)\n"
              "        self.end_headers()\n"
              "    def log_message(self, *a): pass\n"
              "host, port = sys.argv[1].split(':')\n"
              "h.ThreadingHTTPServer((host, int(port)), H).serve_forever()\n")
    w = weir(services={"main": {"health": {"path": "/healthz"}, "scale": {"command": [PYTHON, "-c", script, "{address}"],
                                                                         "servers": "0..1"}}}, wait="alive")
    for client in [w.client(timeout=20).request() for _ in range(3)]:
        assert client.response().status == 200


def test_more_servers_when_the_queue_grows(weir, load):
    w = weir(services=tiny("1..4", max_requests=2))
    users = load(w.port, "/work?ms=50", clients=8)
    wait_until(lambda: serving(w) == 4, 15, "eight at work, two a server: four servers")
    users.stop()
    assert not users.failures
    kinds = {event["kind"] for event in w.api("events?count=1000")["events"]}
    assert "scale_up" in kinds
    decision = next(e for e in w.api("events?count=1000")["events"] if e["kind"] == "scale_up")
    assert {"target", "needed", "work", "waiting"} <= set(decision["details"]) and decision["text"], decision


def test_scale_down_never_cuts_a_request(weir, load):
    w = weir(services=tiny("1..4", {"scale_down_after": "1s"}))
    assert w.post("services/main/replicas", {"count": 4}).status == 200
    wait_until(lambda: serving(w) == 4, 10)
    users = load(w.port, "/work?ms=300", clients=6)
    time.sleep(0.5)
    assert w.post("services/main/replicas", {"count": 1}).status == 200
    wait_until(lambda: len(w.application_pids()) == 1, 15, "three servers to be drained and stopped")
    users.wait_ok(10).stop()
    assert not users.failures


def test_killed_server_is_replaced(weir, load):
    w = weir(services=tiny(2))
    wait_until(lambda: serving(w) == 2, 10)
    users = load(w.port, "/work?ms=5", clients=4)
    time.sleep(0.3)
    victim = w.takes_requests()[0]
    os.kill(victim["pid"], signal.SIGKILL)
    wait_until(lambda: serving(w) == 2 and victim["pid"] not in {row["pid"] for row in w.takes_requests()}, 10)
    time.sleep(0.3)
    users.stop()
    assert not users.failures, users.failures[:5]
    assert w.wait_log(r"(?i)(signal 9|SIGKILL)")


def test_server_that_cannot_start_is_told_with_its_last_lines(weir):
    script = "import sys; print('ImportError: no module named shop', file=sys.stderr); sys.exit(3)"
    w = weir(services={"main": {"scale": {"command": [PYTHON, "-c", script], "servers": 1}}}, wait="alive")
    w.wait_log(r"ImportError: no module named shop", 10)
    w.wait_log(r"(?i)exit(ed with)? status 3|status 3", 10)
    time.sleep(1.5)
    starts = w.log().count("ImportError: no module named shop")
    assert starts < 12, "restarts back off"


def test_server_that_never_listens_fails_after_start_timeout(weir):
    w = weir(services={"main": {"scale": {"command": ["/bin/sleep", "100"], "servers": 1, "start_timeout": "1s"}}}, wait="alive")
    wait_until(lambda: any(e["kind"] == "server_start_failed" for e in w.api("events")["events"]), 10)
    assert w.process.poll() is None


def test_replicas_by_hand_and_back(weir):
    w = weir(services=tiny("1..4", {"scale_down_after": "1s"}))
    assert w.post("services/main/replicas", {"count": 3}).status == 200
    wait_until(lambda: serving(w) == 3, 10)
    assert w.api("services")["services"][0]["scale"]["manual"] == 3
    assert w.post("services/main/replicas", {"count": 9}).status == 409
    assert w.post("services/main/replicas", {"auto": True}).status == 200
    wait_until(lambda: serving(w) == 1, 15)


def test_replicas_by_hand_for_a_while(weir):
    w = weir(services=tiny("1..4", {"scale_down_after": "1s"}))

    def cli(*arguments):
        return run_weir(*arguments, "--admin", f"127.0.0.1:{w.admin_port}")

    told = cli("scale", "main", "3", "--for", "2s")
    assert told.returncode == 0 and "3 servers for 2s" in told.stdout
    seen = w.api("services")["services"][0]["scale"]
    assert seen["manual"] is None or 0 <= seen["manual_seconds_left"] <= 2
    wait_until(lambda: any("time set by hand is over" in e["text"] for e in w.api("events")["events"]), 20)
    assert w.api("services")["services"][0]["scale"]["manual"] is None
    wait_until(lambda: serving(w) == 1, 20)
    assert cli("scale", "main", "3", "--for", "2h").returncode == 0
    assert "3 by hand for " in cli("status").stdout
    assert 7000 < w.api("services")["services"][0]["scale"]["manual_seconds_left"] <= 7200
    assert "set to 3 by hand for " in w.api("services/main/explain")["why"]
    for wrong in (("3", "--for", "2"), ("3", "--for", "0s"), ("3", "--for", "1.5s"), ("auto", "--for", "2h")):
        assert cli("scale", "main", *wrong).returncode == 2, wrong
    assert cli("scale", "main", "3", "--for", "31d").returncode == 1


def test_advice_is_told_and_not_followed(weir, load):
    w = weir(services=tiny("1..4", {"mode": "advise"}, max_requests=1))
    load(w.port, "/work?ms=200", clients=8)
    wait_until(lambda: (w.api("services")["services"][0]["scale"]["advised"] or 0) >= 3, 20)
    scale = w.api("services")["services"][0]["scale"]
    assert scale["target"] == 1 and scale["now"]["bound"] == "advise"
    assert any(e["kind"] == "scale_advice" and "1 kept" in e["text"] for e in w.api("events")["events"])
    assert "only advises" in w.api("services/main/explain")["why"]
    assert ", advised " in run_weir("status", "--admin", f"127.0.0.1:{w.admin_port}").stdout
    assert serving(w) == 1 and w.log().count("-> serving") <= 1


def test_what_a_server_is_given(weir, directory):
    w = weir(services={"main": {"health": {"path": "/healthz"}, "scale": {
        "command": [PYTHON, TINY_SERVER, "{host}:{port}"], "servers": 1, "directory": directory,
        "environment": {"COLOUR": "blue", "WHERE": "{address}"}}}})
    row = w.servers()[0]
    assert w.ask("GET", "/env?COLOUR").body == b"blue"
    assert w.ask("GET", "/env?PORT").body.decode() == row["address"].split(":")[1]
    assert w.ask("GET", "/env?WHERE").body.decode() == row["address"]
    where, user = w.ask("GET", "/cwd").body.decode().split()
    assert os.path.realpath(where) == os.path.realpath(directory)
    assert int(user) == os.getuid()
    assert os.getpgid(row["pid"]) == row["pid"], "a process group of its own"
    assert psutil.Process(row["pid"]).ppid() == w.process.pid, "a child of the supervisor"

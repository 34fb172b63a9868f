"""The commands of the terminal, against a running Weir."""
import json
import re
import signal
import time

import pytest

from harness import FLASK_COMMAND, PYTHON, TINY_SERVER, run_weir, wait_until

TINY = [PYTHON, TINY_SERVER, "{address}"]


@pytest.fixture
def running(weir):
    w = weir(["run", "--listen", "{site}", "--admin", "{admin}", "--servers", "1..3", "--", *TINY])
    w.cli = lambda *arguments: run_weir(*arguments, "--admin", f"127.0.0.1:{w.admin_port}")
    return w


def test_run_needs_no_file(running):
    assert running.ask("GET", "/").body.isdigit()


def test_run_flask(weir):
    w = weir(["run", "--listen", "{site}", "--admin", "{admin}", "--servers", "1..2", "--workers", "1", "--", *FLASK_COMMAND])
    assert "127.0.0.1" in w.ask("GET", "/", [("Accept", "text/html")]).body.decode()


def test_run_says_where(running):
    log = running.log()
    assert f"127.0.0.1:{running.port}" in log and f"127.0.0.1:{running.admin_port}" in log


def test_output_of_servers_is_in_the_log(running):
    name = running.servers()[0]["name"]
    running.client().request("GET", "/exit")
    line = running.wait_log(r"^.*asked to exit.*$", 5).group(0)
    assert name in line


def test_status(running):
    result = running.cli("status")
    assert result.returncode == 0, result.stderr
    assert "app" in result.stdout and running.servers()[0]["name"] in result.stdout and "serving" in result.stdout


def test_events(running):
    result = running.cli("events")
    assert result.returncode == 0, result.stderr
    assert "serving" in result.stdout


def test_scale(running):
    result = running.cli("scale", "app", "3")
    assert result.returncode == 0, result.stderr
    wait_until(lambda: len(running.takes_requests()) == 3, 10)
    result = running.cli("scale", "app", "7")
    assert result.returncode == 1 and "3" in result.stderr


def test_explain_tells_the_story_of_a_rise(weir, load):
    """The load rises, servers come, and the story says what was seen, what was needed, and what came of it."""
    w = weir(services={"shop": {"max_requests": 2, "health": {"path": "/healthz"},
                                "scale": {"command": TINY, "servers": "1..3", "objective": "p99 < 5s"}}})
    explain = lambda *arguments: run_weir("explain", *arguments, "--admin", f"127.0.0.1:{w.admin_port}")
    users = load(w.port, "/work?ms=200", clients=5)  # two on each server: three servers
    wait_until(lambda: len(w.takes_requests()) == 3, 15)
    wait_until(lambda: not w.api("services/shop/explain?last=1")["episodes"][0]["is_open"], 15)
    story = explain("shop")
    assert story.returncode == 0, story.stderr
    title, seen, needed, _, wanted = story.stdout.split("\n")[:5]
    assert title == "shop: 3 servers wanted, of 1..3; objective: p99 within 5.0 s"
    assert "requests/s" in seen and "3 servers take requests" in seen
    assert re.search(r"needed +\d servers?: [\d.]+ = [\d.]+ base \+ [\d.]+ forecast \+ [\d.]+ burst \+ [\d.]+ backlog", needed)
    assert "wanted   3 servers: " in wanted and "unchanged for" in wanted
    assert re.search(r"^more servers: [01] -> 3( in \d steps)?, [\d.]+ m?s ago", story.stdout, re.M)
    assert re.search(r"^  decided  \d -> 3 servers; \d w(as|ere) there", story.stdout, re.M)
    assert re.search(r"\d servers? asked for, \d ready, the first after ", story.stdout)
    assert re.search(r"[1-9]\d* requests answered meanwhile, 0 of them over the objective, 0 refused", story.stdout)
    assert "\033" not in story.stdout, "colours are for terminals"
    assert "more servers" not in explain("shop", "--last", "0").stdout
    assert json.loads(explain("shop", "--json").stdout)["episodes"][0]["target"] == 3
    users.stop()
    assert not users.failures
    assert explain("nothing").returncode == 1 and explain("shop", "--last", "few").returncode == 2


def test_drain(running):
    running.cli("scale", "app", "2")
    wait_until(lambda: len(running.takes_requests()) == 2, 10)
    name = running.takes_requests()[0]["name"]
    result = running.cli("drain", name)
    assert result.returncode == 0, result.stderr
    wait_until(lambda: name not in {row["name"] for row in running.takes_requests()}, 5)


def test_unknown_names(running):
    assert running.cli("drain", "nobody-9").returncode == 1
    assert running.cli("scale", "nothing", "2").returncode == 1


def test_no_weir_is_running():
    result = run_weir("status", "--admin", "127.0.0.1:9")
    assert result.returncode == 5 and "127.0.0.1:9" in result.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["help"], ["run", "--help"], ["--version"]])
def test_help(arguments):
    result = run_weir(*arguments)
    assert result.returncode == 0 and result.stdout.strip() and not result.stderr


@pytest.mark.parametrize("arguments, word", [
    ([], ""), (["rnu"], "run"), (["run"], "COMMAND"), (["run", "weir.yaml"], "run -c weir.yaml"),
    (["run", "--lisen", ":80", "--", "x"], "--listen"),
    (["run", "--servers", "5..2", "--", "x"], "5..2"), (["run", "--listen", "nowhere", "--", "x"], "nowhere"), (["scale"], "scale"),
])
def test_wrong_usage(arguments, word):
    result = run_weir(*arguments)
    assert result.returncode in (1, 2) and word in result.stderr + result.stdout
    assert "Traceback" not in result.stderr


def test_configuration_that_only_root_may_read(weir, directory, origin):
    """The worker gives up root: it must have read the file before, or have got it from the supervisor."""
    import os
    server = origin(b"secret kept")
    path = os.path.join(directory, "private.yaml")
    from harness import free_port
    port, admin = free_port(), free_port()
    with open(path, "w") as file:
        file.write(f"listeners: [{{http: 127.0.0.1:{port}}}]\nadmin: {{listen: 127.0.0.1:{admin}}}\n"
                   f"services: {{main: {{servers: ['{server.address}']}}}}\n")
    os.chmod(path, 0o600)
    w = weir(["run", "-c", path], wait=None)
    w.port, w.admin_port = port, admin
    w.wait_ready()
    wait_until(lambda: w.ask().body == b"secret kept", 5)


def test_port_that_is_taken(weir, origin):
    server = origin()
    result = run_weir("run", "--listen", server.address, "--admin", "off", "--", *TINY)
    assert result.returncode == 1 and server.address in result.stderr + result.stdout
    assert server.listener


def test_ctrl_c_stops_everything(running):
    running.signal(signal.SIGINT)
    assert running.wait() == 0
    wait_until(lambda: not running.processes(), 2)


def test_ctrl_c_twice_stops_at_once(running):
    hanging = running.client(timeout=20)
    hanging.request("GET", "/work?ms=20000")
    wait_until(lambda: running.servers()[0]["in_flight"] == 1, 5)
    running.signal(signal.SIGINT)
    time.sleep(0.3)
    assert running.process.poll() is None, "it waits for the request"
    start = time.monotonic()
    running.signal(signal.SIGINT)
    assert running.wait() == 130
    assert time.monotonic() - start < 3
    running.expected_status = 130
    wait_until(lambda: not running.processes(), 2)

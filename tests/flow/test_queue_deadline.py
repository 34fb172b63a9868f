"""Deadlines of those who wait: who cannot be served in time is told so at once, and nobody else is."""
import time

import pytest

from harness import PATIENCE, PYTHON, wait_until

# Starts in as many seconds as the file says; ends at once with status 1 when it says "fail".
SLOW_START = """
import sys, time, http.server as h
words = open(sys.argv[2]).read()
if words == "fail":
    sys.exit(1)
time.sleep(float(words))
class H(h.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path.startswith("/work"):
            time.sleep(float(self.path.split("=")[1]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *a): pass
host, port = sys.argv[1].split(":")
h.ThreadingHTTPServer((host, int(port)), H).serve_forever()
"""


@pytest.fixture
def sleeper(weir, tmp_path):
    """A service at zero whose servers were seen to start in a given time."""
    tmp_path.parent.chmod(0o755)
    tmp_path.chmod(0o755)
    words = tmp_path / "start"

    def start(seconds, queue, servers="0..1", **service):
        words.write_text(str(seconds))
        words.chmod(0o644)
        w = weir(services={"main": {"queue": queue, **service, "scale": {
            "command": [PYTHON, "-c", SLOW_START, "{address}", str(words)], "servers": servers}}}, wait="alive")
        w.words = words
        wait_until(lambda: w.client(timeout=20).ask().status == 200, 20)
        w.faults_before = row(w)["faults"]
        return w

    return start


def sleep_again(w):
    assert w.post("services/main/replicas", {"count": 0}).status == 200
    wait_until(lambda: not w.servers(), 20)


def row(w):
    return w.api("services")["services"][0]


def faults(w, cause):
    """Since the service was there."""
    return row(w)["faults"][cause] - w.faults_before[cause]


def test_no_wait_for_a_server_that_comes_too_late(sleeper):
    """A start takes 3 s, a request may wait 2 s: 503 at once, with the time after which to come again, and the start begins."""
    w = sleeper(3, {"timeout": "2s"})
    sleep_again(w)
    assert w.post("services/main/replicas", {"auto": True}).status == 200
    begin = time.monotonic()
    response = w.ask()
    assert response.status == 503 and time.monotonic() - begin < 1.5
    assert 3 <= int(response.fields["Retry-After"]) <= 6
    assert "in time" in response.body.decode()
    assert faults(w, "no_server_in_time") == 1
    assert w.metric("weir_faults_total", service="main", fault="no_server_in_time") == row(w)["faults"]["no_server_in_time"]
    wait_until(lambda: w.takes_requests(), 20, "the server that the refused request asked for")
    assert w.ask().status == 200


def test_who_can_still_be_served_waits(sleeper):
    """During the same start: too early is refused; late enough for the rest of the start is held and served."""
    w = sleeper(3, {"timeout": "2s"})
    sleep_again(w)
    assert w.post("services/main/replicas", {"count": 1}).status == 200
    wait_until(lambda: w.servers(), 5)
    assert w.ask().status == 503
    wait_until(lambda: not (w.ask().status == 503 and not w.takes_requests()), 20)
    assert w.ask().status == 200
    assert faults(w, "no_server_in_time") > 0
    assert faults(w, "queue_timeout") <= 1, "this start may have been a little slower than the one before it"


def test_hold_is_obeyed(sleeper):
    w = sleeper(2, {"timeout": "1s", "hopeless": "hold"})
    sleep_again(w)
    assert w.post("services/main/replicas", {"auto": True}).status == 200
    begin = time.monotonic()
    assert w.ask().status == 503
    assert time.monotonic() - begin > 0.9
    assert faults(w, "queue_timeout") == 1 and faults(w, "no_server_in_time") == 0


def test_switched_off_by_hand_is_told_at_once(sleeper):
    w = sleeper(0.1, {"timeout": "20s"})
    sleep_again(w)
    begin = time.monotonic()
    assert w.ask().status == 503
    assert time.monotonic() - begin < 5
    assert w.post("services/main/replicas", {"auto": True}).status == 200
    assert w.client(timeout=20).ask().status == 200


def test_those_who_wait_are_told_when_the_start_fails(sleeper):
    """They could have been served; then starts fail, and the next may be tried only after their time."""
    w = sleeper(0.1, {"timeout": "12s"})
    w.words.write_text("fail")
    sleep_again(w)
    assert w.post("services/main/replicas", {"auto": True}).status == 200
    begin = time.monotonic()
    waiting = [w.client(timeout=20).request() for _ in range(5)]
    answers = [client.response() for client in waiting]
    took = time.monotonic() - begin
    assert [a.status for a in answers] == [503] * 5
    assert took < 11.5, "not at their timeout but when the back-off grew beyond it"
    assert faults(w, "no_server_in_time") == 5 and faults(w, "queue_timeout") == 0
    assert int(answers[0].fields["Retry-After"]) >= 2


def test_queue_that_is_too_long_is_not_joined(sleeper):
    """One place, 0.2 s a request, 2 s of patience: with 21 before it even twice the pace would be too slow."""
    w = sleeper(0.1, {"timeout": "2s"}, servers=1, max_requests=1)
    for _ in range(30):  # the pace has to be known
        assert w.ask("GET", "/work=0.2").status == 200
    crowd = [w.client(timeout=20).request("GET", "/work=0.2") for _ in range(60)]
    wait_until(lambda: faults(w, "no_turn_in_time") > 0, 1.5 * PATIENCE)
    statuses = [client.response().status for client in crowd]
    refused = faults(w, "no_turn_in_time")
    assert refused >= 60 - 1 - 21 - 10, "those who were let in waited, the others did not"
    assert statuses.count(200) >= 5
    assert statuses.count(200) + statuses.count(503) == 60
    assert w.ask("GET", "/work=0").status == 200


def test_burst_that_can_be_served_loses_nobody(sleeper):
    """Calm, then many at once, then much quicker ones: what the pace of before would make late is in time."""
    w = sleeper(0.1, {"timeout": "10s"}, servers="1..3", max_requests=2)
    for _ in range(25):
        assert w.ask("GET", "/work=0.05").status == 200
    for work in ("0.1", "0.01"):
        crowd = [w.client(timeout=30).request("GET", f"/work={work}") for _ in range(150)]
        assert [client.response().status for client in crowd] == [200] * 150
    assert row(w)["errors"] == 0

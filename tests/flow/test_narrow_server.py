"""The oldest of three servers, which is filled first, has half the places: it is told of, and the others are not kept to its limit."""
import pytest

from harness import PYTHON, wait_until

# The first one to be started has four places, the others eight. Whoever finds none waits inside.
SERVER = """
import os, random, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
try:
    os.close(os.open(sys.argv[2], os.O_CREAT | os.O_EXCL))
    places = threading.Semaphore(4)
except FileExistsError:
    places = threading.Semaphore(8)
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_GET(self):
        if self.path != "/healthz":
            with places:
                time.sleep(random.uniform(0.1, 0.3))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *a): pass
host, _, port = sys.argv[1].rpartition(":")
ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
"""


@pytest.mark.plain
@pytest.mark.long
@pytest.mark.few
@pytest.mark.timeout(300)
def test_a_narrow_server_that_is_filled_first_is_told(weir, load, tmp_path):
    w = weir(services={"main": {"health": {"path": "/healthz"},
                                "scale": {"command": [PYTHON, "-c", SERVER, "{address}", str(tmp_path / "first")], "servers": "1..3"}}})
    oldest = w.servers(state="serving")[0]["name"]
    assert w.post("services/main/replicas", {"count": 3}).status == 200
    wait_until(lambda: len(w.servers(state="serving")) == 3, 20)
    users = load(w.port, "/", clients=13)
    told = wait_until(lambda: [e for e in w.api("events?count=1000")["events"] if e["kind"] == "server_narrow"], 200,
                      "the narrow one is told of")
    assert {e["server"] for e in told} == {oldest}, told
    wait_until(lambda: w.api("services")["services"][0]["scale"]["capacity"]["limit"] >= 9, 60, "the others are given all that they work on")
    rows = {row["name"]: row for row in w.servers()}
    assert rows[oldest]["works_on"] <= 6, rows
    assert w.metric("weir_servers_narrow", service="main") == 1
    users.stop()
    assert not users.failures

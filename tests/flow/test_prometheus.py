"""Prometheus of Debian reads Weir, and promtool finds nothing to say against any number that Weir can tell."""
import json
import re
import subprocess
import urllib.parse

import pytest

from harness import PYTHON, TINY_SERVER, free_port, psutil, run_weir, urlopen, wait_until
from test_hosts import node_exporter  # noqa: F401: a fixture
from test_watch_alerts import Receiver


class Prometheus:
    """Scrapes one admin address each second, as the job `weir`."""

    def __init__(self, directory, admin_port):
        self.port = free_port()
        config = f"{directory}/prometheus.yml"
        with open(config, "w") as file:
            json.dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [
                {"job_name": "weir", "static_configs": [{"targets": [f"127.0.0.1:{admin_port}"]}]}]}, file)
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/prometheus",
             f"--web.listen-address=127.0.0.1:{self.port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def is_ready(self):
        try:
            return urlopen(f"http://127.0.0.1:{self.port}/-/ready").status == 200
        except OSError:
            return False

    def api(self, path):
        answer = urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}").json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression):
        """{labels as a sorted tuple: number} of the latest values."""
        rows = self.api(f"query?query={urllib.parse.quote(expression)}")["result"]
        return {tuple(sorted(row["metric"].items())): float(row["value"][1]) for row in rows}

    def number(self, expression):
        """The one value, or None."""
        values = list(self.query(expression).values())
        assert len(values) <= 1, f"{expression}: {values}"
        return values[0] if values else None

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def prometheus(directory):
    running = []

    def start(w):
        running.append(Prometheus(directory, w.admin_port))
        wait_until(running[-1].is_ready, 30, "Prometheus to begin")
        return running[-1]

    yield start
    for one in running:
        one.close()


@pytest.fixture
def everything(weir, origin, node_exporter):  # noqa: F811
    """A Weir with all that has numbers switched on; each has happened once at least."""
    good, bad, receiver = origin(b"fine"), origin((500, [], b"broken")), Receiver(origin)
    exporter_port, _, _ = node_exporter
    objectives = {"availability": "99%", "latency": "p95 < 1s", "min_bad": 1}
    w = weir(
        services={
            "fixed": {"hosts": "fixed.example.com", "servers": [good.address], "objectives": objectives, "queue": {"length": 10}},
            "broken": {"hosts": "broken.example.com", "servers": [bad.address], "objectives": objectives},
            "scaled": {"health": {"path": "/healthz"}, "scale": {"command": [PYTHON, TINY_SERVER, "{address}"], "servers": "1..2"}}},
        notify=[receiver.sink, {"syslog": {"protocol": "udp", "server": f"127.0.0.1:{free_port()}"}}, {"exec": {"command": ["/bin/true"]}},
                {"alertmanager": f"http://127.0.0.1:{free_port()}"}],
        watch={"host": {"memory": {"above": "0.1%", "clear": "0.05%", "for": "1s"}},
               "probes": {"page": {"http": f"http://{good.address}/", "interval": "1s"},
                          "port": {"tcp": bad.address, "interval": "1s"},
                          "nobody": {"tcp": f"127.0.0.1:{free_port()}", "interval": "1s"}},
               "hosts": {"other": {"exporter": f"http://127.0.0.1:{exporter_port}/metrics", "interval": "1s"},
                         "gone": {"exporter": f"http://127.0.0.1:{free_port()}/metrics", "interval": "1s"}}})
    for _ in range(20):
        for host in ("fixed.example.com", "broken.example.com", "example.com"):
            w.ask(host=host)
    silenced = run_weir("silence", "service=broken", "--for", "1h", "--admin", f"127.0.0.1:{w.admin_port}")
    assert silenced.returncode == 0, silenced
    receiver.wait("HostMemoryHigh", "firing")
    wait_until(lambda: w.metric("weir_remote_host_up", host="other") == 1, 20, "the other machine")
    wait_until(lambda: w.metric("weir_probe_up", probe="page") == 1, 10, "the probe")
    return w


def test_promtool_has_nothing_to_say(everything):
    text = everything.admin("GET", "/metrics").body
    check = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=60)
    assert check.returncode == 0 and not check.stderr and not check.stdout, (check.stdout, check.stderr)
    names = set(re.findall(r"^# TYPE (\S+)", text.decode(), re.M))
    for part in ("weir_requests_total", "weir_host_cpu", "weir_probe", "weir_remote_host", "weir_notifications", "weir_history",
                 "weir_error_budget", "weir_silences", "weir_server_", "weir_alert"):
        assert any(name.startswith(part) for name in names), f"{part} is switched on but has no number"


def test_prometheus_scrapes_it(everything, prometheus):
    w = everything
    p = prometheus(w)
    wait_until(lambda: p.number("up") == 1, 30, "Prometheus to read Weir")
    target, = p.api("targets")["activeTargets"]
    assert target["health"] == "up" and target["lastError"] == ""
    assert p.number('sum(weir_requests_total{service="broken",code="5xx"})') == 20
    w.ask(host="fixed.example.com")
    wait_until(lambda: p.number('sum(weir_requests_total{service="fixed"})') == 21, 10, "the request that came after")
    assert p.number("weir_host_memory_size_bytes") == psutil.virtual_memory().total
    scraped = {dict(labels)["__name__"] for labels in p.query('{__name__=~"weir_.+"}')}
    assert {name for name, _ in w.metrics() if name.startswith("weir_")} <= scraped, "every row is a series"

"""Alerts that fire for real: the log line, and the webhook that a real receiver gets, again after it failed."""
import json
import os
import re
import subprocess

import pytest

from harness import PYTHON, wait_until

OFF = {"cpu": "off", "memory": "off", "disk": "off"}


class Receiver:
    """A webhook receiver that answers `failures` times 500 first and checks each message's shape."""

    def __init__(self, origin, failures=0):
        self.failures = failures
        self.messages = []
        self.origin = origin(self.reply)
        self.url = f"http://{self.origin.address}/hook"
        self.sink = {"webhook": {"url": self.url, "group_wait": "0s"}}

    def reply(self, request):
        assert request.method == "POST" and request.target == "/hook"
        assert request.fields["Content-Type"].startswith("application/json")
        if self.failures:
            self.failures -= 1
            return 500, [], b"not now"
        self.messages.append(json.loads(request.body))
        return 200, [], b""

    def alerts(self, name, status):
        return [alert for message in self.messages for alert in message["alerts"]
                if alert["labels"]["alertname"] == name and alert["status"] == status]

    def wait(self, name, status, timeout=10):
        wait_until(lambda: self.alerts(name, status), timeout, f"{name} {status} at the webhook; it has {self.messages}")
        return self.alerts(name, status)[0]


def check_shape(message):
    """Alertmanager's webhook message, version 4."""
    assert message["version"] == "4"
    assert message["status"] in ("firing", "resolved")
    for key in ("groupKey", "receiver", "externalURL"):
        assert isinstance(message[key], str)
    for key in ("groupLabels", "commonLabels", "commonAnnotations"):
        assert isinstance(message[key], dict)
    assert isinstance(message["truncatedAlerts"], int)
    time_format = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
    for alert in message["alerts"]:
        assert alert["status"] in ("firing", "resolved")
        assert alert["labels"]["alertname"] and alert["labels"]["severity"]
        assert alert["annotations"]["summary"]
        assert re.fullmatch(time_format, alert["startsAt"]) and re.fullmatch(time_format, alert["endsAt"])
        assert re.fullmatch(r"[0-9a-f]{16}", alert["fingerprint"])


@pytest.fixture
def busy():
    """A process that burns a core, so that the host is surely not idle."""
    process = subprocess.Popen([PYTHON, "-c", "while True: pass"])
    yield process
    process.kill()
    process.wait()


def test_cpu_alert_in_the_log_and_at_the_webhook(weir, origin, busy):
    server, receiver = origin(), Receiver(origin)
    w = weir(services={"main": {"servers": [server.address]}}, notify=[receiver.sink],
             watch={"interval": "100ms", "host": {**OFF, "cpu": {"above": "1%", "clear": "0.5%", "for": "500ms"}}})
    line = w.wait_log(r"^.*ALERT: CPU usage is high!.*$", 10).group(0)
    assert re.search(r"\d+(\.\d+)? ?%", line), "the evidence is in the line"
    alert = receiver.wait("HostCpuHigh", "firing")
    assert "CPU" in alert["annotations"]["summary"]
    for message in receiver.messages:
        check_shape(message)
    rows = [row for row in w.api("alerts")["alerts"] if row["state"] == "firing"]
    assert any(row["name"] == "HostCpuHigh" for row in rows)


@pytest.mark.parametrize("what, name, text", [("memory", "HostMemoryHigh", "Memory usage is high"),
                                              ("disk", "HostDiskHigh", "Disk usage is high")])
def test_memory_and_disk_alerts(weir, origin, what, name, text):
    server, receiver = origin(), Receiver(origin)
    w = weir(services={"main": {"servers": [server.address]}}, notify=[receiver.sink],
             watch={"interval": "100ms", "host": {**OFF, what: {"above": "0.1%", "clear": "0.05%", "for": "300ms"},
                                                  **({"disk_paths": ["/"]} if what == "disk" else {})}})
    w.wait_log(rf"ALERT: {text}!", 10)
    receiver.wait(name, "firing")


def test_webhook_is_retried_and_resolved_is_sent(weir, origin):
    server, receiver = origin(), Receiver(origin, failures=2)
    w = weir(services={"main": {"servers": [server.address], "health": {"interval": "100ms", "fall": 1, "rise": 1}}},
             notify=[receiver.sink], watch={"interval": "100ms", "host": OFF})
    w.wait_watched()
    server.refuse()
    firing = receiver.wait("ServiceDown", "firing", 20)
    assert receiver.failures == 0, "two answers of 500 came first"
    assert firing["labels"]["service"] == "main"
    w.wait_log(rf"ALERT: .*no healthy server! main has had none for .*; 1 wanted; {server.address}: .*refused", 5)
    server.listen()
    resolved = receiver.wait("ServiceDown", "resolved", 20)
    assert resolved["fingerprint"] == firing["fingerprint"] and resolved["startsAt"] == firing["startsAt"]
    assert resolved["endsAt"] > resolved["startsAt"]
    for message in receiver.messages:
        check_shape(message)


def test_crashing_server_alert(weir, origin):
    receiver = Receiver(origin)
    w = weir(services={"main": {"scale": {"command": [PYTHON, "-c", "raise SystemExit('broken on purpose')"], "servers": 1}}},
             notify=[receiver.sink],
             watch={"interval": "100ms", "host": OFF, "crashes": {"count": 2, "within": "1m"}}, wait="alive")
    alert = receiver.wait("ServerCrashing", "firing", 15)
    assert "broken on purpose" in json.dumps(alert["annotations"])
    assert w.process.poll() is None


def test_error_rate_alert(weir, origin):
    bad, receiver = origin((500, [], b"broken")), Receiver(origin)
    w = weir(services={"main": {"servers": [bad.address]}}, notify=[receiver.sink],
             watch={"interval": "100ms", "host": OFF,
                    "error_rate": {"above": "5%", "clear": "2%", "for": "1s", "min_requests": 10}})
    client = w.client()

    def ask_more():
        for _ in range(5):
            client.ask()
        return receiver.alerts("ErrorRateHigh", "firing")

    wait_until(ask_more, 15, "the alert", interval=0.05)
    w.wait_log(r"ALERT: .*error rate is high", 5)


def test_bearer_token_of_the_webhook(weir, origin, directory):
    token_file = os.path.join(directory, "token")
    with open(token_file, "w") as file:
        file.write("s3cret\n")
    os.chmod(token_file, 0o644)
    receiver = Receiver(origin)
    w = weir(services={"main": {"servers": [origin().address]}},
             notify=[{"webhook": {"url": receiver.url, "bearer_token_file": token_file, "group_wait": "0s"}}],
             watch={"interval": "100ms", "host": {**OFF, "memory": {"above": "0.1%", "clear": "0.05%", "for": "200ms"}}})
    receiver.wait("HostMemoryHigh", "firing")
    assert receiver.origin.requests[0].fields["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in w.log()
    w.wait_log("everybody on this host can read this secret", 1)


def test_webhook_that_never_answers_holds_nothing_up(weir, origin):
    server = origin()
    silent = origin(script=lambda connection: connection.to_eof())
    w = weir(services={"main": {"servers": [server.address]}},
             notify=[{"webhook": {"url": f"http://{silent.address}/hook", "group_wait": "0s"}}],
             watch={"interval": "100ms", "host": {**OFF, "memory": {"above": "0.1%", "clear": "0.05%", "for": "200ms"}}})
    w.wait_log(r"ALERT: Memory usage is high!", 10)
    wait_until(lambda: silent.received, 5)
    assert w.ask().status == 200
    assert w.admin("GET", "/healthz").status == 200

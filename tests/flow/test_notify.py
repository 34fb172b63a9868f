"""How alerts are delivered: together, again when a receiver was away, to whom they concern, without showing a secret."""
import json
import os
import re
import subprocess
import time

import pytest

from harness import free_port, run_weir, wait_until

OFF = {"cpu": "off", "memory": "off", "disk": "off"}
FAST = {"interval": "100ms", "fall": 1, "rise": 1}


class Receiver:
    """Keeps the messages of a webhook; `answer` may be changed on the way."""

    def __init__(self, origin):
        self.messages, self.tries = [], []
        self.answer = (200, [], b"")
        self.origin = origin(self.reply)
        self.address = self.origin.address

    def reply(self, request):
        self.tries.append(time.monotonic())
        if self.answer[0] == 200:
            self.messages.append(json.loads(request.body))
        return self.answer

    def told(self):
        """(status, service) of all alerts in the order in which they came."""
        return [(a["status"], a["labels"].get("service")) for m in self.messages for a in m["alerts"]]


def webhook(receiver, **more):
    return {"webhook": {"url": f"http://{receiver.address}/T0KEN", "group_wait": "500ms", **more}}


def services(servers):
    return {name: {"servers": [server.address], "health": FAST, "hosts": [f"{name}.example.com"]} for name, server in servers.items()}


def take_out(w, servers, *names):
    """Ends servers that were healthy before, so that the alert comes at once."""
    w.wait_watched()
    for name in names:
        servers[name].refuse()


def wait_told(receiver, expected, timeout=20):
    wait_until(lambda: sorted(receiver.told()) == sorted(expected), timeout, f"{expected}; told was {receiver.messages}")


def test_what_happens_together_is_one_message(weir, origin):
    servers, receiver = {name: origin() for name in ("a", "b", "c")}, Receiver(origin)
    w = weir(services=services(servers), notify=[webhook(receiver, group_wait="2s")], watch={"interval": "100ms", "host": OFF})
    take_out(w, servers, "a", "b", "c")
    wait_told(receiver, [("firing", "a"), ("firing", "b"), ("firing", "c")])
    assert len(receiver.messages) == 1
    message = receiver.messages[0]
    assert message["groupLabels"] == {"alertname": "ServiceDown"} and "service" not in message["commonLabels"]


def test_a_receiver_that_was_away_gets_the_truth_and_no_storm(weir, origin):
    servers, receiver = {name: origin() for name in ("a", "b", "c")}, Receiver(origin)
    w = weir(services=services(servers), notify=[webhook(receiver, name="ops")], watch={"interval": "100ms", "host": OFF})
    take_out(w, servers, "a")
    wait_told(receiver, [("firing", "a")])
    receiver.origin.refuse()
    servers["a"].listen()  # is over: told, since its beginning was
    servers["b"].refuse()
    servers["c"].refuse()
    wait_until(lambda: (w.metric("weir_notifications_queued", sink="ops") or 0) >= 3, 20, "three wait")
    servers["c"].listen()  # fires and is over while nobody can be told: one notice
    wait_until(lambda: w.metric("weir_notifications_total", sink="ops", outcome="joined") == 1, 20, "joined")
    wait_until(lambda: w.metric("weir_notifications_failing_seconds", sink="ops") > 0, 20, "it fails")
    receiver.origin.listen()
    wait_told(receiver, [("firing", "a"), ("resolved", "a"), ("firing", "b"), ("resolved", "c")], 40)
    assert len(receiver.messages) == 2, "all that waited came in one"
    wait_until(lambda: w.metric("weir_notifications_failing_seconds", sink="ops") == 0, 10, "it is known that it arrived")
    w.wait_log(r"notify ops: delivered again, after", 5)


def test_a_sink_that_fails_is_told_of_by_the_others(weir, origin):
    server, gone, there = origin(), Receiver(origin), Receiver(origin)
    gone.origin.refuse()
    w = weir(services=services({"a": server}), notify=[webhook(gone, name="gone"), webhook(there, name="there")],
             watch={"interval": "100ms", "host": OFF, "rules": [{"alert": "SinkFailing", "when": "sink_failing > 1s clear 0s"}]})
    take_out(w, {"a": server}, "a")
    names = lambda receiver: [(a["status"], a["labels"]["alertname"]) for m in receiver.messages for a in m["alerts"]]
    wait_until(lambda: ("firing", "SinkFailing") in names(there), 40, "the other tells it")
    alert = next(a for m in there.messages for a in m["alerts"] if a["labels"]["alertname"] == "SinkFailing")
    assert alert["labels"]["sink"] == "gone" and "the sink gone" in alert["annotations"]["description"]
    gone.origin.listen()
    wait_until(lambda: ("resolved", "SinkFailing") in names(there), 40, "and that it is over")
    assert names(gone) == [("firing", "ServiceDown")], "it is not told of itself"


def test_a_receiver_that_asks_for_a_pause_gets_it(weir, origin):
    server, receiver = origin(), Receiver(origin)
    receiver.answer = (429, [("Retry-After", "3")], b"slow down")
    w = weir(services=services({"a": server}), notify=[webhook(receiver)], watch={"interval": "100ms", "host": OFF})
    take_out(w, {"a": server}, "a")
    wait_until(lambda: receiver.tries, 20, "the first try")
    receiver.answer = (200, [], b"")
    wait_told(receiver, [("firing", "a")])
    assert receiver.tries[1] - receiver.tries[0] >= 2.9


def test_sinks_choose(weir, origin):
    servers = {name: origin() for name in ("shop", "blog")}
    receivers = {name: Receiver(origin) for name in ("shop", "notices", "never", "last")}
    only = {"shop": {"services": "sh*", "severity": ["critical", "warning"]}, "notices": {"severity": "notice"},
            "never": {"labels": {"service": "nobody"}}, "last": {"alerts": ["Service*"]}}
    w = weir(services=services(servers), notify=[webhook(r, name=name, only=only[name]) for name, r in receivers.items()],
             watch={"interval": "100ms", "host": OFF})
    take_out(w, servers, "shop", "blog")
    wait_told(receivers["last"], [("firing", "shop"), ("firing", "blog")])
    wait_told(receivers["shop"], [("firing", "shop")])
    for server in servers.values():
        server.listen()
    wait_told(receivers["shop"], [("firing", "shop"), ("resolved", "shop")])
    assert not receivers["notices"].tries and not receivers["never"].tries


# ---- a worker that dies ----------------------------------------------------------------------------------------------


def kill_worker(w):
    before = w.worker()
    before.kill()
    wait_until(lambda: w.worker() not in (None, before), 20, "the next worker")
    w.wait_ready("/healthz")


def test_killed_after_it_was_told(weir, origin):
    """The next worker tells nothing twice, and that it is over by the episode that was told."""
    server, receiver = origin(), Receiver(origin)
    w = weir(services=services({"a": server}), notify=[webhook(receiver)], watch={"interval": "100ms", "host": OFF})
    take_out(w, {"a": server}, "a")
    wait_told(receiver, [("firing", "a")])
    time.sleep(1)  # kept as delivered
    kill_worker(w)
    wait_until(lambda: any(a["name"] == "ServiceDown" and a["state"] == "firing" for a in w.api("alerts")["alerts"]), 40, "it fires on")
    time.sleep(2)
    assert receiver.told() == [("firing", "a")]
    server.listen()
    wait_told(receiver, [("firing", "a"), ("resolved", "a")])
    first, last = [m["alerts"][0] for m in receiver.messages]
    assert (first["fingerprint"], first["startsAt"]) == (last["fingerprint"], last["startsAt"])


def test_killed_before_it_could_be_told(weir, origin):
    """What waited for a receiver that was away is told by the next worker, once."""
    server, receiver = origin(), Receiver(origin)
    receiver.answer = (503, [], b"")
    w = weir(services=services({"a": server}), notify=[webhook(receiver, name="ops")], watch={"interval": "100ms", "host": OFF})
    take_out(w, {"a": server}, "a")
    wait_until(lambda: receiver.tries, 20, "the first try")
    kill_worker(w)
    receiver.answer = (200, [], b"")
    wait_told(receiver, [("firing", "a")], 40)
    wait_until(lambda: any(a["name"] == "ServiceDown" and a["state"] == "firing" for a in w.api("alerts")["alerts"]), 40, "it fires on")
    time.sleep(2)
    assert receiver.told() == [("firing", "a")]


def test_stopped_while_the_receiver_is_away(weir, origin):
    """The same across a whole stop and start of Weir."""
    server, receiver = origin(), Receiver(origin)
    receiver.answer = (503, [], b"")
    w = weir(services=services({"a": server}), notify=[webhook(receiver, name="ops")], watch={"interval": "100ms", "host": OFF})
    take_out(w, {"a": server}, "a")
    wait_until(lambda: receiver.tries, 20, "the first try")
    w.stop()
    receiver.answer = (200, [], b"")
    w.start(wait="alive")
    wait_told(receiver, [("firing", "a")], 40)


# ---- secrets -------------------------------------------------------------------------------------------------------


def secret_file(directory, name, text, mode=0o600):
    path = os.path.join(directory, name)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def test_secrets_come_from_files_and_variables_and_are_shown_nowhere(weir, origin, directory):
    server, by_file, by_variable = origin(), Receiver(origin), Receiver(origin)
    url = secret_file(directory, "url", f"http://{by_file.address}/T0KEN-1\n")
    environment = {**os.environ, "HOOK_URL": f"http://{by_variable.address}/T0KEN-2", "HOOK_TOKEN": "S3CRET"}
    w = weir(services=services({"a": server}), environment=environment, watch={"interval": "100ms", "host": OFF},
             notify=[{"webhook": {"url_file": url, "name": "f", "group_wait": "0s"}},
                     {"webhook": {"url_env": "HOOK_URL", "bearer_token_env": "HOOK_TOKEN", "name": "v", "group_wait": "0s"}}])
    take_out(w, {"a": server}, "a")
    wait_told(by_file, [("firing", "a")])
    wait_told(by_variable, [("firing", "a")])
    assert by_file.origin.requests[0].target == "/T0KEN-1"
    assert by_variable.origin.requests[0].fields["Authorization"] == "Bearer S3CRET"
    by_file.origin.refuse()
    server.listen()
    w.wait_log(r"notify f: not delivered", 20)
    shown = w.log() + json.dumps(w.api("sinks")) + w.admin("GET", "/metrics").body.decode() + json.dumps(w.api("events"))
    assert "T0KEN" not in shown and "S3CRET" not in shown


def test_a_secret_that_everybody_can_read_is_refused(origin, directory):
    url = secret_file(directory, "url", "http://127.0.0.1:1/T0KEN\n", 0o644)
    config = secret_file(directory, "weir.yaml", json.dumps({"services": {"a": {"servers": ["127.0.0.1:1"]}},
                                                             "notify": [{"webhook": {"url_file": url}}]}))
    result = run_weir("check", config)
    assert result.returncode == 1 and "everybody on this host can read this secret" in result.stdout + result.stderr
    os.chmod(url, 0o600)
    assert run_weir("check", config).returncode == 0


# ---- weir notify test ----------------------------------------------------------------------------------------------


def test_notify_test_by_a_file(origin, directory):
    good, bad = Receiver(origin), Receiver(origin)
    bad.answer = (403, [], b"invalid_token")
    config = secret_file(directory, "weir.yaml", json.dumps({
        "services": {"a": {"servers": ["127.0.0.1:1"]}}, "notify": [webhook(good, name="good"), webhook(bad, name="bad")]}))
    result = run_weir("notify", "test", "good", "-c", config)
    assert result.returncode == 0, result.stderr
    assert re.search(r"good: a test alert fires\n  POST http://\S+\*\*\*\n(.*\n)+  answer: 200\n  delivered after \d", result.stdout)
    assert [m["status"] for m in good.messages] == ["firing", "resolved"]
    assert good.messages[0]["alerts"][0]["labels"]["alertname"] == "WeirTest"
    result = run_weir("notify", "test", "-c", config)
    assert result.returncode == 1
    assert "answer: 403 invalid_token" in result.stdout and "NOT delivered" in result.stdout
    assert "T0KEN" not in result.stdout + result.stderr
    result = run_weir("notify", "test", "none", "-c", config)
    assert result.returncode == 1 and "there is no sink 'none'" in result.stderr and "good (webhook)" in result.stderr


def test_notify_test_through_a_running_weir(weir, origin):
    good, bad = Receiver(origin), Receiver(origin)
    bad.answer = (500, [], b"broken")
    w = weir(services={"a": {"servers": [origin().address]}}, notify=[webhook(good, name="good"), webhook(bad, name="bad")],
             watch={"host": OFF})
    result = run_weir("notify", "test", "good", "--admin", f"127.0.0.1:{w.admin_port}")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "answer: 200" in result.stdout and len(good.messages) == 2
    result = run_weir("notify", "test", "--admin", f"127.0.0.1:{w.admin_port}")
    assert result.returncode == 1 and "answer: 500 broken" in result.stdout and len(good.messages) == 4
    result = run_weir("notify", "test", "none", "--admin", f"127.0.0.1:{w.admin_port}")
    assert result.returncode == 1 and "there is no sink `none`" in result.stderr
    assert {s["name"]: s["kind"] for s in w.api("sinks")["sinks"]} == {"good": "webhook", "bad": "webhook"}
    assert w.metric("weir_notifications_total", sink="good", outcome="delivered") == 0, "a test is no alert"


# ---- Debian's Alertmanager -----------------------------------------------------------------------------------------


@pytest.fixture
def alertmanager(directory):
    """Starts one that posts to a webhook; ends with the test."""
    running = []

    def start(receiver):
        port = free_port()
        config = secret_file(directory, f"alertmanager-{port}.yml", json.dumps({
            "route": {"receiver": "hook", "group_by": ["alertname"], "group_wait": "1s", "group_interval": "1s"},
            "receivers": [{"name": "hook", "webhook_configs": [{"url": f"http://{receiver.address}/", "send_resolved": True}]}]}))
        process = subprocess.Popen(
            ["prometheus-alertmanager", f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}",
             "--cluster.listen-address=", f"--storage.path={directory}/am-{port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        running.append(process)
        return process, port

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_alertmanager_of_debian(weir, origin, alertmanager):
    """Alerts arrive, are grouped by it and resolve; the one of the two that comes later is told, too."""
    servers, receiver = {name: origin() for name in ("a", "b")}, Receiver(origin)
    _, port = alertmanager(receiver)
    late = free_port()
    w = weir(services=services(servers), watch={"interval": "100ms", "host": OFF},
             notify=[{"alertmanager": [f"http://127.0.0.1:{port}", f"http://127.0.0.1:{late}/"]}])
    take_out(w, servers, "a", "b")
    wait_until(lambda: {("firing", "a"), ("firing", "b")} <= set(receiver.told()), 40, "both fire")
    groups = [m for m in receiver.messages if len(m["alerts"]) == 2]
    assert groups and groups[-1]["groupLabels"] == {"alertname": "ServiceDown"}, "it groups ours"
    alert = groups[-1]["alerts"][0]
    assert alert["annotations"]["summary"] and alert["annotations"]["description"]
    assert alert["generatorURL"].startswith(f"http://127.0.0.1:{w.admin_port}/")
    servers["a"].listen()
    wait_until(lambda: ("resolved", "a") in receiver.told(), 40, "a resolves")
    assert ("resolved", "b") not in receiver.told()
    assert w.metric("weir_notifications_total", sink="alertmanager-1", outcome="delivered") == 3
    assert w.metric("weir_notifications_failing_seconds", sink="alertmanager-1-2") > 0

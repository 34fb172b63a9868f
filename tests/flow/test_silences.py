"""Silences and maintenance windows: who is told of what, and when after all; the commands, and the admin API."""
import datetime
import json
import time

import pytest

from harness import run_weir, wait_until
from test_watch_alerts import OFF, Receiver

MEMORY = {**OFF, "memory": {"above": "0.1%", "clear": "0.05%", "for": "300ms"}}


def in_seconds(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat()


@pytest.fixture
def watched(weir, origin):
    """A Weir whose service goes down and comes back at will, with a receiver of its alerts."""
    server, receiver = origin(), Receiver(origin)
    w = weir(services={"main": {"servers": [server.address], "health": {"interval": "100ms", "fall": 1, "rise": 1}}},
             notify=[receiver.sink, {"webhook": {"url": receiver.url, "group_wait": "0s", "name": "minor", "only": {"severity": "notice"}}}],
             watch={"interval": "100ms", "host": OFF})
    w.server, w.receiver = server, receiver
    w.cli = lambda *arguments: run_weir(*arguments, "--admin", f"127.0.0.1:{w.admin_port}")
    w.wait_watched()
    return w


def alert_of(w, name):
    return next((a for a in w.api("alerts")["alerts"] if a["name"] == name), None)


def test_a_silenced_alert_lives_and_is_told_when_the_silence_ends(watched):
    w = watched
    result = w.cli("silence", "alertname=ServiceDown", "service=ma*", "--for", "1h", "--comment", "new database", "--by", "anna")
    assert result.returncode == 0, result.stderr
    silence_id = result.stdout.split()[0]
    w.server.refuse()
    alert = wait_until(lambda: (a := alert_of(w, "ServiceDown")) and a["is_active"] and a, 10, "the alert")
    assert alert["silence"]["id"] == silence_id and alert["silence"]["comment"] == "new database"
    assert not alert["is_told"]
    assert [(s["name"], s["state"]) for s in alert["sinks"]] == [("webhook-1", "silenced"), ("minor", "barred")]
    w.wait_log(rf"nobody is told until .*by silence {silence_id} \(anna, new database\): ALERT: .*no healthy server", 5)
    lines = w.cli("alerts").stdout
    assert "silenced" in lines and "anna" in lines and "new database" in lines
    assert w.cli("alerts", "--exit-code").returncode == 0
    assert w.receiver.messages == []

    result = w.cli("silence", "--end", silence_id)
    assert result.returncode == 0 and "expired" in result.stdout
    firing = w.receiver.wait("ServiceDown", "firing")
    assert firing["startsAt"] == alert["started_at"]
    assert alert_of(w, "ServiceDown")["is_told"]
    assert w.cli("alerts", "--exit-code").returncode == 3
    w.server.listen()
    w.receiver.wait("ServiceDown", "resolved", 20)
    assert len(w.receiver.alerts("ServiceDown", "firing")) == 1


def test_it_is_said_whom_a_silence_is_about(watched):
    w = watched
    assert "it fits no alert that Weir knows now" in w.cli("silence", "alertnam=ServiceDown", "--for", "1h").stdout
    assert "it fits 1 alert, of which 0 fire now" in w.cli("silence", "alertname=ServiceDown", "--for", "1h").stdout
    assert w.cli("silence", "alertname=ServiceDown", "service=shop", "--for", "1h", "--json").stdout.count('"fits":0') == 1


def test_what_begins_and_ends_in_silence_is_never_told(watched):
    w = watched
    assert w.cli("silence", "severity=~crit.*|warning", "--for", "1h").returncode == 0
    w.server.refuse()
    wait_until(lambda: (a := alert_of(w, "ServiceDown")) and a["is_active"], 10, "the alert")
    w.server.listen()
    wait_until(lambda: alert_of(w, "ServiceDown")["state"] == "resolved", 10, "its end")
    w.wait_log("nobody is told until .*RESOLVED: .*no healthy server", 5)
    assert w.receiver.messages == []
    assert w.metric("weir_silences", state="active") == 1


def test_the_end_is_told_when_the_beginning_was(watched):
    w = watched
    w.server.refuse()
    w.receiver.wait("ServiceDown", "firing")
    assert w.cli("silence", "service=main", "--for", "1h").returncode == 0
    w.server.listen()
    w.receiver.wait("ServiceDown", "resolved")


def test_an_alert_carries_its_link_and_the_command_that_silences_it(watched):
    w = watched
    w.server.refuse()
    firing = w.receiver.wait("ServiceDown", "firing")
    command = firing["annotations"]["silence"]
    assert command == "weir silence alertname=ServiceDown service=main --for 2h"
    assert firing["generatorURL"] == f"http://127.0.0.1:{w.admin_port}/#alert-{firing['fingerprint']}"
    w.wait_log(r"ALERT: .*\(to silence it: weir silence alertname=ServiceDown service=main --for 2h\)", 5)
    told = w.cli("alerts", "ServiceDown")
    assert told.returncode == 0
    for text in ("service=main", "firing", "fired", command, firing["generatorURL"], "know that it fires"):
        assert text in told.stdout, told.stdout
    wait_until(lambda: alert_of(w, "ServiceDown")["sinks"][0]["state"] == "told", 5)
    sink = alert_of(w, "ServiceDown")["sinks"][0]
    assert sink["told_at"] >= alert_of(w, "ServiceDown")["started_at"]
    told = w.cli("alerts", "ServiceDown").stdout
    assert f"webhook-1 was told at {sink['told_at'][:13]}" in told, told
    assert "minor is not told: its severity is not in only.severity" in told
    assert w.cli(*command.split()[1:]).returncode == 0
    assert alert_of(w, "ServiceDown")["silence"]
    assert command not in w.cli("alerts", "ServiceDown").stdout


def test_alerts_that_are_fine_can_be_asked_for(watched):
    told = watched.cli("alerts", "ServiceDown")
    assert "state      ok" in told.stdout, told.stdout
    assert "there is no alert Nonsense" in watched.cli("alerts", "Nonsense").stdout
    assert watched.cli("alerts").stdout == "no alerts\n"


def test_the_api_has_alertmanagers_shape(watched):
    w = watched
    body = {"matchers": [{"name": "service", "value": "main", "isRegex": False, "isEqual": False}],
            "startsAt": in_seconds(3600), "endsAt": in_seconds(7200), "createdBy": "anna", "comment": "later"}
    answer = w.post("silences", body)
    assert answer.status == 200, answer.body
    made = json.loads(answer.body)
    (listed,) = w.api("silences")["silences"]
    assert listed == made["silence"] and listed["id"] == made["silenceID"]
    assert listed["status"] == {"state": "pending"} and listed["matchers"] == body["matchers"]
    assert listed["createdBy"] == "anna" and listed["comment"] == "later"
    longer = json.loads(w.post("silences", {**body, "id": listed["id"], "endsAt": in_seconds(9000)}).body)
    assert longer["silenceID"] == listed["id"] and longer["silence"]["endsAt"] > listed["endsAt"]
    assert "from" in w.cli("silence").stdout and "service!=main" in w.cli("silence").stdout
    assert w.admin("DELETE", f"/api/v1/silences/{listed['id']}", fields=[("X-Weir-Request", "1")]).status == 200
    assert w.api("silences")["silences"][0]["status"] == {"state": "expired"}
    assert w.admin("DELETE", f"/api/v1/silences/{listed['id']}", fields=[("X-Weir-Request", "1")]).status == 409
    assert w.admin("DELETE", "/api/v1/silences/nobody", fields=[("X-Weir-Request", "1")]).status == 404
    assert w.admin("DELETE", f"/api/v1/silences/{listed['id']}").status == 415, "not from another site's page"
    assert any(e["kind"] == "silence" for e in w.api("events")["events"])


@pytest.mark.parametrize("arguments, word", [
    (["service=main"], "--for"),
    (["--for", "2h"], "MATCHER"),
    (["main", "--for", "2h"], "LABEL=VALUE"),
    (["service=main", "--for", "soon"], "--for"),
    (["service=main", "--for", "2h", "--from", "tomorrow"], "--from"),
    (["service=main", "--end", "12345678"], "--end"),
])
def test_wrong_usage_of_silence(arguments, word):
    result = run_weir("silence", *arguments, "--admin", "127.0.0.1:1")
    assert result.returncode == 2 and word in result.stderr, result.stderr


def test_what_the_api_refuses_is_said(watched):
    result = watched.cli("silence", "service=main", "--for", "200d")
    assert result.returncode == 1 and "watch.silences.longest" in result.stderr
    result = watched.cli("silence", "--end", "nobody")
    assert result.returncode == 1 and "no silence" in result.stderr


def test_a_maintenance_window_silences(weir, origin):
    """Open at all times: it begins each hour, for an hour."""
    receiver = Receiver(origin)
    w = weir(services={"main": {"servers": [origin().address]}}, notify=[{"webhook": receiver.url}],
             watch={"interval": "100ms", "host": MEMORY,
                    "maintenance": [{"from": "0 * * * *", "for": "1h", "zone": "Europe/Berlin", "match": ["alertname=HostMem*"],
                                     "comment": "backup"}]})
    alert = wait_until(lambda: (a := alert_of(w, "HostMemoryHigh")) and a["is_active"] and a, 10, "the alert")
    assert alert["silence"]["id"] == "maintenance-1" and alert["silence"]["comment"] == "backup"
    assert alert["silence"]["until"] is None, "it never ends"
    assert receiver.messages == []
    assert "backup" in run_weir("silence", "--admin", f"127.0.0.1:{w.admin_port}").stdout
    assert w.metric("weir_maintenance_windows_open") == 1

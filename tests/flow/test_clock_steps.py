"""The wall clock is set while Weir runs: nothing fires, ends, is lost or is told twice for that."""
import mmap
import os
import struct
import time

import pytest

from harness import run_weir, wait_until
from synthetic import tool
from test_history import events, known
from test_notify import Receiver
from test_objectives import objective
from test_watch_alerts import OFF

HOUR_S, DAY_S = 3600, 86400
FAILED = "notify webhook-2: not delivered"
RULES = [{"alert": "Always", "when": "memory > 0%", "severity": "warning"},
         {"alert": "Later", "when": "load1 > 0 for 10m", "severity": "warning"},
         {"alert": "Silenced", "when": "disk > 0%", "severity": "warning"}]


class Clock:
    """The wall clock of a Weir, which can be set; see tests/tools/stepped_clock.c."""

    def __init__(self, directory):
        self.path = f"{directory}/clock"
        with open(self.path, "wb") as file:
            file.write(struct.pack("q", 0))
        os.chmod(self.path, 0o644)
        self.environment = {"LD_PRELOAD": tool("stepped_clock.so"), "STEPPED_CLOCK": self.path}

    def set(self, ahead_s):
        with open(self.path, "r+b") as file, mmap.mmap(file.fileno(), 8) as page:
            page[:] = struct.pack("q", ahead_s * 10**9)


def states(w):
    return {alert["name"]: alert["state"] for alert in w.api("alerts")["alerts"]}


def silence(w):
    return next(s for s in w.api("silences")["silences"] if not s["id"].startswith("maintenance"))


def names(receiver):
    return [(alert["status"], alert["labels"]["alertname"]) for message in receiver.messages for alert in message["alerts"]]


@pytest.mark.plain  # a preloaded library and a sanitizer do not go together
@pytest.mark.few
@pytest.mark.timeout(120)
def test_the_clock_is_set_back_and_forth(weir, origin, directory):
    clock, here, away = Clock(directory), Receiver(origin), Receiver(origin)
    away.origin.refuse()
    server = origin(lambda request: (500, [], b"") if request.target == "/bad" else b"fine")
    sinks = [{"webhook": {"url": f"http://{receiver.origin.address}/", "group_wait": "0s"}} for receiver in (here, away)]
    w = weir(services={"main": {"servers": [server.address], "objectives": {"availability": "90%", "min_bad": 1}}},
             notify=sinks, environment=clock.environment,
             watch={"interval": "200ms", "host": {**OFF, "disk_paths": ["/"]}, "rules": RULES, "error_rate": "off",
                    "maintenance": [{"from": "* * * * *", "for": "1m", "match": ["alertname=Silenced"]}]})
    for i in range(100):
        w.ask("GET", "/bad" if i % 20 == 0 else "/")
    wait_until(lambda: (o := objective(w, "availability")) and o["budget_left_percent"] == 50, 10, "5 % of a budget of 10 %")
    as_before = {"Always": "firing", "Later": "pending", "Silenced": "firing"}
    wait_until(lambda: states(w) == as_before and names(here), 20, f"{as_before}; there is {states(w)}")
    wait_until(lambda: known(w), 20, "a history")
    assert run_weir("silence", "alertname=Silenced", "--for", "3d", "--admin", f"127.0.0.1:{w.admin_port}").returncode == 0
    for ahead_s in (HOUR_S, 0, -HOUR_S, 2 * DAY_S):
        clock.set(ahead_s)
        time.sleep(2)
        assert states(w) == as_before, ahead_s
        assert names(here) == [("firing", "Always")], ahead_s
        assert objective(w, "availability")["budget_left_percent"] == pytest.approx(50, abs=4), "the requests below are counted, too"
        assert silence(w)["status"] == {"state": "active"}
        assert w.admin("GET", "/healthz").status == w.ask().status == 200
    assert len(events(w, "history_clock")) == 1, "it says once that it waits for the clock"
    wait_until(lambda: max(known(w), default=0) > time.time() + 2 * DAY_S - 60, 30, "the history to go on in the new time")
    worker, failed = w.worker(), w.log().count(FAILED)
    worker.kill()
    worker.wait()
    w.wait_ready()
    wait_until(lambda: w.log().count(FAILED) > failed, 20, "a try of the new worker, which gives nothing up")
    away.origin.listen()
    wait_until(lambda: names(away), 60, "what waited for two days by the wall clock")
    time.sleep(1)
    assert names(away) == names(here) == [("firing", "Always")]

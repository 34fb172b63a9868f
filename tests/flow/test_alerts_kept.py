"""What alerts, silences and told messages are after a worker was killed: neither told again nor lost."""
import random
import time

import pytest

from harness import run_weir, wait_until
from test_watch_alerts import OFF, Receiver

ROUNDS = 10


def kill_worker(w):
    worker = w.worker()
    worker.kill()
    worker.wait()
    w.wait_ready()


def alerts_of(w, name):
    return [a for a in w.api("alerts")["alerts"] if a["name"] == name]


def start(weir, origin, receiver, count=1):
    servers = [origin() for _ in range(count)]
    services = {f"s{i}": {"hosts": [f"s{i}.example.com"], "servers": [server.address],
                          "health": {"interval": "100ms", "fall": 1, "rise": 1}} for i, server in enumerate(servers)}
    w = weir(services=services, notify=[receiver.sink], watch={"interval": "100ms", "host": OFF})
    w.wait_watched()
    return w, servers


def test_an_alert_that_fires_goes_on_after_a_kill(weir, origin):
    receiver = Receiver(origin)
    w, (server,) = start(weir, origin, receiver)
    server.refuse()
    firing = receiver.wait("ServiceDown", "firing", 20)
    (before,) = alerts_of(w, "ServiceDown")
    kill_worker(w)
    after = wait_until(lambda: next(iter(alerts_of(w, "ServiceDown")), None), 10, "the alert")
    assert after["is_active"] and after["is_told"] and after["fingerprint"] == before["fingerprint"]
    assert after["started_at"] == before["started_at"]
    time.sleep(2)
    assert len(receiver.alerts("ServiceDown", "firing")) == 1
    server.listen()
    resolved = receiver.wait("ServiceDown", "resolved", 40)
    assert resolved["startsAt"] == firing["startsAt"] and resolved["fingerprint"] == firing["fingerprint"]


def test_what_was_over_meanwhile_is_resolved(weir, origin):
    receiver = Receiver(origin)
    w, (server,) = start(weir, origin, receiver)
    server.refuse()
    receiver.wait("ServiceDown", "firing", 20)
    worker = w.worker()
    server.listen()
    worker.kill()
    worker.wait()
    w.wait_ready()
    receiver.wait("ServiceDown", "resolved", 40)
    assert len(receiver.alerts("ServiceDown", "firing")) == 1


def test_silences_outlive_a_kill(weir, origin):
    receiver = Receiver(origin)
    w, (server,) = start(weir, origin, receiver)
    admin = ("--admin", f"127.0.0.1:{w.admin_port}")
    made = run_weir("silence", "service=~s[0-9]", "--for", "1h", "--comment", "kept", *admin)
    server.refuse()
    wait_until(lambda: any(a["is_active"] for a in alerts_of(w, "ServiceDown")), 20, "the alert")
    wait_until(lambda: w.metric("weir_store_up") == 1, 10)
    time.sleep(1)
    kill_worker(w)
    (silence,) = w.api("silences")["silences"]
    assert silence["comment"] == "kept" and silence["status"]["state"] == "active"
    alert = wait_until(lambda: next(iter(alerts_of(w, "ServiceDown")), None), 10, "the alert")
    assert alert["silence"]["id"] == silence["id"] and not alert["is_told"]
    assert receiver.messages == []
    run_weir("silence", "--end", made.stdout.split()[0], *admin)
    receiver.wait("ServiceDown", "firing", 20)


@pytest.mark.long
@pytest.mark.timeout(240)
def test_killed_at_any_moment_each_firing_and_each_end_comes_once(weir, origin):
    """A message may come twice when the worker dies between the receiver's answer and the disk's: the key of its episode is
    the same then, so a receiver can tell."""
    receiver = Receiver(origin)
    w, servers = start(weir, origin, receiver, ROUNDS)
    chance = random.Random(5)

    def episodes(status):
        return {(a["fingerprint"], a["startsAt"]) for a in receiver.alerts("ServiceDown", status)}

    for server in servers:
        server.refuse()
        time.sleep(chance.uniform(0, 1))
        kill_worker(w)
    wait_until(lambda: len(episodes("firing")) == ROUNDS, 60, "all of them firing")
    for server in servers[::2]:
        server.listen()
    for _ in range(ROUNDS // 2):
        time.sleep(chance.uniform(0, 1))
        kill_worker(w)
    for server in servers[1::2]:
        server.listen()
    wait_until(lambda: len(episodes("resolved")) == ROUNDS, 60, "all of them resolved")
    time.sleep(3)
    assert len(episodes("firing")) == ROUNDS and episodes("firing") == episodes("resolved")
    extra = len(receiver.alerts("ServiceDown", "firing")) + len(receiver.alerts("ServiceDown", "resolved")) - 2 * ROUNDS
    assert extra <= 2, "told again more often than a kill between answer and disk explains"

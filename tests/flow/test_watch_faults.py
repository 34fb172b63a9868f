"""What watches is hit itself: the disk of the history is full, a receiver is away for long and the worker dies meanwhile."""
import collections
import os
import pathlib
import subprocess

import pytest

from harness import wait_until
from test_history import events
from test_watch_alerts import OFF, Receiver

SERVICES = 20


@pytest.fixture
def state_disk(directory):
    """8 MiB for what Weir keeps, and functions that leave no room on it and give it back."""
    disk = pathlib.Path(directory) / "disk"
    disk.mkdir(mode=0o755)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=755", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    filler = disk / "filler"

    def fill():
        with open(filler, "wb") as file:
            while True:
                try:
                    file.write(b"x" * 65536)
                    file.flush()
                except OSError:
                    return

    yield str(disk), fill, filler.unlink
    subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk needs root")
@pytest.mark.long
@pytest.mark.timeout(120)
def test_a_full_disk_of_the_history_is_told(weir, origin, state_disk):
    """By an alert of its own, although what it has still to tell cannot be kept on that disk either; requests do not notice."""
    disk, fill, free = state_disk
    receiver, server = Receiver(origin), origin()
    w = weir(services={"main": {"servers": [server.address], "health": {"interval": "100ms", "fall": 1, "rise": 1}}},
             notify=[receiver.sink], state=disk,
             watch={"host": OFF, "rules": [{"alert": "HistoryFailing", "when": "history_failing clear 0 for 1s", "severity": "warning"}]})
    try:
        wait_until(lambda: w.metric("weir_history_writes_total") >= 1, 30, "a first batch")
        fill()
        receiver.wait("HistoryFailing", "firing", 40)
        assert w.ask().status == 200
        server.refuse()
        receiver.wait("ServiceDown", "firing", 20)
        free()
        receiver.wait("HistoryFailing", "resolved", 40)
        server.listen()
        receiver.wait("ServiceDown", "resolved", 20)
        assert w.ask().status == 200
        told = collections.Counter((a["status"], a["labels"]["alertname"]) for m in receiver.messages for a in m["alerts"])
        assert set(told.values()) == {1} and len(told) == 4, told
        assert len(events(w, "history_failed")) == len(events(w, "history_recovered")) == 1
    finally:
        w.stop()


def kill_worker(w):
    worker = w.worker()
    worker.kill()
    worker.wait()
    w.wait_ready("/healthz")


@pytest.mark.long
@pytest.mark.timeout(180)
def test_a_receiver_that_was_away_while_much_happened(weir, origin):
    """Twenty services fail, half of them recover, the worker dies twice. Then the receiver gets, in a few messages, each that still
    fails and each that failed and is over, once; and later the end of the others, once."""
    receiver = Receiver(origin)
    receiver.origin.refuse()
    servers = {f"s{i}": origin() for i in range(SERVICES)}
    health = {"interval": "200ms", "fall": 1, "rise": 1}
    w = weir(services={name: {"servers": [server.address], "hosts": f"{name}.example.com", "health": health}
                       for name, server in servers.items()}, notify=[receiver.sink], watch={"host": OFF, "interval": "200ms"})

    def fire():
        return {a["labels"]["service"] for a in w.api("alerts")["alerts"] if a["name"] == "ServiceDown" and a["is_active"]}

    def told(status):
        return collections.Counter(a["labels"]["service"] for m in receiver.messages for a in m["alerts"] if a["status"] == status)

    w.wait_watched()
    for server in servers.values():
        server.refuse()
    wait_until(lambda: len(fire()) == SERVICES, 30, "all fire")
    wait_until(lambda: w.metric("weir_notifications_failing_seconds") > 1, 20, "the receiver is away")
    kill_worker(w)
    wait_until(lambda: len(fire()) == SERVICES, 40, "all fire as before")
    back, down = list(servers)[:SERVICES // 2], list(servers)[SERVICES // 2:]
    for name in back:
        servers[name].listen()
    wait_until(lambda: fire() == set(down), 30, "half of them end")
    kill_worker(w)
    wait_until(lambda: fire() == set(down), 40, "the others fire as before")
    receiver.origin.listen()
    wait_until(lambda: set(told("firing")) >= set(down), 60, "what still fires")
    wait_until(lambda: set(told("resolved")) >= set(back), 20, "what is over")
    assert len(receiver.messages) <= 3, "what waited comes together"
    for name in down:
        servers[name].listen()
    wait_until(lambda: set(told("resolved")) == set(servers), 60, "each end")
    assert told("firing") == collections.Counter(down) and told("resolved") == collections.Counter(servers.keys())

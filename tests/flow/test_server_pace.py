"""A server that is clearly slower than the others is told of, and told of again when it has caught up."""
import time

import pytest

from harness import PATIENCE, run_weir, wait_until


def events_of(w, kind):
    return [e for e in w.api("events?count=1000")["events"] if e["kind"] == kind]


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_slow_server_is_told(weir, origin, load):
    pause_s = {"slow": 0.12 * PATIENCE}

    def answer(request):
        time.sleep(0.02 * PATIENCE)
        return b"quick"

    def answer_late(request):
        time.sleep(pause_s["slow"])
        return b"late"

    quick, other, slow = origin(answer), origin(answer), origin(answer_late)
    w = weir(services={"main": {"servers": [quick.address, other.address, slow.address], "balance": "least-requests"}}).wait_taking(3)
    users = load(w.port, "/", clients=6)
    told = wait_until(lambda: events_of(w, "server_slow"), 60, "the slow server is told of")
    assert [e["server"] for e in told] == [slow.address], told
    assert told[0]["level"] == "warn" and "times as fast as the others" in told[0]["text"], told
    rows = {row["name"]: row for row in w.servers()}
    assert rows[slow.address]["slow"] and rows[slow.address]["pace"] < 0.8, rows
    assert not rows[quick.address]["slow"] and not rows[other.address]["slow"], rows
    assert rows[quick.address]["pace"] > rows[slow.address]["pace"], rows
    assert w.metric("weir_servers_slow", service="main") == 1
    status = run_weir("status", "--admin", f"127.0.0.1:{w.admin_port}").stdout.splitlines()
    assert [slow.address in line for line in status if " slow " in line] == [True], status

    pause_s["slow"] = 0.02 * PATIENCE
    wait_until(lambda: events_of(w, "server_in_pace"), 120, "it has caught up")
    assert not [row["name"] for row in w.servers() if row["slow"]]
    users.stop()
    assert not users.failures

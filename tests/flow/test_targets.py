"""Servers come and go by what people stated that one should carry: requests a second, CPU; and Weir says which of them it was."""
import pytest

from harness import FLASK_COMMAND, PYTHON, TINY_SERVER, run_weir, wait_until


def service(command, **scale):
    return {"site": {"health": {"path": "/healthz"}, "scale": {"command": command, "scale_down_after": "2s", **scale}}}


def scale_of(w):
    return w.api("services")["services"][0]["scale"]


def serving(w):
    return len(w.takes_requests())


def test_requests_per_second(weir, load):
    w = weir(services=service([PYTHON, TINY_SERVER, "{address}"], servers="1..6", requests_per_second=5))
    users = load(w.port, "/work?ms=1", clients=1, pause_s=0.06)  # some 15 a second, fewer on a busy machine
    wait_until(lambda: serving(w) >= 2, 20, "servers for the rate")
    now = wait_until(lambda: (scale_of(w)["now"]["decided_by"] == "requests_per_second" and scale_of(w)["now"]), 10)
    target = now["targets"]["requests_per_second"]
    assert now["targets"]["cpu"] is None
    assert target["per_server"] == 5 and target["seen"] > 5
    assert target["servers"] == pytest.approx(target["seen"] / 5)
    assert now["base"] == pytest.approx(target["servers"]) and now["forecast"] == now["burst"] == 0
    text = run_weir("explain", "site", "--admin", f"127.0.0.1:{w.admin_port}").stdout
    assert "the target `requests_per_second`" in text
    users.stop()
    assert not users.failures
    wait_until(lambda: serving(w) == 1, 30, "the servers to go again")


@pytest.mark.long
@pytest.mark.plain
@pytest.mark.timeout(180)
def test_cpu(weir, load):
    """Two users who keep the processor busy: 3 % of a core is soon too much for one server, on the busiest machine."""
    w = weir(services=service(FLASK_COMMAND, servers="1..3", cpu="3%", drain_timeout="5s"))
    users = load(w.port, "/work?ms=50&cpu=1", clients=2)
    wait_until(lambda: serving(w) == 3, 60, "as many servers as are allowed")
    events = [e for e in w.api("events?count=200")["events"] if e["kind"] == "scale_up" and e["details"]["decided_by"] == "cpu"]
    assert events, "it was the CPU that asked for them"
    target = events[0]["details"]["targets"]["cpu"]
    assert target["per_server"] == pytest.approx(0.03) and target["servers"] == pytest.approx(target["seen"] / 0.03)
    assert "cores in use, of which one server should have 0.03" in events[0]["text"]
    users.stop()
    assert not users.failures
    wait_until(lambda: serving(w) == 1, 60, "the servers to go again")


def test_a_target_that_is_not_reached_leaves_one_server(weir, load):
    """Requests in flight alone ask for nothing where a rate is stated instead."""
    w = weir(services=service([PYTHON, TINY_SERVER, "{address}"], servers="1..6", requests_per_second=1000))
    users = load(w.port, "/work?ms=300", clients=12)
    wait_until(lambda: users.ok > 60, 20, "some requests")
    users.stop()
    assert not users.failures
    now = scale_of(w)["now"]
    assert now["target"] == 1 and now["targets"]["requests_per_second"]["servers"] < 1
    assert not [e for e in w.api("events?count=200")["events"] if e["kind"] == "scale_up" and e["details"]["target"] > 1]

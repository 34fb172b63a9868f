"""discover: {docker: …}: containers with labels, started and ended by somebody else, against a real Docker Engine."""
import pytest

import engine as engines
from harness import wait_until

pytestmark = pytest.mark.usefixtures("engine")


def service(engine, **keys):
    return {"shop": {"health": {"path": "/healthz"},
                     "discover": {"docker": {"endpoint": f"unix://{engine.socket}", **keys}}}}


def run(engine, service="shop", port="8000", network=None, **labels):
    labels = {"weir.service": service, **({"weir.port": port} if port else {}), **labels}
    return engine.run_container(engines.IMAGE, ["/server", "8000", "100", "10"], labels=labels, network=network)


def address(engine, container, network="bridge"):
    return f'{engine.inspect(container)["NetworkSettings"]["Networks"][network]["IPAddress"]}:8000'


def serving(w):
    return {row["address"] for row in w.takes_requests()}


def await_serving(w, *addresses):
    wait_until(lambda: serving(w) == set(addresses), 15, f"{addresses} take requests")


def test_containers_come_and_go_under_load(weir, load, engine):
    first = run(engine)
    w = weir(wait="alive", services=service(engine))
    one = address(engine, first)
    await_serving(w, one)
    clients = load(w.port, clients=4)
    second = run(engine)
    two = address(engine, second)
    await_serving(w, one, two)
    run(engine, service="other")  # somebody else's
    third = run(engine)
    three = address(engine, third)
    await_serving(w, one, two, three)
    clients.wait_ok(20).stop()
    assert clients.failures == []
    engine.remove(second)
    await_serving(w, one, three)
    assert w.ask().status == 200
    state = next(row["discovery"] for row in w.api("services")["services"])
    assert state["source"] == "docker" and state["servers"] == 2 and state["failures"] == 0
    engine.remove(first)
    engine.remove(third)
    wait_until(lambda: w.servers() == [], 15, "no server is left")
    w.wait_log(r"discovery_changed shop: 0 servers in unix://\S+; \S+ went")


def test_containers_that_cannot_be_used_are_told(weir, engine):
    run(engine, port=None)
    run(engine, port="http")
    good = run(engine)
    w = weir(wait="alive", services=service(engine))
    await_serving(w, address(engine, good))
    w.wait_log(r"discovery_note shop: unix://\S+: 2 containers cannot be used, such as \w{12}: "
               r"(it has no label weir.port|its label weir.port is no port)")


def test_the_network_of_the_label(weir, engine):
    engine.call("POST", "/networks/create", {"Name": "backend"})
    container = run(engine, network="backend", **{"weir.network": "backend"})
    elsewhere = run(engine, **{"weir.network": "backend"})
    w = weir(wait="alive", services=service(engine))
    await_serving(w, address(engine, container, "backend"))
    w.wait_log(rf"1 container cannot be used, such as {elsewhere[:12]}: it has no address on its network")


def test_an_engine_that_restarts_changes_nothing(weir, engine):
    container = run(engine)
    w = weir(wait="alive", services=service(engine))
    one = address(engine, container)
    await_serving(w, one)
    engine.stop_daemon()
    w.wait_log(r"discovery_failed shop: unix://\S+: .*: the server that was found before is kept", timeout=15)
    assert w.ask().status == 200
    engine.start_daemon()
    w.wait_log(r"discovery_recovered shop", timeout=45)
    second = run(engine)
    await_serving(w, one, address(engine, second))

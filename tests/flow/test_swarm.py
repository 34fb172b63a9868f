"""Provider swarm against a real swarm of one node: Weir sets the number, the swarm starts and ends tasks as it pleases."""
import random
import signal
import time

import pytest

import engine as engines
from harness import wait_until

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.plain]


@pytest.fixture(autouse=True)
def swarm(engine):
    engine.init_swarm()


def web(engine, servers, scale=None, service=None, poll="500ms", **swarm):
    return {"web": {
        "health": {"path": "/healthz"},
        **(service or {}),
        "scale": {"servers": servers, "engine": {"poll": poll}, **(scale or {}),
                  "swarm": {"endpoint": f"unix://{engine.socket}", "service": "web", "port": 8000, **swarm}}}}


def command(places=100, ms=0):
    return ["/server", "8000", str(places), str(ms)]


def serving(w):
    return len(w.takes_requests())


def events(w):
    rows = w.api("events?count=200")["events"]
    return "\n".join(f"{e['time'][14:23]} {e['kind']} {e.get('server') or ''} {e['text']}" for e in rows)


def replicas(engine):
    return engine.service("web")["Spec"]["Mode"]["Replicated"]["Replicas"]


@pytest.mark.long
@pytest.mark.timeout(100)
def test_the_number_follows_the_load_down_to_none_and_back(weir, load, engine):
    """Weir makes the service, and changes one number of it. Not one request is lost, though it can't say who goes."""
    w = weir(wait="alive", services=web(engine, "0..4", image=engines.IMAGE, command=command(2, 100), memory="64MiB",
                                        scale={"in_flight": 2, "scale_down_after": "2s"},
                                        service={"max_requests": 2, "queue": {"timeout": "20s"}}))
    users = load(w.port, clients=1)
    wait_until(lambda: serving(w) == 1, 20, "the first task")
    users.set_clients(5)
    wait_until(lambda: serving(w) >= 3, 30, "three tasks")
    most = replicas(engine)
    users.set_clients(1)
    wait_until(lambda: replicas(engine) < most, 30, "a scale-down under load")
    users.stop()
    assert not users.failures, f"{len(users.failures)} of {users.ok}: {users.failures[:5]}\n{events(w)}"
    wait_until(lambda: serving(w) == 0 and replicas(engine) == 0, 30, "none to be left")
    assert w.ask().status == 200
    spec = engine.service("web")["Spec"]
    assert spec["Labels"]["weir.owner"] == "weir"
    assert spec["TaskTemplate"]["Resources"]["Limits"]["MemoryBytes"] == 64 << 20


@pytest.mark.timeout(60)
def test_an_update_holds_up_fewer_tasks_alone_and_is_no_alert(weir, engine):
    engine.create_service("web", replicas=2, command=command(),
                          UpdateConfig={"Parallelism": 1, "Delay": 15_000_000_000, "Order": "start-first"})
    w = weir(services=web(engine, "1..4"))
    assert w.post("services/web/replicas", {"count": 2}).status == 200
    wait_until(lambda: serving(w) == 2, 20, "two tasks")
    engine.update_service("web", lambda spec: spec["TaskTemplate"]["ContainerSpec"].update(Image=engines.NEW_IMAGE))
    assert w.post("services/web/replicas", {"count": 1}).status == 200
    w.wait_log("provider_trouble web: .*a rolling update of the swarm's service 'web' goes on", 15)
    time.sleep(1)
    assert engine.service("web")["UpdateStatus"]["State"] == "updating" and replicas(engine) == 2
    assert w.post("services/web/replicas", {"count": 3}).status == 200
    wait_until(lambda: replicas(engine) == 3, 8, "more tasks in the middle of the update")
    assert not [a for a in w.api("alerts")["alerts"] if a["name"] == "ProviderFailing" and a["is_active"]]


@pytest.mark.long
@pytest.mark.timeout(100)
def test_a_rolling_update_under_load_loses_nothing(weir, load, engine):
    """Somebody else's service, and somebody else updates it: old tasks are left at once, new ones are taken when they answer."""
    engine.create_service("web", replicas=2, command=command(100, 20),
                          UpdateConfig={"Parallelism": 1, "Delay": 500_000_000, "Order": "start-first"})
    w = weir(services=web(engine, "3"))
    wait_until(lambda: serving(w) == 3, 20, "the third task")
    assert replicas(engine) == 3
    users = load(w.port, clients=6)
    time.sleep(1)
    old = {task["ID"] for task in engine.tasks("web", "running")}

    def change(spec):
        spec["TaskTemplate"]["ContainerSpec"]["Image"] = engines.NEW_IMAGE

    engine.update_service("web", change)

    def is_over():
        running = [t for t in engine.tasks("web", "running") if t["Status"]["State"] == "running"]
        return (engine.service("web").get("UpdateStatus", {}).get("State") == "completed" and len(running) == 3
                and not old & {t["ID"] for t in running} and serving(w) == 3)

    wait_until(is_over, 60, "the update")
    time.sleep(1)
    users.wait_ok(300).stop()
    assert not users.failures, f"{len(users.failures)} of {users.ok}: {users.failures[:5]}\n{events(w)}"
    assert replicas(engine) == 3, "two hands on one number"
    assert engine.service("web")["Spec"]["TaskTemplate"].get("ForceUpdate", 0) == 0


@pytest.mark.long
def test_weir_is_killed_and_finds_its_tasks_again(weir, engine):
    dice = random.Random(5)
    engine.create_service("web", replicas=1, command=command())
    for count in (2, 1, 3):
        w = weir(wait=None, is_checked=False, services=web(engine, str(count)))
        time.sleep(dice.uniform(0.1, 1.5))
        w.process.send_signal(signal.SIGKILL)
        wait_until(lambda: not w.processes(), 5, "the killed Weir to be gone")
    w = weir(services=web(engine, "2"))

    def is_settled():
        running = [t for t in engine.tasks("web", "running") if t["Status"]["State"] == "running"]
        return serving(w) == 2 and replicas(engine) == 2 and len(running) == 2

    wait_until(is_settled, 40, "two tasks")


def test_a_number_set_by_another_hand_is_set_back(weir, engine):
    """More or fewer than Weir wants: after a moment there are as many as Weir wants."""
    engine.create_service("web", replicas=2, command=command())
    w = weir(services=web(engine, "2"))
    for count in (4, 1):
        engine.update_service("web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=count))
        wait_until(lambda: replicas(engine) == 2 and serving(w) == 2, 20, f"two tasks after {count}")


def test_what_can_not_work_is_told_with_what_to_do(weir, engine):
    """A service behind the ingress mesh, and one that is not there."""
    engine.create_service("web", replicas=1, command=command(), mode="ingress")
    w = weir(wait="alive", services=web(engine, "2"))
    w.wait_log("provider_trouble web: .*in mode ingress: .*IPVS.*--publish-add mode=host,target=8000 web", 10)
    assert replicas(engine) == 1
    w.stop()
    engine.remove_service("web")
    w = weir(wait="alive", services=web(engine, "2"))
    w.wait_log("provider_trouble web: .*the swarm has no service 'web'", 10)


def test_tasks_on_a_network_that_weir_is_on(weir, engine):
    """Weir runs where a container on the overlay network runs, and reaches the tasks at their own addresses."""
    engine.call("POST", "/networks/create", {"Name": "shop", "Driver": "overlay", "Attachable": True})
    place = engine.run_container(engines.IMAGE, ["/server", "9000"], network="shop")
    engine.create_service("web", replicas=1, command=command(), mode=None, networks=["shop"])
    with engine.inside_container(place):
        w = weir(services=web(engine, "2", reach="direct", networks=["shop"]))
        wait_until(lambda: serving(w) == 2, 20, "both tasks")
        assert {row["address"].split(":")[1] for row in w.takes_requests()} == {"8000"}
        assert w.ask().status == 200
        w.stop()

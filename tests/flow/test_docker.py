"""Provider docker against a real Docker Engine: containers come and go with the load, whatever happens to Weir or the engine."""
import os
import pathlib
import random
import signal
import time

import pytest
import yaml

import engine as engines
from harness import run_weir, start_weir, wait_until
from registry import Registry
from tls_front import TlsFront

pytestmark = pytest.mark.usefixtures("engine")

OURS = {"weir_owner": "weir", "weir_service": "shop"}


def shop(engine, servers, places=100, ms=0, start_ms=0, scale=None, service=None, poll="500ms", **docker):
    """A service whose containers work on so many requests at once, each for so long."""
    return {"shop": {
        "health": {"path": "/healthz"},
        **(service or {}),
        "scale": {"servers": servers, "engine": {"poll": poll, **(scale or {}).pop("engine", {})}, **(scale or {}), "docker": {
            "endpoint": f"unix://{engine.socket}", "image": engines.IMAGE, "port": 8000, "pull": "never",
            "command": ["/server", "{port}", str(places), str(ms), str(start_ms)], **docker}}}}


def serving(w):
    return len(w.takes_requests())


def events(w):
    rows = w.api("events?count=200")["events"]
    return "\n".join(f"{e['time'][14:23]} {e['kind']} {e.get('server') or ''} {e['text']}" for e in rows)


def running(engine, **labels):
    return [c for c in engine.containers(**(labels or OURS)) if c["State"] == "running" and ".stop-" not in c["Names"][0]]


@pytest.mark.plain
@pytest.mark.long
@pytest.mark.timeout(100)
def test_containers_rise_and_fall_with_the_load(weir, load, engine):
    """From none to four, down to fewer, to none and back: not one request is lost."""
    w = weir(wait="alive", services=shop(engine, "0..4", places=2, ms=100, scale={"in_flight": 2, "scale_down_after": "2s"},
                                         service={"max_requests": 2, "queue": {"timeout": "20s"}}))
    assert engine.containers(**OURS) == []
    users = load(w.port, clients=1)
    wait_until(lambda: serving(w) == 1, 10, "the first container")
    users.set_clients(8)
    wait_until(lambda: serving(w) == 4, 20, "four containers")
    users.set_clients(1)
    wait_until(lambda: 1 <= serving(w) <= 2, 30, "a scale-down under load")
    users.wait_ok(20).stop()
    assert not users.failures, f"{len(users.failures)} of {users.ok}: {users.failures[:5]}\n{events(w)}"
    wait_until(lambda: engine.containers(**OURS) == [], 30, "every container to be gone")
    assert w.ask().status == 200
    assert len(running(engine)) == 1


@pytest.mark.plain
@pytest.mark.long
@pytest.mark.timeout(90)
def test_weir_is_killed_again_and_again(weir, engine):
    """Whenever Weir dies, the next one takes over what there is: no container is started twice, forgotten, or left behind."""
    stranger = engine.run_container(engines.IMAGE, ["/server", "8000"], name="weir-shop-99", labels={"weir.service": "shop"})
    dice = random.Random(4)
    for _ in range(10):
        w = weir(wait=None, is_checked=False, services=shop(engine, str(dice.randrange(1, 5)), scale={"stop_timeout": "1s"}))
        time.sleep(dice.uniform(0.05, 0.9))
        w.process.send_signal(signal.SIGKILL)
        wait_until(lambda: not w.processes(), 5, "the killed Weir to be gone")
    w = weir(services=shop(engine, "3", scale={"stop_timeout": "1s"}))

    def is_settled():
        rows = engine.containers(**OURS)
        return serving(w) == 3 and len(rows) == 3 and len(running(engine)) == 3

    wait_until(is_settled, 30, "three containers and nothing else")
    known = {row["address"] for row in w.takes_requests()}
    there = {f"127.0.0.1:{port['PublicPort']}" for c in running(engine) for port in c["Ports"]}
    assert known == there
    assert engine.inspect(stranger)["State"]["Running"], "what is not ours is left alone"


@pytest.mark.plain
def test_someone_removes_containers_behind_weirs_back(weir, load, engine):
    """By force, in the middle of requests: another container takes them, and a new one comes."""
    w = weir(services=shop(engine, "3", ms=20))
    wait_until(lambda: serving(w) == 3, 10, "three containers")
    users = load(w.port, clients=6)
    for how in ("remove", "stop", "kill"):
        victim = running(engine)[0]["Id"]
        if how == "remove":
            engine.remove(victim)
        else:
            engine.call("POST", f"/containers/{victim}/{how}")
        wait_until(lambda: serving(w) == 3 and victim not in [c["Id"] for c in engine.containers(**OURS)], 15,
                   "another one instead, and nothing left of the old one")
    users.stop()
    assert not users.failures, f"{users.failures[:5]}\n{events(w)}"


@pytest.mark.plain
@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_engine_restarts(weir, load, engine, number):
    """With live-restore the containers run on, and so does the site; what was wanted meanwhile is done afterwards."""
    w = weir(services=shop(engine, "2..3", ms=10, reach="direct", scale={"engine": {"timeout": "2s"}}))
    wait_until(lambda: serving(w) == 2, 10, "two containers")
    before = {c["Id"] for c in running(engine)}
    users = load(w.port, clients=4)
    engine.stop_daemon(number)
    assert w.admin("POST", "/api/v1/services/shop/replicas", {"count": 3}, {"X-Weir-Request": "1"}.items()).status == 200
    time.sleep(1)
    engine.start_daemon()
    wait_until(lambda: serving(w) == 3, 45, "the third container")
    users.stop()
    assert not users.failures, f"{users.failures[:5]}\n{events(w)}"
    assert before < {c["Id"] for c in running(engine)}


def test_a_start_that_fails_is_told_in_the_engines_words(weir, engine, origin):
    """A wrong image, a program that is not there, one that ends at once, a port that is taken: others go on meanwhile."""
    port = engines.free_port_of(engine)
    services = {}
    for name, docker in {"image": {"image": "nope:1"}, "program": {"command": ["/nope"]}, "ends": {"command": ["/server"]},
                         "port": {"publish_port": port}}.items():
        services[name] = dict(shop(engine, "1", **docker)["shop"], paths=[f"/{name}/"])
    services["well"] = dict(shop(engine, "1")["shop"], paths=["/"])
    taken = origin(port=port, host="127.0.0.1")
    w = weir(wait="alive", services=services)
    w.wait_log("image.*No such image: nope:1", 20)
    w.wait_log("program.*(no such file or directory|executable file not found)", 20)
    w.wait_log(r"ends.*exit status 2: usage: container-server", 20)
    w.wait_log("port.*(address already in use|port is already allocated)", 20)
    wait_until(lambda: w.ask().status == 200, 10, "the service that is well")
    assert taken.port == port
    assert not [c for c in engine.containers(weir_service="image")]


def test_the_worker_gets_the_sockets_group_and_nothing_else(weir, engine):
    """The worker is nobody; what lets it reach the engine is the group of the socket."""
    w = weir(services=shop(engine, "1"))
    status = dict(line.split(":\t", 1) for line in open(f"/proc/{w.worker().pid}/status") if ":\t" in line)
    assert set(status["Uid"].split()) == {"65534"}
    assert sorted(map(int, status["Groups"].split())) == [engines.SOCKET_GROUP, 65534]
    assert int(status["CapEff"], 16) == 0


@pytest.mark.plain
def test_a_socket_that_is_closed_to_the_worker_is_told(weir, engine):
    os.chmod(engine.socket, 0o600)
    try:
        w = weir(wait="alive", services=shop(engine, "1"))
        w.wait_log(r"service shop: the worker \(user nobody\) will not reach its engine: .*mode 600")
        w.wait_log(r"provider_trouble shop: .*permission denied to user 65534; it belongs to user 0")
    finally:
        os.chmod(engine.socket, 0o660)
    wait_until(lambda: serving(w) == 0, 1)


@pytest.mark.plain
def test_a_container_that_does_not_end_is_killed_in_its_time(weir, engine):
    """It deafly sleeps: renamed while it has its time, so that whoever looks knows, and killed by the engine after that."""
    w = weir(wait="alive", services=shop(engine, "1", start_ms=60_000, scale={"start_timeout": "1s", "stop_timeout": "2s"}))
    stopping = wait_until(lambda: [c for c in engine.containers(**OURS) if ".stop-" in c["Names"][0]], 10, "a stopping container")
    assert stopping[0]["State"] == "running"
    wait_until(lambda: stopping[0]["Id"] not in [c["Id"] for c in engine.containers(**OURS)], 10, "its end")
    assert "no good probe" in w.log()


@pytest.mark.plain
def test_an_image_is_pulled_with_credentials(weir, engine, directory):
    """A wrong password is told without being shown; with the right one in the file the image comes, and the container."""
    registry = Registry((engine.directory / "image.tar").read_bytes())
    password = pathlib.Path(directory, "password")
    password.write_text("wrong-secret\n")
    try:
        w = weir(wait="alive", services=shop(engine, "1", image=registry.image, pull="missing",
                                             registry={"user": "weir", "password_file": str(password)}))
        w.wait_log(r"provider_trouble shop: .*pulling 127.0.0.1.*(unauthorized|no basic auth|authentication required)"
                   r".*\(credentials\)", 15)
        assert registry.refused
        password.write_text("pull-secret\n")
        wait_until(lambda: serving(w) == 1, 20, "the pulled container")
        told = w.log() + str(w.api("events?count=200")) + str(w.api("services"))
        assert "wrong-secret" not in told and "pull-secret" not in told
        w.stop()
    finally:
        registry.close()
        if registry.image in str(engine.call("GET", "/images/json")):
            engine.clear()
            engine.call("DELETE", f"/images/{registry.image}?force=1")


@pytest.mark.plain
def test_the_api_by_tcp_with_certificates(weir, engine, directory):
    """The key is root's alone: it is handed to the worker. Without a certificate the engine's side refuses."""
    front = TlsFront(directory, engine.socket)
    files = {name: str(front.directory / f"{name.removesuffix('_file')}.pem") for name in ("ca_file", "cert_file", "key_file")}
    try:
        w = weir(services=shop(engine, "1", endpoint=front.endpoint, tls=files))
        assert w.ask().status == 200
        w.stop()
        w = weir(wait="alive", services=shop(engine, "1", endpoint=front.endpoint, tls={"ca_file": files["ca_file"]}))
        w.wait_log(f"provider_trouble shop: provider docker, list: {front.endpoint}: ", 15)
    finally:
        front.close()


@pytest.mark.plain
def test_a_container_is_as_it_is_configured(weir, engine, directory):
    """Every key arrives; with two networks Weir reaches it on the first. When Weir is told to, it takes its containers along."""
    for name in ("one", "two"):
        engine.call("POST", "/networks/create", {"Name": name})
    w = weir(services=shop(
        engine, "1", scale={"engine": {"at_exit": "stop"}}, reach="direct", networks=["one", "two"], memory="64MiB", cpus=0.5,
        user="1000:1000", directory="/tmp", labels=["com.example.team=web"], environment={"COLOUR": "blue"},
        mounts=[f"{directory}:/data:ro", "things:/things"], restart="on-failure"))
    container = engine.inspect(running(engine)[0]["Id"])
    host, config = container["HostConfig"], container["Config"]
    networks = container["NetworkSettings"]["Networks"]
    assert set(networks) == {"one", "two"}
    assert w.takes_requests()[0]["address"] == networks["one"]["IPAddress"] + ":8000"
    assert (host["Memory"], host["NanoCpus"], host["RestartPolicy"]["Name"]) == (64 << 20, 500_000_000, "on-failure")
    assert {(m["Destination"], m["RW"], m["Type"]) for m in container["Mounts"]} == {
        ("/data", False, "bind"), ("/things", True, "volume")}
    assert (config["User"], config["WorkingDir"]) == ("1000:1000", "/tmp")
    assert {"COLOUR=blue", "PORT=8000"} <= set(config["Env"])
    assert config["Labels"] == {"com.example.team": "web", "weir.owner": "weir", "weir.service": "shop", "weir.server": "shop-1"}
    assert container["Name"] == "/weir-shop-1"
    assert "blue" not in w.log() + str(w.api("services"))
    w.stop()
    assert engine.containers(**OURS) == []
    for name in ("one", "two"):
        engine.call("DELETE", f"/networks/{name}")


@pytest.mark.plain
def test_the_provider_is_tried_by_hand(weir, engine, directory):
    file = pathlib.Path(directory, "weir.yaml")
    file.write_text(yaml.dump({"services": shop(engine, "1")}))
    result = run_weir("provider", "test", "shop", "-c", file)
    assert result.returncode == 0 and "it answers" in result.stdout, result.stdout + result.stderr
    assert engine.containers() == []
    # Ctrl-C at any moment: also while the engine is just making the container, and goes on with that.
    file.write_text(yaml.dump({"services": shop(engine, "1", service={"health": {"path": "/healthz", "status": 299}})}))
    for later in (0, 0.1, 1):
        trial = start_weir("provider", "test", "shop", "-c", file)
        wait_until(engine.containers, 20, "a container")
        time.sleep(later)
        trial.send_signal(signal.SIGINT)
        said, _ = trial.communicate(timeout=60)
        assert trial.returncode == -signal.SIGINT and said.endswith("interrupted\n") and "LEFT" not in said, said
        assert engine.containers() == [], said

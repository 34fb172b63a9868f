"""Which service, and which of its servers, gets a request."""
import collections
import threading
import time

import pytest

from harness import Load, free_port, wait_until


@pytest.fixture
def routed(weir, origin):
    """A Weir with services that each answer with their name."""
    def start(**services):
        return weir(services={name: {**rules, "servers": [origin(name.encode()).address]} for name, rules in services.items()})

    return start


def test_hosts(routed):
    w = routed(shop={"hosts": ["shop.example.com"]}, wild={"hosts": ["*.example.com"]}, blog={"hosts": ["blog.org", "www.blog.org"]},
               rest={})
    for host, name in [
        ("shop.example.com", "shop"), ("SHOP.Example.COM", "shop"), ("shop.example.com:8080", "shop"),
        ("shop.example.com.", "shop"), ("a.example.com", "wild"), ("blog.org", "blog"), ("www.blog.org", "blog"),
        ("example.com", "rest"), ("xshop.example.org", "rest"), ("127.0.0.1", "rest"), ("[::1]:80", "rest"),
    ]:
        assert w.ask(host=host).body.decode() == name, host


def test_longest_path_first(routed):
    w = routed(root={}, api={"paths": ["/api/"]}, v2={"paths": ["/api/v2/", "/v2/"]})
    for path, name in [("/", "root"), ("/apix", "root"), ("/api/", "api"), ("/api/v1", "api"), ("/api/v2/x", "v2"),
                       ("/v2/", "v2"), ("/x/api/", "root")]:
        assert w.ask("GET", path).body.decode() == name, path


def test_paths_are_routed_by_what_they_mean_and_passed_as_written(weir, origin):
    public, admin = origin(b"public"), origin(b"admin")
    w = weir(services={"public": {"servers": [public.address]}, "admin": {"paths": ["/admin/"], "servers": [admin.address]}})
    for path in ("/public/../admin/x?a=/../b", "//admin/x", "/%61dmin/x", "/public/%2e%2e/admin/", "/./admin/."):
        assert w.ask("GET", path).body == b"admin", path
        assert admin.next_request().target == path
    for path in ("/admin/../x", "/admin%2Fx", "/a?/admin/../x"):
        assert w.ask("GET", path).body == b"public", path
        assert public.next_request().target == path
    for path in ("/public/..%2Fadmin/", "/public/..;/admin/", "/../admin/", "/admin/x%00"):
        assert w.ask("GET", path).status == 400, path
    w.wait_metric(4, "weir_requests_refused_total", reason="bad_request")


def test_host_before_path(routed):
    w = routed(host={"hosts": ["a.example"]}, path={"paths": ["/long/path/"]}, both={"hosts": ["a.example"], "paths": ["/x/"]})
    assert w.ask("GET", "/long/path/y", host="a.example").body == b"host"
    assert w.ask("GET", "/long/path/y", host="b.example").body == b"path"
    assert w.ask("GET", "/x/y", host="a.example").body == b"both"
    assert w.ask("GET", "/x/y", host="b.example").status == 404


def test_absolute_form_routes_by_its_authority(routed):
    w = routed(a={"hosts": ["a.example"]}, b={"hosts": ["b.example"]})
    assert w.ask("GET", "http://b.example/", host="b.example").body == b"b"


def count_answers(w, requests, **options):
    return collections.Counter(w.ask(**options).body for _ in range(requests))


def test_round_robin(weir, origin):
    servers = [origin(name) for name in (b"a", b"b", b"c")]
    w = weir(services={"main": {"servers": [s.address for s in servers], "balance": "round-robin"}}, workers=1).wait_taking(3)
    assert count_answers(w, 30) == {b"a": 10, b"b": 10, b"c": 10}


def test_least_requests_avoids_the_busy(weir, origin):
    """Six requests are held, three by each server; then one server lets go, and everything new is its."""
    gates = {b"slow": threading.Event(), b"quick": threading.Event()}
    servers = {name: origin(lambda request, name=name, gate=gate: name if gate.wait(20) else b"late")
               for name, gate in gates.items()}
    w = weir(services={"main": {"servers": [s.address for s in servers.values()], "balance": "least-requests"}}).wait_taking(2)
    held = []
    for n in range(6):
        held.append(w.client(timeout=30).request())
        wait_until(lambda: sum(len(s.requests) for s in servers.values()) == n + 1, 5)
    assert [len(s.requests) for s in servers.values()] == [3, 3]
    gates[b"quick"].set()
    wait_until(lambda: sum(row["in_flight"] for row in w.servers()) == 3, 5)
    assert count_answers(w, 20) == {b"quick": 20}
    gates[b"slow"].set()
    for client in held:
        assert client.response().status == 200


@pytest.mark.few  # its verdict rests on latencies
def test_default_prefers_the_quick_server(weir, origin):
    """random-of-two with latency: a server ten times slower gets clearly less, but is not forgotten."""
    quick = origin(lambda request: time.sleep(0.002) or b"quick")
    slow = origin(lambda request: time.sleep(0.05) or b"slow")
    w = weir(services={"main": {"servers": [quick.address, slow.address]}}).wait_taking(2)
    load = Load(w.port, clients=8)
    time.sleep(2.5)
    load.stop()
    assert not load.failures
    assert load.bodies[b"quick"] > 4 * load.bodies[b"slow"] > 0


@pytest.mark.plain  # its verdict rests on latencies, which a sanitizer distorts
def test_default_shuns_a_server_that_fails_fast(weir, origin):
    """A broken server answers errors quicker than others answer pages: that must not attract requests."""
    good = origin(lambda request: time.sleep(0.02) or b"good")
    bad = origin(lambda request: time.sleep(0.001) or (500, [], b"bad"))
    w = weir(services={"main": {"servers": [good.address, bad.address]}}).wait_taking(2)
    # The pause keeps failing clients from starving the test's own servers of CPU.
    load = Load(w.port, clients=4, pause_s=0.005)
    time.sleep(2)
    load.stop()
    assert load.ok > 2 * len(load.failures)


def test_refusing_server_is_taken_out_and_comes_back(weir, origin):
    stays, leaves = origin(b"stays"), origin(b"leaves")
    w = weir(services={"main": {"servers": [stays.address, leaves.address], "balance": "round-robin",
                                "health": {"interval": "30s", "start_interval": "50ms"}}}).wait_taking(2)
    assert set(count_answers(w, 10)) == {b"stays", b"leaves"}
    leaves.refuse()
    assert count_answers(w, 20) == {b"stays": 20}
    rows = {row["address"]: row for row in w.servers()}
    assert rows[leaves.address]["refusing"] or not rows[leaves.address]["healthy"]
    leaves.listen()
    wait_until(lambda: b"leaves" in count_answers(w, 4), 3, "the server to come back long before the next regular probe")


def test_unhealthy_server_is_taken_out_and_comes_back(weir, origin):
    state = {"status": 200}
    sick = origin(lambda r: (state["status"], [], b"health") if r.target == "/healthz" else b"sick")
    well = origin(b"well")
    w = weir(services={"main": {"servers": [sick.address, well.address], "balance": "round-robin",
                                "health": {"path": "/healthz", "interval": "100ms", "rise": 2, "fall": 2}}}).wait_taking(2)
    assert set(count_answers(w, 10)) == {b"sick", b"well"}
    state["status"] = 500
    wait_until(lambda: set(count_answers(w, 6)) == {b"well"}, 3)
    assert count_answers(w, 20) == {b"well": 20}
    state["status"] = 200
    wait_until(lambda: b"sick" in count_answers(w, 6), 3)


def test_health_check_speaks_proper_http(weir, origin):
    server = origin(b"ok")
    weir(services={"main": {"servers": [server.address], "health": {"path": "/healthz?x=1", "interval": "100ms"}}})
    request = server.next_request()
    assert (request.method, request.target) == ("GET", "/healthz?x=1")
    assert request.fields["Host"] == server.address
    assert not server.errors


def test_drained_server_gets_nothing_new_and_comes_back(weir, origin):
    one, two = origin(b"one"), origin(b"two")
    w = weir(services={"main": {"servers": [one.address, two.address], "balance": "round-robin"}})
    name = next(row["name"] for row in w.servers() if row["address"] == one.address)
    assert w.post(f"servers/{name}/drain").status == 200
    wait_until(lambda: count_answers(w, 6) == {b"two": 6}, 3)
    assert w.post(f"servers/{name}/ready").status == 200
    wait_until(lambda: b"one" in count_answers(w, 6), 3)


def test_all_servers_gone_and_back(weir, origin):
    server = origin(b"back")
    w = weir(services={"main": {"servers": [server.address], "queue": {"timeout": "10s"},
                                "health": {"interval": "100ms", "start_interval": "50ms"}}})
    server.refuse()
    client = w.client()
    client.request()
    time.sleep(0.3)
    server.listen()
    status = client.response().status
    assert status in (200, 502, 503)
    wait_until(lambda: w.ask().status == 200, 3)


def test_no_server_at_all(weir):
    w = weir(services={"main": {"servers": [f"127.0.0.1:{free_port()}"], "queue": {"timeout": "200ms"}}}, wait="alive")
    wait_until(lambda: w.ask().status == 503, 5)


def test_first_request_waits_for_the_first_probe(weir, origin):
    """Weir has just started and has not probed anybody yet: that is no reason for a 503."""
    server = origin(b"first")
    w = weir(services={"main": {"servers": [server.address]}}, wait=None)

    def connect():
        try:
            return w.client()
        except ConnectionRefusedError:
            return None

    client = wait_until(connect, 5, interval=0.001)
    assert client.ask().body == b"first"

"""discover: {dns: …} and {srv: …}: servers that a DNS server tells, by TTL, in good times and bad."""
import time

import pytest

from dns_server import DnsServer
from harness import free_port, wait_until


@pytest.fixture
def dns():
    server = DnsServer()
    yield server
    server.close()


def service(dns, /, **keys):
    keys.setdefault("resolver", dns.address)
    keys.setdefault("ttl_min", "200ms")
    return {"shop": {"discover": keys, "max_requests": 50}}


def discovery(w):
    return next(row["discovery"] for row in w.api("services")["services"] if row["name"] == "shop")


def serving(w):
    return {row["address"] for row in w.takes_requests()}


def await_serving(w, *addresses, timeout=8):
    wait_until(lambda: serving(w) == set(addresses), timeout, f"{addresses} take requests, not {serving(w)}")


def await_list(w, count, timeout=8):
    wait_until(lambda: discovery(w)["servers"] == count, timeout, f"{count} servers found")


@pytest.fixture
def hosts(origin):
    """Servers on one port of several loopback addresses, as A records need them."""
    port = free_port()
    servers = {}

    def start(*last, reply=b"hello"):
        for number in last:
            servers[number] = origin(reply, host=f"127.0.0.{number}", port=port)
        return port

    start.servers = servers
    return start


def test_addresses_of_a_name_come_and_go_under_load(weir, hosts, load, dns):
    port = hosts(2, 3, 4, reply=lambda request: time.sleep(0.01) or b"ok")
    dns.set("shop.internal", "A", "127.0.0.2", "127.0.0.3")
    dns.ttl = 0
    w = weir(services=service(dns, dns="shop.internal", port=port))
    clients = load(w.port, clients=6)
    for last in [(3, 4), (2,), (4, 2, 3), (4,), (3, 2)]:
        dns.set("shop.internal", "A", *[f"127.0.0.{number}" for number in last])
        await_serving(w, *[f"127.0.0.{number}:{port}" for number in last])
    clients.wait_ok(100).stop()
    assert clients.failures == []
    state = discovery(w)
    assert state["source"] == "dns" and state["place"] == f"shop.internal:{port}" and state["failures"] == 0


def test_an_answer_is_good_for_its_ttl(weir, hosts, dns):
    port = hosts(2)
    dns.set("shop.internal", "A", "127.0.0.2")
    dns.ttl = 3600
    w = weir(services=service(dns, dns="shop.internal", port=port))
    time.sleep(2.5)
    assert dns.count("shop.internal", "A") == 1
    assert w.ask().body == b"hello"


def test_the_bounds_of_the_ttl(weir, hosts, dns):
    port = hosts(2)
    dns.set("shop.internal", "A", "127.0.0.2")
    dns.ttl = 3600
    w = weir(services=service(dns, dns="shop.internal", port=port, ttl_max="300ms"))
    wait_until(lambda: dns.count("shop.internal", "A") >= 4, 5, "asked again by ttl_max")
    assert w.ask().body == b"hello"


@pytest.mark.long
@pytest.mark.parametrize("mood,words", [
    ("servfail", r"every DNS server failed or refused \(SERVFAIL, REFUSED\), or could not be reached"),
    ("refused", r"every DNS server failed or refused \(SERVFAIL, REFUSED\), or could not be reached"),
    ("silent", "no DNS server answered in time"),
    ("garbage", "makes no sense"),
    ("nxdomain", r"the name does not exist \(NXDOMAIN\)"),
    ("empty", "it has no addresses"),
])
def test_what_was_found_is_kept_when_dns_fails(weir, hosts, dns, mood, words):
    port = hosts(2)
    dns.set("shop.internal", "A", "127.0.0.2")
    w = weir(services=service(dns, dns="shop.internal", port=port))
    if mood == "nxdomain":
        dns.set("shop.internal", "A")
    elif mood == "empty":
        dns.records["shop.internal", "CNAME"] = ["other.internal"]
        dns.records["other.internal", "SRV"] = [(0, 0, 1, "x.internal")]
    else:
        dns.mood = mood
    w.wait_log(rf"discovery_failed shop: shop.internal: .*{words}.*: the server that was found before is kept", timeout=20)
    asked = dns.count()
    wait_until(lambda: dns.count() >= asked + 2, 25, "it is asked again")
    assert w.ask().body == b"hello"
    assert w.log().count("discovery_failed") == 1
    assert discovery(w)["is_held"]
    if mood in ("silent", "garbage", "servfail", "refused"):
        dns.mood = None
    else:
        dns.records.clear()
        dns.set("shop.internal", "A", "127.0.0.2")
    w.wait_log(r"discovery_recovered shop: finding servers in shop.internal:\d+ works again", timeout=40)
    assert w.ask().body == b"hello"


def test_a_long_answer_comes_by_tcp(weir, hosts, dns):
    port = hosts(2)
    dns.set("shop.internal", "A", *[f"127.0.0.{number}" for number in range(2, 102)])
    dns.ttl = 3600
    w = weir(services=service(dns, dns="shop.internal", port=port))
    await_list(w, 100)
    assert dns.count("shop.internal", "A", "udp") >= 1
    assert dns.count("shop.internal", "A", "tcp") == 1
    assert w.ask().body == b"hello"


def test_aliases_are_followed(weir, hosts, dns):
    port = hosts(2)
    dns.records["shop.internal", "CNAME"] = ["one.internal"]
    dns.records["one.internal", "CNAME"] = ["two.internal"]
    dns.set("two.internal", "A", "127.0.0.2")
    w = weir(services=service(dns, dns="Shop.Internal", port=port))
    assert w.ask().body == b"hello"


def test_which_family(weir, dns):
    port = free_port()
    dns.set("both.internal", "A", "127.0.0.2")
    dns.set("both.internal", "AAAA", "::1")
    dns.set("six.internal", "AAAA", "::1")
    dns.ttl = 3600
    names = {"auto": "both", "six": "six", "ipv4": "both", "ipv6": "both", "both": "both"}
    services = {}
    for name, host in names.items():
        keys = {"dns": f"{host}.internal", "port": port, "resolver": dns.address}
        if name != "six":
            keys["family"] = name
        services[name] = {"hosts": [f"{name}.example.com"], "discover": keys}
    w = weir(services=services, wait="alive")

    def found():
        rows = {name: set() for name in names}
        for row in w.servers():
            rows[row["service"]].add(row["address"])
        return rows

    four, six = {f"127.0.0.2:{port}"}, {f"[::1]:{port}"}
    expected = {"auto": four, "six": six, "ipv4": four, "ipv6": six, "both": four | six}
    wait_until(lambda: found() == expected, 8, f"{expected}, not {found()}")


def test_srv_records_bring_ports_and_the_best_priority_counts(weir, origin, dns):
    servers = [origin(f"server {i}".encode()) for i in range(4)]
    srv = [(0, 10, servers[0].port, "a.internal"), (0, 90, servers[1].port, "a.internal"),
           (5, 0, servers[2].port, "b.internal"), (0, 10, servers[3].port, "gone.internal")]
    dns.set("_http._tcp.shop.internal", "SRV", *srv)
    dns.set("a.internal", "A", "127.0.0.1")
    dns.set("b.internal", "A", "127.0.0.1")
    dns.ttl = 0
    w = weir(services=service(dns, dns="_http._tcp.shop.internal"))
    await_serving(w, servers[0].address, servers[1].address)
    w.wait_log(r"discovery_note shop: _http._tcp.shop.internal: 1 SRV record of a larger priority is not used; the weights of "
               r"SRV records are not used; 1 of 3 targets of SRV records has no addresses")
    assert discovery(w)["source"] == "srv"
    dns.set("_http._tcp.shop.internal", "SRV", srv[2])  # those of the first priority were taken out
    await_serving(w, servers[2].address)
    assert w.ask().body == b"server 2"
    dns.set("_http._tcp.shop.internal", "SRV", (0, 0, 0, "."))  # RFC 2782: decidedly not available
    w.wait_log(r"discovery_failed shop: _http._tcp.shop.internal: its SRV records name no server that has an address: "
               r"the server that was found before is kept")
    assert w.ask().body == b"server 2"


def test_a_target_that_fails_fails_the_round(weir, origin, dns):
    server = origin(b"hello")
    dns.set("_http._tcp.shop.internal", "SRV", (0, 0, server.port, "a.internal"))
    dns.set("a.internal", "A", "127.0.0.1")
    w = weir(services=service(dns, srv="_http._tcp.shop.internal"))
    dns.records["a.internal", "CNAME"] = ["a.internal"]  # an alias of itself: no addresses
    dns.set("a.internal", "A")
    w.wait_log(r"discovery_failed shop")
    assert w.ask().body == b"hello"


def test_many_targets(weir, dns):
    dns.set("_http._tcp.shop.internal", "SRV", *[(0, 0, 8000, f"host-{i}.internal") for i in range(60)])
    for i in range(60):
        dns.set(f"host-{i}.internal", "A", f"127.0.1.{i + 1}")
    dns.ttl = 3600
    w = weir(services=service(dns, srv="_http._tcp.shop.internal"), wait="alive")
    await_list(w, 60)
    assert dns.count(kind="A") == 60


def test_nothing_found_yet_is_told_and_refused(weir, dns):
    w = weir(services=service(dns, dns="shop.internal", port=1), wait="alive")
    w.wait_log(r"discovery_failed shop: shop.internal: the name does not exist \(NXDOMAIN\): no servers are known")
    waiting = w.client(timeout=20).request()
    assert waiting.response().status == 503  # as soon as the source is given up, not after the queue's timeout
    assert (discovery(w)["failing_seconds"] or 0) > 9
    assert w.ask().status == 503


def test_no_dns_server_at_all(weir):
    w = weir(services={"shop": {"discover": {"dns": "shop.internal", "port": 1, "resolver": f"127.0.0.1:{free_port()}"}}},
             wait="alive")
    w.wait_log(r"discovery_failed shop: shop.internal: (every DNS server failed or refused .*, or could not be reached|"
               r"no DNS server answered in time)", timeout=15)


def test_the_systems_resolver_is_asked_when_none_is_given(weir):
    """What it says does not matter: a name that cannot exist is told as such, or its server cannot be reached."""
    w = weir(services={"shop": {"discover": {"dns": "weir-test.invalid.", "port": 1}}}, wait="alive")
    w.wait_log(r"discovery_failed shop: weir-test.invalid.: ", timeout=30)

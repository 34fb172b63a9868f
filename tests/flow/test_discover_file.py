"""discover: {file: …}: servers that others start, listed in a file that changes under a running Weir."""
import json
import os
import pathlib
import re
import subprocess
import time

import pytest

from harness import binary, wait_until


class Listing:
    """The watched file, changed the ways people and programs change files."""

    def __init__(self, directory):
        self.path = pathlib.Path(directory) / "shop.servers"

    def move(self, *addresses):
        """Written beside it and moved into place."""
        self.move_text("".join(f"{address}\n" for address in addresses))

    def move_text(self, text):
        other = self.path.with_suffix(".new")
        other.write_text(text)
        os.replace(other, self.path)

    def service(self, **keys):
        return {"shop": {"discover": {"file": str(self.path), **keys}, "max_requests": 50}}


@pytest.fixture
def listing(directory):
    return Listing(directory)


def discovery(w, service="shop"):
    return next(row["discovery"] for row in w.api("services")["services"] if row["name"] == service)


def serving(w):
    return {row["address"] for row in w.takes_requests()}


def await_serving(w, *origins, timeout=8):
    wanted = {origin.address for origin in origins}
    wait_until(lambda: serving(w) == wanted, timeout, f"{wanted} take requests")


def events(w, kind):
    return [event for event in w.api("events?count=1000")["events"] if event["kind"] == kind]


def test_servers_come_and_go_with_the_file_and_no_request_fails(weir, origin, load, listing):
    """Fifteen changes under load, by every way to change a file: what goes drains, what comes is probed first."""
    servers = [origin(lambda request: time.sleep(0.02) or b"ok") for _ in range(4)]
    listing.move(servers[0].address, servers[1].address)
    w = weir(services=listing.service())
    clients = load(w.port, clients=8)
    sets = [(1, 2), (2, 3), (3, 0), (0, 1), (0, 1, 2, 3), (2,), (1, 2, 3)]
    for count in range(15):
        chosen = [servers[i] for i in sets[count % len(sets)]]
        if count % 3 == 0:
            listing.move(*[s.address for s in chosen])
        elif count % 3 == 1:
            listing.move_text(json.dumps([s.address for s in chosen]))
        else:
            with open(listing.path, "w") as file:  # in place, slowly: half a list must not count
                for s in chosen:
                    file.write(s.address[:7])
                    file.flush()
                    time.sleep(0.03)
                    file.write(s.address[7:] + "\n")
                    file.flush()
        await_serving(w, *chosen)
    clients.wait_ok(200).stop()
    assert clients.failures == []
    assert all(server.errors == [] for server in servers)
    assert w.metric("weir_discovery_failures_total") == 0
    assert w.metric("weir_discovery_servers") == len(sets[14 % len(sets)])


def test_a_request_in_flight_ends_on_a_server_that_left(weir, origin, listing):
    slow, other = origin(lambda request: time.sleep(1.5) or b"late"), origin(b"other")
    listing.move(slow.address)
    w = weir(services=listing.service())
    client = w.client()
    client.request()
    slow.next_request()
    listing.move(other.address)
    await_serving(w, other)
    assert [row["state"] for row in w.servers() if row["address"] == slow.address] == ["draining"]
    assert w.ask().body == b"other"
    assert client.response().body == b"late"
    wait_until(lambda: len(w.servers()) == 1, 5, "the drained server is gone")


def test_a_server_that_is_listed_again_while_it_drains_comes_back(weir, origin, listing):
    slow, other = origin(lambda request: time.sleep(1.5) or b"late"), origin(b"other")
    listing.move(slow.address)
    w = weir(services=listing.service())
    client = w.client()
    client.request()
    slow.next_request()
    listing.move(other.address)
    await_serving(w, other)
    listing.move(slow.address, other.address)
    await_serving(w, slow, other)
    assert client.response().body == b"late"
    assert not [event for event in events(w, "server_state") if "gone" in event["text"]]


def test_requests_wait_for_the_first_list_and_are_refused_when_there_is_none(weir, origin, listing):
    server = origin(b"hello")
    w = weir(services=listing.service(), wait="alive")
    client = w.client()
    client.request()  # nothing is known yet: it waits
    w.wait_log(r"discovery_failed shop: .*No such file or directory: no servers are known")
    listing.move(server.address)
    assert client.response().body == b"hello"
    listing.move_text("[]")
    wait_until(lambda: not serving(w), 5, "nobody serves")
    assert w.ask().status == 503
    w.wait_log(r"discovery_changed shop: 0 servers in .*went")
    listing.move(server.address)
    await_serving(w, server)
    assert w.ask().body == b"hello"


def test_a_file_that_stays_away_ends_the_wait(weir, listing):
    w = weir(services=listing.service(), wait="alive")
    wait_until(lambda: (discovery(w)["failing_seconds"] or 0) > 10, 14, "the source has failed for 10 s")
    assert w.ask().status == 503  # at once: the queue's timeout is 30 s


def test_a_wrong_file_is_told_with_its_line_and_changes_nothing(weir, origin, listing):
    server = origin(b"hello")
    listing.move(server.address)
    w = weir(services=listing.service())
    listing.move(server.address, "10.0.0.1")
    w.wait_log(r"discovery_failed shop: \S+/shop.servers:2: '10.0.0.1': an address needs a port")
    assert w.ask().body == b"hello"
    state = discovery(w)
    assert state["source"] == "file" and state["place"] == str(listing.path)
    assert state["servers"] == 1 and state["is_held"] and state["failing_seconds"] >= 0
    assert "shop.servers:2:" in state["last_error"]
    assert w.metric("weir_discovery_failing_seconds", service="shop", source="file") > 0
    listing.path.unlink()
    w.wait_log(r"discovery_failed shop: .*No such file or directory: the server that was found before is kept")
    assert w.ask().body == b"hello"
    listing.move(server.address)
    w.wait_log(r"discovery_recovered shop: finding servers in .* works again after")
    assert discovery(w)["failing_seconds"] is None
    assert len(events(w, "discovery_changed")) == 1


def test_hold_ends_what_was_found(weir, origin, listing):
    server = origin(b"hello")
    listing.move(server.address)
    w = weir(services=listing.service(hold="2s"))
    listing.path.unlink()
    w.wait_log(r"discovery_given_up shop: .* has failed for \ds \(hold\): 1 server that was found before is given up")
    wait_until(lambda: w.ask().status == 503, 5, "requests are refused")
    listing.move(server.address)
    await_serving(w, server)


def test_more_than_max_are_left_out(weir, origin, listing):
    servers = [origin(b"x") for _ in range(4)]
    listing.move(*[s.address for s in servers])
    w = weir(services=listing.service(max=2))
    await_serving(w, servers[0], servers[1])
    w.wait_log(r"discovery_limited shop: .* has more servers than max \(2\) allows: 2 are left out")
    assert w.metric("weir_discovery_left_out_servers") == 2
    listing.move(*[s.address for s in reversed(servers)])  # the same ones in another order
    listing.move(*[s.address for s in servers[1:]])
    wait_until(lambda: serving(w) >= {servers[1].address} and len(serving(w)) == 2 and servers[0].address not in serving(w),
               8, "another took the place")


def test_a_server_that_is_listed_but_away_gets_nothing(weir, origin, listing):
    good, away = origin(b"hello"), origin(is_listening=False)
    listing.move(good.address, away.address)
    w = weir(services=listing.service())
    assert [w.ask().body for _ in range(20)] == [b"hello"] * 20
    away.listen()
    await_serving(w, good, away)


def test_a_file_that_the_worker_may_not_read_says_so(weir, listing):
    if os.geteuid() != 0:
        pytest.skip("only root has a worker of another user")
    listing.move("127.0.0.1:1")
    os.chmod(listing.path, 0o600)
    w = weir(services=listing.service(), wait="alive")
    w.wait_log(r"permission denied: Weir's worker reads it as user id \d+ \(the key 'user'\), which needs the right to read it")


def test_a_new_worker_finds_them_again(weir, origin, listing):
    server = origin(b"hello")
    listing.move(server.address)
    w = weir(services=listing.service())
    w.worker().kill()
    w.wait_log(r"discovery_changed shop: 1 server in", timeout=10, count=2)
    await_serving(w, server)
    assert w.ask().body == b"hello"


def test_status_and_explain_tell_where_servers_come_from(weir, origin, listing):
    server = origin(b"hello")
    listing.move(server.address)
    w = weir(services=listing.service())

    def say(*words):
        return subprocess.run([binary(), *words, "--admin", f"127.0.0.1:{w.admin_port}"], capture_output=True, text=True,
                              check=True).stdout

    assert re.search(r"^shop +1 of 1 +1 found \(file\)", say("status"), re.M)
    assert re.search(rf"^  found +1 server in {re.escape(str(listing.path))}, as was said", say("explain", "shop"), re.M)
    listing.move_text("?\n")
    w.wait_log(r"discovery_failed")
    text = say("status")
    assert "1 found (file fails)" in text
    assert re.search(r"^finding servers fails  shop, for .*shop.servers:1: '\?'", text, re.M)
    assert re.search(r"^ +failing for .*shop.servers:1: '\?'", say("explain", "shop"), re.M)

"""Exact limits and the queue: how many requests a server has at once, and what becomes of those that wait."""
import threading
import time

import pytest

from harness import PATIENCE, Load, wait_until


class Gate:
    """A reply that holds every request until it is let go, and counts how many it has."""

    def __init__(self):
        self.lock = threading.Lock()
        self.now = self.peak = 0
        self.places = threading.Semaphore(0)

    def __call__(self, request):
        with self.lock:
            self.now += 1
            self.peak = max(self.peak, self.now)
        assert self.places.acquire(timeout=30)
        with self.lock:
            self.now -= 1
        return request.target.encode()

    def let_go(self, count=1):
        for _ in range(count):
            self.places.release()


@pytest.fixture
def gated(weir, origin):
    def start(**service):
        gate = Gate()
        server = origin(gate)
        w = weir(services={"main": {"servers": [server.address], **service}})
        return w, server, gate

    return start


def queued(w):
    return w.api("services")["services"][0]["queued"]


def ask_in_order(w, count, first=0):
    """Requests /0, /1, … each surely behind the one before it in the queue."""
    clients = []
    for n in range(first, first + count):
        clients.append(w.client(timeout=20).request("GET", f"/{n}"))
        wait_until(lambda: queued(w) + w.api("services")["services"][0]["in_flight"] >= n + 1, 5)
    return clients


@pytest.mark.parametrize("limit", [1, 3])
def test_max_requests_is_exact(weir, origin, limit):
    """The server itself counts: over both data threads it never sees one more than allowed."""
    lock, state = threading.Lock(), {"now": 0, "peak": 0}

    def reply(request):
        with lock:
            state["now"] += 1
            state["peak"] = max(state["peak"], state["now"])
        time.sleep(0.002)
        with lock:
            state["now"] -= 1
        return b"ok"

    server = origin(reply)
    w = weir(services={"main": {"servers": [server.address], "max_requests": limit, "queue": {"length": 1000}}})
    load = Load(w.port, clients=24)
    load.wait_ok(300).stop()
    assert not load.failures
    assert state["peak"] == limit


def test_queue_is_first_in_first_out(gated):
    w, server, gate = gated(max_requests=1)
    clients = ask_in_order(w, 6)
    for n, client in enumerate(clients):
        gate.let_go()
        assert client.response().body == f"/{n}".encode()
    assert [r.target for r in server.requests] == [f"/{n}" for n in range(6)]
    assert gate.peak == 1


def test_full_queue_503_with_retry_after(gated):
    w, server, gate = gated(max_requests=1, queue={"length": 2})
    clients = ask_in_order(w, 3)
    response = w.ask("GET", "/too-many")
    assert response.status == 503 and int(response.fields["Retry-After"]) >= 1
    gate.let_go(3)
    assert [client.response().status for client in clients] == [200, 200, 200]
    assert all(r.target != "/too-many" for r in server.requests)


def test_queue_timeout_503(gated):
    w, server, gate = gated(max_requests=1, queue={"timeout": "300ms"})
    first = ask_in_order(w, 1)[0]
    start = time.monotonic()
    response = w.ask("GET", "/waits")
    assert response.status == 503 and "Retry-After" in response.fields
    assert 0.25 < time.monotonic() - start < 2 * PATIENCE
    gate.let_go()
    assert first.response().status == 200
    assert all(r.target != "/waits" for r in server.requests)


def test_client_that_leaves_the_queue_never_reaches_the_server(gated):
    w, server, gate = gated(max_requests=1)
    clients = ask_in_order(w, 4)
    clients[1].close()
    clients[2].reset()
    wait_until(lambda: queued(w) == 1, 5, "those who left to be out of the queue")
    gate.let_go(2)
    assert clients[0].response().status == 200 and clients[3].response().status == 200
    assert [r.target for r in server.requests] == ["/0", "/3"]
    row = w.api("services")["services"][0]
    assert row["queue_aborts"] == 2 and row["client_aborts"] == 2


def test_queue_moves_to_whichever_server_is_free(weir, origin):
    gates = [Gate(), Gate()]
    servers = [origin(gate) for gate in gates]
    w = weir(services={"main": {"servers": [s.address for s in servers], "max_requests": 1, "balance": "round-robin"}})
    clients = [w.client().request("GET", "/a"), w.client().request("GET", "/b")]
    wait_until(lambda: gates[0].now == gates[1].now == 1, 5)
    waiting = w.client().request("GET", "/c")
    wait_until(lambda: queued(w) == 1, 5)
    gates[1].let_go(2)
    assert waiting.response().body == b"/c"
    gates[0].let_go(2)
    for client in clients:
        assert client.response().status == 200


def test_body_of_a_queued_request_waits_with_it(gated):
    w, server, gate = gated(max_requests=1)
    first = ask_in_order(w, 1)[0]
    body = b"z" * 3_000_000
    second = w.client()
    sender = threading.Thread(target=second.request, args=("POST", "/1", (), body))
    sender.start()
    wait_until(lambda: queued(w) == 1, 5)
    gate.let_go(2)
    assert first.response().status == 200 and second.response().status == 200
    sender.join(5)
    wait_until(lambda: server.requests[1].body == body, 3)


def test_place_is_given_back_after_every_kind_of_end(weir, origin):
    """A server that breaks, hangs up, dawdles or is left by its client: the place must come back each time."""
    def script(connection):
        while True:
            request = connection.read_request()
            if request.target == "/break":
                return
            if request.target == "/half":
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                return
            if request.target == "/garbage":
                connection.send("what?\r\n\r\n")
                return
            if request.target == "/hang":
                connection.fill()
                return
            connection.reply(200, b"ok")

    server = origin(script=script)
    w = weir(services={"main": {"servers": [server.address], "max_requests": 1, "retries": 0, "queue": {"timeout": "5s"}}},
             timeouts={"response": "200ms"})
    for target in ["/break", "/half", "/garbage", "/hang"] * 3:
        client = w.client()
        client.request("POST", target, body=b"x")
        client.to_eof() if target == "/half" else client.response()
        client.close()
        assert w.ask("GET", "/ok").body == b"ok", target
    client = w.client()
    client.request("GET", "/hang")
    time.sleep(0.05)
    client.reset()
    assert w.ask("GET", "/ok").body == b"ok"
    assert w.servers()[0]["in_flight"] == 0

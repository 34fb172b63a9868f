"""Clients that send a request's body slowly must not occupy servers: small bodies are taken in before a server is chosen."""
import threading
import time

from harness import wait_until

HEAD = "POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n"


def one_at_a_time(weir, origin, **top):
    """A server that serves one request at a time, as gunicorn's default worker does."""
    server = origin(lambda request: b"%d" % len(request.body))
    w = weir(services={"main": {"servers": [server.address], "max_requests": 1}}, **top)
    w.wait_serving()
    return w, server


def test_many_slow_bodies_leave_the_server_free(weir, origin):
    w, server = one_at_a_time(weir, origin)
    slow = [w.client() for _ in range(40)]
    for client in slow:
        client.send(HEAD.format(1000) + "a" * 10)
    for _ in range(15):  # longer than timeouts.collect
        assert w.ask("GET", "/quick").status == 200
        time.sleep(0.1)
    assert {request.target for request in server.requests} == {"/quick"}
    for client in slow:  # and none of them is lost
        client.send("b" * 990)
    for client in slow:
        response = client.response()
        assert (response.status, response.body) == (200, b"1000")


def test_a_single_slow_body_goes_ahead(weir, origin):
    """With few slow clients the server sees the body as it comes, after timeouts.collect."""
    arrived = threading.Event()

    def script(connection):
        connection.read_head()
        assert connection.exactly(5) == b"first"
        arrived.set()
        assert connection.exactly(6) == b"second"
        connection.reply(200, b"whole")

    server = origin(script=script)
    w = weir(services={"main": {"servers": [server.address]}}, timeouts={"collect": "200ms"})
    client = w.client()
    client.send(HEAD.format(11) + "first")
    assert arrived.wait(5)
    client.send("second")
    assert client.response().body == b"whole"
    wait_until(lambda: w.metric("weir_requests_slow_body_total", service="main") == 1, 3)


def test_a_small_body_in_pieces_comes_in_one(weir, origin):
    w, server = one_at_a_time(weir, origin)
    client = w.client()
    for piece in (HEAD.format(8), "ab", "cd", "ef", "gh" + "GET /next HTTP/1.1\r\nHost: x\r\n\r\n"):
        client.send(piece)
        time.sleep(0.02)
    assert client.response().body == b"8"
    assert client.response().body == b"0"
    assert [request.body for request in server.requests] == [b"abcdefgh", b""]


def test_a_crowd_of_slow_bodies_gets_408(weir, origin):
    w, server = one_at_a_time(weir, origin, timeouts={"collect": "100ms", "body": "700ms"})
    slow = [w.client() for _ in range(12)]
    for client in slow:
        client.send(HEAD.format(100) + "a")
    statuses = [client.response().status for client in slow]
    assert set(statuses) <= {408, 504} and statuses.count(408) >= 8
    assert w.ask().status == 200


def test_a_client_that_leaves_while_it_is_collected(weir, origin):
    w, server = one_at_a_time(weir, origin)
    for _ in range(10):
        client = w.client()
        client.send(HEAD.format(100) + "a")
        client.close()
    assert w.ask().status == 200
    assert [request.target for request in server.requests] == ["/"]
    wait_until(lambda: w.metric("weir_request_client_aborts_total", service="main") == 10, 3)


def test_collecting_can_be_turned_off(weir, origin):
    arrived = threading.Event()

    def script(connection):
        connection.read_head()
        arrived.set()
        connection.exactly(4)
        connection.reply(200, b"ok")

    server = origin(script=script)
    w = weir(services={"main": {"servers": [server.address]}}, limits={"collect_bytes": "0"}, timeouts={"collect": "1h"})
    client = w.client()
    client.send(HEAD.format(4))
    assert arrived.wait(5)
    client.send("body")
    assert client.response().status == 200

"""What servers and clients do wrong, or at an unlucky moment: each story here once broke Weir, or could have."""
import os
import pathlib
import random
import signal
import socket
import threading
import time

import pytest

import harness
from harness import PYTHON, TINY_SERVER, Client, Origin, wait_until


def is_quiet(weir):
    """Nothing in flight, nobody queued, no connection left."""
    services, servers = weir.api("services")["services"], weir.api("servers")["servers"]
    return (all(row["in_flight"] == 0 and row["queued"] == 0 for row in services)
            and all(row["in_flight"] == 0 for row in servers)
            and weir.metric("weir_client_connections_total") == weir.metric("weir_client_connections_closed_total"))


# ---- attempts


@pytest.mark.parametrize("part", [b"H", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Le",
                                  b"HTTP/1.1 200 OK\r\nA: b\r\n" + b"C: d\r\n" * 200],
                         ids=["byte", "status", "field", "many fields"])
def test_half_a_response_head_leaves_nothing_behind_for_the_next_attempt(weir, origin, part):
    """A server breaks off in its head; what the parser had looked at must not count for the next server's answer."""
    broken = []

    def story(connection):
        request = connection.read_request()
        if request.target == "/" and len(broken) < 1:
            broken.append(connection)
            connection.send(part)
            time.sleep(0.1)
            return
        connection.reply(200, b"ok")
        story(connection)

    servers = [origin(script=story), origin(script=story)]
    w = weir(services={"main": {"servers": [s.address for s in servers]}}).wait_taking(2)
    response = w.ask()
    assert (response.status, response.body) == (200, b"ok")
    assert len(broken) == 1


def test_a_server_that_breaks_everything_does_not_get_those_who_wait_again(weir, origin, load):
    """The other one is full, so who was failed has to wait; the broken one has always places free."""
    def breaks(connection):
        if connection.read_request().target == "/healthz":
            connection.reply(200, b"")

    def answer(request):
        if request.target != "/healthz":
            time.sleep(0.02)
        return b"ok"

    w = weir(services={"main": {"servers": [origin(script=breaks).address, origin(reply=answer).address], "max_requests": 2,
                                "balance": "round-robin", "health": {"path": "/healthz"}, "queue": {"length": 100}}}).wait_taking(2)
    users = load(w.port, clients=8)
    wait_until(lambda: users.ok > 100, 10, "answers")
    users.stop()
    assert not users.failures, users.failures[:5]


def test_a_bad_answer_on_a_kept_connection_counts_against_the_server(weir, origin):
    """Only a kept connection that ends without a byte may have been closed before; nonsense is the server's fault."""
    def story(connection):
        connection.read_request()
        connection.reply(200, b"first")
        connection.read_request()
        connection.send(b"nonsense\r\n\r\n")

    server = origin(script=story)
    w = weir(services={"main": {"servers": [server.address], "retries": 0}}, workers=1)
    client = w.client()
    assert client.ask().body == b"first"
    assert client.ask().status == 502
    w.wait_metric(1, "weir_faults_total", fault="bad_response")
    w.wait_metric(1, "weir_server_errors_total", error="broke")


def test_a_body_with_bad_framing_in_its_first_piece_becomes_502(weir, origin):
    def story(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n")

    w = weir(services={"main": {"servers": [origin(script=story).address]}})
    assert w.ask().status == 502
    wait_until(lambda: is_quiet(w), what="everything to be given back")


# ---- time


def test_the_beginning_of_a_chunked_body_is_not_held_back(weir, origin):
    """Half a chunk-size line is no payload: the head must go out all the same, at once."""
    w = weir(services={"main": {"servers": [(server := origin()).address]}})
    delays = []
    for _ in range(5):
        client = w.client()
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5")
        start = time.monotonic()
        server.next_request()
        delays.append(time.monotonic() - start)
        client.send(b"\r\nhello\r\n0\r\n\r\n")
        assert client.response().status == 200
        client.close()
    assert min(delays) < 0.15, delays  # the kernel holds a corked segment for 200 ms


def test_bytes_that_move_slowly_are_no_standstill(weir, origin):
    """A server that takes its request in small sips for longer than timeouts.body, but never stops."""
    size = 20_000_000
    got = []

    def story(connection):
        request = connection.read_head()
        count = len(connection.rest)
        connection.at = len(connection.raw)
        begin = time.monotonic()
        while count < size:
            data = connection.sock.recv(1_000_000 if time.monotonic() - begin > 4 else 16_000)
            if not data:
                return
            count += len(data)
            if time.monotonic() - begin <= 4:
                time.sleep(0.05)
        got.append(request)
        connection.reply(200, b"thanks")

    server = origin(script=story)
    w = weir(services={"main": {"servers": [server.address]}}, timeouts={"body": "1s"})
    client = w.client(timeout=30)
    client.request("POST", "/", body=b"x" * size)
    assert client.response().status == 200 and got


def test_a_client_that_never_takes_its_answer_is_let_go_and_accounted(weir, origin):
    server = origin(b"x" * 8_000_000)
    w = weir(services={"main": {"servers": [server.address]}}, timeouts={"body": "1s"})
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", w.port))
    sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_until(lambda: w.metric("weir_body_timeouts_total") == 1, 8, "the body timeout")
    wait_until(lambda: is_quiet(w), what="everything to be given back")
    w.wait_metric(1, "weir_requests_total", code="2xx")
    sock.close()


# ---- memory


def slow_reader(port, target="/"):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    sock.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    return sock


def drain(sock):
    count = 0
    sock.settimeout(30)
    try:
        while data := sock.recv(1 << 20):
            count += len(data)
    except ConnectionResetError:
        pass
    sock.close()
    return count


@pytest.mark.long
@pytest.mark.plain
def test_slow_readers_share_what_buffer_memory_there_is(weir, origin):
    """150 readers would want 64 KiB each of 4 MiB; when it runs short they get less, but all get everything."""
    size = 9_000_000
    server = origin(b"x" * size, backlog=4096)
    w = weir(services={"main": {"servers": [server.address]}}, limits={"buffer_memory": "4MiB"}, workers=1)
    readers = [slow_reader(w.port) for _ in range(100)]
    time.sleep(3)
    assert w.ask(target="/", fields=[("Connection", "close")]).status == 200
    counts = []
    threads = [threading.Thread(target=lambda s=s: counts.append(drain(s))) for s in readers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(counts) == 100 and min(counts) > size
    assert w.metric("weir_buffers_exhausted_total") == 0
    wait_until(lambda: is_quiet(w), what="everything to be given back")


# ---- names


def test_http_1_0_without_a_host_gets_the_address_that_was_reached(weir, origin):
    server = origin()
    port = Origin(is_listening=False).port
    w = weir(config={"listeners": [{"http": f"0.0.0.0:{port}"}]}, services={"main": {"servers": [server.address]}})
    client = Client(port)
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    assert client.response().status == 200
    assert server.next_request().fields["Host"] == f"127.0.0.1:{port}"


# ---- servers that die


@pytest.mark.long
def test_no_get_fails_while_servers_are_killed_at_random(weir, load):
    """Every half second a server is killed with its requests in flight: they are done elsewhere, or wait for it to be back."""
    w = weir(services={"main": {"retries": 3, "health": {"path": "/healthz"}, "max_requests": 6, "scale": {
        "command": [PYTHON, TINY_SERVER, "{address}"], "servers": "4..4"}}})
    wait_until(lambda: len(w.takes_requests()) == 4, 20, "four servers")
    clients = load(w.port, "/work?ms=10", clients=16)
    rng, killed = random.Random(5), 0
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        time.sleep(0.5)
        pids = sorted(w.application_pids())
        if len(pids) > 1:
            os.kill(rng.choice(pids), signal.SIGKILL)
            killed += 1
    clients.wait_ok(500).stop()
    assert clients.failures == [] and killed >= 5
    wait_until(lambda: is_quiet(w), what="everything to be given back")


# ---- too many, and the end


def test_who_is_too_many_is_told_so(weir, origin):
    w = weir(services={"main": {"servers": [origin().address]}}, limits={"connections": 3})
    kept = [w.client() for _ in range(3)]
    for client in kept:
        assert client.ask().status == 200
    response = w.ask()
    assert response.status == 503 and response.fields["Retry-After"] == "1"
    w.wait_metric(1, "weir_client_connections_refused_total")
    kept.pop().close()
    wait_until(lambda: w.ask().status == 200, what="room again")
    assert all(client.ask().status == 200 for client in kept)


@pytest.mark.plain
def test_without_descriptors_weir_waits_instead_of_spinning(weir, origin, directory, monkeypatch):
    program = harness.binary()
    limited = pathlib.Path(directory) / "weir-limited"
    limited.write_text(f'#!/bin/sh\nulimit -n 64\nexec {program} "$@"\n')
    limited.chmod(0o755)
    monkeypatch.setenv("WEIR_BINARY", str(limited))
    w = weir(services={"main": {"servers": [origin().address]}}, workers=1)
    monkeypatch.setenv("WEIR_BINARY", program)
    worker = w.worker()
    clients = [w.client() for _ in range(100)]  # accepted by the kernel at least
    time.sleep(0.3)
    before = sum(worker.cpu_times()[:2])
    time.sleep(1)
    assert sum(worker.cpu_times()[:2]) - before < 0.3, "CPU seconds in one second of waiting"
    for client in clients:
        client.close()
    wait_until(lambda: w.ask().status == 200, what="connections to be taken again")
    assert w.metric("weir_client_connections_refused_total") > 0


def test_options_that_go_no_further_are_answered(weir, origin):
    server = origin()
    w = weir(services={"main": {"servers": [server.address]}})
    client = w.client()
    response = client.ask("OPTIONS", "/", [("Max-Forwards", "0")])
    assert response.status == 200 and "GET" in response.fields["Allow"] and response.body == b""
    assert client.ask("OPTIONS", "*", [("Max-Forwards", "0")]).status == 200
    assert client.ask("OPTIONS", "/", [("Max-Forwards", "2")]).status == 200
    assert server.next_request().fields["Max-Forwards"] == "1"


def test_who_connected_before_the_end_is_still_answered(weir, origin):
    """SIGTERM comes between a client's connection and its request."""
    w = weir(services={"main": {"servers": [origin().address]}})
    clients = [w.client() for _ in range(200)]
    w.signal(signal.SIGTERM)
    wait_until(lambda: is_refused(w.port), what="new connections to be refused")
    for client in clients:
        client.request()
    for client in clients:
        response = client.response()
        assert response.status == 200 and response.fields["Connection"] == "close"
    assert w.wait() == 0


def is_refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return False
    except ConnectionRefusedError:
        return True


# ---- pieces


def test_chunks_and_trailers_byte_by_byte_both_ways(weir, origin):
    """Framing cut at every byte, on a connection that is used again."""
    def story(connection):
        request = connection.read_request()
        assert request.body == b"hello world" and request.trailers["X-Up"] == "1", request
        for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Down: 2\r\n\r\n":
            connection.send(bytes([byte]))
            time.sleep(0.0005)
        story(connection)

    server = origin(script=story)
    w = weir(services={"main": {"servers": [server.address]}})
    client = w.client()
    for _ in range(2):
        for byte in (b"POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: te\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"5\r\nhello\r\n6;x=\"y\"\r\n world\r\n0\r\nX-Up: 1\r\n\r\n"):
            client.send(bytes([byte]))
            time.sleep(0.0005)
        response = client.response()
        assert (response.status, response.body, response.trailers["X-Down"]) == (200, b"abcdefg", "2")
    assert not server.errors


def test_ten_thousand_requests_in_one_write(weir, origin):
    count = 10_000
    server = origin(lambda request: request.target.encode())
    w = weir(services={"main": {"servers": [server.address]}})
    client = w.client(timeout=30)
    data = b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(count))
    writer = threading.Thread(target=client.send, args=(data,))
    writer.start()
    for i in range(count):
        assert client.response().body == b"/%d" % i
    writer.join()


def test_servers_on_unix_sockets(weir, directory):
    path = f"{directory}/server.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o777)
    listener.listen(100)

    def serve():
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(sock,), daemon=True).start()

    def answer(sock):
        data = b""
        while b"\r\n\r\n" not in data:
            if not (piece := sock.recv(65536)):
                return
            data += piece
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"u" * 300_000)  # ends with the connection, at once
        sock.close()

    threading.Thread(target=serve, daemon=True).start()
    w = weir(services={"main": {"servers": [f"unix:{path}"]}})
    client = w.client()
    for _ in range(20):
        assert client.ask().body == b"u" * 300_000
    listener.close()

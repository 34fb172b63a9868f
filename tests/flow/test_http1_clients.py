"""HTTP/1 between a client and a server, told byte by byte: framing, connections, interim responses, limits, errors."""
import threading
import time

import pytest

from harness import PATIENCE, Client, free_port, wait_until


@pytest.fixture
def site(weir, origin):
    """A Weir in front of one recording server."""
    def start(reply=b"hello", script=None, service=None, **top):
        server = origin(reply, script=script)
        w = weir(services={"main": {"servers": [server.address], **(service or {})}}, **top)
        return w, server

    return start


# ------------------------------------------------------------------------------------------------ connections


def test_keep_alive(site):
    w, server = site()
    client = w.client()
    for n in range(20):
        assert client.ask("GET", f"/{n}").body == b"hello"
    assert [r.target for r in server.requests] == [f"/{n}" for n in range(20)]


def test_server_connections_are_reused(site):
    w, server = site()
    for _ in range(20):
        assert w.ask().status == 200
    # One connection a data thread at most; the health check's connections bring no request.
    assert len(server.received) <= 2


def test_pipelining_answers_in_order(site):
    w, server = site(lambda r: r.target.encode() + b" " + r.body)
    client = w.client()
    story = [("GET", None), ("POST", b"one"), ("HEAD", None), ("PUT", b"two" * 1000), ("GET", None),
             ("DELETE", None), ("POST", b""), ("PATCH", b"three"), ("HEAD", None), ("GET", None)]
    data = b""
    for n, (method, body) in enumerate(story):
        length = f"Content-Length: {len(body)}\r\n" if body is not None else ""
        data += f"{method} /{n} HTTP/1.1\r\nHost: example.com\r\n{length}\r\n".encode() + (body or b"")
    client.send(data)
    for n, (method, body) in enumerate(story):
        response = client.response(method)
        assert response.status == 200
        if method != "HEAD":
            assert response.body == f"/{n} ".encode() + (body or b"")
    assert [(r.method, r.body) for r in server.requests] == [(method, body or b"") for method, body in story]


def test_pipelined_chunked_then_get(site):
    w, server = site(lambda r: r.body or b"-")
    client = w.client()
    client.send("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                "GET /b HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.response().body == b"abc"
    assert client.response().body == b"-"


def test_a_request_byte_by_byte(site):
    w, server = site(lambda r: r.body)
    client = w.client()
    for byte in b"POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n":
        client.send(bytes([byte]))
        time.sleep(0.001)
    assert client.response().body == b"hello"


def test_connection_close_is_obeyed(site):
    w, server = site()
    client = w.client()
    response = client.ask(fields=[("Connection", "close")])
    assert response.status == 200 and response.fields.get("Connection", "").lower() == "close"
    assert client.is_closed()


def test_server_that_closes_after_each_response(site):
    def script(connection):
        connection.read_request()
        connection.reply(200, b"bye", [("Connection", "close")])

    w, server = site(script=script)
    client = w.client()
    for _ in range(5):
        response = client.ask()
        assert response.body == b"bye" and "close" not in response.fields.get("Connection", "")
    assert len(server.received) == 5


def test_server_that_closes_idle_connections_loses_nothing(site):
    """The race every proxy has: the server closes a kept connection just as a request comes for it."""
    def script(connection):
        connection.read_request()
        connection.reply(200, b"one")
        time.sleep(0.01)

    w, server = site(script=script)
    client = w.client()
    for _ in range(60):
        assert client.ask().status == 200
        time.sleep(0.0097)


def test_http_1_0_client(site):
    w, server = site()
    client = w.client()
    response = client.ask(version="1.0")
    assert response.status == 200 and response.body == b"hello"
    assert client.is_closed()
    assert server.next_request().version == "HTTP/1.1"


def test_http_1_0_client_that_keeps_alive(site):
    w, server = site()
    client = w.client()
    for _ in range(3):
        response = client.ask(version="1.0", fields=[("Connection", "keep-alive")])
        assert response.status == 200 and response.fields.get("Connection", "").lower() == "keep-alive"


def test_http_1_0_client_without_host(site):
    w, server = site()
    client = w.client()
    assert client.ask(version="1.0", host=None).status == 200
    assert server.next_request().fields["Host"]


def test_http_1_0_client_never_sees_chunks(site):
    def script(connection):
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")

    w, server = site(script=script)
    client = w.client()
    response = client.ask(version="1.0", fields=[("Connection", "keep-alive")])
    assert response.body == b"hello" and "Transfer-Encoding" not in response.fields
    assert response.ended_by_close


def test_http_1_0_server(site):
    def script(connection):
        connection.read_request()
        connection.send("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold times")

    w, server = site(script=script)
    client = w.client()
    for _ in range(2):  # the client's connection lives on
        response = client.ask()
        assert response.body == b"old times" and response.version == "1.1"
    assert len(server.received) == 2


def test_half_close_of_the_client(site):
    """A client that has said all it will say still gets its answer."""
    def script(connection):
        connection.read_request()
        time.sleep(0.1)
        connection.reply(200, b"late")

    w, server = site(script=script)
    client = w.client()
    client.request("POST", "/", body=b"all").half_close()
    assert client.response().body == b"late"
    assert client.is_closed()


def test_client_that_leaves_frees_the_server(site):
    gone = threading.Event()

    def script(connection):
        connection.read_request()
        if not connection.fill():
            gone.set()

    w, server = site(script=script)
    client = w.client()
    client.request()
    server.next_request()
    client.reset()
    assert gone.wait(3 * PATIENCE)


# ------------------------------------------------------------------------------------------------ bodies


@pytest.mark.parametrize("size", [0, 1, 1000, 16384, 16385, 300_000])
def test_content_length_both_ways(site, size):
    w, server = site(lambda r: r.body)
    body = bytes(i * 7 % 251 for i in range(size))
    assert w.ask("POST", "/", body=body).body == body


@pytest.mark.parametrize("sizes", [[], [1], [1, 2, 3], [16384], [70000, 1, 70000], [1] * 500])
def test_chunked_request(site, sizes):
    w, server = site(lambda r: r.body)
    client = w.client()
    client.request("POST", "/", [("Transfer-Encoding", "chunked")])
    body = b""
    for n, size in enumerate(sizes):
        piece = bytes([n % 251]) * size
        client.send(f"{size:x}\r\n".encode() + piece + b"\r\n")
        body += piece
    client.send("0\r\n\r\n")
    assert client.response().body == body
    request = server.next_request()
    assert request.is_chunked and request.body == body


@pytest.mark.parametrize("sizes", [[], [1], [1, 2, 3], [16384], [70000, 1, 70000], [1] * 500])
def test_chunked_response(site, sizes):
    body = b"".join(bytes([n % 251]) * size for n, size in enumerate(sizes))

    def script(connection):
        while True:
            connection.read_request()
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for n, size in enumerate(sizes):
                connection.send(f"{size:X}\r\n".encode() + bytes([n % 251]) * size + b"\r\n")
            connection.send("0\r\n\r\n")

    w, server = site(script=script)
    client = w.client()
    for _ in range(2):
        response = client.ask()
        assert response.body == body and response.is_chunked


def test_chunks_are_passed_on_as_they_come(site):
    """Server-sent events and the like: what is there is sent, not held back until more comes."""
    go_on = threading.Event()

    def script(connection):
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst \r\n")
        go_on.wait(5 * PATIENCE)
        connection.send("6\r\nsecond\r\n0\r\n\r\n")

    w, server = site(script=script)
    client = w.client()
    client.request()
    response = client.response_head()
    assert client.line() == b"6" and client.exactly(8) == b"first \r\n"
    go_on.set()
    client.read_body(response)
    assert response.body == b"second"


def test_request_body_is_passed_on_as_it_comes(site):
    def script(connection):
        request = connection.read_head()
        assert connection.exactly(5) == b"first"
        connection.origin.early = True
        connection.exactly(6)
        connection.reply(200, b"ok")
        assert request

    w, server = site(script=script)
    server.early = False
    client = w.client()
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nfirst")
    wait_until(lambda: server.early, 3, "the first half at the server")
    client.send("second")
    assert client.response().status == 200


def test_response_until_close(site):
    def script(connection):
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\n\r\n" + "x" * 100_000)

    w, server = site(script=script)
    client = w.client()
    assert client.ask().body == b"x" * 100_000
    assert client.ask().body == b"x" * 100_000, "an HTTP/1.1 client gets chunks and keeps its connection"


def test_trailers_of_a_request(site):
    w, server = site()
    client = w.client()
    client.request("POST", "/", [("Transfer-Encoding", "chunked"), ("Trailer", "X-Sum, X-More")])
    client.send("3\r\nabc\r\n0\r\nX-Sum: 42\r\nX-More: y\r\n\r\n")
    assert client.response().status == 200
    request = server.next_request()
    wait_until(lambda: request.body == b"abc", 2)
    assert request.trailers["X-Sum"] == "42" and request.trailers["X-More"] == "y"


def test_trailers_of_a_response(site):
    def script(connection):
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 42\r\n\r\n")

    w, server = site(script=script)
    response = w.client().ask(fields=[("TE", "trailers")])
    assert response.body == b"abc" and response.trailers["X-Sum"] == "42"


@pytest.mark.parametrize("name", ["Content-Length", "Transfer-Encoding", "Host", "X-Forwarded-For", "Authorization"])
def test_trailers_cannot_smuggle_fields(site, name):
    w, server = site()
    client = w.client()
    client.request("POST", "/", [("Transfer-Encoding", "chunked")])
    client.send(f"3\r\nabc\r\n0\r\n{name}: 6666\r\n\r\n")
    status = client.response().status
    assert status in (200, 400)
    assert not any(b"6666" in raw for raw in server.received)


def test_head_has_the_length_but_no_body(site):
    w, server = site(b"x" * 1234)
    client = w.client()
    for _ in range(3):
        response = client.ask("HEAD")
        assert response.status == 200 and response.fields["Content-Length"] == "1234"
    assert client.ask("GET").body == b"x" * 1234


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body(site, status):
    def script(connection):
        while True:
            connection.read_request()
            connection.send(f"HTTP/1.1 {status} Nothing\r\n" + ("ETag: \"a\"\r\n" if status == 304 else "") + "\r\n")

    w, server = site(script=script)
    client = w.client()
    for _ in range(3):
        assert client.ask().status == status


def test_back_pressure_stops_the_server(site):
    """A client that does not read must make the server wait, not Weir grow."""
    sent = [0]

    def script(connection):
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 500000000\r\n\r\n")
        piece = b"x" * 65536
        connection.sock.settimeout(1.5)
        try:
            while sent[0] < 500_000_000:
                sent[0] += connection.sock.send(piece)
        except TimeoutError:
            pass

    w, server = site(script=script)
    client = w.client()
    client.request()
    client.response_head()
    time.sleep(2.5)
    assert sent[0] < 60_000_000, "only socket buffers and Weir's bounded ones may fill"


# ------------------------------------------------------------------------------------------------ interim responses


def test_100_continue_of_the_server_is_passed_on(site):
    def script(connection):
        request = connection.read_head()
        assert request.fields["Expect"].lower() == "100-continue"
        connection.send("HTTP/1.1 100 Continue\r\n\r\n")
        connection.read_body(request)
        connection.reply(200, request.body)

    w, server = site(script=script)
    client = w.client()
    client.request("POST", "/", [("Expect", "100-continue"), ("Content-Length", "4")])
    assert client.response_head().status == 100
    client.send(b"body")
    assert client.response().body == b"body"


def test_expectation_refused_by_the_server(site):
    def script(connection):
        connection.read_head()
        connection.reply(417, b"no", [("Connection", "close")], reason="Expectation Failed")

    w, server = site(script=script)
    client = w.client()
    client.request("POST", "/", [("Expect", "100-continue"), ("Content-Length", "1000000")])
    response = client.response()
    assert response.status == 417 and not response.interim
    # The body that was announced never came: the connection cannot go on.
    assert client.is_closed()
    assert server.received[0].endswith(b"\r\n\r\n"), "no body went to the server"


def test_expectation_and_a_server_that_ignores_it(site):
    """The server reads on without a 100: the client sends its body after a while, and all is well."""
    w, server = site(lambda r: r.body)
    client = w.client()
    client.request("POST", "/", [("Expect", "100-continue"), ("Content-Length", "4")])
    time.sleep(0.1)
    client.send(b"body")
    assert client.response().body == b"body"


def test_expectation_of_http_1_0_is_ignored(site):
    w, server = site(lambda r: r.body)
    client = w.client()
    client.request("POST", "/", [("Expect", "100-continue")], b"body", version="1.0")
    response = client.response()
    assert response.body == b"body" and not response.interim


def test_early_hints(site):
    def script(connection):
        connection.read_request()
        connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
        connection.send("HTTP/1.1 103 Early Hints\r\nLink: </b.css>; rel=preload\r\n\r\n")
        connection.reply(200, b"page")

    w, server = site(script=script)
    response = w.client().ask()
    assert [r.status for r in response.interim] == [103, 103] and response.body == b"page"
    assert response.interim[1].fields["Link"] == "</b.css>; rel=preload"


def test_no_interim_responses_for_http_1_0(site):
    def script(connection):
        connection.read_request()
        connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
        connection.reply(200, b"page")

    w, server = site(script=script)
    response = w.client().ask(version="1.0")
    assert not response.interim and response.body == b"page"


def test_early_response_while_the_body_is_still_coming(site):
    """The server answers (say 401) before it has read the upload: the client must get that answer, not a reset."""
    def script(connection):
        connection.read_head()
        connection.reply(401, b"who are you", [("Connection", "close")], reason="Unauthorized")
        connection.half_close()
        time.sleep(0.2)

    w, server = site(script=script)
    client = w.client()
    client.request("POST", "/", [("Content-Length", "50000000")])
    failed = None
    try:
        for _ in range(200):
            client.send(b"x" * 10_000)
            time.sleep(0.0005)
    except OSError as error:
        failed = error
    response = client.response()
    assert response.status == 401 and response.body == b"who are you", failed


def test_early_response_of_a_server_that_reads_on(site):
    """The server answers at once but takes the whole body: the connection stays in step."""
    def script(connection):
        request = connection.read_head()
        connection.reply(200, b"early")
        connection.read_body(request)
        connection.read_request()
        connection.reply(200, b"second")

    w, server = site(script=script)
    client = w.client()
    client.request("POST", "/", [("Content-Length", "100000")])
    client.send(b"x" * 50_000)
    assert client.response().body == b"early"
    client.send(b"x" * 50_000)
    try:
        assert client.ask("GET", "/2").status == 200
    except (OSError, EOFError):
        pass  # Weir may also close after an early answer; but it must never take body bytes for a request.
    assert all(r.target in ("/", "/2") for r in server.requests)
    assert all(error.startswith("cut short: 100000 bytes") for error in server.errors)


# ------------------------------------------------------------------------------------------------ targets and methods


def test_absolute_form(site):
    """RFC 9112 §3.2.2: the target's authority counts, not the Host field."""
    w, server = site()
    assert w.ask("GET", "http://real.example/path?q=1", host="real.example").status == 200
    request = server.next_request()
    assert request.target == "/path?q=1" and request.fields["Host"] == "real.example"


def test_absolute_form_without_a_path(site):
    w, server = site()
    assert w.ask("GET", "http://real.example", host="real.example").status == 200
    assert server.next_request().target == "/"


def test_options_asterisk(site):
    w, server = site()
    assert w.ask("OPTIONS", "*").status == 200
    assert server.next_request().target == "*"


def test_asterisk_is_for_options_only(site):
    w, server = site()
    assert w.ask("GET", "*").status == 400
    assert not server.requests


def test_connect_is_refused(site):
    w, server = site()
    client = w.client()
    response = client.ask("CONNECT", "example.com:443", host="example.com:443")
    assert response.status in (400, 405, 501)
    assert not server.requests


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "M-SEARCH", "BREW"])
def test_methods_pass(site, method):
    w, server = site()
    assert w.ask(method, "/x").status == 200
    assert server.next_request().method == method


def test_targets_pass_unchanged(site):
    w, server = site()
    for target in ("/a%2Fb", "/a//b", "/%C3%A4?x=%20&y=a+b", "/?a=/../b", "/a;b=c", "/~user/", "/a'b(c)"):
        assert w.ask("GET", target).status == 200
        assert server.next_request().target == target


def test_hop_by_hop_fields_are_removed(site):
    def reply(request):
        return 200, [("Keep-Alive", "timeout=5"), ("Connection", "X-Drop"), ("X-Drop", "1"), ("X-Keep", "2"),
                     ("Proxy-Connection", "x")], b"ok"

    w, server = site(reply)
    response = w.ask(fields=[("Connection", "X-Private, keep-alive"), ("X-Private", "1"), ("Keep-Alive", "5"),
                             ("Proxy-Connection", "x"), ("TE", "gzip"), ("X-Public", "2")])
    request = server.next_request()
    for name in ("X-Private", "Keep-Alive", "Proxy-Connection"):
        assert name not in request.fields, request
    assert request.fields["X-Public"] == "2"
    for name in ("Keep-Alive", "X-Drop", "Proxy-Connection"):
        assert name not in response.fields, response
    assert response.fields["X-Keep"] == "2"


def test_fields_keep_order_and_repetition(site):
    w, server = site(lambda r: (200, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], b""))
    response = w.ask(fields=[("X-A", "1"), ("X-B", "2"), ("X-A", "3"), ("Cookie", "a=1")])
    request = server.next_request()
    assert request.fields.all("X-A") == ["1", "3"] and request.fields["X-B"] == "2"
    assert response.fields.all("Set-Cookie") == ["a=1", "b=2"]


# ------------------------------------------------------------------------------------------------ limits


def test_large_head_431(site):
    w, server = site(limits={"header_bytes": "8KiB"})
    client = w.client()
    client.request(fields=[("X-Big", "x" * 9000)])
    assert client.response().status == 431
    assert client.is_closed()
    assert w.ask(fields=[("X-Big", "x" * 4000)]).status == 200
    assert len(server.requests) == 1


def test_many_fields_431(site):
    w, server = site(limits={"header_count": 20})
    assert w.ask(fields=[(f"X-{n}", "1") for n in range(30)]).status == 431
    assert w.ask(fields=[(f"X-{n}", "1") for n in range(10)]).status == 200
    assert len(server.requests) == 1


def test_endless_head_431(site):
    """A head that never ends is refused when it passes the limit, not when the client is tired."""
    w, server = site()
    client = w.client()
    client.send("GET / HTTP/1.1\r\nHost: x\r\n")
    try:
        for _ in range(100):
            client.send("X-More: " + "y" * 1000 + "\r\n")
    except OSError:
        pass
    assert client.response().status == 431
    assert not server.requests


def test_long_target_414(site):
    w, server = site(limits={"target_bytes": "1KiB"})
    client = w.client()
    client.request("GET", "/" + "a" * 2000)
    assert client.response().status == 414
    assert client.is_closed()
    assert w.ask("GET", "/" + "a" * 900).status == 200
    assert len(server.requests) == 1


def test_large_body_413(site):
    w, server = site(limits={"body_bytes": "10KiB"})
    client = w.client()
    client.request("POST", "/", [("Content-Length", "20000")])
    assert client.response().status == 413
    assert not server.requests
    assert w.ask("POST", "/", body=b"x" * 10_240).status == 200


def test_large_chunked_body_413(site):
    def script(connection):
        connection.read_request()
        connection.reply(200, b"whole")

    w, server = site(script=script, limits={"body_bytes": "10KiB"})
    client = w.client()
    client.request("POST", "/", [("Transfer-Encoding", "chunked")])
    try:
        for _ in range(30):
            client.send(b"400\r\n" + b"x" * 1024 + b"\r\n")
        client.send("0\r\n\r\n")
    except OSError:
        pass
    assert client.response().status == 413
    assert client.is_closed()


def test_slow_head_408(site):
    w, server = site(timeouts={"head": "300ms"})
    client = w.client()
    client.send("GET / HTTP/1.1\r\nHost:")
    response = client.response()
    assert response.status == 408 and response.fields.get("Connection", "").lower() == "close"
    assert client.is_closed()


def test_head_timeout_is_for_the_whole_head(site):
    """A byte now and then does not keep a connection alive (slowloris)."""
    w, server = site(timeouts={"head": "500ms"})
    client = w.client()
    start = time.monotonic()
    try:
        for byte in b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":
            client.send(bytes([byte]))
            time.sleep(0.05)
    except OSError:
        pass
    assert client.response().status == 408
    assert time.monotonic() - start < 5 * PATIENCE


def test_idle_connections_are_closed_silently(site):
    w, server = site(timeouts={"idle": "300ms"})
    client = w.client()
    assert client.ask().status == 200
    assert client.is_closed(), "no 408 between requests: the client could take it for an answer"


def test_body_that_stands_still_408(site):
    w, server = site(timeouts={"body": "300ms"})
    client = w.client()
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
    assert client.response().status == 408
    assert client.is_closed()


def test_response_timeout_504(site):
    def script(connection):
        connection.read_request()
        connection.fill()

    w, server = site(script=script, timeouts={"response": "300ms"})
    client = w.client()
    start = time.monotonic()
    assert client.ask().status == 504
    assert 0.25 < time.monotonic() - start < 3 * PATIENCE


def test_response_body_that_stands_still_is_cut(site):
    def script(connection):
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        connection.fill()

    w, server = site(script=script, timeouts={"body": "300ms"})
    client = w.client()
    client.request()
    assert client.response_head().status == 200
    assert client.to_eof() == b"abc", "cut: the client sees that something is missing"


# ------------------------------------------------------------------------------------------------ servers that fail


def test_refused_connection_is_retried_on_another_server(weir, origin):
    good, gone = origin(), origin()
    w = weir(services={"main": {"servers": [gone.address, good.address], "balance": "round-robin", "health": {"interval": "1m"}}})
    wait_until(lambda: len(w.takes_requests()) == 2, 5)
    gone.refuse()
    for _ in range(20):
        assert w.ask("POST", "/", body=b"x" * 100).status == 200
    assert not gone.requests and len(good.requests) == 20


def test_no_server_answers(weir):
    w = weir(services={"main": {"servers": [f"127.0.0.1:{free_port()}"], "queue": {"timeout": "300ms"}}}, wait="alive")
    response = w.ask()
    assert response.status in (502, 503)
    if response.status == 503:
        assert int(response.fields["Retry-After"]) >= 1


def test_server_that_breaks_before_the_answer_502(site):
    def script(connection):
        connection.read_request()

    w, server = site(script=script)
    client = w.client()
    assert client.ask("POST", "/", body=b"once").status == 502
    assert len(server.requests) == 1, "a POST that a server may have seen is not sent again"


def test_safe_request_is_retried_when_the_server_breaks(weir, origin):
    def script(connection):
        connection.read_request()

    bad, good = origin(script=script), origin(b"good")
    w = weir(services={"main": {"servers": [bad.address, good.address], "balance": "round-robin"}}).wait_taking(2)
    for _ in range(10):
        assert w.ask().body == b"good"


def test_server_that_breaks_in_the_middle_cuts_the_client(site):
    def script(connection):
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart")

    w, server = site(script=script)
    client = w.client()
    client.request()
    assert client.response_head().status == 200
    assert client.to_eof() == b"part"


def test_chunked_response_that_breaks_is_not_ended_politely(site):
    def script(connection):
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")

    w, server = site(script=script)
    client = w.client()
    client.request()
    client.response_head()
    rest = client.to_eof()
    assert b"part" in rest and b"0\r\n\r\n" not in rest


@pytest.mark.parametrize("answer", [
    b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", b"HTTP/9.9 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nbad field\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"HTTP/1.1 200 OK\nX: y\n\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxx",
])
def test_broken_responses_become_502(site, answer):
    def script(connection):
        connection.read_request()
        connection.send(answer)

    w, server = site(script=script)
    assert w.ask("POST", "/").status == 502


# ------------------------------------------------------------------------------------------------ our own errors


@pytest.fixture
def broken(weir):
    return weir(services={"main": {"servers": [f"127.0.0.1:{free_port()}"], "queue": {"timeout": "100ms"}}}, wait="alive")


@pytest.mark.parametrize("accept, kind", [
    (None, "text/html"), ("text/html", "text/html"), ("application/json", "application/json"), ("*/*", "text/html"),
    ("text/html, application/json;q=0.9", "text/html"), ("text/html;q=0.5, application/json", "application/json"),
])
def test_error_pages_by_accept(broken, accept, kind):
    client = broken.client()
    response = client.ask(fields=[("Accept", accept)] if accept else [])
    assert response.status in (502, 503)
    assert response.fields["Content-Type"].split(";")[0] == kind
    if kind == "application/json":
        assert response.json()
    else:
        assert response.body.lower().startswith(b"<!doctype html")
    assert str(response.status).encode() in response.body
    # Our errors for whole requests keep the connection.
    assert client.ask().status == response.status


def test_error_page_for_head_has_no_body(broken):
    client = broken.client()
    assert client.ask("HEAD").status in (502, 503)
    assert client.ask("GET").status in (502, 503)


def test_error_pages_do_not_echo_the_request(broken):
    response = broken.ask("GET", "/<script>alert(1)</script>".replace("<", "%3C"), [("X-Request-Id", "<b>")])
    assert b"<b>" not in response.body and b"alert(1)" not in response.body


def test_unknown_host_404(weir, origin):
    server = origin()
    w = weir(services={"main": {"hosts": ["shop.example"], "servers": [server.address]}})
    assert w.ask(host="other.example").status == 404
    assert w.ask(host="shop.example").status == 200
    assert len(server.requests) == 1


def test_ipv6_listener_takes_requests(weir, origin):
    server = origin()
    port = free_port()
    weir(services={"main": {"servers": [server.address]}}, listeners=[{"http": f"[::1]:{port}"}])
    assert Client(port, host="::1").ask().body == b"hello"

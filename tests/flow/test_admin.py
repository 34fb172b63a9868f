"""The admin listener: the API's words, who may ask, what is refused, metrics that Prometheus' own checker accepts, and the page."""
import os
import re
import socket
import subprocess
import time

import pytest

import harness
from harness import Client, wait_until

METRICS_PAGE = harness.ROOT / "docs" / "reference" / "metrics.md"
TOKEN = "0123456789abcdef0123456789abcdef"


def two_servers(weir, origin, **top):
    one, two = origin(), origin()
    w = weir(services={"shop": {"hosts": ["shop.example.com"], "servers": [one.address, two.address], "max_requests": 8}}, **top)
    wait_until(lambda: len(w.takes_requests()) == 2, what="both servers take requests")
    return w, one, two


def raw(w, data, timeout=10.0):
    client = Client(w.admin_port, timeout=timeout)
    client.send(data)
    return client


# ------------------------------------------------------------------------------------------------ what it says


def test_services_and_servers_say_what_they_are_and_do(weir, origin):
    w, one, two = two_servers(weir, origin)
    for _ in range(6):
        assert w.ask(host="shop.example.com").status == 200
    # An answer is counted a moment after the client has it.
    wait_until(lambda: w.api("services")["services"][0]["responses"]["2xx"] == 6, what="all answers to be counted")
    service, = w.api("services")["services"]
    assert (service["name"], service["hosts"], service["paths"]) == ("shop", ["shop.example.com"], [])
    assert (service["requests"], service["errors"], service["healthy"], service["scale"]) == (6, 0, 2, None)
    assert service["responses"] == {"1xx": 0, "2xx": 6, "3xx": 0, "4xx": 0, "5xx": 0}
    assert service["servers"]["serving"] + service["servers"]["warming"] == 2
    assert 0 < service["recent"]["p50_seconds"] <= service["recent"]["p99_seconds"] < 5
    servers = w.api("servers")["servers"]
    assert {s["address"] for s in servers} == {one.address, two.address}
    assert sum(s["requests"] for s in servers) == 6
    for s in servers:
        assert (s["service"], s["healthy"], s["refusing"], s["in_flight"], s["errors"]) == ("shop", True, False, 0, 0)
        assert s["state"] in ("warming", "serving")


def test_events_can_be_followed(weir, origin):
    w, one, _ = two_servers(weir, origin)
    said = w.api("events")
    sequences = [e["sequence"] for e in said["events"]]
    assert sequences == list(range(1, len(sequences) + 1)) and said["next_after"] == sequences[-1] and said["dropped"] == 0
    assert [e["kind"] for e in said["events"][:2]] == ["state_opened", "worker_ready"]
    name = w.servers()[0]["name"]
    w.post(f"servers/{name}/drain")
    news = wait_until(lambda: w.api(f"events?after={said['next_after']}")["events"], what="an event of the drain")
    assert all(e["sequence"] > said["next_after"] for e in news)
    assert any(e["server"] == name and e["details"].get("to") == "draining" for e in news), news
    assert len(w.api("events?count=1")["events"]) == 1


def test_a_fixed_server_is_drained_and_taken_back(weir, origin):
    w, one, two = two_servers(weir, origin)
    name = next(s["name"] for s in w.servers() if s["address"] == one.address)
    answer = w.post(f"servers/{name.replace(':', '%3A')}/drain")
    assert answer.status == 200 and answer.json()["state"] == "draining", answer
    before = len(one.requests)
    for _ in range(8):
        assert w.ask(host="shop.example.com").status == 200
    assert len(one.requests) == before and len(two.requests) >= 8
    assert w.post(f"servers/{name}/ready").status == 200
    wait_until(lambda: w.ask(host="shop.example.com").status == 200 and len(one.requests) > before, what="a request at the server")


def test_healthz_and_readyz(weir, origin):
    w, _, _ = two_servers(weir, origin)
    assert w.admin("GET", "/healthz").json() == {"status": "ok"}
    assert w.admin("GET", "/readyz").json() == {"status": "ok"}
    head = w.admin("HEAD", "/healthz")
    assert head.status == 200 and head.body == b"" and int(head.fields["Content-Length"]) > 0


# ------------------------------------------------------------------------------------------------ what it refuses


@pytest.mark.parametrize("method, path, fields, body, status", [
    ("GET", "/api/v1/nothing", {}, None, 404),
    ("GET", "/api/v2/services", {}, None, 404),
    ("DELETE", "/api/v1/services", {}, None, 405),
    ("GET", "/api/v1/servers/x/drain", {}, None, 405),
    ("POST", "/api/v1/servers/nobody/drain", {"X-Weir-Request": "1"}, b"", 404),
    ("POST", "/api/v1/services/nobody/replicas", {"X-Weir-Request": "1"}, b'{"count": 1}', 404),
    ("POST", "/api/v1/services/shop/replicas", {"X-Weir-Request": "1"}, b"count=1", 400),
    ("POST", "/api/v1/services/shop/replicas", {"Content-Type": "application/json"}, b'{"count": 1}', 409),  # fixed servers
    ("POST", "/api/v1/services/shop/replicas", {"Content-Type": "text/plain"}, b'{"count": 1}', 415),
    ("POST", "/api/v1/services/shop/replicas", {"X-Weir-Request": "1", "Origin": "http://evil.example"}, b'{"count": 1}', 403),
    ("POST", "/api/v1/services/shop/replicas", {"X-Weir-Request": "1"}, b"x" * 70_000, 413),
    ("GET", "/api/v1/services", {"Host": "evil.example"}, None, 403),
    ("GET", "/metrics", {"Host": "evil.example:80"}, None, 403),
    ("GET", "/", {"Host": "evil.example"}, None, 403),
    ("GET", "/api/v1/services", {"X-Large": "x" * 20_000}, None, 431),
    ("GET", "/api/v1/events?after=x", {}, None, 400),
])
def test_refusals_are_json_with_a_sentence(weir, origin, method, path, fields, body, status):
    w, _, _ = two_servers(weir, origin)
    client = Client(w.admin_port)
    answer = client.ask(method, path, fields, body, host="127.0.0.1")
    assert answer.status == status, answer
    assert answer.fields["Content-Type"] == "application/json" and len(answer.json()["error"]) > 5
    assert w.admin("GET", "/healthz").status == 200


def test_malformed_requests_are_refused_and_the_connection_closed(weir, origin):
    w, _, _ = two_servers(weir, origin)
    for request in (b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
                    b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"):
        client = raw(w, request)
        assert client.response().status == 400, request
        assert client.is_closed(), request


def test_pipelined_and_chunked_requests_are_answered_in_order(weir, origin):
    w, _, _ = two_servers(weir, origin)
    head = b"Host: localhost\r\nX-Weir-Request: 1\r\n"
    client = raw(w, b"GET /healthz HTTP/1.1\r\n" + head + b"\r\n"
                 b"POST /api/v1/services/shop/replicas HTTP/1.1\r\n" + head + b"Transfer-Encoding: chunked\r\n\r\n"
                 b"3\r\n{\"c\r\n8\r\nount\": 2\r\n1\r\n}\r\n0\r\n\r\n"
                 b"GET /nothing HTTP/1.1\r\n" + head + b"Connection: close\r\n\r\n")
    assert [client.response().status for _ in range(3)] == [200, 409, 404]
    assert client.is_closed()


def test_a_request_byte_by_byte_is_read(weir, origin):
    w, _, _ = two_servers(weir, origin)
    client = Client(w.admin_port)
    for byte in b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n":
        client.send(bytes([byte]))
    assert client.response().status == 200


def test_silent_connections_do_not_keep_others_out(weir, origin):
    w, _, _ = two_servers(weir, origin)
    silent = [socket.create_connection(("127.0.0.1", w.admin_port)) for _ in range(150)]
    assert w.admin("GET", "/healthz").status == 200
    for s in silent:
        s.close()


# ------------------------------------------------------------------------------------------------ who may ask


def token_file(directory, text=TOKEN, mode=0o600):
    path = os.path.join(directory, "token")
    with open(path, "w", encoding="ascii") as f:
        f.write(text + "\n")
    os.chmod(path, mode)
    if os.getuid() == 0:
        os.chown(path, 65534, -1)  # the worker gives up root and must be able to read it
    return path


def test_a_token_is_asked_for_where_one_is_configured(weir, origin, directory):
    server = origin()
    port = harness.free_port()
    w = weir(services={"shop": {"servers": [server.address]}}, wait=None,
             admin={"listen": f"0.0.0.0:{port}", "token_file": token_file(directory)})
    w.admin_port = port
    w.wait_ready()
    assert w.admin("GET", "/api/v1/services").status == 401
    assert w.admin("GET", f"/api/v1/services?token={TOKEN}").status == 401
    refused = w.admin("GET", "/metrics", fields=[("Authorization", "Bearer wrong")])
    assert refused.status == 401 and refused.fields["WWW-Authenticate"].startswith("Bearer")
    allowed = [("Authorization", f"Bearer {TOKEN}")]
    assert w.admin("GET", "/api/v1/services", fields=allowed).status == 200
    assert w.admin("POST", "/api/v1/servers/nobody/drain", b"", [("X-Weir-Request", "1")]).status == 401
    page = w.admin("GET", "/").body.decode()
    assert server.address not in page and "token" in page
    assert TOKEN not in w.log()


def test_a_token_that_everybody_can_read_is_refused(weir, origin, directory):
    server = origin()
    w = weir(services={"shop": {"servers": [server.address]}}, wait=None, is_checked=False,
             admin={"listen": f"0.0.0.0:{harness.free_port()}", "token_file": token_file(directory, mode=0o644)})
    assert w.wait() == 1
    assert re.search(r"token_file .*everybody on this host may read", w.log())
    assert TOKEN not in w.log()


# ------------------------------------------------------------------------------------------------ metrics


def families(text):
    """{name: (type, help)} in the order of the text."""
    helps = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.M))
    types = dict(re.findall(r"^# TYPE (\S+) (.+)$", text, re.M))
    assert list(helps) == list(types)
    return {name: (types[name], helps[name]) for name in helps}


def metrics_page(found):
    rows = [f"| `{name}` | {kind} | {text} |" for name, (kind, text) in sorted(found.items())]
    return """# Metrics

`GET /metrics` on the admin address, in Prometheus' text format. Counters are of the running worker and begin at 0 when it is
restarted, but for those of `weir_host_…`, which are the kernel's. Rows of a service carry the label `service`, rows of a server
`service` and `server`; other labels: `code` (class of the status), `reason`, `fault`, `provider`, `call` (to its engine), `error` (kind of
failure), `state`, `direction`, `path` (of a file system), `device`, `interface`, `cpu`, `resource` and `kind` (of pressure), `process` (of
Weir), `scope` (`host` or `cgroup`), `alertname`, `severity`, `sink`, `outcome`, `start` (`cold`, `warm`). A number that is unknown has no row.

The page is written by `WEIR_UPDATE_DOCS=1 pytest tests/flow/test_admin.py -k documented`, and checked by the same test.

| name | type | meaning |
| --- | --- | --- |
""" + "\n".join(rows) + "\n"


def test_metrics_are_documented_and_nothing_else_is(weir, origin):
    w, _, _ = two_servers(weir, origin)
    page = metrics_page(families(w.admin("GET", "/metrics").body.decode()))
    if os.environ.get("WEIR_UPDATE_DOCS"):
        METRICS_PAGE.write_text(page, encoding="utf-8")
    assert METRICS_PAGE.read_text(encoding="utf-8") == page


def test_promtool_accepts_the_metrics(weir, origin):
    w, _, _ = two_servers(weir, origin)
    for _ in range(3):
        w.ask(host="shop.example.com")
    answer = w.admin("GET", "/metrics")
    assert answer.fields["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    check = subprocess.run(["promtool", "check", "metrics"], input=answer.body, capture_output=True, timeout=60)
    assert check.returncode == 0 and not check.stderr and not check.stdout, (check.stdout, check.stderr)


def test_metrics_agree_with_the_api(weir, origin):
    w, _, _ = two_servers(weir, origin)
    for _ in range(5):
        w.ask(host="shop.example.com")
    w.ask(host="nobody.example.com")
    w.wait_metric(5, "weir_requests_total", service="shop", code="2xx")
    w.wait_metric(5, "weir_request_duration_seconds_count", service="shop")
    w.wait_metric(5, "weir_server_requests_total", service="shop")
    w.wait_metric(1, "weir_requests_refused_total", reason="no_route")
    assert w.metric("weir_servers_available", service="shop") == 2
    buckets = [value for (name, labels), value in w.metrics().items() if name == "weir_request_duration_seconds_bucket"]
    assert buckets == sorted(buckets) and buckets[-1] == 5
    worker = w.worker()
    assert abs(w.metric("process_resident_memory_bytes") - worker.memory_info().rss) < 8 << 20
    assert abs(w.metric("process_start_time_seconds") - worker.create_time()) < 1.5
    assert abs(w.metric("process_open_fds") - worker.num_fds()) <= 3


def keys_of(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    if isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def test_every_field_of_the_api_is_documented(weir, origin):
    w = weir(services={"shop": {"hosts": ["a.example"], "servers": [origin().address]},
                       "app": {"scale": {"command": [harness.PYTHON, harness.TINY_SERVER, "{address}"], "servers": "1..2"}}})
    wait_until(lambda: len(w.takes_requests()) == 2, 10, "both servers take requests")
    wait_until(lambda: w.api("host").get("cpu", {}).get("percent") is not None, what="a sample of the host")
    page = (harness.ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    words = set(re.findall(r"[`\"](\w+)[`\"]", page))
    for path in ("services", "servers", "events", "alerts?all=1", "silences", "host"):
        missing = set(keys_of(w.api(path))) - words
        assert not missing, f"docs/reference/api.md does not tell what these are in {path}: {sorted(missing)}"


# ------------------------------------------------------------------------------------------------ the page


def test_the_page_is_readable_without_a_script_and_asks_nobody_else(weir, origin):
    w, one, _ = two_servers(weir, origin)
    page = w.admin("GET", "/")
    assert page.status == 200 and page.fields["Content-Type"].startswith("text/html")
    policy = page.fields["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    text = page.body.decode()
    assert "shop" in text and one.address in text and "{{" not in text
    for asset in re.findall(r'(?:src|href)="(/[^"]*\.(?:js|css))"', text):
        answer = w.admin("GET", asset)
        assert answer.status == 200 and answer.body, asset
        assert not re.search(rb"https?://(?!www\.w3\.org)", answer.body), asset
    assert not re.search(r"(?:src|href)=\"https?://", text)
    assert not re.search(r"<style|<script(?![^>]*src=)|\son\w+=|style=", text)


# ------------------------------------------------------------------------------------------------ the end


def test_readyz_says_no_while_draining(weir, origin):
    def slow(connection):
        connection.read_request()
        time.sleep(1.5)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")

    server = origin(script=slow)
    w = weir(services={"shop": {"servers": [server.address]}})
    wait_until(w.takes_requests, what="the server takes requests")
    client = w.client()
    client.request(target="/slow")
    wait_until(lambda: w.api("services")["services"][0]["in_flight"] == 1, what="the request in flight")
    w.process.terminate()
    refused = wait_until(lambda: (lambda r: r if r.status == 503 else None)(w.admin("GET", "/readyz")), what="503 from /readyz")
    assert "draining" in refused.json()["error"]
    assert client.response().body == b"slow"
    assert w.wait() == 0

"""What the server is told of the client: the truth, whatever the client says; from trusted proxies also what they say."""
import json

import pytest

from harness import FLASK_COMMAND, Client

FORGED = [
    ("X-Forwarded-For", "6.6.6.6"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "forged.example"),
    ("X-Forwarded-Port", "666"),
    ("X-Forwarded-Server", "forged"),
    ("X-Forwarded-Prefix", "/forged"),
    ("X-Real-IP", "6.6.6.6"),
    ("Forwarded", "for=6.6.6.6;proto=https;host=forged.example"),
]


def site(origin):
    return {"main": {"servers": [origin.address]}}


def test_the_server_is_told_the_truth(weir, origin):
    server = origin()
    w = weir(services=site(server))
    client = w.client()
    client.ask(host=f"shop.example:{w.port}")
    fields = server.next_request().fields
    assert fields["Host"] == f"shop.example:{w.port}"
    assert fields["X-Forwarded-For"] == "127.0.0.1"
    assert fields["X-Forwarded-Proto"] == "http"
    assert fields["X-Forwarded-Host"] == f"shop.example:{w.port}"
    assert fields["X-Forwarded-Port"] == str(w.port)
    assert "for=127.0.0.1" in fields["Forwarded"] and "proto=http" in fields["Forwarded"]
    assert "weir" in fields["Via"]


def test_the_client_address_is_the_peers(weir, origin):
    server = origin()
    w = weir(services=site(server))
    Client(w.port, source="127.0.0.77").ask()
    assert server.next_request().fields["X-Forwarded-For"] == "127.0.0.77"


@pytest.mark.parametrize("name", [name for name, _ in FORGED])
def test_forged_fields_are_dropped(weir, origin, name):
    server = origin()
    w = weir(services=site(server))
    w.ask(fields=[pair for pair in FORGED if pair[0] == name] * 2)
    request = server.next_request()
    fields = [pair for pair in request.fields.pairs if pair[0] != "X-Request-Id"]  # whose random digits may be any
    assert not any(mark in str(fields) for mark in ("6.6.6.6", "forged", "666")), request


def test_spellings_that_become_the_same_variable_are_dropped(weir, origin):
    """WSGI and CGI turn - and _ into the same: X_Forwarded_For must not be a way around."""
    server = origin()
    w = weir(services=site(server))
    w.ask(fields=[("X_Forwarded_For", "6.6.6.6"), ("X-forwarded_proto", "https"), ("x-FORWARDED-for", "6.6.6.7")])
    whole = server.next_request() and bytes(server.received[0])
    assert b"6.6.6" not in whole and b"https" not in whole


def test_connection_cannot_name_our_fields_away(weir, origin):
    server = origin()
    w = weir(services=site(server))
    w.ask(fields=[("Connection", "X-Forwarded-For, X-Forwarded-Proto, Host")])
    fields = server.next_request().fields
    assert fields["X-Forwarded-For"] == "127.0.0.1" and fields["X-Forwarded-Proto"] == "http" and fields["Host"]


def test_a_trusted_proxy_is_believed(weir, origin):
    server = origin()
    w = weir(services=site(server), trusted_proxies=["127.0.0.0/8"])
    w.ask(fields=[("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "shop.example"),
                  ("X-Forwarded-Port", "443")], host="inside.example")
    fields = server.next_request().fields
    assert [part.strip() for part in ",".join(fields.all("X-Forwarded-For")).split(",")] == ["203.0.113.9", "127.0.0.1"]
    assert fields["X-Forwarded-Proto"] == "https"
    assert fields["X-Forwarded-Host"] == "shop.example"
    assert fields["X-Forwarded-Port"] == "443"


def test_only_the_listed_proxies_are_trusted(weir, origin):
    server = origin()
    w = weir(services=site(server), trusted_proxies=["127.0.0.9/32"])
    Client(w.port, source="127.0.0.8").ask(fields=FORGED)
    assert server.next_request().fields["X-Forwarded-For"] == "127.0.0.8"
    Client(w.port, source="127.0.0.9").ask(fields=[("X-Forwarded-For", "203.0.113.9")])
    assert "203.0.113.9" in server.next_request().fields["X-Forwarded-For"]


def test_request_ids(weir, origin):
    server = origin()
    w = weir(services=site(server))
    w.ask()
    first = server.next_request().fields["X-Request-Id"]
    w.ask()
    second = server.next_request().fields["X-Request-Id"]
    assert first and second and first != second
    response = w.ask(fields=[("X-Request-Id", "abc-123")])
    assert server.next_request().fields["X-Request-Id"] == "abc-123"
    assert response.fields.get("X-Request-Id") in (None, "abc-123")


def test_proxyfix_of_flask_gives_the_truth(weir):
    """The application that matters: werkzeug's ProxyFix, one trusted proxy for each fact."""
    w = weir(services={"site": {"health": {"path": "/healthz"}, "scale": {"command": FLASK_COMMAND, "servers": 1}}})
    accept = ("Accept", "application/json")
    for fields in ([accept], [accept, *[pair for pair in FORGED if pair[0] != "X-Forwarded-Prefix"]]):
        client = Client(w.port, source="127.0.0.42")
        facts = json.loads(client.ask("GET", "/", fields, host=f"shop.example:{w.port}").body)
        client.close()
        assert facts["client"] == "127.0.0.42"
        assert facts["scheme"] == "http"
        assert facts["host"] == "shop.example"
        assert facts["port"] == str(w.port)
        assert facts["url"] == f"http://shop.example:{w.port}/"


def test_an_ipv6_client(weir, origin):
    from harness import free_port
    server = origin()
    port = free_port()
    w = weir(services=site(server), listeners=[{"http": f"[::1]:{port}"}])
    client = Client(port, host="::1")
    client.ask(host="[::1]")
    fields = server.next_request().fields
    assert fields["X-Forwarded-For"] == "::1"
    assert 'for="[::1]"' in fields["Forwarded"]
    assert w.process.poll() is None

"""What servers and clients do wrong, or at an unlucky moment: each story here once broke Weir, or could have."""
import socket
import threading
import time

import pytest

from harness import Client, Closed, Origin, wait_until


def is_quiet(weir):
    """Nothing in flight, nobody queued, no connection left."""
    services, servers = weir.api("services")["services"], weir.api("servers")["servers"]
    return (all(row["in_flight"] == 0 and row["queued"] == 0 for row in services)
            and all(row["in_flight"] == 0 for row in servers)
            and weir.metric("weir_client_connections_total") == weir.metric("weir_client_connections_closed_total"))


def probes_only(connection):
    """Reads a request, or ends quietly when it was a probe that sent nothing."""
    return connection.read_request()


# ---- attempts


@pytest.mark.parametrize("part", [b"H", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nA: b\r\n" + b"C: d\r\n" * 200],
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
    w = weir(services={"main": {"servers": [s.address for s in servers]}})
    response = w.ask()
    assert (response.status, response.body) == (200, b"ok")
    assert len(broken) == 1


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
    assert w.metric("weir_faults_total", fault="bad_response") == 1
    assert w.metric("weir_server_errors_total", error="broke") == 1

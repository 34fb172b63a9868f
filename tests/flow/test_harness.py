"""The harness itself must be able to fail: what it promises to find, it finds."""
import os
import subprocess

import pytest

from harness import Client, Load, free_port, wait_until


def ends_badly(w, words):
    with pytest.raises(AssertionError, match=words):
        w.stop()
    w.is_checked = False


def test_a_process_that_is_left_is_found(weir, origin):
    w = weir(services={"main": {"servers": [origin().address]}})
    orphan = subprocess.Popen(["sleep", "30"], env=dict(os.environ, WEIR_FLOW_ID=w.id), start_new_session=True)
    ends_badly(w, "processes left")
    orphan.wait()
    assert orphan.returncode == -9, "and it is ended"


def test_another_exit_status_is_found(weir, origin):
    w = weir(services={"main": {"servers": [origin().address]}})
    w.process.kill()
    ends_badly(w, "ended with status -9")


def test_a_sanitizer_report_is_found(weir, origin):
    w = weir(services={"main": {"servers": [origin().address]}})
    report = w.directory / f"{w.sanitizer_prefix.name}.4711"
    report.write_text("WARNING: ThreadSanitizer: data race\n")
    ends_badly(w, "data race")
    report.unlink()


def test_load_counts_failures():
    users = Load(free_port(), clients=2)
    wait_until(lambda: users.failures, 5)
    users.stop()
    assert not users.ok


def test_load_counts_errors_and_broken_answers(origin):
    def script(connection):
        connection.read_request()
        connection.reply(500, b"no")
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    server = origin(script=script)
    users = Load(server.port, clients=1)
    wait_until(lambda: len(users.failures) >= 2, 5)
    users.stop()
    assert {kind for _, kind, _ in users.failures} == {"status 500", "reset"}


@pytest.mark.parametrize("answer, words", [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "both framings"),
    (b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello", "not a field line"),
    (b"HTTP/1.1 200 OK\r\nX: a\nb\r\n\r\n", "bare CR or LF"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n", "chunk size"),
])
def test_the_client_accepts_only_what_is_right(origin, answer, words):
    def script(connection):
        connection.read_request()
        connection.send(answer)

    server = origin(script=script)
    with pytest.raises(AssertionError, match=words):
        Client(server.port).ask()


def test_the_origin_records_what_is_wrong(origin):
    server = origin()
    client = Client(server.port)
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello")
    assert client.is_closed()
    assert "ambiguous framing" in server.errors[0]

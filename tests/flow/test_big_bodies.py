"""Bodies that no memory could hold are streamed: a gigabyte each way, and the worker does not grow."""
import pathlib
import re
import threading
import time

import pytest

GIGABYTE = 1 << 30
GROWTH_BYTES_MAX = 8 << 20
PIECE = bytes(range(256)) * 1024


def memory(process, row):
    """VmHWM (peak) or VmRSS of a process, in bytes."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(rf"^{row}:\s+(\d+) kB", status, re.M).group(1)) * 1024


def send_all(connection, total):
    left = total
    while left:
        connection.sock.sendall(memoryview(PIECE)[:min(left, len(PIECE))])
        left -= min(left, len(PIECE))


def read_all(connection, total):
    """Reads and drops; the first and last bytes of each piece are compared where they must be."""
    got = len(connection.rest)
    buffer = bytearray(1 << 20)
    while got < total:
        count = connection.sock.recv_into(buffer, min(len(buffer), total - got))
        assert count, f"ended after {got} of {total}"
        assert buffer[0] == got % 256 and buffer[count - 1] == (got + count - 1) % 256
        got += count
    return got


@pytest.fixture
def site(weir, origin):
    def script(connection):
        while True:
            request = connection.read_head()
            if request.method == "POST":
                read_all(connection, int(request.fields["Content-Length"]))
                connection.raw.clear()
                connection.at = 0
                connection.reply(200, b"got it all")
            else:
                connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {GIGABYTE}\r\n\r\n")
                send_all(connection, GIGABYTE)

    server = origin(script=script)
    w = weir(services={"main": {"servers": [server.address]}})
    assert w.client().send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").response().status == 200
    return w


@pytest.mark.plain
@pytest.mark.timeout(120)
def test_download_of_a_gigabyte(site):
    before = memory(site.worker(), "VmHWM")
    client = site.client(timeout=60)
    client.request()
    assert client.response_head().fields["Content-Length"] == str(GIGABYTE)
    assert read_all(client, GIGABYTE) == GIGABYTE
    assert memory(site.worker(), "VmHWM") - before < GROWTH_BYTES_MAX


@pytest.mark.plain
@pytest.mark.timeout(120)
def test_upload_of_a_gigabyte(site):
    before = memory(site.worker(), "VmHWM")
    client = site.client(timeout=60)
    client.request("POST", "/", [("Content-Length", str(GIGABYTE))])
    send_all(client, GIGABYTE)
    assert client.response().body == b"got it all"
    assert memory(site.worker(), "VmHWM") - before < GROWTH_BYTES_MAX


@pytest.mark.plain
@pytest.mark.timeout(120)
def test_slow_readers_of_large_bodies_do_not_add_up(weir, origin):
    """Fifty downloads that stand still: each may hold its bounded buffers, no more."""
    def script(connection):
        connection.read_head()
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {GIGABYTE}\r\n\r\n")
        try:
            send_all(connection, GIGABYTE)
        except OSError:
            pass

    server = origin(script=script)
    w = weir(services={"main": {"servers": [server.address]}})
    before = memory(w.worker(), "VmRSS")
    clients = [w.client() for _ in range(50)]
    for client in clients:
        client.request()
        client.response_head()
    time.sleep(1)
    assert memory(w.worker(), "VmRSS") - before < 50 * (256 << 10) + GROWTH_BYTES_MAX
    for client in clients:
        client.close()


def test_both_directions_at_once(weir, origin):
    """An echo that answers while it reads: neither direction may wait for the other."""
    size = 4 << 20

    def script(connection):
        request = connection.read_head()
        total = int(request.fields["Content-Length"])
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n")
        sent = len(connection.rest)
        connection.sock.sendall(connection.rest)
        while sent < total:
            data = connection.sock.recv(65536)
            connection.sock.sendall(data)
            sent += len(data)

    server = origin(script=script)
    w = weir(services={"main": {"servers": [server.address]}})
    client = w.client()
    client.request("POST", "/", [("Content-Length", str(size))])
    writer = threading.Thread(target=send_all, args=(client, size))
    writer.start()
    client.response_head()
    assert read_all(client, size) == size
    writer.join(10)

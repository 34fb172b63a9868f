"""WebSocket through Weir, with python3-websockets on both sides, and Upgrade byte by byte."""
import asyncio
import threading
import time

import pytest
import websockets

from harness import PATIENCE, Client, free_port, wait_until


@pytest.fixture
def echo():
    """A WebSocket echo server on a thread; gives its address."""
    port, ready, loop = free_port(), threading.Event(), asyncio.new_event_loop()
    stop = loop.create_future()

    async def handler(socket):
        async for message in socket:
            await socket.send(message)

    async def main():
        async with websockets.serve(handler, "127.0.0.1", port, max_size=None):
            ready.set()
            await stop

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    yield f"127.0.0.1:{port}"
    loop.call_soon_threadsafe(stop.set_result, None)
    thread.join(10)


def test_echo(weir, echo):
    w = weir(services={"main": {"servers": [echo]}})

    async def story():
        async with websockets.connect(f"ws://127.0.0.1:{w.port}/chat", max_size=None) as socket:
            for message in ("hello", "", "ä" * 1000, b"\0\1\2", b"x" * 3_000_000):
                await socket.send(message)
                assert await socket.recv() == message
            pong = await socket.ping()
            await asyncio.wait_for(pong, 5 * PATIENCE)
            await socket.close(code=1000)
            assert socket.close_code == 1000

    asyncio.run(story())


def test_many_at_once(weir, echo):
    w = weir(services={"main": {"servers": [echo]}})

    async def one(n):
        async with websockets.connect(f"ws://127.0.0.1:{w.port}/") as socket:
            for i in range(20):
                await socket.send(f"{n} {i}")
                assert await socket.recv() == f"{n} {i}"

    async def story():
        await asyncio.gather(*(one(n) for n in range(50)))

    asyncio.run(story())


def test_bytes_sent_with_the_handshake_are_not_lost(weir, origin):
    """The client may send its first frame right behind the request, the server right behind its 101."""
    def script(connection):
        request = connection.read_head()
        assert request.fields["Upgrade"] == "weirdo" and "upgrade" in request.fields["Connection"].lower()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: weirdo\r\n\r\nfrom-server")
        assert connection.exactly(11) == b"from-client"
        connection.send(b"bye")

    server = origin(script=script)
    w = weir(services={"main": {"servers": [server.address]}})
    client = w.client()
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: weirdo\r\n\r\nfrom-client")
    response = client.response()
    assert response.status == 101 and response.fields["Upgrade"] == "weirdo"
    assert client.to_eof() == b"from-serverbye"
    assert not server.errors


def test_each_direction_closes_by_itself(weir, origin):
    """Half-close travels through a tunnel: what the other side still says arrives."""
    def script(connection):
        connection.read_head()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
        data = connection.to_eof()
        time.sleep(0.1)
        connection.send(b"got " + str(len(data)).encode())

    server = origin(script=script)
    w = weir(services={"main": {"servers": [server.address]}})
    client = w.client()
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
    assert client.response().status == 101
    client.send(b"x" * 500_000).half_close()
    assert client.to_eof() == b"got 500000"


def test_upgrade_refused_by_the_server(weir, origin):
    server = origin(lambda request: (426, [("Upgrade", "websocket")], b"no"))
    w = weir(services={"main": {"servers": [server.address]}})
    client = w.client()
    fields = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
    assert client.ask(fields=fields).status == 426
    assert client.ask(fields=fields).status == 426, "an ordinary answer keeps the connection"


def test_101_that_nobody_asked_for_is_an_error(weir, origin):
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: evil\r\n\r\n")
        connection.fill()

    server = origin(script=script)
    w = weir(services={"main": {"servers": [server.address]}})
    assert w.ask("POST", "/").status == 502


def test_tunnel_holds_its_place_and_gives_it_back(weir, origin):
    def script(connection):
        connection.read_head()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
        connection.to_eof()

    server = origin(script=script)
    w = weir(services={"main": {"servers": [server.address], "max_requests": 1, "queue": {"timeout": "200ms"}}})
    first = w.client()
    ask = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n"
    assert first.send(ask).response().status == 101
    assert w.client().send(ask).response().status == 503
    first.close()
    wait_until(lambda: w.client().send(ask).response().status == 101, 5)


def test_idle_tunnel_is_closed(weir, origin):
    def script(connection):
        connection.read_head()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
        connection.to_eof()

    server = origin(script=script)
    w = weir(services={"main": {"servers": [server.address]}}, timeouts={"tunnel": "300ms"})
    client = Client(w.port)
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
    assert client.response().status == 101
    assert client.is_closed()

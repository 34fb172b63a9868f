"""A thousand requests come while the first server starts: all are answered, in the order in which they came."""
import time

import pytest

from harness import PYTHON, wait_until

COUNT = 1000

# Listens once the file "go" is there; writes down when each request's head came.
RECORDER = """
import asyncio, os, sys, time
folder = sys.argv[2]
log = open(f"{folder}/heads-{os.getpid()}", "w", buffering=1)
while not os.path.exists(f"{folder}/go"):
    time.sleep(0.01)
async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            target = head.split()[1].decode()
            if target != "/healthz":
                log.write(f"{time.monotonic_ns()} {target[1:]}\\n")
                await asyncio.sleep(0.001)
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()
async def main():
    host, port = sys.argv[1].split(":")
    await (await asyncio.start_server(serve, host, int(port), backlog=100)).serve_forever()
asyncio.run(main())
"""


def queued(w):
    return w.api("services")["services"][0]["queued"]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("servers, slots, workers", [("0..1", 1, 2), ("0..1", 4, 3), ("0..2", 4, 2), ("0..1", 0, 2)])
def test_thousand_requests_of_a_cold_start(weir, tmp_path, servers, slots, workers):
    tmp_path.parent.chmod(0o755)
    tmp_path.chmod(0o777)
    w = weir(workers=workers, wait="alive", limits={"connections": 3000}, services={"main": {
        "health": {"path": "/healthz"}, "max_requests": slots, "queue": {"length": COUNT, "timeout": "2m"},
        "scale": {"command": [PYTHON, "-c", RECORDER, "{address}", str(tmp_path)], "servers": servers}}})
    clients = []
    for n in range(COUNT):  # each surely behind the one before it, whichever thread it came to
        clients.append(w.client(timeout=60).request("GET", f"/{n}"))
        wait_until(lambda: queued(w) > n, 10, interval=0.0005)
    (tmp_path / "go").touch()
    assert [client.response().status for client in clients] == [200] * COUNT
    heads = [line.split() for log in tmp_path.glob("heads-*") for line in log.read_text().splitlines()]
    order = [int(number) for _, number in sorted(heads, key=lambda head: int(head[0]))]
    assert sorted(order) == list(range(COUNT)), "each reached a server once"
    ahead = max(number - place for place, number in enumerate(order))
    most = slots * int(servers[-1])
    if slots:
        assert ahead < most, f"only who was in flight at the same time may have been overtaken: {ahead}"
    else:
        assert ahead < COUNT / 2, f"a server without a limit is not sent everything at once: {ahead}"


def test_nobody_overtakes_those_who_wait(weir, origin):
    """While some wait, others come on fresh and on kept connections of all threads: the queue is never empty, and order is kept."""
    def reply(request):
        time.sleep(0.01)
        return b"ok"

    server = origin(reply)
    w = weir(workers=3, services={"main": {"servers": [server.address], "max_requests": 1, "queue": {"length": 1000}}})
    kept = [w.client(timeout=30) for _ in range(20)]
    assert [client.ask("GET", "/warm").status for client in kept] == [200] * 20
    server.requests.clear()
    clients = []
    for n in range(200):
        client = kept[n] if n < 20 else w.client(timeout=30)
        before = w.metric("weir_request_arrivals_total", service="main")
        clients.append(client.request("GET", f"/{n}"))
        wait_until(lambda: w.metric("weir_request_arrivals_total", service="main") > before, 10, interval=0.0005)
    assert [client.response().status for client in clients] == [200] * 200
    assert [r.target for r in server.requests] == [f"/{n}" for n in range(200)]


# Answers nothing until told, but for its health; writes down how many it has.
HOLDING = """
import asyncio, os, sys, time
folder, held = sys.argv[2], 0
async def serve(reader, writer):
    global held
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    if b" /healthz " not in head:
        held += 1
        with open(f"{folder}/held", "w") as f:
            f.write(str(held))
        while not os.path.exists(f"{folder}/answer"):
            await asyncio.sleep(0.2)
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
    writer.close()
async def main():
    host, port = sys.argv[1].split(":")
    await (await asyncio.start_server(serve, host, int(port), backlog=1000)).serve_forever()
asyncio.run(main())
"""


@pytest.mark.timeout(60)
def test_long_polls_are_let_in_while_the_server_answers_for_its_health(weir, tmp_path):
    """300 requests that are not answered: doubled every two seconds from 8 on that would take twelve."""
    tmp_path.parent.chmod(0o755)
    tmp_path.chmod(0o777)
    w = weir(wait="alive", services={"main": {"health": {"path": "/healthz"}, "queue": {"length": 300, "timeout": "1m"},
                                              "scale": {"command": [PYTHON, "-c", HOLDING, "{address}", str(tmp_path)], "servers": "1..1"}}})
    wait_until(lambda: w.servers(state="serving"), 20)
    begin = time.monotonic()
    clients = [w.client(timeout=60).request("GET", "/") for _ in range(300)]
    held = tmp_path / "held"
    wait_until(lambda: held.exists() and held.read_text() == "300", 20)
    took_s = time.monotonic() - begin
    (tmp_path / "answer").touch()
    assert [client.response().status for client in clients] == [200] * 300
    assert took_s < 9, took_s

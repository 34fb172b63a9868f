"""The worker is killed under load. Only what was in flight in it is lost; everything else goes on as if nothing had been."""
import os
import signal
import socket
import threading
import time

from harness import PATIENCE, PYTHON, TINY_SERVER, Client, psutil, wait_until

CLIENTS = 8


class Knocker(threading.Thread):
    """Connects again and again; notes every refusal."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.refused, self.connected, self.is_stopping = port, 0, 0, False
        self.start()

    def run(self):
        while not self.is_stopping:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                self.connected += 1
            except ConnectionRefusedError:
                self.refused += 1
            except OSError:
                pass
            time.sleep(0.003)


def test_worker_killed_under_load(weir, load):
    w = weir(services={"main": {"health": {"path": "/healthz"},
                                "scale": {"command": [PYTHON, TINY_SERVER, "{address}"], "servers": 2}}})
    wait_until(lambda: len(w.takes_requests()) == 2, 10)
    applications, worker = w.application_pids(), w.worker().pid
    names = {row["name"]: row["pid"] for row in w.servers()}
    assert len(applications) == 2
    users = load(w.port, "/work?ms=20", clients=CLIENTS)
    knocker = Knocker(w.port)
    time.sleep(0.7)
    killed_s = time.monotonic()
    os.kill(worker, signal.SIGKILL)
    client = Client(w.port)
    assert client.ask("GET", "/after").status == 200
    assert time.monotonic() - killed_s < 1 * PATIENCE, "new connections are answered within a second"
    time.sleep(1.5)
    knocker.is_stopping = True
    knocker.join()
    users.stop()
    assert knocker.refused == 0 and knocker.connected > 50, "the listening socket never closes"
    assert len(users.failures) <= CLIENTS, users.failures
    assert all(kind == "reset" for _, kind, _ in users.failures), users.failures
    assert all(abs(at - users.failures[0][0]) < 1 * PATIENCE for at, _, _ in users.failures), users.failures
    assert w.worker().pid != worker
    assert w.application_pids() == applications, "the application servers are the same processes"
    wait_until(lambda: {row["name"]: row["pid"] for row in w.takes_requests()} == names, 5, "the same servers under the same names")
    w.wait_log(r"(?i)worker.*(signal 9|SIGKILL)")


def test_worker_that_dies_again_and_again_comes_back_each_time(weir, origin):
    server = origin()
    w = weir(services={"main": {"servers": [server.address]}})
    for _ in range(3):
        os.kill(w.worker().pid, signal.SIGKILL)
        wait_until(lambda: psutil.pid_exists(w.process.pid) and w.worker(), 5)
        client = Client(w.port, timeout=10)
        assert client.ask().status == 200
        client.close()
        w.wait_ready()

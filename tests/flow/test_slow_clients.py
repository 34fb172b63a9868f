"""Two thousand clients that dawdle on purpose (slowhttptest), while ordinary requests keep being answered."""
import resource
import subprocess
import time

import pytest

from harness import Client, wait_until

SLOW_CLIENTS = 2000
MODES = {
    "slow heads": ["-H", "-i", "5"],
    "slow bodies": ["-B", "-i", "5", "-s", "8192"],
    "slow reading": ["-X", "-w", "1", "-y", "2", "-n", "5", "-z", "1", "-k", "3"],
}


@pytest.fixture(autouse=True)
def descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 3 * SLOW_CLIENTS:
        pytest.skip(f"the limit of open files ({hard}) is too low for {SLOW_CLIENTS} clients")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.mark.plain
@pytest.mark.long
@pytest.mark.parametrize("mode", MODES)
def test_slow_clients_hold_nobody_up(weir, origin, mode):
    server = origin(lambda request: b"x" * (200_000 if request.target == "/large" else 100))
    w = weir(services={"main": {"servers": [server.address]}}, timeouts={"head": "10s", "body": "10s"})
    target = "/large" if mode == "slow reading" else "/"
    slow = subprocess.Popen(["slowhttptest", "-c", str(SLOW_CLIENTS), "-r", "1000", "-l", "15", "-u",
                             f"http://127.0.0.1:{w.port}{target}", *MODES[mode]],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: connections(w) > SLOW_CLIENTS * 0.7, 12, "slow clients to be connected")
        latencies = []
        while slow.poll() is None and len(latencies) < 300:
            start = time.monotonic()
            client = Client(w.port, timeout=10)
            assert client.ask("GET", "/quick").status == 200
            client.close()
            latencies.append(time.monotonic() - start)
            time.sleep(0.01)
        assert len(latencies) > 50
        latencies.sort()
        # The slow clients, their server and this test share a core or two; what must not be is that anybody waits for a dawdler.
        assert latencies[len(latencies) // 2] < 0.2, "half of the ordinary requests"
        assert latencies[-1] < 8, "each of the ordinary requests"
    finally:
        slow.terminate()
        slow.wait()
    wait_until(lambda: connections(w) < 50, 10, "their connections to be gone")


def connections(w):
    """Established connections to Weir's port, as the kernel counts them."""
    port = f":{w.port:04X}"
    rows = (line.split() for line in open("/proc/net/tcp"))
    return sum(row[1].endswith(port) and row[3] == "01" for row in rows)

"""The torture of torture.py in short; at length: WEIR_TORTURE_S=600 WEIR_TORTURE_SEED=7 pytest tests/flow/test_proxy_torture.py"""
import os
import subprocess
import time

import pytest

from harness import PATIENCE, PYTHON, ROOT, free_port, wait_until

SECONDS = float(os.environ.get("WEIR_TORTURE_S", "8"))
SEED = os.environ.get("WEIR_TORTURE_SEED", "1")
CLIENTS = int(os.environ.get("WEIR_TORTURE_CLIENTS", "40"))


@pytest.mark.timeout(SECONDS + 80)
@pytest.mark.parametrize("limit", [0, 4], ids=["no limit", "4 requests a server"])
def test_every_answer_is_its_requests_own(weir, limit):
    ports = [free_port() for _ in range(3)]
    w = weir(wait="alive", services={"main": {
        "servers": [f"127.0.0.1:{port}" for port in ports], "retries": 2, "max_requests": limit,
        "queue": {"timeout": "60s"}, "health": {"path": "/health", "interval": "500ms"}}}, workers=2)
    torture = subprocess.Popen([PYTHON, str(ROOT / "tests" / "flow" / "torture.py"), str(w.port), *map(str, ports), "--seed", SEED,
                                "--seconds", str(SECONDS), "--clients", str(CLIENTS)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert torture.stdout.readline() == "ready\n"
        wait_until(lambda: len(w.takes_requests()) == 3, 20, "all servers to take requests")
        output, _ = torture.communicate("go\n", timeout=SECONDS + 60 * PATIENCE)
    finally:
        torture.kill()
        torture.wait()
    print(output)
    assert torture.returncode == 0, output[-6000:]
    deadline = time.monotonic() + 15 * PATIENCE
    while (left := what_is_left(w)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left
    assert "starting another" not in w.log()


def what_is_left(w):
    """What should be nothing when nobody asks any more."""
    services, servers = w.api("services")["services"], w.api("servers")["servers"]
    left = {
        "in flight of services": sum(row["in_flight"] for row in services),
        "queued": sum(row["queued"] for row in services),
        "in flight of servers": sum(row["in_flight"] for row in servers),
        "connections": w.metric("weir_client_connections_total") - w.metric("weir_client_connections_closed_total"),
        "requests to servers": w.metric("weir_server_requests_total") - w.metric("weir_server_requests_finished_total"),
    }
    return {name: count for name, count in left.items() if count}

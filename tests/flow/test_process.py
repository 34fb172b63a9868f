"""What the process provider does for the servers that it starts, beside starting and stopping them."""
import os

import pytest

from harness import PYTHON, TINY_SERVER, free_port, psutil, run_weir, wait_until

TINY = [PYTHON, TINY_SERVER, "{address}"]
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def one_service(command=TINY, **scale):
    return {"main": {"health": {"path": "/healthz"}, "scale": {"command": command, **scale}}}


# ---------------------------------------------------------------------------------------------- niceness


def test_servers_are_nicer_than_weir(weir):
    w = weir(services=one_service(servers=1, nice=5))
    wait_until(w.takes_requests, 10)
    own = psutil.Process(w.process.pid).nice()
    assert psutil.Process(w.application_pids().pop()).nice() == min(own + 5, 19)
    assert w.worker().nice() == own


@NEEDS_ROOT
def test_root_may_let_servers_go_first_also_as_another_user(weir):
    w = weir(services=one_service(servers=1, nice=-3, user="daemon"))
    wait_until(w.takes_requests, 10)
    server = psutil.Process(w.application_pids().pop())
    assert server.nice() == psutil.Process(w.process.pid).nice() - 3
    assert server.username() == "daemon"


@NEEDS_ROOT
def test_negative_niceness_without_the_right_is_told_at_start(directory):
    file = os.path.join(directory, "weir.yaml")
    with open(file, "w") as f:
        f.write(f"listeners: [{{http: '127.0.0.1:{free_port()}'}}]\nadmin: off\nstate: off\n"
                "services: {main: {scale: {command: [x, '{address}'], nice: -5}}}\n")
    os.chmod(directory, 0o755)
    result = run_weir("run", "-c", file, user="daemon")
    assert result.returncode == 1 and "only root can start servers with nice -5" in result.stderr

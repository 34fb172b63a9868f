"""What servers use of the machine is what psutil says of the same processes, and asking costs next to nothing."""
import pathlib
import re
import signal
import time

import psutil
import pytest

from harness import FLASK_COMMAND, PYTHON, TINY_SERVER, run_weir, wait_until

CPU_POINTS = 2.0
FOUR_PROCESSES = [*FLASK_COMMAND[:-1], "--workers", "3", FLASK_COMMAND[-1]]


def site(command, servers, **scale):
    return {"site": {"health": {"path": "/healthz"}, "scale": {"command": command, "servers": servers, **scale}}}


def fresh_usage(w):
    """What Weir says of its one server, a moment after it looked, with psutil's words about the same processes."""
    def look():
        usage = w.servers()[0]["usage"]
        return usage if usage and usage["ago_seconds"] < 0.05 else None

    usage = wait_until(look, 10, "a look that was just taken", interval=0.01)
    leader = psutil.Process(w.servers()[0]["pid"])
    family = [leader, *leader.children(recursive=True)]
    times = [p.cpu_times() for p in family]
    return usage, {
        "at": time.monotonic(),
        "cpu_seconds": sum(t.user + t.system for t in times) + times[0].children_user + times[0].children_system,
        "memory_bytes": sum(p.memory_info().rss for p in family),
        "processes": len(family),
        "threads": sum(p.num_threads() for p in family),
        "open_files": sum(p.num_fds() for p in family),
    }


@pytest.mark.plain
def test_usage_is_psutils(weir, load):
    w = weir(services=site(FOUR_PROCESSES, "1"))
    users = load(w.port, "/work?ms=20&cpu=1", clients=2)
    time.sleep(2)
    first, first_psutil = fresh_usage(w)
    time.sleep(8)
    last, last_psutil = fresh_usage(w)
    users.stop()
    assert not users.failures
    for usage, psutils in ((first, first_psutil), (last, last_psutil)):
        assert usage["memory_bytes"] == pytest.approx(psutils["memory_bytes"], rel=0.01)
        assert usage["processes"] == psutils["processes"] == 4
        assert abs(usage["threads"] - psutils["threads"]) <= 2, "threads come with requests"
    window = last_psutil["at"] - first_psutil["at"]
    percent = 100 * (last["cpu_seconds"] - first["cpu_seconds"]) / window
    expected = 100 * (last_psutil["cpu_seconds"] - first_psutil["cpu_seconds"]) / window
    assert expected > 20, "it was busy"
    assert percent == pytest.approx(expected, abs=CPU_POINTS)


def test_open_files_are_counted(weir):
    w = weir(services=site([PYTHON, TINY_SERVER, "{address}"], "1"))

    def counts():
        usage, psutils = fresh_usage(w)
        return abs(usage["open_files"] - psutils["open_files"]) <= 2

    wait_until(counts, 20, "the number of open files to be psutil's")


def test_usage_shows_everywhere(weir, origin):
    fixed = {"hosts": ["fixed.example.com"], "servers": [origin().address]}
    w = weir(services={**site([PYTHON, TINY_SERVER, "{address}"], "2"), "fixed": fixed})
    wait_until(lambda: len([s for s in w.servers() if (s["usage"] or {}).get("cpu_percent") is not None]) == 2, 10)
    fixed = next(s for s in w.servers() if s["service"] == "fixed")
    assert fixed["usage"] is None
    services = {s["name"]: s for s in w.api("services")["services"]}
    assert services["fixed"]["usage"] is None
    assert services["site"]["usage"]["servers"] == 2
    assert services["site"]["usage"]["memory_bytes"] == pytest.approx(
        sum(s["usage"]["memory_bytes"] for s in w.servers() if s["usage"]), rel=0.05)
    rows = [dict(labels) for name, labels in w.metrics() if name == "weir_server_memory_bytes"]
    assert sorted(row["server"] for row in rows) == ["site-1", "site-2"], "an unknown number has no row"
    text = run_weir("status", "--admin", f"127.0.0.1:{w.admin_port}").stdout
    heading = next(line for line in text.splitlines() if line.startswith("SERVER "))
    assert "CPU" in heading and "MEM" in heading
    line = next(line for line in text.splitlines() if line.startswith("site-1"))
    assert "%" in line and "MiB" in line
    page = w.admin("GET", "/").body.decode()
    assert 'data-label="Memory">' in page and "MiB</td>" in page


def test_cpu_does_not_go_back_when_a_worker_is_replaced(weir):
    """gunicorn starts a new worker for one that was killed; what that one used stays counted."""
    w = weir(services=site(FOUR_PROCESSES, "1"))
    before, _ = fresh_usage(w)
    master = psutil.Process(w.servers()[0]["pid"])
    victim = max(master.children(), key=lambda p: sum(p.cpu_times()[:2]))
    used = sum(victim.cpu_times()[:2])
    victim.send_signal(signal.SIGKILL)
    seen = [before["cpu_seconds"]]
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        seen.append(w.servers()[0]["usage"]["cpu_seconds"])
        time.sleep(0.1)
    assert used > 0.05
    assert seen == sorted(seen), "it only grows"
    assert seen[-1] < seen[0] + used + 5, "and nothing counts twice"


def test_weir_tells_what_it_uses_itself(weir, origin):
    """Worker and supervisor as psutil sees them; a worker that was started anew says so."""
    w = weir(services={"main": {"servers": [origin().address]}})
    worker = psutil.Process(w.worker().pid)
    supervisor = worker.parent()

    def own():
        weir = w.api("host").get("weir")
        return weir if weir and weir["worker"]["cpu_percent"] is not None else None

    seen = wait_until(own, 10, "two samples")
    for name, process in (("worker", worker), ("supervisor", supervisor)):
        # It is a second old, and memory grows while Weir begins.
        wait_until(lambda: own()[name]["memory_bytes"] == pytest.approx(process.memory_info().rss, rel=0.05), 20, "its memory")
        said = own()[name]
        assert said["pid"] == process.pid
        assert abs(said["threads"] - process.num_threads()) <= 3  # threads of jobs come and go
        assert said["cpu_seconds"] <= sum(process.cpu_times()[:2])
    assert abs(seen["worker"]["open_files"] - w.metric("process_open_fds")) <= 10
    limits = pathlib.Path(f"/proc/{worker.pid}/limits").read_text()
    assert seen["open_files_limit"] == int(re.search(r"Max open files\s+(\d+)", limits)[1])
    assert seen["open_files_percent"] == pytest.approx(100 * seen["worker"]["open_files"] / seen["open_files_limit"], abs=0.1)
    assert seen["worker_restarts"] == 0
    worker.kill()
    wait_until(lambda: w.worker() and w.worker().pid != worker.pid, 10)
    w.wait_ready()
    assert wait_until(own, 10, "two samples")["worker_restarts"] == 1
    assert w.metric("weir_worker_restarts_total") == 1
    rows = {dict(labels)["process"] for name, labels in w.metrics() if name == "weir_process_memory_bytes"}
    assert rows == {"worker", "supervisor"}


@pytest.mark.plain
def test_a_look_costs_next_to_nothing(weir):
    """16 servers of three processes and more: below half a percent of a core, once a second."""
    script = ("import subprocess, sys, runpy\n"
              "helpers = [subprocess.Popen(['sleep', '1000']) for _ in range(2)]\n"
              f"sys.argv = [{TINY_SERVER!r}, sys.argv[1]]\n"
              f"runpy.run_path({TINY_SERVER!r}, run_name='__main__')\n")
    w = weir(services=site([PYTHON, "-c", script, "{address}"], "16"))
    wait_until(lambda: sum((s["usage"] or {}).get("processes") or 0 for s in w.servers()) == 48, 20)
    costs = []
    for _ in range(5):
        time.sleep(1)
        costs.append(w.metric("weir_server_sample_cpu_seconds"))
    assert sorted(costs)[2] < 0.005, costs

"""CPU, memory and a disk that really run out, one after the other: each raises its own alert and no other, and all end."""
import contextlib
import os
import pathlib
import signal
import subprocess

import pytest

from harness import PYTHON, psutil, wait_until
from test_host_numbers import group_v1, read_number, small_disk
from test_watch_alerts import Receiver

GROUP_BYTES = 1 << 30
LONG = "2s"
# Filling takes a while, and a reading may fall into it: what is worse must be settled before what is less so can be told.
LESS, WORSE = "6s", "1s"
LIMITS = {
    # The share makes the group get its half CPU on a machine that is busy with other things.
    "cpu": {"cpu.cfs_quota_us": "50000", "cpu.shares": "262144"},
    "cpuacct": {},
    "memory": {"memory.limit_in_bytes": str(GROUP_BYTES)},
}
BURN = "while True: pass"
HUNGRY = "import sys\nopen('/proc/self/oom_score_adj', 'w').write('1000')\nb = bytearray(b'x') * int(sys.argv[1])"
HOLD = "import sys, time\nb = bytearray(b'x') * int(sys.argv[1])\nprint('held', flush=True)\ntime.sleep(600)"


class Course:
    """What the receiver is told, alert by alert, and what the API says at the same time."""

    def __init__(self, w, receiver):
        self.w, self.receiver = w, receiver

    def told(self):
        return [(alert["status"], alert["labels"]["alertname"], alert["labels"].get("path"))
                for message in self.receiver.messages for alert in message["alerts"]]

    def wait(self, expected):
        wait_until(lambda: len(self.told()) >= len(expected), 25, f"{expected}; told: {self.told()}")
        assert self.told() == expected

    def firing(self):
        return {alert["name"] for alert in self.w.api("alerts")["alerts"] if alert["state"] == "firing" and not alert["hidden"]}


@pytest.fixture
def group():
    with group_v1(LIMITS) as folders:
        def enter():
            for folder in folders.values():
                (folder / "cgroup.procs").write_text(str(os.getpid()))
        yield folders, enter


def start(enter, *command):
    return subprocess.Popen([PYTHON, "-c", *command], preexec_fn=enter, stdout=subprocess.PIPE, text=True)


@contextlib.contextmanager
def running(processes):
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def memory_left_until(folder, share):
    """How much more makes so much of the group's limit be in use, by the kernel's own numbers."""
    stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    used = read_number(folder / "memory.usage_in_bytes") - int(stat["total_inactive_file"])
    return int(share * GROUP_BYTES) - used


def fill_until(point, share):
    usage = psutil.disk_usage(str(point))
    (point / "filler").write_bytes(b"x" * int((usage.used + usage.free) * share - usage.used))


def kill_for_memory(enter):
    """A process takes more than its group may have; the kernel takes it before all others of the group."""
    hungry = start(enter, HUNGRY, str(2 * GROUP_BYTES))
    hungry.communicate(timeout=60)
    assert hungry.returncode == -signal.SIGKILL


@pytest.mark.few
def test_who_is_killed_next_door_is_not_told(weir, origin, group):
    """The kernel's count for the whole machine is that of all containers on it."""
    _, enter = group
    w = weir(services={"main": {"servers": [origin().address]}}, before=enter)
    try:
        w.wait_log("about memory at the cgroup")
        w.wait_watched()
        seen = w.metric("weir_host_oom_kills_total", scope="host")
        with group_v1({"memory": LIMITS["memory"]}) as neighbour:
            kill_for_memory(lambda: (neighbour["memory"] / "cgroup.procs").write_text(str(os.getpid())))
        # The count and the alerts are of the same tick.
        wait_until(lambda: w.metric("weir_host_oom_kills_total", scope="host") > seen, what="the kernel's count")
        assert not {"HostOutOfMemory", "CgroupOutOfMemory"} & names_of(w, "firing")

        kill_for_memory(enter)
        wait_until(lambda: "CgroupOutOfMemory" in names_of(w, "firing"), what="the alert of our own group")
        assert w.metric("weir_host_oom_kills_total", scope="cgroup") == 1
    finally:
        w.stop()


def names_of(w, state):
    return {alert["name"] for alert in w.api("alerts")["alerts"] if alert["state"] == state}


@pytest.mark.plain
@pytest.mark.few
@pytest.mark.timeout(120)
def test_what_runs_out_is_told_and_nothing_else(weir, origin, group, directory):
    folders, enter = group
    receiver = Receiver(origin)
    with small_disk(pathlib.Path(directory)) as point:
        threshold = {"above": "80%", "clear": "70%", "for": LESS}
        w = weir(services={"main": {"servers": [origin().address]}}, notify=[receiver.sink], before=enter,
                 watch={"host": {"cpu": {**threshold, "above": "90%", "for": LONG}, "memory": threshold,
                                 "disk": threshold, "disk_paths": ["/", str(point)]},
                        "rules": [{"alert": "HostMemoryVeryHigh", "when": f"memory > 90% for {WORSE} clear 80%"},
                                  {"alert": "HostDiskAlmostFull", "when": f"disk > 97% for {WORSE} clear 95%"}]})
        try:
            run_out_in_turn(Course(w, receiver), folders["memory"].parent, enter, point)
        finally:
            w.stop()


def run_out_in_turn(course, memory, enter, point):
    course.w.wait_log("alerts about CPU look at the cgroup, about memory at the cgroup")
    expected = []

    def expect(status, name, path=None):
        expected.append((status, name, path))
        course.wait(expected)
        # What is worse hides what is less so of the same number: people are told of one.
        assert course.firing() == ({name} if status == "firing" else set())

    with running([start(enter, BURN) for _ in range(2)]):
        expect("firing", "HostCpuHigh")
    expect("resolved", "HostCpuHigh")

    for name, share in (("HostMemoryHigh", 0.86), ("HostMemoryVeryHigh", 0.95)):
        holder = start(enter, HOLD, str(memory_left_until(memory, share)))
        with running([holder]):
            assert holder.stdout.readline() == "held\n"
            expect("firing", name)
        expect("resolved", name)

    for name, share in (("HostDiskHigh", 0.9), ("HostDiskAlmostFull", 0.99)):
        fill_until(point, share)
        expect("firing", name, str(point))
        assert course.w.ask().status == 200
        (point / "filler").unlink()
        expect("resolved", name, str(point))

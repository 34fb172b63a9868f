"""The host's numbers are psutil's: on the same texts exactly, on this machine at the same moment, and cheap."""
import json
import pathlib
import subprocess
import time

import psutil
import pytest

from harness import PATIENCE, PYTHON, binary, wait_until

CPU_POINTS = 2.0  # two readers never hit the same tick
TENTH = 0.1


def sampler():
    """The program that prints one sample a line; it is built beside Weir."""
    build = pathlib.Path(binary()).parent
    program = build / "src" / "watch" / "print_host_sample"
    if not program.exists():
        subprocess.run(["ninja", "-C", str(build), "src/watch/print_host_sample"], check=True, stdout=subprocess.DEVNULL)
    return str(program)


class Sampler:
    """Weir's collector, asked by hand."""

    def __init__(self, root=""):
        self.process = subprocess.Popen([sampler()] + ([str(root)] if root else []), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def take(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(10) == 0


@pytest.fixture
def procfs(tmp_path):
    """A made-up /proc that psutil reads too: procfs(stat="…", meminfo="…") writes the files in place."""
    folder = tmp_path / "proc"
    folder.mkdir()

    def put(**texts):
        for name, text in texts.items():
            (folder / name).write_text(text)
        return tmp_path

    before, psutil.PROCFS_PATH = psutil.PROCFS_PATH, str(folder)
    yield put
    psutil.PROCFS_PATH = before


@pytest.fixture
def half_busy():
    """A process that works about half of the time, so that the host is neither idle nor full."""
    code = "import time\nwhile True:\n e = time.monotonic() + .05\n while time.monotonic() < e: pass\n time.sleep(.05)"
    process = subprocess.Popen([PYTHON, "-c", code])
    yield process
    process.kill()
    process.wait()


def psutil_cpu(before, after):
    """What psutil.cpu_percent() says for the time between two of its cpu_times()."""
    delta = psutil._cpu_times_deltas(before, after)
    total, busy = psutil._cpu_tot_time(delta), psutil._cpu_busy_time(delta)
    return round(busy / total * 100, 1) if total else 0.0


CPU_LINES = [
    ("100 0 100 800 0 0 0 0 0 0", "150 0 100 850 0 0 0 0 0 0"),
    ("2777 0 1859 251694 423 0 46 10 0 0", "2800 3 1867 251855 460 7 47 25 0 0"),
    ("100 50 100 800 9 9 9 9 40 20", "300 90 200 1500 80 11 14 9 150 55"),  # guests: inside user and nice
    ("500 0 100 800 50 0 0 0 0 0", "490 0 160 900 40 0 0 0 0 0"),  # some ran backwards
    ("1 1 1 1 1 1 1 1 1 1", "100001 1 1 50001 1 1 1 33335 1 1"),
]


@pytest.mark.parametrize("before, after", CPU_LINES)
def test_cpu_of_the_same_text(procfs, before, after):
    with Sampler(procfs(stat=f"cpu  {before}\ncpu0 {before}\n")) as host:
        assert host.take()["cpu"]["percent"] is None, "one sample says nothing"
        first = psutil.cpu_times()
        procfs(stat=f"cpu  {after}\ncpu0 {after}\n")
        assert host.take()["cpu"]["percent"] == psutil_cpu(first, psutil.cpu_times())


PLAIN = "MemTotal: 8000000 kB\nMemFree: 1234567 kB\nBuffers: 1 kB\nCached: 2000001 kB\nShmem: 1 kB\nActive: 1 kB\nInactive: 1 kB\n"
LISTS = "Active(file): 800000 kB\nInactive(file): 900001 kB\nSReclaimable: 70003 kB\n"
ZONES = "Node 0, zone DMA\n  pages free 3\n        low      1200\nNode 0, zone Normal\n        low      17001\n"


@pytest.mark.parametrize("texts", [
    {"meminfo": PLAIN + "MemAvailable: 3456789 kB\n"},
    {"meminfo": PLAIN + "MemAvailable: 9000000 kB\n"},  # more than there is, as inside LXC
    {"meminfo": PLAIN + LISTS, "zoneinfo": ZONES},  # kernels before 3.14
    {"meminfo": PLAIN + LISTS},
    {"meminfo": PLAIN},
    {"meminfo": PLAIN + "MemAvailable: 1 kB\nSwapTotal: 1000 kB\nSwapFree: 333 kB\n", "vmstat": "pswpin 0\npswpout 0\n"},
], ids=["available", "too much", "rebuilt", "no zoneinfo", "no lists", "swap"])
def test_memory_of_the_same_text(procfs, texts):
    with Sampler(procfs(**texts)) as host:
        sample = host.take()
    assert sample["memory"]["percent"] == psutil.virtual_memory().percent
    if "vmstat" in texts:
        assert sample["swap"]["percent"] == psutil.swap_memory().percent


def between(value, readings, tolerance):
    return min(readings) - tolerance <= value <= max(readings) + tolerance


def test_this_machine_at_the_same_moment(half_busy):
    with Sampler() as host:
        host.take()
        for _ in range(3):
            before, memory = psutil.cpu_times(), [psutil.virtual_memory().percent]
            host.take()
            time.sleep(1)
            after = psutil.cpu_times()
            sample = host.take()
            memory.append(psutil.virtual_memory().percent)
            assert abs(sample["cpu"]["percent"] - psutil_cpu(before, after)) <= CPU_POINTS
            assert between(sample["memory"]["percent"], memory, TENTH)
        check_disks(sample)
        assert sample["cpu"]["count"] == psutil.cpu_count()


def check_disks(sample):
    assert any(disk["path"] == "/" for disk in sample["disks"])
    for disk in sample["disks"]:
        usage = psutil.disk_usage(disk["path"])
        assert abs(disk["percent"] - usage.percent) <= TENTH
        assert disk["total_bytes"] == usage.total


def test_a_running_weir_at_the_same_moment(weir, origin, half_busy):
    """The worker samples each second; psutil reads as soon as a new sample is seen."""
    w = weir(services={"main": {"servers": [origin().address]}})

    def next_sample(last):
        def fresh():
            host = w.api("host")
            return host if host.get("sampled_at") != last and host.get("cpu") else None
        host = wait_until(fresh, 10, "a new sample", interval=0.005)
        return host, psutil.cpu_times(), psutil.virtual_memory().percent

    host, _, _ = next_sample(None)
    host, before, memory_before = next_sample(host["sampled_at"])
    differences = []
    for _ in range(3):
        host, after, memory = next_sample(host["sampled_at"])
        assert host["cpu"]["percent"] is not None
        differences.append(abs(host["cpu"]["percent"] - psutil_cpu(before, after)))
        assert between(host["memory"]["percent"], [memory_before, memory], TENTH)
        before, memory_before = after, memory
    assert sorted(differences)[1] <= CPU_POINTS * PATIENCE, differences
    check_disks(host)
    assert host["alert_scope"]["cpu"] in ("host", "cgroup")


@pytest.mark.plain
def test_a_sample_costs_little():
    """At most 0.2 % of a core at one sample a second is 2 ms; all threads together, statvfs included."""
    result = subprocess.run([sampler(), "--cost", "500"], check=True, capture_output=True, text=True)
    cost = json.loads(result.stdout)
    print(f"\none sample: {cost['control_us']} us on the control thread, {cost['process_us']} us in all")
    assert cost["process_us"] < 2000
    assert cost["control_us"] < 500

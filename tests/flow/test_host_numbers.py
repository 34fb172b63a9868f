"""The host's numbers are psutil's: on the same texts exactly, on this machine at the same moment, and cheap. Inside a limited control
group they are the kernel's own."""
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import uuid

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

    def __init__(self, root="", before=None):
        """before: run in the new process before the program, to put it in a control group."""
        self.process = subprocess.Popen([sampler()] + ([str(root)] if root else []), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, preexec_fn=before)

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


@pytest.mark.parametrize("before, after", CPU_LINES)
def test_each_cpu_of_the_same_text(procfs, before, after):
    """The second CPU does the opposite, and a third comes while we look."""
    first = f"cpu  {before}\ncpu0 {before}\ncpu1 {after}\n"
    with Sampler(procfs(stat=first)) as host:
        assert [core["percent"] for core in host.take()["cpu"]["cores"]] == [None, None]
        cpus = psutil.cpu_times(percpu=True)
        procfs(stat=f"cpu  {after}\ncpu0 {after}\ncpu1 {before}\ncpu7 {after}\n")
        cores = host.take()["cpu"]["cores"]
        expected = [psutil_cpu(one, other) for one, other in zip(cpus, psutil.cpu_times(percpu=True))]
    assert [core["cpu"] for core in cores] == [0, 1, 7]
    assert [core["percent"] or 0.0 for core in cores] == [*expected, 0.0]  # unknown when the counters stand still


def test_counters_of_the_same_text(procfs):
    """Disks, interfaces and swapping: what the kernel has counted since boot."""
    root = procfs(
        diskstats=" 254 0 vda 29365 5513 2415730 7013 793906 436957 44445160 857063 3 115320 953745 362212 106 40400184 76932 107734 1\n",
        meminfo=PLAIN + "MemAvailable: 1 kB\nSwapTotal: 1000 kB\nSwapFree: 333 kB\n", vmstat="pswpin 77\npswpout 1234567\n")
    (root / "sys" / "block" / "vda").mkdir(parents=True)
    (root / "proc" / "net").mkdir()
    (root / "proc" / "net" / "dev").write_text("a\nb\n  eth0: 11 2 3 4 5 6 7 8 99 10 11 12 13 14 15 16\n")
    with Sampler(root) as host:
        sample = host.take()
    check_interfaces(sample, psutil.net_io_counters(pernic=True, nowrap=False))
    check_devices(sample, psutil.disk_io_counters(perdisk=True, nowrap=False))
    swap = psutil.swap_memory()
    assert (sample["paging"]["swapped_in_bytes"], sample["paging"]["swapped_out_bytes"]) == (swap.sin, swap.sout)


def check_interfaces(sample, counters):
    assert sample["interfaces"]
    for interface in sample["interfaces"]:
        c = counters[interface["name"]]
        assert [interface[key] for key in ("received_bytes", "received_packets", "received_errors", "received_drops")] \
            == [c.bytes_recv, c.packets_recv, c.errin, c.dropin]
        assert [interface[key] for key in ("sent_bytes", "sent_packets", "sent_errors", "sent_drops")] \
            == [c.bytes_sent, c.packets_sent, c.errout, c.dropout]


def check_devices(sample, counters):
    assert sample["devices"]
    for device in sample["devices"]:
        c = counters[device["name"]]
        assert [device[key] for key in ("reads", "read_bytes", "read_ms")] == [c.read_count, c.read_bytes, c.read_time]
        assert [device[key] for key in ("writes", "written_bytes", "write_ms")] == [c.write_count, c.write_bytes, c.write_time]
        assert device["busy_ms"] == c.busy_time


def between(value, readings, tolerance):
    return min(readings) - tolerance <= value <= max(readings) + tolerance


def test_this_machine_at_the_same_moment(half_busy):
    with Sampler() as host:
        host.take()
        for _ in range(3):
            before, memory = psutil.cpu_times(), [psutil.virtual_memory().percent]
            cpus = psutil.cpu_times(percpu=True)
            host.take()
            time.sleep(1)
            after, cpus_after = psutil.cpu_times(), psutil.cpu_times(percpu=True)
            sample = host.take()
            for core, one, other in zip(sample["cpu"]["cores"], cpus, cpus_after):
                assert abs(core["percent"] - psutil_cpu(one, other)) <= 2 * CPU_POINTS, "a tick is a whole point of one CPU"
            memory.append(psutil.virtual_memory().percent)
            assert abs(sample["cpu"]["percent"] - psutil_cpu(before, after)) <= CPU_POINTS
            assert between(sample["memory"]["percent"], memory, TENTH)
        check_disks(sample)
        assert sample["cpu"]["count"] == psutil.cpu_count()


def test_counters_of_this_machine_at_the_same_moment():
    """Others use it, too: what Weir says lies between what psutil says before and after, for each counter."""
    def psutils():
        swap = psutil.swap_memory()
        return {**{("net", name): tuple(c) for name, c in psutil.net_io_counters(pernic=True, nowrap=False).items()},
                **{("disk", name): (c.read_count, c.write_count, c.read_bytes, c.write_bytes, c.read_time, c.write_time, c.busy_time)
                   for name, c in psutil.disk_io_counters(perdisk=True, nowrap=False).items()},
                ("swap", ""): (swap.sin, swap.sout)}

    with Sampler() as host:
        before = psutils()
        sample = host.take()
        after = psutils()
    said = {("swap", ""): tuple(sample["paging"][key] for key in ("swapped_in_bytes", "swapped_out_bytes"))}
    for i in sample["interfaces"]:
        said["net", i["name"]] = (i["sent_bytes"], i["received_bytes"], i["sent_packets"], i["received_packets"], i["received_errors"],
                                  i["sent_errors"], i["received_drops"], i["sent_drops"])
    for d in sample["devices"]:
        said["disk", d["name"]] = (d["reads"], d["writes"], d["read_bytes"], d["written_bytes"], d["read_ms"], d["write_ms"], d["busy_ms"])
    assert ("net", "lo") in said
    for who, numbers in said.items():
        for low, number, high in zip(before[who], numbers, after[who]):
            assert low <= number <= high, (who, before[who], numbers, after[who])


def check_disks(sample):
    assert any(disk["path"] == "/" for disk in sample["disks"])
    for disk in sample["disks"]:
        if disk["path"].startswith(tempfile.gettempdir()):
            continue  # of another test, which fills it or takes it away
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


@pytest.mark.alone  # other tests may use more ports towards something else
def test_ephemeral_ports_are_counted():
    """A thousand connections to one address are seen, with where they go."""
    with socket.create_server(("127.0.0.1", 0), backlog=2000) as listener, contextlib.ExitStack() as stack, Sampler() as host:
        port = listener.getsockname()[1]
        for _ in range(1000):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        first, last = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
        host.take()
        ports = wait_until(lambda: (p := host.take()["ephemeral_ports"]).get("in_use", 0) >= 1000 and p, 10, "the ports to be counted")
    assert ports["range"] == last - first + 1
    assert ports["percent"] == pytest.approx(100 * ports["in_use"] / ports["range"], abs=TENTH)
    if ports["in_use"] < 1100:
        assert ports["destination"] == f"127.0.0.1:{port}"


# ---------------------------------------------------------------------------------------- a control group


@contextlib.contextmanager
def group_v1(limits):
    """Groups of version 1, a parent with the limits and a child in it; yields the folders of the child, or skips."""
    name = f"weir-test-{uuid.uuid4().hex[:12]}"
    made = []
    try:
        folders = {}
        for controller, files in limits.items():
            parent = pathlib.Path("/sys/fs/cgroup") / controller / name
            try:
                parent.mkdir()
                made.append(parent)
                (parent / "child").mkdir()
            except OSError as error:
                pytest.skip(f"no control groups of version 1 can be made: {error}")
            made.append(parent / "child")
            for file, value in files.items():
                (parent / file).write_text(value)
            folders[controller] = parent / "child"
        yield folders
    finally:
        for folder in reversed(made):
            folder.rmdir()


def read_number(path):
    return int(path.read_text())


def test_inside_a_limited_control_group():
    """The limits are on the parent; what counts is what the kernel's own files say, there and then."""
    limits = {"memory": {"memory.limit_in_bytes": str(256 << 20)},
              "cpu": {"cpu.cfs_quota_us": "50000"}, "cpuacct": {}, "pids": {"pids.max": "40"}}
    with group_v1(limits) as folders:
        def enter():
            for folder in folders.values():
                (folder / "cgroup.procs").write_text(str(os.getpid()))

        burner = subprocess.Popen([PYTHON, "-c", "b = bytearray(b'x') * (100 << 20)\nwhile True: pass"], preexec_fn=enter)
        try:
            with Sampler(before=enter) as host:
                check_limited_group(host, {name: folder.parent for name, folder in folders.items()})
        finally:
            burner.kill()
            burner.wait()
        wait_until(lambda: not any(read_number(f.parent / "pids.current") for n, f in folders.items() if n == "pids"), 10)


def check_limited_group(host, parents):
    def usage():
        return time.monotonic(), read_number(parents["cpuacct"] / "cpuacct.usage")

    def stat(folder, file):
        return dict(line.split() for line in (parents[folder] / file).read_text().splitlines())

    def memory_used():
        return read_number(parents["memory"] / "memory.usage_in_bytes") - int(stat("memory", "memory.stat")["total_inactive_file"])

    wait_until(lambda: memory_used() > 100 << 20, 20, "the memory to be taken")
    before, throttled = usage(), stat("cpu", "cpu.stat")
    host.take()
    time.sleep(2)
    memory_before = memory_used()
    group = host.take()["cgroup"]
    after, throttled_after = usage(), stat("cpu", "cpu.stat")
    name = f"/{parents['memory'].name}"
    assert group["memory"]["group"] == group["pids"]["group"] == group["cpu"]["group"] == name
    assert group["memory"]["limit_bytes"] == group["memory"]["tightest_limit_bytes"] == 256 << 20
    assert group["memory"]["used_bytes"] == pytest.approx(memory_before, abs=1 << 20)
    assert group["memory"]["percent"] == pytest.approx(100 * group["memory"]["used_bytes"] / (256 << 20), abs=TENTH)
    assert group["pids"]["limit"] == 40 and group["pids"]["used"] == read_number(parents["pids"] / "pids.current")
    assert group["cpu"]["limit_cpus"] == group["cpu"]["effective_cpus"] == 0.5
    percent = 100 * (after[1] - before[1]) / 1e9 / (after[0] - before[0]) / 0.5
    assert abs(group["cpu"]["percent"] - percent) <= 2 * CPU_POINTS, "a point of a CPU is two of a half"
    periods = int(throttled_after["nr_periods"]) - int(throttled["nr_periods"])
    share = 100 * (int(throttled_after["nr_throttled"]) - int(throttled["nr_throttled"])) / periods
    assert group["cpu"]["throttled_percent"] == pytest.approx(share, abs=15), "a period or two more or less"
    assert group["memory"]["oom_kills"] == 0


@contextlib.contextmanager
def group_v2():
    """A group of version 2, wherever that is mounted; skips where none can be made."""
    mounts = [line.split() for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    point = next((words[4] for words in mounts if words[words.index("-") + 1] == "cgroup2"), None)
    if point is None:
        pytest.skip("no control groups of version 2 are mounted")
    folder = pathlib.Path(point) / f"weir-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group of version 2 can be made: {error}")
    try:
        if not (folder / "cpu.pressure").exists():
            pytest.skip("the kernel does not measure the pressure of groups")
        yield folder
    finally:
        wait_until(lambda: not (folder / "cgroup.procs").read_text(), 10, "the group to be empty")
        folder.rmdir()


def total_us(path, kind="some"):
    return int(next(line for line in path.read_text().splitlines() if line.startswith(kind)).rpartition("total=")[2])


def test_pressure_is_the_kernels():
    """More work than CPUs, inside a group of ours: the share of time is what the kernel's totals grew by meanwhile."""
    host_file = pathlib.Path("/proc/pressure/cpu")
    try:
        total_us(host_file)
    except OSError as error:
        pytest.skip(f"the kernel does not measure pressure: {error}")
    with group_v2() as folder, contextlib.ExitStack() as stack:
        def enter():
            (folder / "cgroup.procs").write_text(str(os.getpid()))

        for _ in range(2 * psutil.cpu_count()):
            burner = subprocess.Popen([PYTHON, "-c", "while True: pass"], preexec_fn=enter)
            stack.callback(burner.wait)
            stack.callback(burner.kill)
        with Sampler(before=enter) as host:
            def look():
                at = time.monotonic()
                totals = [total_us(host_file), total_us(folder / "cpu.pressure")]
                sample = host.take()
                return (at, time.monotonic()), totals, [sample["pressure"]["cpu"], sample["cgroup"]["pressure"]["cpu"]]

            began, before, _ = look()
            time.sleep(2)
            ended, after, said = look()
    longest, shortest = ended[1] - began[0], ended[0] - began[1]
    for first, last, pressure in zip(before, after, said):
        share = (last - first) / 1e4
        assert share / longest > 20, "there was pressure"
        assert min(share / longest, 100) - 5 <= pressure["some_percent"] <= min(share / shortest, 100) + 5


@pytest.mark.alone  # each Weir on this machine tells of the kill
def test_a_kill_for_lack_of_memory_is_counted():
    with group_v1({"memory": {"memory.limit_in_bytes": str(32 << 20)}}) as folders:
        def enter():
            (folders["memory"] / "cgroup.procs").write_text(str(os.getpid()))

        with Sampler(before=enter) as host:
            before = host.take()
            greedy = subprocess.run([PYTHON, "-c", "b = bytearray(b'x') * (200 << 20)"], preexec_fn=enter)
            assert greedy.returncode == -9
            after = host.take()
        assert after["paging"]["oom_kills"] >= before["paging"]["oom_kills"] + 1
        assert after["paging"]["oom_kills_recent"] >= 1
        assert after["cgroup"]["memory"]["oom_kills"] == 1
        assert after["cgroup"]["memory"]["oom_kills_recent"] == 1


# ---------------------------------------------------------------------------------------- a file system of one's own


@contextlib.contextmanager
def small_disk(tmp_path):
    """16 MiB of ext4 in a file, mounted; skips where that is not allowed."""
    image, point = tmp_path / "image", tmp_path / "disk"
    image.write_bytes(b"")
    os.truncate(image, 16 << 20)
    point.mkdir()
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    if subprocess.run(["mount", "-o", "loop,errors=remount-ro", image, point], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield point
    finally:
        subprocess.run(["umount", point], check=True)


def test_a_small_disk_is_seen_filling_and_failing(tmp_path):
    with small_disk(tmp_path) as point:
        with Sampler() as host:
            def disk():
                return next((d for d in host.take()["disks"] if d["path"] == str(point)), {})

            assert disk()["is_read_only"] is False
            (point / "much").write_bytes(b"x" * (9 << 20))
            usage = psutil.disk_usage(str(point))
            seen = wait_until(lambda: (d := disk())["used_bytes"] == usage.used and d, 10, "the size to be seen")
            assert abs(seen["percent"] - usage.percent) <= TENTH
            assert seen["device"].startswith("loop"), "the device below it is told, with what it does"
            assert any(d["name"] == seen["device"] and d["writes"] for d in host.take()["devices"])
            subprocess.run(["mount", "-o", "remount,abort", point], check=True)  # what ext4 does after an error
            with pytest.raises(OSError):
                (point / "more").write_bytes(b"x")
        with Sampler() as host:  # the list of mounts is read again every ten seconds; a new one begins with it
            assert disk()["is_read_only"] is True


# ---------------------------------------------------------------------------------------- cost


@pytest.mark.plain
def test_a_sample_costs_little():
    """At most 0.2 % of a core at one sample a second is 2 ms; all threads together, statvfs included."""
    result = subprocess.run([sampler(), "--cost", "500"], check=True, capture_output=True, text=True)
    cost = json.loads(result.stdout)
    print(f"\none sample: {cost['control_us']} us on the control thread, {cost['process_us']} us in all")
    assert cost["process_us"] < 2000
    assert cost["control_us"] < 500

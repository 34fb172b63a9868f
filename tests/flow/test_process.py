"""What the process provider does for the servers that it starts, beside starting and stopping them."""
import os
import pathlib
import re
import signal
import stat
import subprocess
import time

import pytest

from harness import PYTHON, TINY_SERVER, Client, binary, free_port, psutil, run_weir, wait_until

TINY = [PYTHON, TINY_SERVER, "{address}"]
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def small_disk(directory):
    """A file system of 128 KiB."""
    path = pathlib.Path(directory) / "small"
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", path], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield path
    subprocess.run(["umount", "-l", path], check=True)


def one_service(command=TINY, **scale):
    return {"main": {"health": {"path": "/healthz"}, "scale": {"command": command, **scale}}}


# ------------------------------------------------------------------------------------------- several machines


def test_servers_are_spread_over_machines(weir, load):
    """Addresses of the loopback stand for machines; where nobody listens for `ssh` the start fails, and others get it."""
    reach = 'case $1 in 127.0.0.4) exit 255;; esac; exec "$2" "$3" "$1:$4"'
    command = ["/bin/sh", "-c", reach, "ssh", "{host}", PYTHON, TINY_SERVER, "{port}"]
    w = weir(services={"main": {"health": {"path": "/healthz"}, "scale": {
        "command": command, "servers": "4", "machines": ["127.0.0.2", "127.0.0.4", "127.0.0.3"]}}})
    wait_until(lambda: len(w.takes_requests()) == 4, 20, "four servers")
    machines = sorted(s["address"].split(":")[0] for s in w.takes_requests())
    assert machines == ["127.0.0.2"] * 2 + ["127.0.0.3"] * 2
    assert all(s["usage"] is None for s in w.servers()), "what `ssh` uses is not what a server uses"
    users = load(w.port, clients=2)
    w.worker().kill()
    wait_until(lambda: len(w.takes_requests()) == 4, 20, "the same four after the worker's death")
    assert sorted(s["address"].split(":")[0] for s in w.takes_requests()) == machines
    users.stop()


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


# ---------------------------------------------------------------------------------------------- log files

CHATTY = ["/bin/sh", "-c", f"echo hello from $WEIR_SERVER; exec {PYTHON} {TINY_SERVER} {{address}}"]
FLOOD = ["/bin/sh", "-c", "(i=0; while [ $i -lt 8000 ]; do i=$((i+1)); echo line $i of a server that talks a lot; done; echo done) & "
         f"exec {PYTHON} {TINY_SERVER} {{address}}"]
LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\S+) \| (.*)$")


def read(path):
    return path.read_text() if path.exists() else ""


def writers(w):
    return [p for p in w.processes() if p.name() == "weir-log"]


def test_lines_go_to_the_file_with_time_and_name(weir, directory):
    path = pathlib.Path(directory) / "shop.log"
    w = weir(services=one_service(CHATTY, servers=2, log=str(path)))
    wait_until(lambda: read(path).count("hello from") == 2, 10)
    for line in path.read_text().splitlines():
        name, text = LINE.match(line).groups()
        assert text == f"hello from {name}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "hello from" not in w.log()
    os.kill(w.application_pids().pop(), signal.SIGKILL)
    wait_until(lambda: "hello from" in str(w.api("events")), 5, "the last lines are told with the death")


def test_lines_are_copied_to_standard_error_when_asked(weir, directory):
    path = pathlib.Path(directory) / "shop.log"
    w = weir(services=one_service(CHATTY, servers=1, log={"file": str(path), "copy": "stderr"}))
    wait_until(lambda: "hello from" in read(path), 5)
    w.wait_log(r"\| hello from", 5)


def test_files_are_rotated_and_no_line_is_lost(weir, directory):
    path = pathlib.Path(directory) / "shop.log"
    old = [pathlib.Path(f"{path}.{i}") for i in range(1, 30)]
    w = weir(services=one_service(FLOOD, servers=1, log={"file": str(path), "max": "64KiB", "keep": 20}))
    wait_until(lambda: "| done" in read(path), 20)
    files = [file for file in reversed(old) if file.exists()] + [path]
    assert len(files) > 5 and all(file.stat().st_size <= 64 * 1024 for file in files)
    lines = [LINE.match(line).group(2) for file in files for line in file.read_text().splitlines()]
    assert lines == [f"line {i} of a server that talks a lot" for i in range(1, 8001)] + ["done"]
    assert w.ask("GET", "/").status == 200


def test_only_so_many_old_files_are_kept(weir, directory):
    path = pathlib.Path(directory) / "shop.log"
    weir(services=one_service(FLOOD, servers=1, log={"file": str(path), "max": "64KiB", "keep": 2}))
    wait_until(lambda: "| done" in read(path), 20)
    assert sorted(file.name for file in pathlib.Path(directory).glob("shop.log*")) == ["shop.log", "shop.log.1", "shop.log.2"]


def test_file_that_was_moved_away_is_made_anew(weir, directory):
    path = pathlib.Path(directory) / "shop.log"
    w = weir(services=one_service(CHATTY, servers=1, log=str(path)))
    wait_until(lambda: "hello" in read(path), 5)
    path.rename(f"{path}.old")
    os.kill(w.application_pids().pop(), signal.SIGKILL)
    wait_until(lambda: "hello" in read(path), 10)


def test_link_is_not_followed_and_lines_are_not_lost(weir, directory):
    path, target = pathlib.Path(directory) / "shop.log", pathlib.Path(directory) / "precious"
    target.write_text("")
    path.symlink_to(target)
    w = weir(services=one_service(CHATTY, servers=1, log=str(path)))
    w.wait_log(r"is a link, which is not followed", 5)
    w.wait_log(r"\| hello from", 5)
    os.kill(w.application_pids().pop(), signal.SIGKILL)
    w.wait_log(r"\| hello from", 10, count=2)
    assert target.read_text() == "" and w.log().count("is a link") == 1


@NEEDS_ROOT
def test_full_disk_is_told_once_and_counted(weir, directory, small_disk):
    path = pathlib.Path(small_disk) / "shop.log"
    w = weir(services=one_service(FLOOD, servers=1, log=str(path)))
    w.wait_log(r"No space left on device; their lines are dropped", 10)
    assert w.ask("GET", "/").status == 200
    time.sleep(0.5)
    os.truncate(path, 0)
    os.kill(w.application_pids().pop(), signal.SIGKILL)
    wait_until(lambda: re.search(r"^weir: \d+ lines were dropped: the file could not be written$", read(path), re.M), 10)


def test_stuck_disk_holds_nothing_up(weir, directory):
    path = pathlib.Path(directory) / "shop.log"
    w = weir(services=one_service(FLOOD, servers=1, log=str(path)))
    writer = writers(w)[0]
    writer.suspend()
    wait_until(lambda: len(w.takes_requests()) == 1, 10)
    assert w.ask("GET", "/").status == 200
    os.kill(w.application_pids().pop(), signal.SIGKILL)
    wait_until(lambda: len(w.takes_requests()) == 1, 10, "a new server, although nobody writes")
    writer.resume()
    wait_until(lambda: "| done" in read(path), 10)


def test_stuck_disk_does_not_hold_up_the_end(weir, directory):
    w = weir(services=one_service(CHATTY, servers=1, log=str(pathlib.Path(directory) / "shop.log")))
    writers(w)[0].suspend()
    w.signal(signal.SIGTERM)
    assert w.wait() == 0
    assert not w.processes()


def test_killed_writer_is_replaced(weir, directory):
    path = pathlib.Path(directory) / "shop.log"
    w = weir(services=one_service(CHATTY, servers=1, log=str(path)))
    wait_until(lambda: "hello" in read(path), 5)
    writers(w)[0].kill()
    w.wait_log(r"the writer of .* was killed", 5)
    os.kill(w.application_pids().pop(), signal.SIGKILL)
    wait_until(lambda: read(path).count("hello") == 2, 10)


def test_everything_is_written_when_weir_ends(weir, directory):
    path = pathlib.Path(directory) / "shop.log"
    command = [PYTHON, "-c", "import runpy, signal, sys\n"
               "def bye(*a):\n  [print('last word', i) for i in range(500)]; sys.exit(0)\n"
               f"signal.signal(signal.SIGTERM, bye); sys.argv = ['x', sys.argv[1]]; runpy.run_path({str(TINY_SERVER)!r}, run_name='__main__')",
               "{address}"]
    w = weir(services=one_service(command, servers=1, log=str(path)))
    w.signal(signal.SIGTERM)
    assert w.wait() == 0
    assert "| last word 499\n" in read(path)
    assert not w.processes()


# ---------------------------------------------------------------------------------------------- limits

GREEDY = [PYTHON, "-c", f"""
import sys
sys.path.insert(0, {str(pathlib.Path(TINY_SERVER).parent)!r})
import tiny_server
plain = tiny_server.Handler.work
def work(self, url):
    if url.path != "/eat":
        return plain(self, url)
    [bytearray(b"x" * (1 << 20)) for _ in range(int(url.query))]
    return "ate"
tiny_server.Handler.work = work
host, port = sys.argv[1].rsplit(":", 1)
tiny_server.Server((host, int(port)), tiny_server.Handler).serve_forever()
""", "{address}"]


def own_group(pid, controller):
    """The folder of a process's control group of version 1; None where there is none."""
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        folder = pathlib.Path("/sys/fs/cgroup") / controller
        if controller in controllers.split(",") and (folder / path.lstrip("/")).is_dir():
            return folder / path.lstrip("/")
    return None


def can_limit():
    group = own_group("self", "memory")
    try:
        probe = group / "weir-flow-probe"
        probe.mkdir()
        probe.rmdir()
    except (OSError, TypeError):
        return False
    return own_group("self", "cpu") is not None


NEEDS_GROUPS = pytest.mark.skipif(not can_limit(), reason="no control groups of version 1 that one may make here")


def leftovers():
    return [folder for controller in ("memory", "cpu") for folder in own_group("self", controller).glob("weir.*")]


@NEEDS_GROUPS
@pytest.mark.alone  # each Weir on this machine tells of the kill
def test_server_beyond_its_memory_is_killed_and_the_reason_told(weir):
    w = weir(services=one_service(GREEDY, servers=1, limits={"memory": "64MiB"}, user="daemon"))
    pid = w.application_pids().pop()
    group = own_group(pid, "memory")
    assert group.name.startswith(f"weir.{w.process.pid}.") and (group / "memory.limit_in_bytes").read_text() == "67108864\n"
    assert w.ask("GET", "/eat?10").body == b"ate"
    client = w.client()
    client.request("GET", "/eat?300")
    w.wait_log(r"killed by SIGKILL: out of memory, limit 64MiB", 20)
    wait_until(lambda: len(w.takes_requests()) == 1 and pid not in w.application_pids(), 10)
    wait_until(lambda: not group.exists(), 5, "the group of the dead server is removed")
    w.stop()
    assert not leftovers()


@NEEDS_GROUPS
def test_server_gets_no_more_cpu_than_its_limit(weir):
    busy = ["/bin/sh", "-c", f"(while :; do :; done) & exec {PYTHON} {TINY_SERVER} {{address}}"]
    w = weir(services=one_service(busy, servers=1, limits={"cpus": 0.25}))
    group = own_group(w.application_pids().pop(), "cpu")
    assert (group / "cpu.cfs_quota_us").read_text() == "25000\n"
    throttled = re.compile(r"^nr_throttled (\d+)$", re.M)
    wait_until(lambda: int(throttled.search((group / "cpu.stat").read_text()).group(1)) > 2, 20, "it waits for its turn")
    assert w.ask("GET", "/").status == 200


@NEEDS_GROUPS
def test_groups_of_a_killed_weir_are_removed_by_the_next(weir):
    w = weir(services=one_service(servers=1, limits={"memory": "256MiB", "cpus": 1}))
    groups = [own_group(w.application_pids().pop(), controller) for controller in ("memory", "cpu")]
    w.expected_status = -signal.SIGKILL
    w.signal(signal.SIGKILL)
    wait_until(lambda: not w.processes(), 6)
    assert all(group.exists() for group in groups)
    w.stop()
    weir(services=one_service(servers=1, limits={"memory": "256MiB", "cpus": 1}))
    assert not any(group.exists() for group in groups)


@NEEDS_ROOT
@NEEDS_GROUPS
def test_limits_that_the_host_does_not_allow_are_told(directory):
    """Without root nobody may make groups of version 1."""
    file, log = pathlib.Path(directory) / "weir.yaml", pathlib.Path(directory) / "log"
    port = free_port()
    file.write_text(f"listeners: [{{http: '127.0.0.1:{port}'}}]\nadmin: off\nstate: off\n"
                    f"services: {{main: {{scale: {{command: [{PYTHON}, {TINY_SERVER}, '{{address}}'], limits: {{memory: 64MiB}}}}}}}}\n")
    os.chmod(directory, 0o755)
    with open(log, "wb") as sink:
        process = subprocess.Popen([binary(), "run", "-c", file], stdout=sink, stderr=sink, stdin=subprocess.DEVNULL, user="daemon",
                                   group="daemon", extra_groups=[])
    try:
        wait_until(lambda: "servers run without some of their limits: Weir may not make control groups in" in read(log), 10)
        wait_until(lambda: Client(port).ask("GET", "/").status == 200, 10)
    finally:
        process.terminate()
        assert process.wait(20) == 0


# ---------------------------------------------------------------------------------------------- unix sockets

ON_SOCKET = [PYTHON, "-c", """
import os, socketserver, sys
sys.path.insert(0, os.path.dirname(sys.argv[2]))
import tiny_server
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128
class Handler(tiny_server.Handler):
    disable_nagle_algorithm = False
Server(sys.argv[1], Handler).serve_forever()
""", "{socket}", str(TINY_SERVER)]


def socket_paths(w):
    return [pathlib.Path(row["address"].removeprefix("unix:")) for row in w.servers()]


def test_servers_on_unix_sockets(weir):
    w = weir(services=one_service(ON_SOCKET, servers=2))
    wait_until(lambda: len(w.takes_requests()) == 2, 10)
    assert w.ask("GET", "/").status == 200
    paths = socket_paths(w)
    assert all(path.name == f"{row['name'].split('/')[-1]}.sock" for path, row in zip(paths, w.servers()))
    assert all(stat.S_ISSOCK(path.stat().st_mode) for path in paths)
    folder = paths[0].parent.parent
    assert folder.name.startswith(f"weir-sockets.{w.process.pid}.")
    os.kill(w.application_pids().pop(), signal.SIGKILL)
    wait_until(lambda: len(w.takes_requests()) == 2 and len([f for f in folder.iterdir()]) == 2, 10, "the dead server's folder is gone")
    w.worker().kill()
    wait_until(lambda: len(w.takes_requests()) == 2, 10, "a new worker takes them over")
    assert w.ask("GET", "/").status == 200
    w.stop()
    assert not folder.exists()


@NEEDS_ROOT
def test_only_worker_and_server_reach_a_socket(weir):
    w = weir(services=one_service(ON_SOCKET, servers=1, user="daemon"))
    assert w.ask("GET", "/").status == 200
    path, = socket_paths(w)
    assert path.parent.owner() == "daemon" and stat.S_IMODE(path.parent.stat().st_mode) == 0o2710
    said = subprocess.run([PYTHON, "-c", "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])", path],
                          user="games", group="games", extra_groups=[], capture_output=True, text=True)
    assert "PermissionError" in said.stderr


def test_sockets_of_a_killed_weir_are_removed_by_the_next(weir):
    w = weir(services=one_service(ON_SOCKET, servers=1))
    folder = socket_paths(w)[0].parent.parent
    w.expected_status = -signal.SIGKILL
    w.signal(signal.SIGKILL)
    wait_until(lambda: not w.processes(), 6)
    assert folder.exists()
    w.stop()
    weir(services=one_service(ON_SOCKET, servers=1))
    assert not folder.exists()

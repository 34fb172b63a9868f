"""The process at the top: what it starts it also ends, whatever happens to it; and it keeps its privileges to itself."""
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import time

import pytest

import harness
from harness import PYTHON, TINY_SERVER, Client, free_port, psutil, run_weir, wait_until

TINY = [PYTHON, TINY_SERVER, "{address}"]
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up root")


def one_service(command=TINY, **scale):
    return {"main": {"health": {"path": "/healthz"}, "scale": {"command": command, **scale}}}


@pytest.fixture
def running(weir):
    w = weir(services=one_service(servers=2))
    wait_until(lambda: len(w.takes_requests()) == 2, 10)
    return w


# ---------------------------------------------------------------------------------------------- the end


def test_sigkill_of_weir_leaves_nothing(running):
    assert len(running.processes()) >= 5, "supervisor, guard, worker, two servers"
    running.expected_status = -signal.SIGKILL
    running.signal(signal.SIGKILL)
    wait_until(lambda: not running.processes(), 6, "everything that Weir started ends")


def test_sigkill_of_weirs_whole_process_group_leaves_nothing(running):
    running.expected_status = -signal.SIGKILL
    os.killpg(running.process.pid, signal.SIGKILL)
    wait_until(lambda: not running.processes(), 6)


def test_sigterm_lets_requests_end(running):
    client = running.client(timeout=20)
    client.request("GET", "/work?ms=1500")
    wait_until(lambda: sum(row["in_flight"] for row in running.servers()) == 1, 5)
    running.signal(signal.SIGTERM)
    assert client.response().status == 200
    assert running.wait() == 0


def test_sigterm_refuses_new_connections(running):
    client = running.client(timeout=20)
    client.request("GET", "/work?ms=1500")
    wait_until(lambda: sum(row["in_flight"] for row in running.servers()) == 1, 5)
    running.signal(signal.SIGTERM)

    def is_refused():
        try:
            socket.create_connection(("127.0.0.1", running.port), timeout=1).close()
            return False
        except ConnectionRefusedError:
            return True

    wait_until(is_refused, 1.2, "nobody waits in a queue that nobody reads")
    assert client.response().status == 200


def test_sigterm_gives_up_on_a_request_after_the_drain_timeout(weir):
    w = weir(services=one_service(servers=1, stop_timeout="500ms"), timeouts={"drain": "1s"})
    wait_until(w.takes_requests, 10)
    client = w.client(timeout=20)
    client.request("GET", "/work?ms=20000")
    wait_until(lambda: w.servers()[0]["in_flight"] == 1, 5)
    start = time.monotonic()
    w.signal(signal.SIGTERM)
    assert w.wait() == 0
    assert 0.9 < time.monotonic() - start < 6 * harness.PATIENCE


def test_sighup_is_noted_and_ignored(running):
    running.signal(signal.SIGHUP)
    running.wait_log(r"SIGHUP", 5)
    assert running.ask("GET", "/").status == 200


def test_a_frozen_worker_does_not_stop_the_end(running):
    worker = running.worker()
    worker.suspend()
    running.signal(signal.SIGINT)
    running.wait_log(r"press Ctrl-C again", 5)
    running.expected_status = 130
    running.signal(signal.SIGINT)
    assert running.wait() == 130


# ---------------------------------------------------------------------------------------------- processes


def test_worker_does_not_die_of_ctrl_c(running):
    """On a terminal Ctrl-C goes to every process of the foreground group: what it means is the supervisor's to say."""
    worker = running.worker()
    assert os.getpgid(worker.pid) != os.getpgid(running.process.pid)
    worker.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert running.worker().pid == worker.pid
    assert all(os.getpgid(pid) == pid for pid in running.application_pids())


@NEEDS_ROOT
def test_worker_is_nobody_and_can_gain_nothing(running):
    status = pathlib.Path(f"/proc/{running.worker().pid}/status").read_text()
    nobody = pwd.getpwnam("nobody")
    assert re.search(rf"^Uid:\s+{nobody.pw_uid}\s+{nobody.pw_uid}\s+{nobody.pw_uid}\s+{nobody.pw_uid}$", status, re.M)
    assert re.search(r"^CapEff:\s+0+$", status, re.M) and re.search(r"^NoNewPrivs:\s+1$", status, re.M)
    groups = re.search(r"^Groups:\s*(.*)$", status, re.M).group(1).split()
    assert "0" not in groups


@NEEDS_ROOT
def test_secret_of_root_reaches_the_worker(weir, directory):
    secret = pathlib.Path(directory) / "token"
    secret.write_text("a-token-of-enough-characters\n")
    secret.chmod(0o400)
    port = free_port()
    w = weir(services=one_service(servers=1), admin={"listen": f"127.0.0.1:{port}", "token_file": str(secret)}, wait=None)
    w.admin_port = port
    w.wait_ready()
    arguments = ["status", "--admin", f"http://127.0.0.1:{port}/"]
    result = run_weir(*arguments)
    assert result.returncode == 1 and "token" in result.stderr
    result = run_weir(*arguments, "--token-file", secret)
    assert result.returncode == 0, result.stderr


@NEEDS_ROOT
def test_servers_run_as_their_user_in_their_directory(weir):
    w = weir(services=one_service(servers=1, user="daemon", directory="/usr"))
    wait_until(w.takes_requests, 10)
    assert w.ask("GET", "/cwd").body.decode().split()[0] == "/usr"
    pid = w.application_pids().pop()
    assert psutil.Process(pid).username() == "daemon"
    assert w.ask("GET", "/env?HOME").body.decode() == pwd.getpwnam("daemon").pw_dir


def test_command_that_cannot_be_executed_is_told_precisely(weir):
    w = weir(services=one_service(["no-such-program-here", "{address}"], servers=1), wait="alive")
    w.wait_log(r"no-such-program-here: not found in PATH", 5)


def test_death_is_told_with_its_reason(running):
    pid = running.application_pids().pop()
    os.kill(pid, signal.SIGKILL)
    running.wait_log(r"killed by SIGKILL", 5)
    wait_until(lambda: len(running.takes_requests()) == 2, 10)
    assert pid not in running.application_pids()


def test_server_without_line_ends_does_not_hold_weir_up(weir):
    flood = ["/bin/sh", "-c", f"(head -c 3000000 /dev/zero | tr '\\0' x) & exec {PYTHON} {TINY_SERVER} {{address}}"]
    w = weir(services=one_service(flood, servers=1))
    wait_until(w.takes_requests, 15)
    assert w.ask("GET", "/").status == 200
    wait_until(lambda: w.log().count("x") > 2_900_000, 10)
    longest = max(map(len, w.log().split("\n")))
    assert longest < 4096 + 16


# ---------------------------------------------------------------------------------------------- start


def test_second_weir_on_the_same_address_is_refused(running):
    result = run_weir("run", "--listen", f"127.0.0.1:{running.port}", "--admin", "off", "--", *TINY)
    assert result.returncode == 1 and f"127.0.0.1:{running.port}" in result.stderr
    assert "in use" in result.stderr


def test_admin_address_that_is_taken(running):
    result = run_weir("run", "--listen", f"127.0.0.1:{free_port()}", "--admin", f"127.0.0.1:{running.admin_port}", "--", *TINY)
    assert result.returncode == 1 and f"127.0.0.1:{running.admin_port}" in result.stderr


def test_unknown_user_is_refused_at_start(weir, directory):
    file = pathlib.Path(directory) / "weir.yaml"
    file.write_text(f"listeners: [{{http: '127.0.0.1:{free_port()}'}}]\nadmin: off\n"
                    "services: {main: {scale: {command: [x, '{address}'], user: no-such-user-here}}}\n")
    result = run_weir("run", "-c", file)
    assert result.returncode == 1 and "no-such-user-here" in result.stderr


def test_printed_configuration_does_the_same(weir, directory):
    result = run_weir("run", "--servers", "1..3", "--max-requests", "7", "--print-config", "--", *TINY)
    assert result.returncode == 0, result.stderr
    file = pathlib.Path(directory) / "printed.yaml"
    file.write_text(result.stdout)
    result = run_weir("run", "-c", file, "--print-config")
    assert result.returncode == 0 and re.search(r"max_requests: \"?7", result.stdout), result.stdout + result.stderr


def test_worker_by_hand_is_refused():
    result = run_weir("worker")
    assert result.returncode == 2 and "weir run" in result.stderr


# ---------------------------------------------------------------------------------------------- surroundings


def test_service_manager_is_told(weir, directory):
    path = os.path.join(directory, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(10 * harness.PATIENCE)
        w = weir(services=one_service(servers=1), environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})
        seen = set()
        while not {"READY=1", "WATCHDOG=1"} <= seen or not any(line.startswith("STATUS=") for line in seen):
            seen.update(s.recv(4096).decode().split("\n"))
        wait_until(w.takes_requests, 10)
        assert w.ask("GET", "/env?NOTIFY_SOCKET").body == b"", "servers do not speak in Weir's place"
        w.signal(signal.SIGTERM)
        while "STOPPING=1" not in seen:
            seen.update(s.recv(4096).decode().split("\n"))
    assert w.wait() == 0


def can_unshare():
    if not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not can_unshare(), reason="no process namespaces here")
def test_as_process_1_it_reaps_orphans_and_obeys_signals(directory):
    port, admin = free_port(), free_port()
    orphans = f"for i in 1 2 3; do (sleep 0.3 &) ; done; exec {PYTHON} {TINY_SERVER} {{address}}"
    log = open(os.path.join(directory, "log"), "wb")
    process = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", harness.binary(), "run", "--listen", f"127.0.0.1:{port}",
         "--admin", f"127.0.0.1:{admin}", "--", "/bin/sh", "-c", orphans],
        stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: psutil.Process(process.pid).children(), 5)
        weir = psutil.Process(process.pid).children()[0]

        def answers():
            try:
                return Client(port).ask("GET", "/").status == 200
            except (OSError, harness.Closed):
                return False

        wait_until(answers, 15)
        time.sleep(0.5)
        wait_until(lambda: not [p for p in weir.children(recursive=True) if p.status() == psutil.STATUS_ZOMBIE], 5,
                   "orphans are reaped")
        weir.send_signal(signal.SIGTERM)
        assert process.wait(15 * harness.PATIENCE) == 0
    finally:
        if process.poll() is None:
            process.kill()
        log.close()


def test_man_page_is_that_of_the_commands():
    result = run_weir("help", "--man")
    assert result.returncode == 0
    assert result.stdout == (harness.ROOT / "docs" / "man" / "weir.1").read_text(), "weir help --man > docs/man/weir.1"


def test_status_as_json(running):
    result = run_weir("status", "--json", "--admin", f"127.0.0.1:{running.admin_port}")
    answer = json.loads(result.stdout)
    assert len(answer["servers"]["servers"]) == 2 and answer["services"]["services"][0]["name"] == "main"


def test_drained_server_can_be_taken_back(running):
    admin = f"127.0.0.1:{running.admin_port}"
    name = running.takes_requests()[0]["name"]
    result = run_weir("drain", name, "--admin", admin)
    assert result.returncode == 0 and name in result.stdout, result.stderr
    result = run_weir("scale", "main", "auto", "--admin", admin)
    assert result.returncode == 0, result.stderr
    result = run_weir("scale", "main", "many", "--admin", admin)
    assert result.returncode == 2 and "many" in result.stderr


def test_events_can_be_followed(running):
    follow = subprocess.Popen([harness.binary(), "events", "--follow", "--admin", f"127.0.0.1:{running.admin_port}"],
                              stdout=subprocess.PIPE)
    try:
        os.set_blocking(follow.stdout.fileno(), False)
        text = b""

        def seen(word):
            nonlocal text
            text += follow.stdout.read() or b""
            return word in text.decode()

        wait_until(lambda: seen("requests are taken"), 5)
        os.kill(running.application_pids().pop(), signal.SIGKILL)
        wait_until(lambda: seen("SIGKILL"), 5)
    finally:
        follow.terminate()
        follow.wait()


def test_unix_socket_for_admin(weir, directory):
    path = os.path.join(directory, "admin.sock")
    w = weir(services=one_service(servers=1), admin={"listen": f"unix:{path}"}, wait=None)
    wait_until(lambda: os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode), 5)
    result = wait_until(lambda: (r := run_weir("status", "--admin", f"unix:{path}")).returncode == 0 and r, 10)
    assert "main" in result.stdout
    assert w.process.poll() is None

"""`weir record`: what came, second by second, as a trace that `weir simulate` reads; what was not counted is not made up."""
import os
import re
import signal
import subprocess
import time

from harness import PATIENCE, PYTHON, TINY_SERVER, binary, run_weir, wait_until

TINY = [PYTHON, TINY_SERVER, "{address}"]


class Recording:
    """`weir record` at work."""

    def __init__(self, w, service, path, *arguments):
        self.path = path
        self.process = subprocess.Popen([binary(), "record", service, "-o", path, "--admin", f"127.0.0.1:{w.admin_port}", *arguments],
                                        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self.first_line = self.process.stderr.readline()

    def rows(self):
        with open(self.path) as file:
            lines = file.read().split("\n")
        assert lines[0] == "t_seconds,requests" and lines[-1] == "", "every line is whole"
        return [tuple(map(int, line.split(","))) for line in lines[1:-1]]

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        errors = self.process.stderr.read()
        assert not [line for line in errors.splitlines() if line.endswith(": ")], errors  # nothing to tell is not told
        return self.process.wait(10 * PATIENCE), errors


def test_a_load_is_recorded_and_simulated(weir, directory):
    w = weir(services={"shop": {"scale": {"command": TINY, "servers": "1..2"}}})
    recording = Recording(w, "shop", os.path.join(directory, "shop.csv"))
    assert "shop.csv" in recording.first_line
    wait_until(recording.rows, 10, "the first line: the second in which Weir began does not count, since it is not whole")
    sent = 0
    for count in (3, 50, 20):
        client = w.client()
        for _ in range(count):
            assert client.ask().status == 200
        client.close()
        sent += count
        time.sleep(1)
    wait_until(lambda: sum(requests for _, requests in recording.rows()) == sent, 10, "every request in the trace")
    before = len(recording.rows())
    wait_until(lambda: len(recording.rows()) >= before + 2, 10, "lines for quiet seconds")
    status, errors = recording.end()
    rows = recording.rows()
    assert status == 0 and f"{sent} requests in {len(rows)} lines" in errors, errors
    assert sum(requests for _, requests in rows) == sent
    assert [second for second, _ in rows] == list(range(rows[0][0], rows[0][0] + len(rows)))
    assert abs(rows[-1][0] - time.time()) < 20 * PATIENCE, "seconds since 1970"
    result = run_weir("simulate", "--trace", recording.path, "--policy", "weir", "--start-time", "1s", "--peak-servers", "recorded")
    assert result.returncode == 0, result.stderr
    seconds, rate = re.search(r"shop.csv: (\d+)s, ([\d.]+) requests/s as recorded", result.stdout).groups()
    assert int(seconds) == len(rows) and abs(float(rate) * int(seconds) - sent) < 0.01 * sent


def test_for_a_time_in_wider_bins_of_fixed_servers(weir, origin, directory):
    w = weir(services={"main": {"servers": [origin(b"hi").address]}})
    recording = Recording(w, "main", os.path.join(directory, "main.csv"), "--for", "4s", "--interval", "2s")
    sent = 0
    while recording.process.poll() is None:
        assert w.ask().status == 200
        sent += 1
        time.sleep(0.05)
    status, errors = recording.wait()
    (first, _), (second, _) = rows = recording.rows()
    assert status == 0 and second == first + 2, errors
    assert 0 < sum(requests for _, requests in rows) <= sent


def test_what_a_restart_lost_is_told_and_left_out(weir, directory):
    w = weir(services={"shop": {"scale": {"command": TINY, "servers": "1..2"}}})
    recording = Recording(w, "shop", os.path.join(directory, "shop.csv"))
    wait_until(lambda: len(recording.rows()) >= 2, 10)
    os.kill(w.worker().pid, signal.SIGKILL)
    wait_until(lambda: any(b - a > 1 for (a, _), (b, _) in zip(recording.rows(), recording.rows()[1:])), 20, "a gap, and lines after it")
    status, errors = recording.end(signal.SIGTERM)
    rows = recording.rows()
    missing = rows[-1][0] - rows[0][0] + 1 - len(rows)
    assert status == 0 and missing > 0
    assert "nobody counted what came" in errors and f"; {missing} lines are missing" in errors, errors


def test_wrong_usage_costs_no_older_recording(weir, directory):
    w = weir(services={"shop": {"scale": {"command": TINY, "servers": "1..2"}}})
    path = os.path.join(directory, "shop.csv")
    with open(path, "w") as file:
        file.write("precious")
    for arguments, status, word in [(["nothing"], 1, "nothing"), (["shop", "--for", "1500ms"], 2, "whole seconds"),
                                    (["shop", "--for", "5s", "--interval", "2s"], 2, "multiple"), (["shop", "--interval", "few"], 2, "few")]:
        result = run_weir("record", *arguments, "-o", path, "--admin", f"127.0.0.1:{w.admin_port}")
        assert result.returncode == status and word in result.stderr, result.stderr
    assert open(path).read() == "precious"

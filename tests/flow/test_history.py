"""What was watched is kept, beside what was learned and without a risk for that: over restarts, SIGKILLs, full disks and damage."""
import json
import os
import re
import signal
import sqlite3
import subprocess
import time

import pytest

from harness import PATIENCE, Client, run_weir, wait_until

BATCH_S = 10


def fixed(origin):
    return {"main": {"servers": [origin().address]}}


def series(w, query):
    """{labels as text: {second: mean, None for unknown}} of an answer."""
    answer = w.api(f"history?{query}")
    return {str(s["labels"]): {p[0]: p[2] for p in s["points"]} for s in answer["series"]}


def one(w, query):
    found = series(w, query)
    assert len(found) <= 1, found
    return next(iter(found.values()), {})


def known(w, metric="load1", seconds=120):
    return {t: v for t, v in one(w, f"metric={metric}&from={seconds}s&step=1").items() if v is not None}


def events(w, kind):
    return [e for e in w.api("events?count=1000")["events"] if e["kind"] == kind]


def file_of(w):
    return next((path for path in w.state_files() if path.name == "weir-history.db"), None)


def error_of(w, query):
    response = Client(w.admin_port).ask(target=f"/api/v1/history?{query}", host="127.0.0.1")
    return response.status, response.json().get("error", "")


def test_what_is_watched_can_be_asked_for(weir, origin):
    w = weir(services=fixed(origin))
    wait_until(lambda: len(known(w)) >= 3, 10, "three seconds of load")
    host = w.api("host")
    answer = w.api("history?metric=memory&from=1m&step=1")
    assert answer["unit"] == "percent" and answer["level"] == "1s" and answer["step_seconds"] == 1
    points = answer["series"][0]["points"]
    assert 60 <= len(points) <= 62 and all(b[0] == a[0] + 1 for a, b in zip(points, points[1:]))
    assert points[0][1:] == [None, None, None], "nothing was known before Weir began"
    least, mean, most = next(p[1:] for p in reversed(points) if p[1] is not None)
    assert least <= mean <= most and abs(mean - host["memory"]["percent"]) < 20
    disks = {d["path"] for d in host["disks"]}
    # Another test may mount a disk of its own meanwhile, or have done so.
    wait_until(lambda: set(series(w, "metric=disk")) & {str({"path": path}) for path in disks}, 10, "a series a disk")
    assert len(series(w, "metric=disk&path=/")) <= 1
    assert one(w, "metric=disk&path=/nowhere") == {}
    listed = {s["metric"] for s in w.api("history")["series"]}
    assert {"cpu", "memory", "load1", "history_failing"} <= listed
    assert w.metric("weir_history_up") == 1 and w.metric("weir_history_series") >= 10


@pytest.mark.parametrize("query, status, words", [
    ("metric=cpuu", 400, "did you mean 'cpu'?"),
    ("metric=cpu&colour=blue", 400, "has no label 'colour'"),
    ("metric=cpu&from=tomorrow", 400, "'from' must be"),
    ("metric=cpu&from=1h&to=2h", 400, "'from' must be before 'to'"),
    ("metric=cpu&from=2d&step=1", 400, "5000 is the most"),
    ("metric=%zz", 400, "percent-encoded"),
])
def test_questions_that_make_no_sense(weir, origin, query, status, words):
    w = weir(services=fixed(origin))
    got, text = error_of(w, query)
    assert got == status and words in text


def test_answers_come_in_order_and_nobody_waits_for_who_has_gone(weir, origin):
    w = weir(services=fixed(origin))
    wait_until(lambda: known(w), 10)
    for _ in range(20):
        Client(w.admin_port).request(target="/api/v1/history?metric=cpu", host="127.0.0.1").reset()
    client = Client(w.admin_port)
    for target in ("/api/v1/history?metric=cpu", "/healthz", "/api/v1/history?metric=memory", "/api/v1/history"):
        client.request(target=target, host="127.0.0.1")
    first, health, second, listed = (client.response() for _ in range(4))
    assert first.json()["metric"] == "cpu" and health.json() == {"status": "ok"}
    assert second.json()["metric"] == "memory" and "levels" in listed.json()
    head = Client(w.admin_port).request("HEAD", "/api/v1/history?metric=cpu", host="127.0.0.1").response("HEAD")
    assert head.status == 200 and head.body == b""
    assert w.ask().status == 200


def test_it_crosses_a_restart(weir, origin):
    w = weir(services=fixed(origin))
    wait_until(lambda: len(known(w)) >= 3, 10)
    before = known(w)
    w.stop()
    stopped = int(time.time())
    time.sleep(2)
    w.start()
    wait_until(lambda: any(t > stopped for t in known(w)), 10, "seconds after the restart")
    after = known(w)
    assert before.items() <= after.items()
    assert stopped + 1 not in after, "nobody has seen this second"


@pytest.mark.long
def test_what_was_told_survives_ten_kills(weir, origin):
    w = weir(services=fixed(origin))
    told = {}
    for round_ in range(10):
        wait_until(lambda: any(t not in told for t in known(w)), 10, "a second that is new")
        told |= known(w)
        pid = w.worker().pid
        time.sleep(0.1 * round_)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: w.worker() and w.worker().pid != pid, 5)
        w.wait_ready()
    wait_until(lambda: any(t not in told for t in known(w)), 10)
    assert told.items() <= known(w).items()
    assert not events(w, "history_anew") and not events(w, "history_failed")
    w.stop()
    db = sqlite3.connect(file_of(w))
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


def test_a_kill_loses_the_last_batch_at_most(weir, origin):
    """Without anybody who asks: what is older than ten seconds is in the file."""
    w = weir(services=fixed(origin))
    began = time.time()
    wait_until(lambda: w.metric("weir_history_writes_total") >= 1, 30)
    killed = time.time()
    pid = w.worker().pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: w.worker() and w.worker().pid != pid, 5)
    w.wait_ready()
    seen = known(w)
    missing = [t for t in range(int(began) + 2, int(killed) - BATCH_S) if t not in seen]
    assert len(missing) <= 1 if PATIENCE == 1 else True, missing
    assert seen, "the batch that was written"


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk needs root")
def test_a_full_disk(weir, origin, directory):
    """Serving goes on, an event and a series say so, what was learned is not in danger, and nothing is missing afterwards."""
    disk = f"{directory}/disk"
    os.mkdir(disk)
    os.chmod(disk, 0o755)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=755", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        w = weir(services=fixed(origin), state=disk)
        wait_until(lambda: w.metric("weir_history_writes_total") >= 1, 30, "a first batch")
        filled = int(time.time())
        with open(f"{disk}/filler", "wb") as filler:
            while True:
                try:
                    filler.write(b"x" * 65536)
                    filler.flush()
                except OSError:
                    break
        wait_until(lambda: events(w, "history_failed"), 30, "the failure as an event")
        assert w.metric("weir_history_up") == 0 and w.ask().status == 200
        os.unlink(f"{disk}/filler")
        wait_until(lambda: events(w, "history_recovered"), 30, "the recovery as an event")
        assert w.metric("weir_history_up") == 1 and w.metric("weir_history_lost_values_total") == 0
        wait_until(lambda: max(known(w)) > filled + 2 * BATCH_S, 30)
        failing = known(w, "history_failing")
        assert 1 in failing.values() and 0 in failing.values()
        assert len(events(w, "history_failed")) == 1
        if PATIENCE == 1:
            seen = known(w)
            missing = [t for t in range(filled, max(seen)) if t not in seen]
            assert len(missing) <= 2, f"{missing} were never written"
        w.stop()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_damaged_history_costs_nothing_of_what_was_learned(weir, origin):
    w = weir(services=fixed(origin))
    wait_until(lambda: known(w), 10)
    w.stop()
    path = file_of(w)
    learned = path.with_name("weir.db").read_bytes()
    path.write_bytes(b"no history " * 1000)
    w.start()
    assert w.ask().status == 200
    wait_until(lambda: known(w), 20, "a new file")
    assert len(events(w, "history_anew")) == 1 and not events(w, "state_anew")
    assert path.with_name("weir-history.db.damaged").read_bytes().startswith(b"no history")
    assert path.with_name("weir.db").read_bytes()[:100] == learned[:100]


def test_the_file_is_not_larger_than_it_may_be(weir, origin):
    """A file of before that is larger than the bound of now: the oldest go until it fits, and the newest stay."""
    w = weir(services=fixed(origin), history={"max_size": "4MiB"})
    wait_until(lambda: known(w), 10)
    w.stop()
    path = file_of(w)
    now = int(time.time()) // 10
    db = sqlite3.connect(path)
    db.executemany("INSERT OR IGNORE INTO level_1s VALUES (?, ?)",
                   (((now - 340 + i // 100) << 24 | 100000 + i % 100, b"\x01" * 100) for i in range(33000)))
    db.execute("INSERT OR REPLACE INTO rolled VALUES (1, ?)", ((now - 5) // 30 * 300,))
    db.commit()
    db.close()
    w.start()
    wait_until(lambda: w.metric("weir_history_shortened_total") >= 1, 40, "a file that is cut")
    assert events(w, "history_shortened")
    wait_until(lambda: known(w) and path.stat().st_size <= 4 << 20, 60, "a file of its size")


@pytest.mark.parametrize("options", [{"history": "off"}, {"state": "off"}])
def test_off_keeps_nothing(weir, origin, options):
    w = weir(services=fixed(origin), **options)
    status, text = error_of(w, "metric=cpu")
    assert status == 404 and "no history is kept" in text
    assert not [name for name, _ in w.metrics() if name.startswith("weir_history")]
    w.stop()
    assert file_of(w) is None


def test_the_command_draws_it(weir, origin):
    w = weir(services=fixed(origin))
    wait_until(lambda: len(known(w)) >= 3, 10)
    admin = ["--admin", f"127.0.0.1:{w.admin_port}"]
    drawn = run_weir("history", "memory", "--from", "1m", *admin)
    assert drawn.returncode == 0 and re.search(r"^memory\n  .*[▁-█].*\n  min [\d.]+  mean [\d.]+  max [\d.]+  percent\n$", drawn.stdout), drawn
    assert re.search(r"^disk +percent +path=/", run_weir("history", *admin).stdout, re.M)
    assert json.loads(run_weir("history", "memory", "--json", *admin).stdout)["metric"] == "memory"
    wrong = run_weir("history", "memry", *admin)
    assert wrong.returncode != 0 and "did you mean 'memory'?" in wrong.stderr
    assert run_weir("history", "disk", "path", *admin).returncode == 2

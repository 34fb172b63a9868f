"""What was learned, and what was set by hand, outlives the worker and Weir itself; and where it cannot be kept, Weir serves all the same."""
import os
import re
import signal
import sqlite3
import time

import pytest

import harness
from harness import PATIENCE, PYTHON, TINY_SERVER, run_weir, wait_until

TINY = [PYTHON, TINY_SERVER, "{address}"]
KEPT_S = 12  # each service is written every ten seconds


def one_service(**scale):
    return {"main": {"health": {"path": "/healthz"}, "scale": {"command": TINY, "servers": "1..4", **scale}}}


def scale_of(w):
    return w.api("services")["services"][0]["scale"]


def events(w, kind):
    return [e for e in w.api("events?count=1000")["events"] if e["kind"] == kind]


def document(w):
    """What is kept of the service, as {name: values}; read while Weir writes."""
    found = [path for path in w.state_files() if path.name == "weir.db"]
    if not found:
        return {}
    db = sqlite3.connect(f"file:{found[0]}?mode=ro", uri=True)
    try:
        row = db.execute("SELECT document FROM learned WHERE service = 'main'").fetchone()
    except sqlite3.OperationalError:
        return {}
    finally:
        db.close()
    return dict(line.split(" ", 1) for line in row[0].splitlines()) if row else {}


def learn(w, load):
    """Until a capacity is learned: more requests at once than a server is thought to carry at first."""
    users = load(w.port, "/work?ms=20", clients=30)
    wait_until(lambda: scale_of(w)["capacity"]["source"] == "learned", 30, "a learned capacity")
    users.stop()
    assert not users.failures, users.failures[:3]
    scale = scale_of(w)
    assert scale["start_seconds"]["count"] >= 1
    return scale


def assert_known(w, before):
    after = scale_of(w)
    assert after["capacity"]["source"] == "learned"
    assert after["start_seconds"]["count"] >= before["start_seconds"]["count"]
    told = events(w, "learned_restored")
    assert len(told) == 1 and told[0]["service"] == "main" and "(learned)" in told[0]["text"], told
    assert told[0]["details"]["age_seconds"] < 60 * PATIENCE
    return after


@pytest.mark.few  # what is learned rests on latencies
def test_learned_is_known_after_stop_and_start(weir, load):
    w = weir(services=one_service())
    before = learn(w, load)
    w.stop()
    kept = document(w)
    assert float(kept["capacity.service_s"]) > 0.01
    w.start()
    after = assert_known(w, before)
    assert after["capacity"]["service_seconds"] == pytest.approx(float(kept["capacity.service_s"]), rel=0.5)
    assert after["start_seconds"]["count"] >= int(kept["cold_starts.count"]) + int(kept["warm_starts.count"])
    text = run_weir("explain", "main", "--admin", f"127.0.0.1:{w.admin_port}").stdout
    assert re.search(r"learned +also before the restart", text), text
    assert w.metric("weir_store_up") == 1


@pytest.mark.few  # what is learned rests on latencies
def test_learned_is_known_after_a_crash_of_the_worker(weir, load):
    w = weir(services=one_service())
    before = learn(w, load)
    wait_until(lambda: float(document(w).get("capacity.top", 0)) > 4 or float(document(w).get("capacity.knee", 0)) > 0, KEPT_S,
               "what was learned in the file")
    pid = w.worker().pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: w.worker() and w.worker().pid != pid, 5)
    w.wait_ready()
    assert_known(w, before)


@pytest.mark.parametrize("for_seconds", [None, 3600])
def test_a_number_set_by_hand_stays(weir, for_seconds):
    w = weir(services=one_service())
    body = {"count": 3} if for_seconds is None else {"count": 3, "for_seconds": for_seconds}
    assert w.post("services/main/replicas", body).status == 200
    wait_until(lambda: document(w).get("manual") == "3", 5, "the number in the file, at once")

    def is_set():
        scale = scale_of(w)
        left = scale["manual_seconds_left"]
        return scale["manual"] == 3 and (left is None if for_seconds is None else 3300 < left < 3600)

    pid = w.worker().pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: w.worker() and w.worker().pid != pid, 5)
    w.wait_ready()
    assert is_set(), scale_of(w)
    w.stop()
    w.start()
    assert is_set(), scale_of(w)
    wait_until(lambda: len(w.takes_requests()) == 3, 10)


def test_the_end_of_a_number_set_by_hand_may_pass_meanwhile(weir):
    w = weir(services=one_service())
    assert w.post("services/main/replicas", {"count": 3, "for_seconds": 4}).status == 200
    w.stop()
    time.sleep(4)
    w.start()
    assert scale_of(w)["manual"] is None


@pytest.mark.few  # what is learned rests on latencies
def test_another_command_is_learned_anew(weir, load):
    w = weir(services=one_service())
    learn(w, load)
    w.stop()
    w.write_config(dict(w.config, services=one_service(environment={"COLOUR": "blue"})))
    w.start()
    assert scale_of(w)["capacity"]["source"] == "start"
    assert "another one" in events(w, "learned_restored")[0]["text"]


def test_off_keeps_nothing(weir):
    w = weir(services=one_service(), state="off")
    w.stop()
    assert w.state_files() == []
    assert "state_" not in w.log()


def test_a_stated_directory(weir, directory):
    w = weir(services=one_service(), state=f"{directory}/own/place")
    w.stop()
    folders = os.listdir(f"{directory}/own/place")
    assert len(folders) == 1 and re.fullmatch(re.escape(w.config_path.stem) + r"-[0-9a-f]{8}", folders[0]), folders
    assert "weir.db" in os.listdir(f"{directory}/own/place/{folders[0]}")
    assert os.stat(f"{directory}/own/place/{folders[0]}").st_mode & 0o777 == 0o700
    assert w.state_files() == []


def test_a_place_that_cannot_be_made(weir, origin):
    server = origin()
    w = weir(services={"main": {"servers": [server.address]}}, state="/proc/version/weir")
    assert w.ask().status == 200
    assert len(re.findall(r"warn +what is learned is not kept: .*state: off", w.log())) == 1
    assert not [name for name, _ in w.metrics() if name.startswith("weir_store")]


def state_failing(w):
    return next(row["value"] for row in w.api("readings")["readings"] if row["metric"] == "state_failing")


@pytest.mark.skipif(os.geteuid() != 0, reason="the folder of another user needs root")
def test_a_folder_that_turns_unwritable_and_back(weir, origin):
    """Told once, counted, and over when it is over; requests do not notice."""
    server = origin()
    w = weir(services={"main": {"servers": [server.address]}})
    folder = w.state_files()[0].parent
    owner = folder.stat()
    os.rename(folder, f"{folder}-away")
    os.mkdir(folder)  # root's, and the worker is nobody
    wait_until(lambda: events(w, "state_failed"), KEPT_S * 2, "the failure as an event")
    assert w.ask().status == 200
    assert w.metric("weir_store_up") == 0 and w.metric("weir_store_errors_total") >= 1
    wait_until(lambda: state_failing(w) == 1, what="the reading that StateFailing judges")
    os.chown(folder, owner.st_uid, owner.st_gid)
    wait_until(lambda: events(w, "state_recovered"), KEPT_S * 2, "the recovery as an event")
    assert w.metric("weir_store_up") == 1
    assert len(events(w, "state_failed")) == 1
    wait_until(lambda: state_failing(w) == 0, what="the reading that all is well")


def test_a_damaged_file_is_put_aside(weir, origin):
    server = origin()
    w = weir(services={"main": {"servers": [server.address]}})
    w.stop()
    database = next(path for path in w.state_files() if path.name == "weir.db")
    database.write_bytes(b"no database " * 1000)
    w.start()
    assert w.ask().status == 200
    assert len(events(w, "state_anew")) == 1
    assert database.with_name("weir.db.damaged").read_bytes().startswith(b"no database")
    wait_until(lambda: document(w), KEPT_S, "the new file")


def test_knowledge_that_does_not_fit_is_refused(weir):
    w = weir(services=one_service())
    w.stop()
    database = next(path for path in w.state_files() if path.name == "weir.db")
    with sqlite3.connect(database) as db:
        db.execute("UPDATE learned SET document = replace(document, 'learned ', 'learned 999')")
    db.close()
    w.start()
    assert "version 999" in events(w, "learned_refused")[0]["text"]


def test_a_file_that_another_weir_holds_is_left_alone(weir, directory):
    options = ["--listen", "{site}", "--admin", "{admin}", "--workers", "1", "--", *TINY]
    first = weir(["run", *options])
    second = weir(["run", *options], environment={"STATE_DIRECTORY": str(first.state_directory)})
    assert second.ask(target="/").status == 200
    told = events(second, "state_off")
    assert len(told) == 1 and told[0]["level"] == "warn" and "another running Weir" in told[0]["text"], told
    assert second.metric("weir_store_up") == 0
    assert first.metric("weir_store_up") == 1
    assert len({path.parent for path in first.state_files()}) == 1


def test_weir_check_knows_the_key(directory):
    path = f"{directory}/weir.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write("services: {main: {servers: [\"127.0.0.1:1\"]}}\nstate: no\n")
    result = harness.run_weir("check", path)
    assert result.returncode == 1 and "did you mean 'off'?" in result.stderr


def test_minutes_of_load_are_read_back_and_those_that_come_are_added(weir):
    """What comes back is looked for in the last weeks: they must be there after a restart, with what came since."""
    w = weir(services=one_service())
    wait_until(lambda: document(w), KEPT_S, "a document")
    w.stop()
    now = int(time.time() // 60)
    path = next(path for path in w.state_files() if path.name == "weir.db")
    db = sqlite3.connect(path)
    db.execute("INSERT INTO series (service, name) VALUES ('main', 'requests_per_second') ON CONFLICT DO NOTHING")
    (series,) = db.execute("SELECT id FROM series WHERE service = 'main'").fetchone()
    db.executemany("INSERT OR REPLACE INTO minute VALUES (?, ?, ?)", [(series, now - 3000 + i, 5.0) for i in range(2990)])
    db.commit()
    db.close()
    w.start()
    wait_until(lambda: scale_of(w)["pattern"]["known_minutes"] >= 2990, 10, "the minutes that were kept")
    assert scale_of(w)["pattern"]["period_seconds"] is None  # it was flat

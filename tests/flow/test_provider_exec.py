"""Servers that a program of the user's starts: the two examples that come with Weir, and plug-ins that misbehave in every way
that the protocol can be broken."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import textwrap
import time

import pytest
import yaml

from harness import PATIENCE, PYTHON, ROOT, TINY_SERVER, free_port, run_weir, start_weir, wait_until

PLUGINS = ROOT / "examples" / "plugins"
ENGINE = {"poll": "200ms", "timeout": "2s", "at_exit": "stop", "calls_per_second": 50}


def pids_of(directory):
    """The processes that the example plug-ins noted."""
    pids = []
    for path in pathlib.Path(directory).glob("*"):
        if path.suffix == ".new":
            continue
        try:
            text = path.read_text()
        except FileNotFoundError:  # it has just been stopped
            continue
        pids.append(json.loads(text)["pid"] if path.suffix == ".json" else int(text.split()[0]))
    return pids


def is_running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def running(directory):
    return [pid for pid in pids_of(directory) if is_running(pid)]


@pytest.fixture
def servers_directory(tmp_path):
    directory = tmp_path / "servers"
    yield directory
    for pid in running(directory):
        os.kill(pid, signal.SIGKILL)


def example(kind, directory):
    if kind == "lines":
        command = [PYTHON, str(PLUGINS / "processes.py"), str(directory), PYTHON, TINY_SERVER, "127.0.0.1:{port}"]
    else:
        command = [str(PLUGINS / "processes.sh"), str(directory), str(free_port()), f"{PYTHON} {TINY_SERVER} 127.0.0.1:$PORT"]
    return {"command": command, "protocol": kind}


@pytest.mark.parametrize("kind", ["lines", "calls"])
def test_examples_scale_up_and_down_and_lose_nothing(weir, load, servers_directory, kind):
    w = weir(user="root", services={"app": {"scale": {"exec": example(kind, servers_directory), "engine": ENGINE, "servers": "1..4"}}})
    clients = load(w.port, "/work?ms=20", clients=4)
    assert w.post("services/app/replicas", {"count": 3}).status == 200
    wait_until(lambda: len(w.servers("app", "serving")) == 3, 20, "three servers")
    assert len(running(servers_directory)) == 3
    wait_until(lambda: all((s["usage"] or {}).get("memory_bytes") for s in w.servers("app", "serving")), 10,
               "what they use: the plug-in tells their processes")
    assert {s["pid"] for s in w.servers("app", "serving")} <= set(running(servers_directory))
    assert w.post("services/app/replicas", {"count": 1}).status == 200
    wait_until(lambda: len(running(servers_directory)) == 1, 30, "one process")
    assert clients.stop().failures == [] and clients.ok > 0
    assert w.ask(target="/healthz").body == b"ok"


def test_servers_outlive_weir_and_are_taken_over(weir, servers_directory):
    engine = dict(ENGINE, at_exit="keep")
    w = weir(user="root", is_checked=False,
             services={"app": {"scale": {"exec": example("lines", servers_directory), "engine": engine, "servers": "2"}}})
    wait_until(lambda: len(w.servers("app", "serving")) == 2, 20, "two servers")
    before = sorted(running(servers_directory))
    w.signal(signal.SIGTERM)
    assert w.wait() == 0
    assert sorted(running(servers_directory)) == before
    w.start()
    wait_until(lambda: len(w.servers("app", "serving")) == 2, 20, "two servers again")
    assert sorted(pids_of(servers_directory)) == before
    assert w.ask(target="/healthz").status == 200


def test_worker_killed_again_and_again_loses_and_doubles_nothing(weir, servers_directory):
    w = weir(user="root", services={"app": {"scale": {"exec": example("lines", servers_directory), "engine": ENGINE, "servers": "3"}}})
    wait_until(lambda: len(w.servers("app", "serving")) == 3, 20, "three servers")
    for round_number in range(3):
        w.worker().kill()
        time.sleep(0.05 * round_number)
        w.wait_ready()
    wait_until(lambda: len(w.servers("app", "serving")) == 3, 20, "three servers")
    time.sleep(3 * 0.2)
    assert len(running(servers_directory)) == 3


def sleepers(mark):
    """Processes that are `sleep MARK` by now."""
    found = set()
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes() == f"sleep\0{mark}\0".encode():
                found.add(int(path.parent.name))
    return found


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["lines", "calls"])
def test_examples_know_every_server_however_early_they_are_killed(servers_directory, kind):
    mark = f"{86_400 + os.getpid()}.{len(kind)}"  # nobody else's
    command = {"lines": [str(PLUGINS / "processes.py"), str(servers_directory), "sleep", mark],
               "calls": [str(PLUGINS / "processes.sh"), str(servers_directory), "10000", f"sleep {mark}"]}[kind]

    def ask(action, key="app/app-1", killed_after_s=None):
        question = {"protocol": 1, "id": 1, "action": action, "service": "app", "owner": "weir", "key": key}
        environment = dict(os.environ, WEIR_SERVICE="app", WEIR_OWNER="weir", WEIR_KEY=key)
        plug_in = subprocess.Popen([*command, *([action] if kind == "calls" else [])], env=environment, text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        plug_in.stdin.write(json.dumps(question) + "\n")
        plug_in.stdin.flush()
        if killed_after_s is not None:
            time.sleep(killed_after_s)
            plug_in.kill()
        return plug_in.communicate()[0]

    def known():
        return {i["pid"] for i in json.loads(ask("list"))["instances"] if i["state"] == "running"}

    try:
        begun = time.monotonic()
        ask("start", "app/app-0")
        whole = time.monotonic() - begun
        for number in range(1, 61):  # at any moment of a start, most near its end; where starts are slow, fewer
            ask("start", f"app/app-{number}", killed_after_s=whole * (0.4 + number % 20 / 33))
            if time.monotonic() - begun > 15:
                break
        wait_until(lambda: sleepers(mark) == known(), 10, "every server to be known")
        assert sleepers(mark)
    finally:
        for pid in sleepers(mark):
            os.kill(pid, signal.SIGKILL)


# ---- weir provider test


def trial_of(tmp_path, kind, directory, **more):
    """The arguments that try it."""
    file = tmp_path / "trial.yaml"
    engine = dict(ENGINE, timeout="20s")  # the plug-in starts within it, on the busiest machine
    scale = {"exec": example(kind, directory), "engine": engine, "servers": "1..4", "stop_timeout": "5s"}
    file.write_text(yaml.dump({"services": {"app": {"scale": scale} | more}}))
    return ["provider", "test", "app", "-c", str(file)]


@pytest.mark.parametrize("kind", ["lines", "calls"])
def test_examples_are_tried_by_hand(tmp_path, servers_directory, kind):
    result = run_weir(*trial_of(tmp_path, kind, servers_directory), timeout=50)
    assert result.returncode == 0 and "all well" in result.stdout, result.stdout + result.stderr
    can, cannot = (next(line for line in result.stdout.splitlines() if line.startswith(word + " ")) for word in ("can", "cannot"))
    assert "start one" in can and "tell prices" in can and "tell changes at once" in cannot and "suspend" in cannot
    assert list(servers_directory.iterdir()) == []


def wait_for_step(trial, step):
    """What it says, up to that step and with it."""
    said = ""
    while step not in said.rsplit("\n", 1)[-1]:
        letter = trial.stdout.read(1)
        assert letter, said + trial.stderr.read()
        said += letter
    return said


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_trial_that_is_interrupted_stops_what_it_started(tmp_path, servers_directory, how):
    never_well = {"health": {"path": "/healthz", "status": 204}}
    trial = start_weir(*trial_of(tmp_path, "lines", servers_directory, **never_well))
    wait_for_step(trial, "wait for its first good probe")
    server, = running(servers_directory)
    trial.send_signal(how)
    trial.send_signal(how)  # as `timeout` does
    said, errors = trial.communicate(timeout=50 * PATIENCE)
    assert (trial.returncode, errors) == (-how, ""), said + errors
    assert f"INTERRUPTED: {how.name}" in said and said.endswith(" accepted\ninterrupted\n"), said
    assert not is_running(server) and list(servers_directory.iterdir()) == []


def test_trial_stops_what_one_that_was_killed_has_left(tmp_path, servers_directory):
    arguments = trial_of(tmp_path, "lines", servers_directory, health={"path": "/healthz", "status": 204})
    trial = start_weir(*arguments)
    wait_for_step(trial, "wait for its first good probe")
    trial.kill()
    trial.communicate()
    server, = running(servers_directory)
    result = run_weir(*trial_of(tmp_path, "lines", servers_directory), timeout=50)
    assert result.returncode == 0 and "stop what an earlier trial left" in result.stdout, result.stdout + result.stderr
    assert not is_running(server) and list(servers_directory.iterdir()) == []


# ---- plug-ins that misbehave

# It does what the file says, call by call, and serves one server that is there already.
MISBEHAVING = """
    import json, os, sys, time
    mode_path, address, calls_path = sys.argv[1:4]
    for line in sys.stdin:
        request = json.loads(line)
        mode = open(mode_path).read().strip()
        with open(calls_path, "a") as calls:
            calls.write(request["action"] + " " + mode + "\\n")
        instance = {"id": "one", "key": "bad/bad-1", "state": "running", "address": address}
        good = {"id": request["id"], "ok": True, "instances": [instance], "instance": instance}
        text = json.dumps(good)
        if mode == "hang": time.sleep(3600)
        elif mode == "crash": sys.exit(3)
        elif mode == "crash with words": print("out of luck", file=sys.stderr, flush=True); os._exit(4)
        elif mode == "killed": os.kill(os.getpid(), 9)
        elif mode == "garbage": text = "these are not the servers you look for"
        elif mode == "half": sys.stdout.write(text[:20]); sys.stdout.flush(); time.sleep(3600)
        elif mode == "half and end": sys.stdout.write(text[:20]); sys.stdout.flush(); os._exit(0)
        elif mode == "endless": text = "x" * 3000000
        elif mode == "loud": sys.stderr.write("noise " * 200000 + "\\n"); sys.stderr.flush()
        elif mode == "other id": text = json.dumps(dict(good, id=request["id"] + 1))
        elif mode == "no ok": del good["ok"]; text = json.dumps(good)
        elif mode == "array": text = json.dumps([good])
        elif mode == "no instances": del good["instances"]; text = json.dumps(good)
        elif mode == "no id": del instance["id"]; text = json.dumps(good)
        elif mode == "no key": del instance["key"]; text = json.dumps(good)
        elif mode == "another's key": instance["key"] = "worse/worse-1"; text = json.dumps(good)
        elif mode == "strange state": instance["state"] = "confused"; text = json.dumps(good)
        elif mode == "strange address": instance["address"] = "somewhere"; text = json.dumps(good)
        elif mode == "twice": good["instances"] *= 2; text = json.dumps(good)
        elif mode == "repeated key": text = text.replace('"ok": true', '"ok": true, "ok": true')
        elif mode == "closed output": os.close(1); time.sleep(3600)
        elif mode == "closed input": os.close(0); os.close(1); time.sleep(3600)
        elif mode == "quota": text = json.dumps({"id": request["id"], "ok": False, "fault": "quota", "error": "no more machines"})
        elif mode == "credentials": text = json.dumps({"id": request["id"], "ok": False, "fault": "credentials", "error": "who?"})
        print(text, flush=True)
"""

MODES = {
    "hang": "no answer in time",
    "crash": "ended with status 3",
    "crash with words": "ended with status 4: out of luck",
    "killed": "killed by signal 9",
    "garbage": "no JSON",
    "half": "no answer in time",
    "half and end": "ended with status 0",
    "endless": "longer than",
    "other id": "the `id` that was asked",
    "no ok": "no object with `ok`",
    "array": "no object with `ok`",
    "no instances": "no array `instances`",
    "no id": "without an `id`",
    "no key": "lists server one with the key ''",
    "another's key": "lists server one with the key 'worse/worse-1'",
    "strange state": "confused",
    "strange address": "somewhere",
    "twice": "twice",
    "repeated key": "no JSON",
    "closed output": "closed its output",
    "closed input": "closed its output",
    "quota": "no more machines",
    "credentials": "who?",
}


# Those in which memory could be touched wrongly: the sanitizers need not wait for all the others.
MODES_OF_MEMORY = ["crash with words", "half and end", "endless", "no instances", "strange address"]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("names", [pytest.param(list(MODES), id="every way", marks=pytest.mark.long),
                                   pytest.param(MODES_OF_MEMORY, id="some ways")])
def test_plug_in_that_misbehaves_harms_only_its_own_service(weir, origin, tmp_path, names):
    program, mode, calls = tmp_path / "plugin.py", tmp_path / "mode", tmp_path / "calls"
    program.write_text(textwrap.dedent(MISBEHAVING))
    mode.write_text("good")
    fine, there = origin(lambda request: b"fine"), origin(lambda request: b"still here")
    w = weir(user="root", services={
        "bad": {"hosts": ["bad.test"], "scale": {
            "exec": {"command": [PYTHON, str(program), str(mode), there.address, str(calls)]},
            "engine": dict(ENGINE, timeout="2s", at_exit="keep"), "servers": "1"}},  # Python starts within it, on a busy machine too
        "good": {"servers": [fine.address]}})
    for name in names:
        words = MODES[name]
        mode.write_text(name)
        known, recovered = w.log().count(words), w.log().count("provider_recovered bad")
        wait_until(lambda: w.log().count(words) > known, 15, f"{words!r} in the log while the plug-in does: {name}")
        # The service that has nothing to do with it, and the server that was there: both answer.
        assert w.ask(target="/").body == b"fine"
        assert w.ask(target="/", host="bad.test").body == b"still here", name
        mode.write_text("good")
        wait_until(lambda: w.log().count("provider_recovered bad") > recovered, 45, f"recovery after: {name}")
    mode.write_text("loud")  # much noise, but the answer is right
    before = calls.read_text().count(" loud")
    wait_until(lambda: calls.read_text().count(" loud") >= before + 3, 10, "calls")
    assert w.ask(target="/", host="bad.test").body == b"still here"


def test_program_that_is_not_there_is_told_with_its_name(weir, origin):
    fine = origin(lambda request: b"fine")
    w = weir(user="root", wait="alive", services={"app": {"hosts": ["app.test"], "scale": {
        "exec": {"command": ["/no/such/plugin"]}, "engine": dict(ENGINE, at_exit="keep"), "servers": "1"}},
        "good": {"servers": [fine.address]}})
    w.wait_log("/no/such/plugin: No such file or directory")
    wait_until(lambda: w.ask(target="/").body == b"fine", 5, "the other service")


def test_counting_plug_in_is_told_a_number(weir, origin, tmp_path):
    """`asked_for: count`: the number is absolute, and what it lists is what there is."""
    program, asked = tmp_path / "plugin.sh", tmp_path / "asked"
    servers = [origin(lambda request: b"ok") for _ in range(3)]
    addresses = " ".join(server.address for server in servers)
    program.write_text(textwrap.dedent(f"""\
        #!/bin/sh
        case $1 in
        count) echo "$WEIR_COUNT" >>{asked}; printf '{{"ok": true}}'; exit ;;
        esac
        n=$(tail -n 1 {asked} 2>/dev/null || echo 0); separator=
        printf '{{"ok": true, "instances": ['
        for address in {addresses}; do
            [ "${{n:-0}}" -gt 0 ] || break
            printf '%s{{"id": "%s", "address": "%s"}}' "$separator" "$address" "$address"; separator=,; n=$((n - 1))
        done
        printf ']}}'
        """))
    program.chmod(0o755)
    w = weir(user="root", services={"app": {"scale": {"exec": {"command": [str(program)], "protocol": "calls", "asked_for": "count"},
                                         "engine": dict(ENGINE, at_exit="keep"), "servers": "1..3"}}})
    assert w.post("services/app/replicas", {"count": 3}).status == 200
    wait_until(lambda: len(w.servers("app", "serving")) == 3, 20, "three servers")
    assert w.post("services/app/replicas", {"count": 1}).status == 200
    wait_until(lambda: asked.read_text().split()[-1] == "1", 20, "the number one")
    assert set(asked.read_text().split()) <= {"1", "2", "3"}

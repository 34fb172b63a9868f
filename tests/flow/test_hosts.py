"""Other machines: node_exporter of Debian and another Weir as hosts, `weir agent`, HAProxy's agent checks."""
import os
import signal
import socket
import subprocess

import psutil
import pytest
from harness import free_port, run_weir, wait_until

TOKEN = "a-token-of-the-tests"


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


@pytest.fixture
def node_exporter():
    """Starts node_exporter; gives a function that starts it again, and its port."""
    running = []
    port = free_port()

    def start():
        running.append(subprocess.Popen(["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        wait_until(lambda: listens(port), 20)

    def stop():
        while running:
            running[-1].kill()
            running.pop().wait()
    start()
    yield port, start, stop
    stop()


def hosts(w):
    return {host["name"]: host for host in w.api("hosts")["hosts"]}


def readings(w, host):
    """{(metric, label values…): value}, None where it is unknown."""
    return {(r["metric"], *r["labels"].values()): r["value"] for r in w.api(f"readings?host={host}")["readings"]}


def watching(weir, origin, **hosts_watched):
    for one in hosts_watched.values():
        one.setdefault("interval", "1s")
    return weir(services={"main": {"servers": [origin(b"x").address]}}, watch={"hosts": hosts_watched})


def test_node_exporter_is_a_host(weir, origin, node_exporter):
    port, start, stop = node_exporter
    w = watching(weir, origin, **{"web-2": {"exporter": f"http://127.0.0.1:{port}/metrics"}})
    wait_until(lambda: readings(w, "web-2").get(("cpu",)) is not None, 20)
    theirs, ours = readings(w, "web-2"), readings(w, "")
    assert abs(theirs["memory",] - psutil.virtual_memory().percent) < 3  # others use memory, too, from moment to moment
    assert abs(theirs["disk", "/"] - psutil.disk_usage("/").percent) < 1
    assert abs(theirs["load1",] - psutil.getloadavg()[0]) < 3
    assert 0 <= theirs["cpu",] <= 100
    assert set(ours) >= {("cpu",), ("memory",), ("disk", "/")}
    assert theirs["clock_synchronised",] == ours["clock_synchronised",]  # the same judgement of the same clock, unknown or not
    assert ("process_cpu", "worker") in ours and ("process_cpu", "worker") not in theirs
    # It goes away: what was told is kept for a while, then it is unknown and never 0.
    stop()
    wait_until(lambda: hosts(w)["web-2"]["failures"] >= 2, 20)
    wait_until(lambda: readings(w, "web-2")["memory",] is None, 20)
    assert readings(w, "web-2")["host_failures",] >= 2
    assert w.metrics()["weir_remote_host_up", (("host", "web-2"),)] == 0
    start()
    wait_until(lambda: readings(w, "web-2")["memory",] is not None, 20)
    assert hosts(w)["web-2"]["is_good"]


def test_what_is_no_exporter_is_told_as_such(weir, origin):
    page = origin(b"<html>hello</html>")
    other = origin(b"# TYPE up gauge\n")
    missing = origin(lambda request: (404, [], b""))
    w = watching(weir, origin, page={"exporter": f"http://{page.address}/"}, other={"exporter": f"http://{other.address}/"},
                 missing={"exporter": f"http://{missing.address}/"}, page2={"agent": f"http://{page.address}/"})
    wait_until(lambda: all(host["is_good"] is False for host in hosts(w).values()), 20)
    reasons = {name: host["reason"] for name, host in hosts(w).items()}
    assert reasons["page"] == "line 1: a row begins with the name of a metric"
    assert reasons["other"] == "it tells nothing at all: no exporter"
    assert "status 404" in reasons["missing"]
    assert "no Weir's" in reasons["page2"]
    assert list(readings(w, "other")) == [("host_failures",)]


class Application:
    """What a web application with a client library of Prometheus tells: a gauge, and a counter of each process."""

    def __init__(self):
        self.depth, self.errors, self.tells_depth = 7, 0, True

    def __call__(self, request):
        self.errors += 20
        depth = f'app_queue_depth{{queue="mail"}} {self.depth}\napp_queue_depth{{queue="dead"}} 100000\n'
        return (200, [("Content-Type", "text/plain; version=0.0.4")], ((
            "# HELP app_queue_depth Messages that wait.\n# TYPE app_queue_depth gauge\n" + (depth if self.tells_depth else "") +
            f'# TYPE http_errors_total counter\nhttp_errors_total{{pid="1"}} {self.errors}\nhttp_errors_total{{pid="2"}} 1e+06\n')
            .encode()))


def test_any_exporter_is_a_host(weir, origin):
    told = Application()
    application, bare = origin(told), origin(b"redis_up 1\n")
    rule = 'host_number{number="queue_depth"} > 100 for 1s clear 50 for 1s'
    w = weir(services={"main": {"servers": [origin(b"x").address]}}, watch={
        "hosts": {"mail-1": {"exporter": f"http://{application.address}/metrics", "interval": "1s", "numbers": {
            "queue_depth": 'app_queue_depth{queue="mail"}', "errors": {"rate_of": "http_errors_total"}, "gone": "no_such_series"}},
            "redis": {"exporter": f"http://{bare.address}/", "interval": "1s"}},
        "rules": [{"alert": "MailStuck", "when": rule, "severity": "critical"}]})

    def number(name):
        return next(one for one in hosts(w)["mail-1"]["numbers"] if one["name"] == name)

    def alert():
        return [(a["state"], a["labels"], a["evidence"]) for a in w.api("alerts")["alerts"] if a["name"] == "MailStuck"]
    wait_until(lambda: (number("errors")["value"] or 0) > 0, 20, "a rate")
    assert number("queue_depth") == {"name": "queue_depth", "sum_of": 'app_queue_depth{queue="mail"}', "series": 1, "value": 7,
                                     "why_unknown": None}
    assert number("errors")["series"] == 2 and 4 < number("errors")["value"] < 40  # 20 more at each question, a second apart
    assert readings(w, "mail-1")["host_number", "queue_depth"] == 7
    assert w.metrics()["weir_remote_host_number", (("host", "mail-1"), ("number", "queue_depth"))] == 7
    told.depth = 152
    wait_until(lambda: alert() and alert()[0][0] == "firing", 20, "the alert")
    assert alert()[0][1] == {"instance": "mail-1", "number": "queue_depth"}
    assert alert()[0][2].startswith("queue_depth: 152 for ") and 'app_queue_depth{queue="mail"}' in alert()[0][2]
    told.depth = 3
    wait_until(lambda: not alert() or alert()[0][0] == "resolved", 20, "its end")
    # What is not told is unknown, with its reason and never 0.
    told.tells_depth = False
    wait_until(lambda: number("queue_depth")["value"] is None, 20)
    assert number("queue_depth")["why_unknown"] == number("gone")["why_unknown"] == "the exporter tells no such series"
    assert ("weir_remote_host_number", (("host", "mail-1"), ("number", "gone"))) not in w.metrics()
    wait_until(lambda: w.api("history?metric=host_number&number=queue_depth&from=1h")["series"], 20, "the history")
    # Of one that nothing is declared of it is watched whether it answers, and that this is all is told.
    assert hosts(w)["redis"]["is_good"] and hosts(w)["redis"]["family"] == "other" and hosts(w)["redis"]["numbers"] == []
    assert "only whether it answers is watched" in hosts(w)["redis"]["remark"]
    assert hosts(w)["mail-1"]["remark"] is None
    status = run_weir("status", "--admin", f"127.0.0.1:{w.admin_port}").stdout
    assert "host mail-1: answers, queue_depth unknown, errors " in status and "host redis: answers; only whether" in status
    assert readings(w, "redis") == {("host_failures",): 0}


def test_a_machine_that_is_down_hides_its_servers(weir, origin):
    exporter, theirs = origin(b"up 1\n", host="127.0.0.5"), origin(b"x", host="127.0.0.5")
    elsewhere, fine = origin(b"x", host="127.0.0.6"), origin(b"x")
    w = weir(services={"main": {"servers": [theirs.address, elsewhere.address, fine.address], "health": {"interval": "200ms"}}},
             watch={"hosts": {"web-2": {"exporter": f"http://{exporter.address}/", "interval": "1s"}},
                    "rules": [{"alert": "ServerDown", "when": "server_down for 6s"}]})

    def told(name):
        return {a["labels"].get("server"): (a["labels"]["instance"], a["hidden"]) for a in w.api("alerts")["alerts"]
                if a["name"] == name and a["state"] == "firing"}
    wait_until(lambda: readings(w, "web-2").get(("server_down", "main", theirs.address)) == 0, 20)
    assert ("server_down", "main", elsewhere.address) in readings(w, "")
    for origin_of_it in (exporter, theirs, elsewhere):
        origin_of_it.refuse()
    wait_until(lambda: len(told("ServerDown")) == 2, 30)
    servers = told("ServerDown")
    assert servers[theirs.address] == ("web-2", "HostDown explains it") and servers[elsewhere.address][1] is None
    assert told("HostDown") == {None: ("web-2", None)}
    assert "nobody is told, for HostDown explains it" in w.log()


def test_an_agent_is_a_host(weir, origin, tmp_path):
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN)
    token_file.chmod(0o600)  # which the worker, nobody, cannot read by itself
    agent_port, check_port = free_port(), free_port()
    agent = weir(arguments=["agent", "--listen", f"127.0.0.1:{agent_port}", "--token-file", str(token_file),
                            "--check", f"127.0.0.1:{check_port}"], wait=None)
    agent.admin_port = agent_port
    wait_until(lambda: listens(agent_port), 20)
    assert agent.admin("GET", "/metrics").status == 401
    w = watching(weir, origin, agent={"agent": f"http://127.0.0.1:{agent_port}/", "token_file": str(token_file)},
                 nobody={"agent": f"http://127.0.0.1:{agent_port}"})
    wait_until(lambda: readings(w, "agent").get(("cpu",)) is not None, 20)
    assert abs(readings(w, "agent")["disk", "/"] - readings(w, "")["disk", "/"]) < 1
    assert ("process_memory", "worker") in readings(w, "agent")
    wait_until(lambda: hosts(w)["nobody"]["is_good"] is False, 20)
    assert "token" in hosts(w)["nobody"]["reason"]
    assert TOKEN not in w.admin("GET", "/api/v1/hosts").body.decode() + w.log()
    with socket.create_connection(("127.0.0.1", check_port), 5) as check:
        answer = check.makefile().read()
    assert answer.endswith("%\n") and 10 <= int(answer[:-2]) <= 100


def test_haproxy_takes_the_weight_from_the_agent(weir, origin, tmp_path):
    """With full_below 0 the weight is 100 less nine tenths of the CPU use: HAProxy must have some such number, and follow it."""
    check_port, site_port, stats = free_port(), free_port(), tmp_path / "haproxy.sock"
    w = weir(services={"main": {"servers": [origin(b"x").address]}},
             agent={"check": f"127.0.0.1:{check_port}", "full_below": "0%"})
    config = tmp_path / "haproxy.cfg"
    config.write_text(f"""
global
    stats socket {stats} level admin
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
listen site
    bind 127.0.0.1:{site_port}
    server weir 127.0.0.1:{w.port} weight 100 check agent-check agent-port {check_port} agent-inter 200ms
""")

    def weight():
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(stats))
            s.sendall(b"get weight site/weir\n")
            return int(s.makefile().read().split()[0])

    def asked():
        with socket.create_connection(("127.0.0.1", check_port), 5) as check:
            return int(check.makefile().read().strip("%\n"))
    haproxy = subprocess.Popen(["haproxy", "-db", "-f", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: stats.exists() and weight() < 100, 20)
        wait_until(lambda: abs(weight() - asked()) <= 10, 20)
        burner = subprocess.Popen(["sh", "-c", "while :; do :; done & while :; do :; done"], start_new_session=True)
        try:
            wait_until(lambda: weight() <= 40, 60, "HAProxy to give a busy machine less")
        finally:
            os.killpg(burner.pid, signal.SIGKILL)
            burner.wait()
    finally:
        haproxy.kill()
        haproxy.wait()

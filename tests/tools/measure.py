#!/usr/bin/python3
"""Measures Weir in real time over synthetic servers of known capacity (docs/how-to/prove-the-scaling.md).

    measure.py learning [--jobs 4] [--seconds 120] [--only TEXT]   what is learned of servers of many kinds
                        [--full]                                   with the whole load from the first second, onto none
    measure.py compare [--minutes 10] [--seed N] [--verbose]       a live run beside `weir simulate` on the same load
    measure.py cold [--rounds 20] [--start 300ms]                  what a start from zero costs beyond the server's own time

WEIR_BINARY=PATH measures another build than build/weir.
"""
import argparse
import concurrent.futures
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "flow"))
from harness import Client, Weir, free_port, wait_until  # noqa: E402
from synthetic import SERVICE, Scene, day, run_live, story, tool  # noqa: E402

LAWS = {"constant": "{}ms", "lognormal": "lognormal:{}ms:0.5", "exponential": "exponential:{}ms"}
OBJECTIVE_MS = {200: 1000, 20: 100}


def learning_load(places, service_ms, seconds):
    """From a tenth of one server to three servers' worth and back to two, in the first two minutes."""
    one = places * 1000 / service_ms
    shape = [0.2, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 1.9, 2.2, 2.4, 2.2, 2.0]
    return [one * shape[min(int(i * 10 * 12 / seconds), 11)] for i in range(round(seconds / 10))]


def full_load(places, service_ms, seconds):
    """Two servers' worth, at once."""
    return [2 * places * 1000 / service_ms] * round(seconds / 10)


def learn_one(case, seconds, start_s, is_full):
    places, law, service_ms, has_objective = case
    objective_ms = OBJECTIVE_MS[service_ms]
    scene = Scene(places, LAWS[law].format(service_ms), f"{start_s}s", "0..12" if is_full else "1..12",
                  f"p99 < {objective_ms}ms" if has_objective else None)
    load = full_load if is_full else learning_load
    with tempfile.TemporaryDirectory(prefix="weir-measure-") as folder:
        os.chmod(folder, 0o777)
        weir = Weir(pathlib.Path(folder), services=scene.services, wait="alive")
        try:
            report, watcher, events = run_live(folder, scene, load(places, service_ms, seconds), objective=f"{objective_ms}ms", weir=weir)
        finally:
            weir.stop()
    return report, watcher, events


def learning(options):
    cases = [(places, law, ms, objective) for ms in (200, 20) for law in LAWS for places in (1, 2, 4, 8, 16)
             for objective in (True, False)]
    # Thousands of requests a second measure the machine, not what is learned.
    cases = [case for case in cases if case[0] * 1000 / case[2] <= options.most]
    cases = [case for case in cases if options.only in describe(case)]
    print(f"{'service':8} {'law':12} {'K':>3} {'objective':9} | {'capacity':>8} {'off':>6} {'source':8} {'knee':5} | {'start':>6} "
          f"{'off':>6} | {'late':>7} {'failed':>6} {'servers':>7}", flush=True)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        waiting = {}
        for case in cases:
            waiting[pool.submit(learn_one, case, options.seconds, options.start, options.full)] = case
            time.sleep(0.5)
        for done in concurrent.futures.as_completed(waiting):
            bad += tell_learned(waiting[done], *done.result(), options)
    print(f"{len(cases) - bad} of {len(cases)} within 10 %")


def describe(case):
    return f"{case[2]}ms {case[1]} K={case[0]} {'objective' if case[3] else 'none'}"


def tell_learned(case, report, watcher, events, options):
    places, law, ms, has_objective = case
    row = watcher.rows[-1]
    off, start_off = row["capacity"] / places - 1, row["start_s"] / options.start - 1
    print(f"{ms:6}ms {law:12} {places:3} {'yes' if has_objective else 'no':9} | {row['capacity']:8.2f} {off:+6.0%} {row['source']:8} "
          f"{'met' if row['saturated'] else '-':5} | {row['start_s']:6.2f} {start_off:+6.0%} | {report['violations']:7.2%} "
          f"{report['failed']:6} {max(r['servers'] for r in watcher.rows):7}", flush=True)
    if options.verbose:
        print(story(events))
        for at in range(0, int(watcher.rows[-1]["t"]) + 1, 5):
            print("   ", watcher.at(at))
    return abs(off) > 0.1 or abs(start_off) > 0.1


def compare(options):
    scene = Scene(places=4, service="lognormal:200ms:0.5", start_delay=f"{options.start}s", servers="1..40", objective="p99 < 1s")
    rates = day(options.minutes, options.low, options.high, seed=options.seed)
    with tempfile.TemporaryDirectory(prefix="weir-measure-") as folder:
        os.chmod(folder, 0o777)
        simulated = [scene.simulate(folder, rates, options.start, "200ms,0.5", seed, "weir,oracle") for seed in range(1, 6)]
        for seed, rows in enumerate(simulated, 1):
            for row in rows:
                print(f"simulated, seed {seed}: {row['policy']:7} violations {row['violations']:7.3%}, "
                      f"{row['server_hours']:.3f} server-hours, worst wait {row['worst_wait_s']:.2f} s, {row['changes']} changes")
        sys.stdout.flush()
        log = pathlib.Path(options.log) if options.log else None
        report, watcher, events = run_live(folder, scene, rates, seed=options.seed, log=log)
    changes = sum(e["kind"] in ("scale_up", "scale_down") for e in events)
    print(f"live: violations {report['violations']:.3%}, {watcher.server_hours:.3f} server-hours, {changes} changes, "
          f"{report['requests']} requests, {report['failed']} failed {report['failures']}, p50 {report['latency_ms']['p50']:.0f} ms, "
          f"p99 {report['latency_ms']['p99']:.0f} ms, the generator's own delay p99 {report['sent_late_p99_ms']:.2f} ms")
    for at in (120, watcher.rows[-1]["t"]):
        row = watcher.at(at)
        print(f"learned after {at:.0f} s: capacity {row['capacity']:.2f} of 4 ({row['source']}), start {row['start_s']:.2f} s of "
              f"{options.start} s")
    if options.verbose:
        print(story(events))
        for bin_ in report["bins"]:
            row = watcher.at(bin_["t"] + 10) or {}
            print(f"{bin_['t']:6.0f} s: {bin_['requests']:5} requests, {bin_['late']:4} late; {row}")


def own_start_s(start_delay):
    """From starting a server by itself to its first answer, asked again and again."""
    port = free_port()
    begin = time.monotonic()
    server = subprocess.Popen([tool("synthetic-server"), "--address", f"127.0.0.1:{port}", "--service", "0ms", "--start-delay", start_delay])
    try:
        while True:
            try:
                if Client(port).ask().status == 200:
                    return time.monotonic() - begin
            except (ConnectionError, socket.timeout):
                time.sleep(0.0005)
    finally:
        server.kill()
        server.wait()


def cold_start_s(weir):
    """From a request that finds no server to its answer."""
    assert weir.post(f"services/{SERVICE}/replicas", {"count": 0}).status == 200
    wait_until(lambda: not weir.servers(), 30)
    assert weir.post(f"services/{SERVICE}/replicas", {"auto": True}).status == 200
    client = weir.client(timeout=60)
    begin = time.monotonic()
    assert client.ask().status == 200
    return time.monotonic() - begin


def cold(options):
    scene = Scene(places=4, service="0ms", start_delay=options.start, servers="0..1", objective=None)
    own, through = [], []
    with tempfile.TemporaryDirectory(prefix="weir-measure-") as folder:
        os.chmod(folder, 0o777)
        weir = Weir(pathlib.Path(folder), services=scene.services, wait="alive")
        try:
            for _ in range(options.rounds):  # one beside the other, so that a busy machine is busy for both
                own.append(own_start_s(options.start))
                through.append(cold_start_s(weir))
        finally:
            weir.stop()
    beyond = sorted(t - o for t, o in zip(through, own))
    print(f"{options.rounds} starts of {options.start}: by itself p50 {statistics.median(own) * 1e3:.1f} ms, through Weir p50 "
          f"{statistics.median(through) * 1e3:.1f} ms; beyond the server's own time p50 {statistics.median(beyond) * 1e3:.1f} ms, "
          f"p90 {beyond[int(len(beyond) * 0.9)] * 1e3:.1f} ms, worst {beyond[-1] * 1e3:.1f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("learning")
    one.add_argument("--jobs", type=int, default=4)
    one.add_argument("--seconds", type=int, default=120)
    one.add_argument("--start", type=float, default=5)
    one.add_argument("--most", type=float, default=400, help="requests a second of one server at most")
    one.add_argument("--only", default="")
    one.add_argument("--full", action="store_true")
    one.add_argument("--verbose", action="store_true")
    two = commands.add_parser("compare")
    two.add_argument("--minutes", type=float, default=10)
    two.add_argument("--seed", type=int, default=1)
    two.add_argument("--start", type=int, default=5)
    two.add_argument("--low", type=float, default=8)
    two.add_argument("--high", type=float, default=160)
    two.add_argument("--log")
    two.add_argument("--verbose", action="store_true")
    three = commands.add_parser("cold")
    three.add_argument("--rounds", type=int, default=20)
    three.add_argument("--start", default="300ms", help="the servers' start delay")
    options = parser.parse_args()
    {"learning": learning, "compare": compare, "cold": cold}[options.command](options)


if __name__ == "__main__":
    main()

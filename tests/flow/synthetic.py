"""Weir over synthetic servers of known capacity (tests/tools), and what `weir simulate` says of the same load.

A trace is a list of requests a second, one for each bin of 10 s (or as told); between the middles of bins the load is linear,
in the live generator as in the simulator.
"""
import json
import math
import os
import pathlib
import random
import subprocess
import threading
import time

from harness import Weir, binary

SERVICE = "shop"


def tool(name):
    """A program of tests/tools, built beside the weir that is tested."""
    path = pathlib.Path(binary()).resolve().parent / "tests" / "tools" / name
    assert path.exists(), f"there is no {path}: build the target tests/tools/{name} with ninja"
    return str(path)


# ------------------------------------------------------------------------------------------------ load


def steps(*pairs):
    """(seconds, requests a second), one after the other."""
    return [rate for seconds, rate in pairs for _ in range(round(seconds / 10))]


def day(minutes, low, high, noise=0.1, seed=1):
    """A calm begin, then waves with noise between two rates: (1 - cos)/2 with a wave each five minutes."""
    dice, rates = random.Random(seed), []
    for i in range(round(minutes * 6)):
        wave = (1 - math.cos(2 * math.pi * i / 30)) / 2
        rates.append(max((low + (high - low) * wave) * (1 + noise * dice.gauss(0, 1)), 0))
    return rates


def write_trace(path, rates, bin_s=10):
    path = pathlib.Path(path)
    path.write_text("t_seconds,requests\n" + "".join(f"{i * bin_s:g},{rate * bin_s:.3f}\n" for i, rate in enumerate(rates)))
    return path


# ------------------------------------------------------------------------------------------------ scene


class Scene:
    """A service of synthetic servers: what they are, and how Weir is configured for them."""

    def __init__(self, places=4, service="200ms", start_delay="5s", servers="1..24", objective="p99 < 1s", shared=None,
                 shared_places=0, **scale):
        self.places, self.service, self.start_delay = places, service, start_delay
        command = [tool("synthetic-server"), "--address", "{address}", "--places", str(places), "--service", service,
                   "--start-delay", start_delay]
        if shared:
            command += ["--shared", str(shared), "--shared-places", str(shared_places)]
        scale = {"command": command, "servers": servers, **({"objective": objective} if objective else {}), **scale}
        self.services = {SERVICE: {"balance": "least-requests", "health": {"path": "/healthz"},
                                   "queue": {"length": 100_000, "timeout": "60s"}, "scale": scale}}

    def simulate(self, directory, rates, start_s, service_time, seed=1, policy="weir", bin_s=10):
        """The simulator's rows for the same site and load."""
        config, trace = pathlib.Path(directory, "simulated.yaml"), write_trace(pathlib.Path(directory, "load.csv"), rates, bin_s)
        config.write_text(json.dumps({"listeners": [{"http": "127.0.0.1:8080"}], "services": self.services}))  # JSON is YAML
        done = subprocess.run([binary(), "simulate", "--trace", trace, "-c", config, "--service", SERVICE, "--policy", policy,
                               "--peak-servers", "recorded", "--concurrency", str(self.places), "--service-time", service_time,
                               "--start-time", f"{start_s}s", "--seed", str(seed), "--json"],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["results"]


class Watcher:
    """Looks at a service four times a second: what its servers cost, and what Weir has learned of them."""

    ALIVE = ("requested", "starting", "warming", "serving", "draining", "stopping")

    def __init__(self, weir):
        self.weir, self.rows, self.is_ending = weir, [], False
        self.start_s = time.monotonic()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.is_ending:
            try:
                self.look()
            except (OSError, EOFError, AssertionError):
                pass  # the worker is being replaced
            time.sleep(0.25)

    def look(self):
        row = next(row for row in self.weir.api("services")["services"] if row["name"] == SERVICE)
        scale = row["scale"]
        self.rows.append({
            "t": time.monotonic() - self.start_s,
            "servers": sum(scale["states"][state] for state in self.ALIVE),
            "serving": scale["available"],
            "target": scale["target"],
            "in_flight": row["in_flight"],
            "queued": row["queued"],
            "capacity": scale["capacity"]["in_flight"],
            "source": scale["capacity"]["source"],
            "saturated": scale["capacity"]["saturation_seen"],
            "start_s": scale["start_seconds"]["median"],
            "starts": scale["start_seconds"]["count"],
            "bound": (scale["now"] or {}).get("bound"),
        })

    def stop(self):
        self.is_ending = True
        self.thread.join(10)
        return self

    def at(self, seconds):
        """The last row before this moment."""
        rows = [row for row in self.rows if row["t"] <= seconds]
        return rows[-1] if rows else None

    @property
    def server_hours(self):
        pairs = zip(self.rows, self.rows[1:])
        return sum(a["servers"] * (b["t"] - a["t"]) for a, b in pairs) / 3600


class LiveLoad:
    """The open-loop generator, as a process; its report is a dict."""

    def __init__(self, weir, trace, seed=1, objective="1s", timeout="60s", log=None):
        arguments = [tool("load"), "--connect", f"127.0.0.1:{weir.port}", "--trace", str(trace), "--seed", str(seed),
                     "--objective", objective, "--timeout", timeout]
        if log:
            arguments += ["--log", str(log)]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)

    def report(self, timeout=1200):
        out, _ = self.process.communicate(timeout=timeout)
        assert self.process.returncode == 0
        return json.loads(out)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def run_live(directory, scene, rates, seed=1, objective="1s", bin_s=10, weir=None, log=None):
    """A whole run: (report of the load, watcher, events). `weir` is a running one; without it one is started and stopped."""
    own = weir is None
    if own:
        weir = Weir(directory, services=scene.services)
    trace = write_trace(pathlib.Path(directory, f"load-{os.getpid()}-{weir.port}.csv"), rates, bin_s)
    load = None
    try:
        watcher = Watcher(weir)
        load = LiveLoad(weir, trace, seed, objective, log=log)
        report = load.report()
        watcher.stop()
        events = weir.api("events?count=1000")["events"]
    finally:
        if load:
            load.kill()
        if own:
            weir.stop()
    return report, watcher, events


def story(events):
    return "\n".join(f"{e['time'][11:23]} {e['kind']} {e.get('server') or ''} {e['text']}" for e in events)


__all__ = [name for name in dir() if not name.startswith("_")]

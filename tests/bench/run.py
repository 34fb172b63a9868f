#!/usr/bin/python3
"""What a request costs through Weir, next to HAProxy and nginx from Debian: `./dev bench [--quick]`.

The figure is CPU time of the proxy (all its processes and threads, user and system, from /proc/PID/task/*/schedstat, in
nanoseconds) divided by the requests that wrk counted in the same time. Requests per second would tell less: the load
generator shares the machine.

  one core   the proxy, one worker or thread; taskset pins everything it starts
  the other  wrk (64 keep-alive connections) and the origin, a small C program with ready-made responses (origin.c)
  rounds     interleaved (Weir, HAProxy, nginx, Weir, …), so that a disturbance hits all; the medians are compared

All three do the same work: keep-alive on both sides, X-Forwarded-For and -Proto written, counters on, no access log. Weir and
HAProxy also check the server's health; Debian's nginx cannot. The configurations are below, whole.
"""
import argparse
import os
import pathlib
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import psutil

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CONNECTIONS = 64
IDLE_MEMORY = 2000
IDLE_EXTRA = 500
PORTS = {"origin": 18080, "weir": 18081, "haproxy": 18082, "nginx": 18083, "weir admin": 18084}

# X-Forwarded-Host, -Port, Forwarded, Via and the request id, which Weir writes by default, the other two are spared.
HAPROXY = """
global
    nbthread 1
    maxconn 8000
    stats socket {directory}/haproxy.sock
defaults
    mode http
    timeout connect 3s
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive 60s
    timeout http-request 10s
    option http-keep-alive
    http-reuse always
    option forwardfor
frontend site
    bind 127.0.0.1:{port}
    http-request set-header X-Forwarded-Proto http
    default_backend servers
backend servers
    balance leastconn
    option httpchk GET /healthz
    server one 127.0.0.1:{origin} check inter 2s
"""

NGINX = """
worker_processes 1;
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    keepalive_timeout 60s;
    client_body_temp_path {directory}/nginx-body;
    proxy_temp_path {directory}/nginx-proxy;
    fastcgi_temp_path {directory}/nginx-fastcgi;
    uwsgi_temp_path {directory}/nginx-uwsgi;
    scgi_temp_path {directory}/nginx-scgi;
    upstream servers {{
        least_conn;
        server 127.0.0.1:{origin};
        keepalive 64;
        keepalive_requests 100000000;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://servers;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}
}}
"""

WEIR = """
workers: 1
state: off
listeners:
  - http: 127.0.0.1:{port}
services:
  site:
    balance: least-requests
    health: {{ path: /healthz }}
    servers: ["127.0.0.1:{origin}"]
admin:
  listen: 127.0.0.1:{admin}
"""

COMMANDS = {
    "weir": lambda options, config: [options.weir, "run", "-c", config],
    "haproxy": lambda options, config: [shutil.which("haproxy", path="/usr/sbin:/usr/bin"), "-f", config, "-db"],
    "nginx": lambda options, config: [shutil.which("nginx", path="/usr/sbin:/usr/bin"), "-c", config],
}
CONFIGURATIONS = {"weir": WEIR, "haproxy": HAPROXY, "nginx": NGINX}


class Proxy:
    """A running proxy, everything of it pinned to one core."""

    def __init__(self, name, options, directory):
        self.name, self.port = name, PORTS[name]
        config = directory / f"{name}.conf"
        config.write_text(CONFIGURATIONS[name].format(port=self.port, origin=PORTS["origin"], admin=PORTS["weir admin"],
                                                      directory=directory))
        self.log = open(directory / f"{name}.log", "wb")
        self.process = subprocess.Popen(["taskset", "-c", str(options.proxy_core), *map(str, COMMANDS[name](options, config))],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 10
        while not answers(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"bench: {name} does not answer:\n{(directory / f'{name}.log').read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def processes(self):
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def cpu_ns(self):
        """CPU time of all threads that live; none of the proxies starts or ends threads while it is measured."""
        total = 0
        for process in self.processes():
            for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
                total += int((task / "schedstat").read_text().split()[0])
        return total

    def private_bytes(self):
        """Memory that is the proxy's alone and written to: what its connections cost in user space."""
        total = 0
        for process in self.processes():
            rollup = pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Private_Dirty:\s+(\d+)", rollup, re.M).group(1)) * 1024
        return total

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            for process in self.processes():
                process.kill()
            self.process.wait()
        self.log.close()


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
            return s.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def run_wrk(options, port, path, seconds):
    """Requests that wrk counted; a failed one ends the bench, because its figure would be worthless."""
    out = subprocess.run(["taskset", "-c", str(options.load_core), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s",
                          f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True).stdout
    if re.search(r"Socket errors|Non-2xx", out):
        sys.exit(f"bench: failed requests on port {port}:\n{out}")
    return int(re.search(r"(\d+) requests in", out).group(1)), float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


def measure(options, proxy, path, seconds):
    before = proxy.cpu_ns()
    requests, rate = run_wrk(options, proxy.port, path, seconds)
    return (proxy.cpu_ns() - before) / 1000 / requests, rate


def open_idle(port, count):
    """Keep-alive connections that have each had one request."""
    sockets = []
    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", port), timeout=10)
        s.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
        sockets.append(s)
        s.recv(4096)
    return sockets


def rounds(options, proxies, path, seconds, count):
    """{name: [(us per request, requests per second), …]}, interleaved."""
    results = {proxy.name: [] for proxy in proxies}
    for proxy in proxies:
        run_wrk(options, proxy.port, path, 1)  # warm: connections, caches, allocators
    for index in range(count):
        # Each round begins with another proxy: none always follows the same neighbour.
        for proxy in proxies[index % len(proxies):] + proxies[:index % len(proxies)]:
            results[proxy.name].append(measure(options, proxy, path, seconds))
    return results


def print_requests(title, results):
    median = {name: statistics.median(us for us, _ in values) for name, values in results.items()}
    peers = [name for name in median if name != "weir"]
    print(f"\n{title}")
    print(f"  {'proxy':<10}{'us/request':>11}{'lowest':>9}{'highest':>9}{'requests/s':>12}{'Weir is':>10}")
    for name, values in results.items():
        us = [value for value, _ in values]
        ratio = f"{median['weir'] / median[name]:.2f}x" if "weir" in median and name != "weir" else ""
        rate = statistics.median(rate for _, rate in values)
        print(f"  {name:<10}{median[name]:>11.2f}{min(us):>9.2f}{max(us):>9.2f}{rate:>12.0f}{ratio:>10}")
    if "weir" in median and peers:
        best = min(peers, key=median.get)
        print(f"  Weir / best peer ({best}): {median['weir'] / median[best]:.3f}")
    sys.stdout.flush()


def print_idle(options, proxies, seconds, count):
    print(f"\nIdle keep-alive connections: memory of {IDLE_MEMORY}, and cost of a 128-byte request with {IDLE_EXTRA} more or less")
    print(f"  {'proxy':<10}{'bytes each':>11}{'us without':>12}{'us with':>9}{'ratio':>8}")
    for proxy in proxies:
        # What the allocator keeps from the load before must not hide the cost: the first half warms, the second is measured.
        warm = open_idle(proxy.port, IDLE_MEMORY // 2)
        before = proxy.private_bytes()
        idle = open_idle(proxy.port, IDLE_MEMORY)
        time.sleep(0.5)
        each = (proxy.private_bytes() - before) / IDLE_MEMORY
        for s in warm + idle:
            s.close()
        time.sleep(0.5)
        without, extra = [], []
        for _ in range(count):
            without.append(measure(options, proxy, "/128", seconds)[0])
            idle = open_idle(proxy.port, IDLE_EXTRA)
            extra.append(measure(options, proxy, "/128", seconds)[0])
            for s in idle:
                s.close()
            time.sleep(0.2)
        a, b = statistics.median(without), statistics.median(extra)
        print(f"  {proxy.name:<10}{each:>11.0f}{a:>12.2f}{b:>9.2f}{b / a:>8.3f}")
        sys.stdout.flush()


def version_of(command, *arguments):
    result = subprocess.run([command, *arguments], capture_output=True, text=True)
    return (result.stdout or result.stderr).strip().split("\n")[0]


def main():
    parser = argparse.ArgumentParser(description="compare Weir with HAProxy and nginx")
    parser.add_argument("--weir", default=str(ROOT / "build" / "weir"))
    parser.add_argument("--quick", action="store_true", help="shorter and fewer rounds: a hint, not a figure")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--only", action="append", choices=list(COMMANDS), help="only these proxies (may be repeated)")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("bench: two cores are needed: one for the proxy, one for load and origin")
    options.proxy_core, options.load_core = cores[0], cores[1]
    count = options.rounds or (3 if options.quick else 7)
    seconds = options.seconds or (1 if options.quick else 3)

    print(f"{platform.machine()}, Linux {platform.release()}, {len(cores)} cores; {count} interleaved rounds of {seconds} s, "
          f"{CONNECTIONS} connections")
    print(f"  {version_of(options.weir, '--version')}\n  {version_of('/usr/sbin/haproxy', '-v')}\n  {version_of('/usr/sbin/nginx', '-v')}")
    started = []
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        try:
            subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", "-o", directory / "origin", HERE / "origin.c"], check=True)
            origin = subprocess.Popen(["taskset", "-c", str(options.load_core), directory / "origin", str(PORTS["origin"])])
            started.append(origin)
            names = [n for n in COMMANDS if not options.only or n in options.only]
            proxies = []
            for n in names:
                proxies.append(Proxy(n, options, directory))
                started.append(proxies[-1])
            for title, path in (("128-byte responses", "/128"), ("16 KB responses", "/16k")):
                print_requests(title, rounds(options, proxies, path, seconds, count))
            print_idle(options, proxies, seconds, 2 if options.quick else 3)
        finally:
            for one in reversed(started):
                one.stop() if isinstance(one, Proxy) else one.kill()


if __name__ == "__main__":
    main()

"""What the flow tests are told in: a Weir to start, clients and servers that show every byte, and a load of real clients.

Everything is plain sockets: a test of a proxy must be able to send what no library would, and to see what a library hides.
Fixtures that clean up after these are in conftest.py.
"""
import asyncio
import collections
import json
import os
import pathlib
import queue
import random
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
import uuid

import psutil
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PYTHON = "/usr/bin/python3"
FLAVOUR = os.environ.get("WEIR_FLAVOUR", "plain")
# Sanitized programs are several times slower: every deadline of a test is multiplied by this.
PATIENCE = {"plain": 1, "asan": 3, "tsan": 5}.get(FLAVOUR, 1)
TINY_SERVER = str(ROOT / "tests" / "flow" / "tiny_server.py")
FLASK_COMMAND = [PYTHON, "-m", "gunicorn", "--chdir", str(ROOT / "examples" / "flask"), "--workers", "1", "--threads", "8",
                 "--bind", "{address}", "app:app"]


def binary():
    return os.environ.get("WEIR_BINARY") or str(ROOT / "build" / "weir")


_given_ports = set()


def port_range():
    """Below the range from which the kernel takes ports for outgoing connections; each process of a run has its own share."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    share = 20_000 // count
    return range(10_000 + worker * share, 10_000 + (worker + 1) * share)


def free_port():
    """A port that nobody listens on."""
    while True:
        port = random.choice(port_range())
        if port in _given_ports:
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given_ports.add(port)
        return port


def wait_until(condition, timeout=5.0, what=None, interval=0.02):
    """Waits for the condition to give something true and returns that; fails with `what` when it does not in time."""
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout * PATIENCE:g} s: {what or condition}")
        time.sleep(interval)


# ------------------------------------------------------------------------------------------------ messages


class Fields:
    """Header fields in the order they came, names without regard to case."""

    def __init__(self, pairs):
        self.pairs = list(pairs)

    def all(self, name):
        return [value for key, value in self.pairs if key.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    def __contains__(self, name):
        return bool(self.all(name))

    def __getitem__(self, name):
        values = self.all(name)
        assert len(values) == 1, f"{name}: {values} in {self.pairs}"
        return values[0]

    def __repr__(self):
        return repr(self.pairs)


def parse_fields(lines):
    pairs = []
    for line in lines:
        name, colon, value = line.partition(b":")
        assert colon and name == name.strip(), f"not a field line: {line!r}"
        pairs.append((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")))
    return Fields(pairs)


class Closed(EOFError):
    """The other side closed the connection where a message should have gone on."""


class Wire:
    """A connection with a reader for HTTP/1 messages that accepts only what is exactly right. `raw` is all that ever came."""

    def __init__(self, sock, timeout=10.0):
        self.sock = sock
        self.sock.settimeout(timeout * PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.raw = bytearray()
        self.at = 0
        self.is_eof = False

    def send(self, data):
        self.sock.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def fill(self):
        """Reads some more; False at the end of the stream."""
        if self.is_eof:
            return False
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.is_eof = True
            return False
        self.raw += data
        return True

    @property
    def rest(self):
        """What came and was not read yet."""
        return bytes(self.raw[self.at:])

    def exactly(self, count):
        while len(self.raw) - self.at < count:
            if not self.fill():
                raise Closed(f"{count} bytes expected, then end of stream after {self.rest!r}")
        data = bytes(self.raw[self.at:self.at + count])
        self.at += count
        return data

    def line(self):
        while True:
            end = self.raw.find(b"\r\n", self.at)
            if end >= 0:
                data = bytes(self.raw[self.at:end])
                self.at = end + 2
                assert b"\n" not in data and b"\r" not in data, f"bare CR or LF: {data!r}"
                return data
            if not self.fill():
                raise Closed(f"a line expected, then end of stream after {self.rest[-200:]!r}")

    def to_eof(self):
        while self.fill():
            pass
        data = self.rest
        self.at = len(self.raw)
        return data

    def is_closed(self, timeout=5.0):
        """True when the other side closes without another byte; False when a byte comes or nothing happens."""
        if self.rest:
            return False
        self.sock.settimeout(timeout * PATIENCE)
        try:
            return not self.fill()
        except TimeoutError:
            return False

    def head(self):
        """The first line and the fields."""
        first = self.line()
        lines = []
        while line := self.line():
            lines.append(line)
        return first.decode("latin-1"), parse_fields(lines)

    def chunked(self):
        """Body and trailers of a chunked message."""
        body = bytearray()
        while True:
            size_text = self.line().split(b";")[0]
            assert re.fullmatch(rb"[0-9A-Fa-f]+", size_text), f"chunk size {size_text!r}"
            size = int(size_text, 16)
            if size == 0:
                break
            body += self.exactly(size)
            assert self.exactly(2) == b"\r\n"
        lines = []
        while line := self.line():
            lines.append(line)
        return bytes(body), parse_fields(lines)


class Response:
    def __init__(self, version, status, reason, fields):
        self.version, self.status, self.reason, self.fields = version, status, reason, fields
        self.body, self.trailers, self.interim, self.is_chunked, self.ended_by_close = b"", Fields([]), [], False, False

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<Response {self.status} {self.fields} {self.body[:120]!r}>"


class Client(Wire):
    """A client's connection."""

    def __init__(self, port, host="127.0.0.1", timeout=10.0, source=None):
        super().__init__(socket.create_connection((host, port), timeout=timeout * PATIENCE,
                                                  source_address=(source, 0) if source else None), timeout)

    def request(self, method="GET", target="/", fields=(), body=None, host="example.com", version="1.1"):
        """Writes a request; a body gets a Content-Length unless fields has a Transfer-Encoding."""
        pairs = list(fields.items()) if isinstance(fields, dict) else list(fields)
        names = {name.lower() for name, _ in pairs}
        if host is not None and "host" not in names:
            pairs.insert(0, ("Host", host))
        if body is not None and not names & {"content-length", "transfer-encoding"}:
            pairs.append(("Content-Length", str(len(body))))
        head = f"{method} {target} HTTP/{version}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in pairs) + "\r\n"
        return self.send(head.encode("latin-1") + (body or b""))

    def response_head(self):
        first, fields = self.head()
        match = re.fullmatch(r"HTTP/(1\.[01]) (\d{3}) ?(.*)", first)
        assert match, f"status line {first!r}"
        return Response(match.group(1), int(match.group(2)), match.group(3), fields)

    def response(self, method="GET"):
        """The next final response, whole; interim ones (1xx but 101) are in its `interim`."""
        interim = []
        while True:
            r = self.response_head()
            if r.status >= 200 or r.status == 101:
                break
            interim.append(r)
        r.interim = interim
        self.read_body(r, method)
        return r

    def read_body(self, r, method="GET"):
        codings, lengths = r.fields.all("Transfer-Encoding"), r.fields.all("Content-Length")
        assert not (codings and lengths), f"both framings: {r.fields}"
        if method == "HEAD" or r.status in (101, 204, 304) or r.status < 200:
            return
        if method == "CONNECT" and r.status < 300:
            return
        if codings:
            assert codings == ["chunked"], codings
            r.is_chunked = True
            r.body, r.trailers = self.chunked()
        elif lengths:
            assert len(set(lengths)) == 1 and lengths[0].isdigit(), lengths
            r.body = self.exactly(int(lengths[0]))
        else:
            r.body, r.ended_by_close = self.to_eof(), True

    def ask(self, method="GET", target="/", fields=(), body=None, **options):
        """A request and its response."""
        return self.request(method, target, fields, body, **options).response(method)


# ------------------------------------------------------------------------------------------------ servers


class Request:
    def __init__(self, first, fields):
        parts = first.split(" ")
        assert len(parts) == 3, f"request line {first!r}"
        self.method, self.target, self.version = parts
        self.fields = fields
        self.body, self.trailers, self.is_chunked = b"", Fields([]), False
        self.at_s = time.monotonic()

    def __repr__(self):
        return f"<Request {self.method} {self.target} {self.version} {self.fields} {self.body[:80]!r}>"


class ServerConnection(Wire):
    """A connection as a server sees it."""

    def __init__(self, sock, origin):
        super().__init__(sock, timeout=30)
        self.origin = origin

    def read_head(self):
        first, fields = self.head()
        request = Request(first, fields)
        self.origin.note_request(request)
        return request

    def read_body(self, request):
        codings, lengths = request.fields.all("Transfer-Encoding"), request.fields.all("Content-Length")
        assert not (codings and lengths), f"ambiguous framing arrived: {request}"
        assert len(lengths) <= 1 and len(codings) <= 1, f"repeated framing arrived: {request}"
        if codings:
            assert codings == ["chunked"], codings
            request.is_chunked = True
            request.body, request.trailers = self.chunked()
        elif lengths:
            request.body = self.exactly(int(lengths[0]))
        return request

    def read_request(self):
        return self.read_body(self.read_head())

    def reply(self, status=200, body=b"", fields=(), reason="OK", version="1.1"):
        body = body.encode() if isinstance(body, str) else body
        pairs = list(fields.items()) if isinstance(fields, dict) else list(fields)
        if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in pairs):
            pairs.append(("Content-Length", str(len(body))))
        head = f"HTTP/{version} {status} {reason}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in pairs) + "\r\n"
        return self.send(head.encode("latin-1") + body)


class Origin:
    """A server that records exactly what it gets.

    `script(connection)` tells the story of one connection, on a thread of its own. Without one every request gets 200 with
    `reply`: bytes, or a function of the request that gives bytes or (status, fields, body). A connection that ends in the
    middle of a request, or brings something that is not HTTP, is noted in `errors`; probes that send nothing are not.
    """

    def __init__(self, reply=b"hello", script=None, port=None, is_listening=True, host="127.0.0.1", backlog=4096):
        self.answer, self.script, self.host, self.port, self.backlog = reply, script, host, port or free_port(), backlog
        self.lock = threading.Lock()
        self.connections, self.requests, self.errors = [], [], []
        self.new_requests = queue.Queue()
        self.listener = None
        self.is_stopped = False
        if is_listening:
            self.listen()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def listen(self):
        """Begins (or begins again) to accept."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        listener.listen(self.backlog)
        self.listener = listener
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def refuse(self):
        """Stops accepting: from now on connections are refused, and the open ones are cut."""
        listener, self.listener = self.listener, None
        if listener:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut()

    def cut(self):
        """Closes every open connection."""
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.is_stopped = True
        self.refuse()

    def accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            connection = ServerConnection(sock, self)
            with self.lock:
                self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            (self.script or self.serve_all)(connection)
        except Closed as error:
            if connection.rest:
                self.errors.append(f"cut short: {error}")
        except (OSError, ValueError) as error:
            if not isinstance(error, (ConnectionError, TimeoutError)) and not self.is_stopped and connection.sock.fileno() >= 0:
                self.errors.append(repr(error))
        except AssertionError as error:
            self.errors.append(str(error))
        finally:
            connection.close()

    def serve_all(self, connection):
        while True:
            request = connection.read_request()
            answer = self.answer(request) if callable(self.answer) else self.answer
            status, fields, body = answer if isinstance(answer, tuple) else (200, (), answer)
            body = body.encode() if isinstance(body, str) else body
            if request.method == "HEAD":
                connection.reply(status, b"", [("Content-Length", str(len(body))), *fields])
            else:
                connection.reply(status, body, fields)
            if (request.fields.get("Connection") or "").lower() == "close":
                return

    def note_request(self, request):
        with self.lock:
            self.requests.append(request)
        self.new_requests.put(request)

    def next_request(self, timeout=5.0):
        """Waits for the next request's head."""
        return self.new_requests.get(timeout=timeout * PATIENCE)

    @property
    def received(self):
        """All bytes of all connections that brought any."""
        with self.lock:
            return [bytes(connection.raw) for connection in self.connections if connection.raw]


# ------------------------------------------------------------------------------------------------ weir


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True


class Weir:
    """A running Weir with a log, an admin API and, at the end, the check that nothing of it is left."""

    def __init__(self, directory, arguments=None, config=None, environment=None, wait="ready", is_checked=True, before=None, **top):
        """Starts `weir run`, either with a configuration (`config`, or its top-level keys as keywords) or with `arguments`.

        Listeners and admin are filled in unless given. wait: "ready" until every service has a server that takes requests,
        "alive" for /healthz, None for nothing. before: called in its process before it begins.
        """
        self.before = before
        self.directory = pathlib.Path(directory)
        self.port, self.admin_port = free_port(), free_port()
        self.id = uuid.uuid4().hex
        self.is_checked = is_checked
        self.expected_status = 0
        self.log_path = self.directory / f"weir-{self.id[:6]}.log"
        self.sanitizer_prefix = self.directory / f"sanitizer-{self.id[:6]}"
        self.sink = open(self.log_path, "wb")
        if arguments is None:
            config = dict(config or {}, **top)
            config.setdefault("listeners", [{"http": f"127.0.0.1:{self.port}"}])
            config.setdefault("admin", {"listen": f"127.0.0.1:{self.admin_port}"})
            config.setdefault("workers", 2)
            self.config_path = self.directory / f"weir-{self.id[:6]}.yaml"
            self.write_config(config)
            arguments = ["run", "-c", str(self.config_path)]
        else:
            arguments = [str(a).replace("{site}", f"127.0.0.1:{self.port}").replace("{admin}", f"127.0.0.1:{self.admin_port}")
                         for a in arguments]
        self.state_directory = self.directory / f"state-{self.id[:6]}"
        self.arguments = arguments
        self.environment = dict(os.environ, WEIR_FLOW_ID=self.id, PYTHONDONTWRITEBYTECODE="1",
                                STATE_DIRECTORY=str(self.state_directory))
        self.environment.update(environment or {})
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in self.environment:
                self.environment[name] += f":log_path={self.sanitizer_prefix}"
        self.start(wait)

    def start(self, wait="ready"):
        """For the constructor, and again after stop(): the same command, configuration and state."""
        if self.sink.closed:
            self.sink = open(self.log_path, "ab")
        self.process = subprocess.Popen([binary(), *self.arguments], stdin=subprocess.DEVNULL, stdout=self.sink,
                                        stderr=subprocess.STDOUT, env=self.environment, start_new_session=True,
                                        preexec_fn=self.before)
        if wait:
            try:
                self.wait_ready("/readyz" if wait == "ready" else "/healthz")
                if wait == "ready":
                    self.wait_serving()
            except BaseException:
                self.kill()
                raise

    def state_files(self):
        """Those of the one database: weir.db, weir.db-wal, …"""
        return sorted(self.state_directory.glob("*/*"))

    def write_config(self, config):
        self.config = config
        self.config_path.write_text(yaml.dump(config, Dumper=_Dumper, sort_keys=False))

    def wait_ready(self, path="/readyz", timeout=20.0):
        def is_ready():
            assert self.process.poll() is None, f"weir ended with status {self.process.returncode}:\n{self.log()[-3000:]}"
            try:
                return self.admin("GET", path).status == 200
            except (OSError, Closed):
                return False

        wait_until(is_ready, timeout, f"{path} of weir; its log:\n{self.log()[-3000:]}")

    def wait_serving(self, timeout=20.0):
        """Every service has a server that takes requests."""
        def is_serving():
            services = {row["name"] for row in self.api("services")["services"]}
            return services <= {row["service"] for row in self.takes_requests()}

        wait_until(is_serving, timeout, "a server of each service that takes requests")

    def wait_taking(self, count, timeout=10.0):
        """So many servers take requests: ready is Weir with the first."""
        wait_until(lambda: len(self.takes_requests()) == count, timeout, f"{count} servers that take requests")
        return self

    def wait_watched(self, timeout=20.0):
        """Watching has seen a healthy server of each service: from now on it is told at once when the last one is lost."""
        def is_seen():
            healthy = [row["value"] for row in self.api("readings")["readings"] if row["metric"] == "servers_healthy"]
            return healthy and all(healthy)

        self.wait_serving(timeout)
        wait_until(is_seen, timeout, "watching has seen a healthy server of each service")

    # -- what it says

    def log(self):
        """What it said so far; a failed teardown may already have taken the file away."""
        try:
            return self.log_path.read_text(errors="replace")
        except FileNotFoundError:
            return "(its log is gone)"

    def wait_log(self, pattern, timeout=5.0, count=1):
        """Waits for the pattern (of a line of the log) and returns the last match."""
        def found():
            matches = list(re.finditer(pattern, self.log(), re.M))
            return matches[-1] if len(matches) >= count else None

        return wait_until(found, timeout, f"{pattern!r} in the log")

    def admin(self, method, path, body=None, fields=()):
        client = Client(self.admin_port)
        try:
            fields = [*fields, ("Connection", "close")]
            if isinstance(body, (dict, list)):
                body, fields = json.dumps(body).encode(), [*fields, ("Content-Type", "application/json")]
            return client.ask(method, path, fields, body, host=f"127.0.0.1:{self.admin_port}")
        finally:
            client.close()

    def api(self, path):
        """GET /api/v1/PATH as JSON."""
        response = self.admin("GET", f"/api/v1/{path}")
        assert response.status == 200, response
        return response.json()

    def post(self, path, body=None):
        """POST /api/v1/PATH; the field is what Weir wants of programs, so that no foreign page can send this."""
        return self.admin("POST", f"/api/v1/{path}", body if body is not None else b"", [("X-Weir-Request", "1")])

    def servers(self, service=None, state=None):
        rows = self.api("servers")["servers"]
        return [row for row in rows if (service is None or row["service"] == service)
                and (state is None or row["state"] in (state if isinstance(state, (list, tuple)) else [state]))]

    def takes_requests(self):
        return self.servers(state=("warming", "serving"))

    def metrics(self):
        """{(name, ((label, value), …)): number}"""
        response = self.admin("GET", "/metrics")
        assert response.status == 200, response
        rows = {}
        for line in response.body.decode().splitlines():
            match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if match:
                labels = tuple(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match.group(2) or ""))
                rows[match.group(1), labels] = float(match.group(3))
        return rows

    def metric(self, name, **labels):
        """The sum over all rows of the metric that have these labels."""
        wanted = set(labels.items())
        return sum(value for (key, row), value in self.metrics().items() if key == name and wanted <= set(row))

    def wait_metric(self, value, name, **labels):
        """For what counts requests: Weir counts one when its answer has left, so a client may have it a moment earlier."""
        wait_until(lambda: self.metric(name, **labels) >= value, what=f"{name} {labels} of {value}")
        assert self.metric(name, **labels) == value

    # -- what it is asked

    def client(self, **options):
        return Client(self.port, **options)

    def ask(self, method="GET", target="/", fields=(), body=None, **options):
        """One request on a connection of its own."""
        client = self.client()
        try:
            return client.ask(method, target, fields, body, **options)
        finally:
            client.close()

    # -- its processes

    def processes(self):
        """All living processes that this Weir or its children started, wherever they hang in the tree."""
        mark = f"WEIR_FLOW_ID={self.id}".encode()
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and mark in pathlib.Path(f"/proc/{process.pid}/environ").read_bytes():
                    found.append(process)
            except (OSError, psutil.Error):
                pass
        return found

    def worker(self):
        """The worker's process: the one of Weir's own that has threads."""
        exe = os.path.realpath(binary())
        own = []
        for process in self.processes():
            try:
                if process.pid != self.process.pid and os.path.realpath(process.exe()) == exe:
                    own.append((process.num_threads(), process))
            except psutil.Error:
                pass
        return max(own, key=lambda pair: pair[0])[1] if own else None

    def application_pids(self):
        """Process ids of the leaders of application servers: children of the supervisor that are not Weir's own program."""
        exe = os.path.realpath(binary())
        pids = set()
        for process in psutil.Process(self.process.pid).children():
            try:
                if os.path.realpath(process.exe()) != exe:
                    pids.add(process.pid)
            except psutil.Error:
                pass
        return pids

    # -- its end

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=15.0):
        try:
            return self.process.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"weir did not end within {timeout * PATIENCE:g} s:\n{self.log()[-2000:]}") from None

    def kill(self):
        """Ends everything by force; returns the processes that had to be killed."""
        left = self.processes()
        for process in left:
            try:
                process.kill()
            except psutil.Error:
                pass
        self.process.kill()
        self.process.wait()
        self.sink.close()
        return left

    def stop(self, timeout=15.0):
        """SIGTERM, and the checks that belong to every test: status 0, no process left, no sanitizer report."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            status = self.wait(timeout)
            if self.is_checked:
                wait_until(lambda: not self.processes(), 2, f"processes left: {[(p.pid, p.name()) for p in self.processes()]}")
                assert status == self.expected_status, f"weir ended with status {status}:\n{self.log()[-3000:]}"
        finally:
            self.kill()
        self.check_sanitizers()

    def check_sanitizers(self):
        reports = sorted(self.directory.glob(self.sanitizer_prefix.name + "*"))
        text = "\n".join(report.read_text(errors="replace")[:6000] for report in reports)
        assert not text, f"sanitizer report:\n{text}"


# ------------------------------------------------------------------------------------------------ load


class Load:
    """Real keep-alive clients, each asking one request after the other, on a thread with an event loop of their own.

    `set_clients(n)` changes how many there are; each new one opens its own connection, each that is too many leaves after its
    response. Counts every way to fail: another status than 2xx, a connection that breaks, an answer that does not come.
    A keep-alive connection that the server closes *between* requests (as it may) is opened again and is no failure, just as
    browsers do; one that closes after the request went out without a byte of an answer is one.
    """

    def __init__(self, port, target="/", clients=1, timeout=20.0, pause_s=0.0, host="example.com", requests_per_connection=0):
        self.port, self.target, self.timeout, self.pause_s, self.host = port, target, timeout * PATIENCE, pause_s, host
        self.requests_per_connection = requests_per_connection
        self.ok = 0
        self.failures = []  # (seconds since the start, kind, detail)
        self.bodies = collections.Counter()
        self.wanted = clients
        self.tasks = set()
        self.start_s = time.monotonic()
        self.is_stopping = False
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self.main(),), daemon=True)
        self.thread.start()

    def set_clients(self, count):
        self.wanted = count

    def wait_ok(self, count):
        """Goes on until so many requests were answered, however long that takes on this machine; returns self."""
        wait_until(lambda: self.ok >= count, 60, f"{count} good answers")
        return self

    def stop(self):
        """Lets every client finish its request, then returns self."""
        self.is_stopping = True
        self.thread.join(self.timeout + 10)
        assert not self.thread.is_alive(), "load clients do not end"
        return self

    def now(self):
        return time.monotonic() - self.start_s

    async def main(self):
        index = 0
        while not self.is_stopping:
            self.tasks = {task for task in self.tasks if not task.done()}
            while len(self.tasks) < self.wanted:
                index += 1
                self.tasks.add(asyncio.create_task(self.run_client(index)))
            await asyncio.sleep(0.02)
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=self.timeout + 5)

    async def run_client(self, index):
        reader = writer = None
        count = 0
        while not self.is_stopping and len(self.tasks) <= self.wanted:
            try:
                if writer is None or reader.at_eof():
                    if writer:
                        writer.close()
                    reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self.port), self.timeout)
                keeps = await asyncio.wait_for(self.exchange(reader, writer), self.timeout)
                count += 1
                if not keeps or (self.requests_per_connection and count >= self.requests_per_connection):
                    writer.close()
                    reader = writer = None
                    count = 0
            except (OSError, EOFError, asyncio.TimeoutError, ValueError) as error:
                kind = "timeout" if isinstance(error, (TimeoutError, asyncio.TimeoutError)) else "reset"
                self.failures.append((round(self.now(), 3), kind, repr(error)))
                if writer:
                    writer.close()
                reader = writer = None
                await asyncio.sleep(0.05)
            if self.pause_s:
                await asyncio.sleep(self.pause_s)
        if writer:
            writer.close()

    async def exchange(self, reader, writer):
        writer.write(f"GET {self.target} HTTP/1.1\r\nHost: {self.host}\r\nUser-Agent: load\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        lower = head.lower()
        match = re.search(rb"\r\ncontent-length: *(\d+)", lower)
        body = b""
        if match:
            body = await reader.readexactly(int(match.group(1)))
        elif b"\r\ntransfer-encoding: *chunked" in lower or b"chunked" in lower:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readuntil(b"\r\n")
        else:
            body = await reader.read()
        if 200 <= status < 300:
            self.ok += 1
            self.bodies[bytes(body[:200])] += 1
        else:
            self.failures.append((round(self.now(), 3), f"status {status}", bytes(body[:200]).decode(errors="replace")))
        return b"\r\nconnection: close" not in lower and not lower.startswith(b"http/1.0")


def urlopen(url, timeout=5.0):
    """GET of a URL with http, as a Response."""
    parts = urllib.parse.urlsplit(url)
    client = Client(parts.port or 80, parts.hostname, timeout=timeout)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return client.ask("GET", target, [("Connection", "close")], host=parts.netloc)
    finally:
        client.close()


def run_weir(*arguments, timeout=20.0, **options):
    """A command of weir's that ends by itself."""
    return subprocess.run([binary(), *map(str, arguments)], capture_output=True, text=True, timeout=timeout * PATIENCE,
                          stdin=subprocess.DEVNULL, **options)


def heed_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def start_weir(*arguments):
    """A command of weir's that is going to be interrupted, also where who runs the tests ignores signals (nohup, a shell's `&`)."""
    return subprocess.Popen([binary(), *map(str, arguments)], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, preexec_fn=heed_signals)


__all__ = [name for name in dir() if not name.startswith("_")]

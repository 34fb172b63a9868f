"""A scaling API for the tests: records every request, has servers of its own, and misbehaves as told."""

import http.server
import json
import threading
import time
import urllib.parse


class App(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        time.sleep(self.server.delay)
        body = self.server.name.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Machine(http.server.ThreadingHTTPServer):
    """One server of the API's."""

    daemon_threads = True

    def __init__(self, name, delay):
        super().__init__(("127.0.0.1", 0), App)
        self.name, self.delay, self.state = name, delay, "running"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def end(self):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status=200, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_any(self):
        api = self.server.api
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        kind = "list" if self.command == "GET" else "count"
        with api.lock:
            api.requests.append((self.command, self.path, dict(self.headers), body.decode()))
            fault = api.next_fault(kind)
        if fault is not None and fault(api, self, kind):
            return
        if kind == "count":
            api.set_count(self.count_of())
            self.answer()
        else:
            self.answer(body=json.dumps(api.listing()).encode(), Content_Type="application/json")

    def count_of(self):
        return int(urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)["count"][0])

    do_GET = do_POST = do_PUT = handle_any

    def log_message(self, *_):
        pass


class ScalingApi:
    def __init__(self, delay=0.0):
        self.lock = threading.RLock()
        self.requests, self.faults, self.machines = [], [], []
        self.always = {}
        self.delay, self.last_id, self.started = delay, 0, 0
        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        self.httpd.api = self
        self.port = self.httpd.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.httpd.serve_forever, args=(0.02,), daemon=True).start()

    def next_fault(self, kind):
        for i, (of, fault) in enumerate(self.faults):
            if of == kind:
                del self.faults[i]
                return fault
        return self.always.get(kind)

    def set_count(self, count):
        with self.lock:
            while len(self.machines) < count:
                self.last_id += 1
                self.machines.append(Machine(f"i-{self.last_id}", self.delay))
            gone, self.machines = self.machines[: len(self.machines) - count], self.machines[len(self.machines) - count :]
        for machine in gone:
            machine.end()

    def listing(self):
        with self.lock:
            return {
                "servers": [
                    {"id": m.name, "address": "127.0.0.1", "port": m.server_port, "state": m.state} for m in self.machines
                ]
            }

    def counts(self):
        """The request lines that asked for a number."""
        with self.lock:
            return [f"{method} {path}" for method, path, _, _ in self.requests if method != "GET"]

    def stop(self):
        self.set_count(0)
        self.httpd.shutdown()
        self.httpd.server_close()


# Faults: true when they have answered.


def status(code, body=b"", **headers):
    def fault(api, handler, kind):
        handler.answer(code, body, **headers)
        return True

    return fault


def lost(api, handler, kind):
    """Done, but the answer never comes."""
    if kind == "count":
        api.set_count(handler.count_of())
    handler.close_connection = True
    handler.connection.close()
    return True


def twice(api, handler, kind):
    """Delivered a second time."""
    if kind == "count":
        api.set_count(handler.count_of())
    return False


def half(api, handler, kind):
    """Half an answer."""
    body = json.dumps(api.listing()).encode()
    if kind == "count":
        api.set_count(handler.count_of())
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body) + 10))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    handler.close_connection = True
    handler.connection.close()
    return True


def cut(api, handler, kind):
    """All bytes that were announced, but no whole list."""
    handler.answer(body=json.dumps(api.listing()).encode()[:-2])
    return True


def hang(api, handler, kind):
    time.sleep(3)
    return False

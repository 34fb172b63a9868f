#!/usr/bin/python3
"""An application server that starts in a blink: `tiny_server.py HOST:PORT`. Knows itself what it was asked at once.

  /            its process id           /work?ms=N   sleeps N ms          /peak   most requests it ever had at once
  /healthz     ok                       /env?NAME    its environment      /exit   ends at once with status 3
  /cwd         its directory and user
"""
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

lock = threading.Lock()
now = peak = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        global now, peak
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        if url.path not in ("/healthz", "/peak"):
            with lock:
                now += 1
                peak = max(peak, now)
        body = self.work(url).encode()
        if url.path not in ("/healthz", "/peak"):
            with lock:  # Down before the client can see the answer and send its next request.
                now -= 1
        self.close_connection = self.headers.get("Connection", "").lower() == "close"
        self.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nContent-Type: text/plain\r\n\r\n".encode() + body)

    do_POST = do_GET

    def work(self, url):
        query = parse_qs(url.query)
        if url.path == "/healthz":
            return "ok"
        if url.path == "/work":
            time.sleep(int(query.get("ms", ["10"])[0]) / 1000)
        if url.path == "/peak":
            return str(peak)
        if url.path == "/env":
            return os.environ.get(url.query, "")
        if url.path == "/cwd":
            return f"{os.getcwd()} {os.getuid()}"
        if url.path == "/exit":
            print("asked to exit", file=sys.stderr, flush=True)
            os._exit(3)
        return str(os.getpid())

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 4096


if __name__ == "__main__":
    host, port = sys.argv[1].rsplit(":", 1)
    Server((host, int(port)), Handler).serve_forever()

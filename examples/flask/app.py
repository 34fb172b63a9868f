"""The example site: a small Flask application that tells what it believes of its client, and can be asked to do real work.

ProxyFix believes exactly one proxy (Weir) for each of the four facts. That is right because Weir writes the X-Forwarded
fields itself and drops those that a client forged.
"""
import hashlib
import os
import time

from flask import Flask, Response, request
from markupsafe import escape
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_port=1)

WORK_MS_MAX = 60_000
DOWNLOAD_BYTES_MAX = 16 << 30
CHUNK_BYTES = 64 << 10

PAGE = """<!doctype html>
<html lang="en">
<title>A Flask site behind Weir</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 40rem; padding: 0 1rem }}
  td {{ padding: .2rem 1rem .2rem 0 }} td + td {{ font-family: ui-monospace, monospace }}
</style>
<h1>A Flask site behind Weir</h1>
<p>What this application believes:</p>
<table>
{rows}
</table>
<p>Reload to see other servers answer. <a href="/work?ms=200">/work?ms=200</a> takes 200 ms,
<a href="/work?ms=200&amp;cpu=1">/work?ms=200&amp;cpu=1</a> takes 200 ms of a core.</p>
</html>
"""


def beliefs():
    """What the application believes of the request, after ProxyFix."""
    host, _, port = request.host.partition(":")
    return {
        "client": request.remote_addr,
        "scheme": request.scheme,
        "host": host,
        "port": port or request.environ["SERVER_PORT"],
        "url": request.url,
        "server": os.getpid(),
        "request_id": request.headers.get("X-Request-Id"),
    }


@app.get("/")
def index():
    facts = beliefs()
    if request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json":
        return facts
    rows = "\n".join(f"  <tr><td>{name}</td><td>{escape(value)}</td></tr>" for name, value in facts.items())
    return PAGE.format(rows=rows)


@app.get("/healthz")
def healthz():
    return Response("ok\n", mimetype="text/plain")


@app.route("/work", methods=["GET", "POST"])
def work():
    """Takes `ms` milliseconds: asleep, as one who waits for a database, or with cpu=1 computing."""
    wanted_s = min(max(request.args.get("ms", 10, type=int), 0), WORK_MS_MAX) / 1000
    if request.args.get("cpu", 0, type=int):
        end = time.thread_time() + wanted_s
        while time.thread_time() < end:
            hashlib.sha256(b"weir" * 1024).digest()
    else:
        time.sleep(wanted_s)
    return {"worked_ms": int(wanted_s * 1000), "server": os.getpid()}


@app.route("/upload", methods=["POST", "PUT"])
def upload():
    """Reads the whole body, keeping none of it; answers with its length and SHA-256."""
    digest = hashlib.sha256()
    length = 0
    while chunk := request.stream.read(CHUNK_BYTES):
        digest.update(chunk)
        length += len(chunk)
    return {"bytes": length, "sha256": digest.hexdigest(), "server": os.getpid()}


@app.get("/download")
def download():
    """Streams `bytes` bytes; with chunked=1 without telling the length before."""
    length = min(max(request.args.get("bytes", 1 << 20, type=int), 0), DOWNLOAD_BYTES_MAX)

    def pieces():
        piece = bytes(range(256)) * (CHUNK_BYTES // 256)
        left = length
        while left > 0:
            yield piece[:left]
            left -= min(left, CHUNK_BYTES)

    response = Response(pieces(), mimetype="application/octet-stream")
    if not request.args.get("chunked", 0, type=int):
        response.content_length = length
    return response

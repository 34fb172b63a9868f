"""A registry of container images (the part of its HTTP API that a pull needs), with a user and a password."""
import base64
import gzip
import hashlib
import http.server
import json
import threading


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Registry:
    """Holds one image, `shop:1`, made of one layer: a tar."""

    def __init__(self, layer, user="weir", password="pull-secret"):
        packed = gzip.compress(layer, 1)
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                             "rootfs": {"type": "layers", "diff_ids": [digest(layer)]}}).encode()
        kind = "application/vnd.docker."
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": kind + "distribution.manifest.v2+json",
            "config": {"mediaType": kind + "container.image.v1+json", "size": len(config), "digest": digest(config)},
            "layers": [{"mediaType": kind + "image.rootfs.diff.tar.gzip", "size": len(packed), "digest": digest(packed)}],
        }).encode()
        self.blobs = {digest(content): content for content in (packed, config)}
        self.manifests = {"1": manifest, digest(manifest): manifest}
        self.manifest_type = kind + "distribution.manifest.v2+json"
        self.authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.refused = 0
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                registry.answer(self)

            do_HEAD = do_GET

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.image = f"127.0.0.1:{self.server.server_port}/shop:1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request):
        last = request.path.rsplit("/", 1)[-1]
        status, content, fields = 404, b'{"errors": []}', {}
        if request.headers.get("Authorization") != self.authorization:
            self.refused += 1
            status, fields = 401, {"WWW-Authenticate": 'Basic realm="registry"'}
            content = b'{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}'
        elif request.path == "/v2/":
            status, content = 200, b"{}"
        elif "/manifests/" in request.path and last in self.manifests:
            status, content = 200, self.manifests[last]
            fields = {"Content-Type": self.manifest_type, "Docker-Content-Digest": digest(content)}
        elif "/blobs/" in request.path and last in self.blobs:
            status, content = 200, self.blobs[last]
        request.send_response(status)
        for name, value in fields.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(content)

    def close(self):
        self.server.shutdown()
        self.server.server_close()

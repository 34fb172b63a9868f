"""Sites and services seen from outside: real pages, redirects, certificates that end, ports, names."""
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import threading
import time

import pytest
from dns_server import DnsServer
from harness import PATIENCE, Origin, free_port, run_weir, wait_until

DAY_S = 24 * 3600

CA_CONFIG = """[ca]
default_ca = authority
[authority]
database = index.txt
serial = serial.txt
new_certs_dir = .
certificate = ca.pem
private_key = ca-key.pem
default_md = sha256
policy = names
[names]
commonName = supplied
"""


def metrics_text(w):
    return w.admin("GET", "/metrics").body.decode()


@pytest.fixture
def site(weir, origin):
    """Weir with some probes, and what it says of one by its name."""
    def start(**probes):
        for probe in probes.values():
            probe.setdefault("interval", f"{PATIENCE}s")  # also the longest that one look may take
        w = weir(services={"main": {"servers": [origin(b"hello").address]}}, watch={"probes": probes})

        def look(name):
            return next(p for p in w.api("probes")["probes"] if p["name"] == name)

        def settled(name):
            wait_until(lambda: look(name)["is_good"] is not None, 10, f"the first look of {name}")
            return look(name)
        return w, look, settled
    return start


class TlsSite:
    """A page behind TLS with a certificate for 127.0.0.1 that is good for so many days, by an authority of its own."""

    def __init__(self, directory, days):
        self.directory = directory
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650", "-subj",
                     "/CN=test authority", "-keyout", "ca-key.pem", "-out", "ca.pem")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=site",
                     "-keyout", "key.pem", "-out", "site.csr")
        (directory / "site.ext").write_text("subjectAltName=IP:127.0.0.1")
        (directory / "ca.cnf").write_text(CA_CONFIG)
        (directory / "index.txt").touch()
        (directory / "serial.txt").write_text("01")
        begin, end = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + d * DAY_S)) for d in (-10, days))
        self.openssl("ca", "-batch", "-config", "ca.cnf", "-in", "site.csr", "-out", "site.pem", "-notext",
                     "-startdate", begin, "-enddate", end, "-extfile", "site.ext")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "site.pem", directory / "key.pem")
        self.origin = Origin(script=lambda connection: self.serve(context, connection))

    def openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], cwd=self.directory, check=True, capture_output=True)

    @property
    def ca(self):
        return str(self.directory / "ca.pem")

    @staticmethod
    def serve(context, connection):
        try:
            with context.wrap_socket(connection.sock, server_side=True) as tls:
                while b"\r\n\r\n" not in tls.recv(65536):
                    pass
                tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nwelcome")
        except OSError:  # a client that does not like the certificate
            pass

    def close(self):
        self.origin.close()


@pytest.fixture
def tls_site():
    sites = []

    def make(days):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="weir-tls-"))
        directory.chmod(0o755)  # the worker, which is nobody, reads the authority there
        sites.append(TlsSite(directory, days))
        return sites[-1]
    yield make
    for one in sites:
        one.close()
        shutil.rmtree(one.directory)


def test_a_page_goes_down_and_comes_back(site, origin):
    state = {"status": 200, "body": b"Add to basket"}
    shop = origin(lambda request: (state["status"], [], state["body"]))
    w, look, settled = site(shop={"http": f"http://{shop.address}/", "contains": "basket"})
    assert settled("shop")["is_good"]
    assert look("shop")["status"] == 200
    state["status"] = 503
    wait_until(lambda: look("shop")["failures"] >= 2, 10)
    assert look("shop")["reason"] == "status 503 instead of 200..299"
    assert 'weir_probe_up{probe="shop"} 0' in metrics_text(w)
    state["status"], state["body"] = 200, b"sold out"
    wait_until(lambda: "does not contain `basket`" in look("shop")["reason"], 10)
    state["body"] = b"basket again"
    wait_until(lambda: look("shop")["is_good"], 10)
    assert look("shop")["failures"] == 0
    assert 'weir_probe_looks_total{probe="shop",result="failed"}' in metrics_text(w)


def test_redirects_are_followed_as_far_as_said(site, origin):
    def answer(request):
        steps = int(request.target.rsplit("/", 1)[1])
        return b"there" if steps == 0 else (302, [("Location", f"/{steps - 1}")], b"")
    moved = origin(answer)
    _, _, settled = site(short={"http": f"http://{moved.address}/2", "contains": "there"},
                         long={"http": f"http://{moved.address}/4", "redirects": 3},
                         none={"http": f"http://{moved.address}/1", "redirects": 0, "status": 302})
    assert settled("short")["is_good"] and settled("short")["redirects"] == 2
    assert not settled("long")["is_good"] and "redirects" in settled("long")["reason"]
    assert settled("none")["is_good"] and settled("none")["status"] == 302


def test_a_slow_page_fails_in_time(site, origin):
    gate = threading.Event()
    slow = origin(lambda request: b"late" if gate.wait(20) else b"never")
    _, _, settled = site(slow={"http": f"http://{slow.address}/", "timeout": "300ms"})
    began = time.monotonic()
    result = settled("slow")
    gate.set()
    assert not result["is_good"] and result["seconds"] is None
    assert time.monotonic() - began < 10


def test_a_large_page_is_read_in_part(site, origin):
    large = origin(b"begin" + b"x" * 3_000_000)
    _, _, settled = site(large={"http": f"http://{large.address}/", "contains": "begin"})
    assert settled("large")["is_good"]


def test_certificates(site, tls_site):
    sound, short = tls_site(90), tls_site(1)
    _, _, settled = site(sound={"http": f"https://{sound.origin.address}/", "ca_file": sound.ca, "contains": "welcome"},
                         short={"tls": short.origin.address, "ca_file": short.ca},
                         stranger={"tls": sound.origin.address})
    assert settled("sound")["is_good"]
    assert 89 * DAY_S < settled("sound")["certificate_left_seconds"] < 91 * DAY_S
    assert settled("short")["is_good"]
    assert 0 < settled("short")["certificate_left_seconds"] <= DAY_S
    # Nobody here trusts that authority: it fails, and says how long the certificate would be good all the same.
    assert not settled("stranger")["is_good"] and "certificate" in settled("stranger")["reason"]
    assert 89 * DAY_S < settled("stranger")["certificate_left_seconds"] < 91 * DAY_S


def test_a_certificate_that_has_ended_says_since_when(site, tls_site):
    ended = tls_site(-3)
    _, _, settled = site(ended={"http": f"https://{ended.origin.address}/", "ca_file": ended.ca})
    result = settled("ended")
    assert not result["is_good"] and "expired" in result["reason"]
    assert -4 * DAY_S < result["certificate_left_seconds"] < -2 * DAY_S


def test_ports(site, origin):
    closed = free_port()
    _, _, settled = site(open={"tcp": origin(b"x").address}, closed={"tcp": f"127.0.0.1:{closed}"})
    assert settled("open")["is_good"]
    assert not settled("closed")["is_good"]


def test_names(site):
    dns = DnsServer()
    try:
        dns.set("shop.test", "A", "192.0.2.10", "192.0.2.11")
        dns.set("six.test", "AAAA", "2001:db8::1")
        to = {"resolver": dns.address}
        _, look, settled = site(shop={"dns": "shop.test", "addresses": ["192.0.2.11"], **to},
                                other={"dns": "shop.test", "addresses": ["192.0.2.99"], **to},
                                six={"dns": "six.test", "type": "aaaa", "addresses": ["2001:DB8:0::1"], **to},
                                none={"dns": "nobody.test", **to})
        assert settled("shop")["is_good"] and settled("six")["is_good"]
        assert settled("other")["reason"] == "192.0.2.99 is not among the addresses"
        assert not settled("none")["is_good"]
        dns.mood = "silent"
        wait_until(lambda: not look("shop")["is_good"], 20)
        dns.mood = None
        wait_until(lambda: look("shop")["is_good"], 20)
    finally:
        dns.close()


def test_headers_are_sent_and_not_shown(site, origin):
    shop = origin(lambda request: (200, [], b"ok") if request.fields.get("X-Key") == "hidden-key" else (403, [], b""))
    w, _, settled = site(shop={"http": f"http://{shop.address}/", "headers": ["X-Key: hidden-key"]})
    assert settled("shop")["is_good"]
    assert "hidden-key" not in w.admin("GET", "/api/v1/probes").body.decode() + metrics_text(w)


def test_status_tells_them(site, origin):
    w, _, settled = site(shop={"http": f"http://{origin(b'x').address}/"}, closed={"tcp": f"127.0.0.1:{free_port()}"})
    assert settled("shop")["is_good"] and not settled("closed")["is_good"]
    told = run_weir("status", "--admin", f"127.0.0.1:{w.admin_port}").stdout
    assert "probe shop: status 200, 0." in told
    assert "probe closed: failing, " in told

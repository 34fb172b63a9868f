"""What each kind of sink sends, to real mail and log servers and to small ones that hold the documented shape against it."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import PYTHON, free_port, wait_until

OFF = {"cpu": "off", "memory": "off", "disk": "off"}
HERE = pathlib.Path(__file__).parent


@pytest.fixture
def told(weir, origin):
    """Starts Weir with one sink and a service that can be made to fail: told(sink).fire(), .end()."""
    class Told:
        def __init__(self, kind, keys, **options):
            self.server = origin()
            sink = {kind: {"name": "people", "group_wait": "0s", **keys}}
            self.weir = weir(services={"shop": {"servers": [self.server.address], "health": {"interval": "100ms", "fall": 1, "rise": 1}}},
                             notify=[sink], watch={"interval": "100ms", "host": OFF}, **options)

        def fire(self):
            self.weir.wait_watched()
            self.server.refuse()

        def end(self):
            self.server.listen()

        def outcomes(self, outcome):
            return self.weir.metric("weir_notifications_total", sink="people", outcome=outcome) or 0

    return Told


class Service:
    """An HTTP receiver with scripted answers, then `answer` for ever."""

    def __init__(self, origin, answer, first=()):
        self.answers, self.answer = list(first), answer
        self.requests = []
        self.origin = origin(self.reply)
        self.url = f"http://{self.origin.address}"

    def reply(self, request):
        self.requests.append(request)
        return self.answers.pop(0) if self.answers else self.answer

    def bodies(self):
        return [json.loads(request.body) for request in self.requests]

    def wait(self, count, timeout=20):
        wait_until(lambda: len(self.requests) >= count, timeout, f"{count} messages; there are {len(self.requests)}")
        return self.bodies()


OK = (200, [], b"ok")
NO_CONTENT = (204, [], b"")
ACCEPTED = (202, [], b"")


def check_slack(body):
    assert isinstance(body["text"], str) and 0 < len(body["text"]) <= 40000
    for attachment in body["attachments"]:
        assert re.fullmatch(r"#[0-9A-F]{6}", attachment["color"])
        assert attachment["fallback"] and len(attachment["text"]) <= 3000
        for field in attachment["fields"]:
            assert field["title"] and field["value"] and isinstance(field["short"], bool)
    return body["text"], json.dumps(body["attachments"], ensure_ascii=False)


def check_discord(body):
    assert 0 < len(body["content"]) <= 2000 and len(body["embeds"]) <= 10
    total = 0
    for embed in body["embeds"]:
        assert isinstance(embed["color"], int) and 0 <= embed["color"] <= 0xFFFFFF
        assert 0 < len(embed["title"]) <= 256 and len(embed["description"]) <= 4096 and len(embed["fields"]) <= 25
        for field in embed["fields"]:
            assert 0 < len(field["name"]) <= 256 and 0 < len(field["value"]) <= 1024
            total += len(field["name"]) + len(field["value"])
        total += len(embed["title"]) + len(embed["description"])
    assert total <= 6000 and body["allowed_mentions"] == {"parse": []}
    return body["content"], json.dumps(body["embeds"], ensure_ascii=False)


def check_teams(body):
    assert body["type"] == "message" and len(json.dumps(body)) <= 28 * 1024
    (attachment,) = body["attachments"]
    card = attachment["content"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["type"] == "AdaptiveCard" and re.fullmatch(r"1\.\d", card["version"])

    def check(element):
        assert element["type"] in ("Container", "TextBlock", "FactSet")
        for inner in element.get("items", []):
            check(inner)
        if element["type"] == "TextBlock":
            assert element["text"] and element["wrap"] is True
            assert element.get("color", "default") in ("default", "attention", "warning", "good", "accent")
        for fact in element.get("facts", []):
            assert fact["title"] and fact["value"]

    for element in card["body"]:
        check(element)
    for action in card.get("actions", []):
        assert action["type"] == "Action.OpenUrl" and action["url"].startswith("http")
    return card["body"][0]["items"][0]["text"], json.dumps(card, ensure_ascii=False)


def check_telegram(body):
    assert body["chat_id"] == "-100123" and body["parse_mode"] == "HTML"
    assert body["message_thread_id"] == 7 and isinstance(body["disable_notification"], bool)
    plain = re.sub(r"</?(b|code|a)( href=\"[^\"<>]*\")?>", "", body["text"])
    assert "<" not in plain and ">" not in plain, "only known tags"
    assert re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt|quot);)*", plain), "only known entities"
    assert len(body["text"]) <= 4096
    return plain.split("\n")[0], plain


def check_pagerduty(body):
    assert body["routing_key"] == "s3cret" and body["event_action"] in ("trigger", "resolve")
    assert 0 < len(body["dedup_key"]) <= 255
    payload = body["payload"]
    assert 0 < len(payload["summary"]) <= 1024 and payload["source"]
    assert payload["severity"] in ("critical", "error", "warning", "info")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", payload["timestamp"])
    assert set(body) <= {"routing_key", "event_action", "dedup_key", "payload", "client", "client_url", "links", "images"}
    return payload["summary"], json.dumps(payload, ensure_ascii=False)


def check_ntfy(body):
    assert body["topic"] == "my-topic" and body["priority"] in range(1, 6)
    assert body["tags"] and len(body["message"].encode()) <= 4096 and 0 < len(body["title"]) <= 250
    return body["title"], body["message"]


# Kind: path, keys, the answer to what is taken, the check, the path that is asked.
KINDS = {
    "slack": ("/services/T/B/s3cret", {}, OK, check_slack, "/services/T/B/s3cret"),
    "discord": ("/api/webhooks/1/s3cret", {}, NO_CONTENT, check_discord, "/api/webhooks/1/s3cret"),
    "teams": ("/workflows/1?sig=s3cret", {}, ACCEPTED, check_teams, "/workflows/1?sig=s3cret"),
    "telegram": ("", {"token_env": "TOKEN", "chat": "-100123", "thread": 7}, (200, [], b'{"ok":true}'), check_telegram,
                 "/bots3cret/sendMessage"),
    "pagerduty": ("/v2/enqueue", {"routing_key_env": "TOKEN"}, (202, [], b'{"status":"success"}'), check_pagerduty, "/v2/enqueue"),
    "ntfy": ("/my-topic", {"token_env": "TOKEN"}, OK, check_ntfy, "/"),
}


def keys_of(kind, service, **more):
    path, keys, _, _, _ = KINDS[kind]
    return {**keys, ("api" if kind in ("telegram", "pagerduty") else "url"): service.url + path, **more}


@pytest.mark.parametrize("kind", KINDS)
def test_firing_and_end_in_the_documented_shape(told, origin, kind):
    _, _, answer, check, target = KINDS[kind]
    service = Service(origin, answer)
    t = told(kind, keys_of(kind, service), environment={"TOKEN": "s3cret"})
    t.fire()
    service.wait(1)
    t.end()
    firing, ended = service.wait(2)[:2]
    for request in service.requests:
        assert request.method == "POST" and request.target == target
        assert request.fields["Content-Type"] == "application/json"
        assert request.fields.get("Authorization") == ("Bearer s3cret" if kind == "ntfy" else None)
    title, text = check(firing)
    assert title.startswith("CRITICAL: A service has no healthy server (shop, ")
    assert "wanted" in text and "weir silence" in text, "the sentence, and how to silence it"
    title, text = check(ended)
    assert title.startswith("RESOLVED: A service has no healthy server (shop, ")
    assert "weir silence" not in text
    if kind == "pagerduty":
        assert (firing["event_action"], ended["event_action"]) == ("trigger", "resolve")
        assert firing["dedup_key"] == ended["dedup_key"]
    assert "s3cret" not in t.weir.log()


def test_korean(told, origin):
    service = Service(origin, NO_CONTENT)
    t = told("discord", keys_of("discord", service, language="ko", zone="Asia/Seoul"))
    t.fire()
    title, text = check_discord(service.wait(1)[0])
    assert title.startswith("위험: 서비스에 정상 서버가 없습니다 (shop, ")
    assert "심각도" in text and "+09:00" in text
    assert "정상 서버가 없습니다. 필요한 서버는 1대입니다(" in text and "wanted" not in text


def test_templates(told, origin):
    service = Service(origin, OK)
    template = {"title": "<!channel> [{severity}] {service}", "text": "*{status}* {{{evidence}}}"}
    t = told("slack", keys_of("slack", service, template=template))
    t.fire()
    body = service.wait(1)[0]
    assert body["text"] == "<!channel> [critical] shop"
    assert re.fullmatch(r"\*firing\* \{.*wanted.*\}", body["attachments"][0]["text"])
    assert body["attachments"][0]["fields"] == []


@pytest.mark.parametrize("kind, refusal, words", [
    ("slack", (400, [], b"invalid_payload"), "invalid_payload"),
    ("discord", (400, [], b'{"message": "Cannot send an empty message", "code": 50006}'), "Cannot send an empty message"),
    ("teams", (400, [], b"{}"), "answered 400"),
    ("telegram", (400, [], b'{"ok":false,"description":"Bad Request: chat not found"}'), "chat not found"),
    ("pagerduty", (400, [], b'{"status":"invalid event","message":"Event object is invalid","errors":["bad key"]}'), "bad key"),
    ("ntfy", (413, [], b"{}"), "answered 413"),
])
def test_a_refusal_is_final_and_told_in_the_receivers_words(told, origin, kind, refusal, words):
    service = Service(origin, KINDS[kind][2], first=[refusal])
    t = told(kind, keys_of(kind, service), environment={"TOKEN": "s3cret"})
    t.fire()
    wait_until(lambda: t.outcomes("refused") == 1, 20, "it was refused")
    assert len(service.requests) == 1
    t.weir.wait_log(re.escape(words), 10)
    assert "s3cret" not in t.weir.log()


@pytest.mark.parametrize("kind, busy, pause", [
    ("slack", (429, [("Retry-After", "2")], b"rate_limited"), 2),
    ("discord", (429, [], b'{"message": "You are being rate limited.", "retry_after": 1.6}'), 2),
    ("teams", (429, [("Retry-After", "2")], b""), 2),
    ("telegram", (429, [], b'{"ok":false,"description":"Too Many Requests","parameters":{"retry_after":2}}'), 2),
    ("pagerduty", (500, [], b""), 0.4),
    ("ntfy", (503, [], b""), 0.4),
])
def test_a_busy_receiver_is_asked_again_later(told, origin, kind, busy, pause):
    service = Service(origin, KINDS[kind][2], first=[busy])
    t = told(kind, keys_of(kind, service), environment={"TOKEN": "s3cret"})
    t.fire()
    service.wait(1)
    begin = time.monotonic()
    first, second = service.wait(2)[:2]
    assert time.monotonic() - begin > pause * 0.9
    assert first == second or kind in ("telegram", "ntfy", "slack", "discord", "teams"), "the same event"
    wait_until(lambda: t.outcomes("delivered") == 1, 10, "it was delivered")
    assert t.outcomes("refused") == 0


# ---- mail ----

class MailServer:
    """A real SMTP server (aiosmtpd); messages that it took are in `messages`."""

    def __init__(self, directory, how, user="", password="", refused=None):
        self.directory = pathlib.Path(directory)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "mail-key.pem",
                        "-out", "mail.pem"], cwd=self.directory, check=True, capture_output=True)
        self.certificate = str(self.directory / "mail.pem")
        self.process = subprocess.Popen([PYTHON, str(HERE / "mail_server.py"), how, self.certificate, str(self.directory / "mail-key.pem"),
                                         user, password, *([refused] if refused else [])],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.address = f"localhost:{int(self.process.stdout.readline())}"
        self.messages = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.messages.append(json.loads(line))

    def wait(self, count, timeout=20):
        wait_until(lambda: len(self.messages) >= count, timeout, f"{count} mails; there are {self.messages}")
        return self.messages

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def mail_server(directory):
    servers = []

    def start(how, **options):
        servers.append(MailServer(directory, how, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def mail_keys(server, **more):
    return {"server": server.address, "from": "weir@example.com", "to": ["ops@example.com", "boss@example.com"], **more}


def test_mail_by_starttls_with_a_login(told, mail_server, directory):
    server = mail_server("starttls", user="weir", password="s3cret pass")
    secret = pathlib.Path(directory, "mail.password")
    secret.write_text("s3cret pass\n")
    secret.chmod(0o600)
    t = told("mail", mail_keys(server, user="weir", password_file=str(secret), ca_file=server.certificate))
    t.fire()
    firing = server.wait(1)[0]
    assert firing["tls"] and firing["user"] == "weir"
    assert firing["from"] == "weir@example.com" and firing["to"] == ["ops@example.com", "boss@example.com"]
    assert firing["defects"] == [] and firing["longest"] <= 78
    fields = firing["fields"]
    assert fields["Subject"].startswith("CRITICAL: A service has no healthy server (shop, ")
    assert fields["Auto-Submitted"] == "auto-generated" and "In-Reply-To" not in fields
    assert re.fullmatch(r"\w{3}, \d\d? \w{3} \d{4} \d\d:\d\d:\d\d \+0000", fields["Date"])
    assert "wanted" in firing["body"] and "Severity: critical" in firing["body"]
    t.end()
    ended = server.wait(2)[1]
    assert ended["fields"]["Subject"].startswith("RESOLVED: ")
    assert ended["fields"]["In-Reply-To"] == fields["Message-ID"] == ended["fields"]["References"]
    assert ended["fields"]["Message-ID"] != fields["Message-ID"]
    assert "s3cret" not in t.weir.log()


def test_mail_in_korean_by_implicit_tls(told, mail_server):
    server = mail_server("implicit")
    t = told("mail", mail_keys(server, tls="implicit", ca_file=server.certificate, language="ko"))
    t.fire()
    mail = server.wait(1)[0]
    assert mail["tls"] and mail["user"] is None and mail["defects"] == []
    assert mail["fields"]["Subject"].startswith("위험: 서비스에 정상 서버가 없습니다 (shop, ")
    assert "심각도: 위험" in mail["body"] and mail["longest"] <= 78


def test_mail_to_a_server_whose_certificate_nobody_vouches_for(told, mail_server):
    server = mail_server("starttls")
    t = told("mail", mail_keys(server))
    t.fire()
    t.weir.wait_log("notify people: not delivered, next try in .*certificate", 20)
    assert server.messages == []


def test_mail_with_a_wrong_password(told, mail_server):
    server = mail_server("starttls", user="weir", password="another")
    t = told("mail", mail_keys(server, user="weir", password_env="MAIL_PASSWORD", ca_file=server.certificate),
             environment={"MAIL_PASSWORD": "s3cret"})
    t.fire()
    t.weir.wait_log("notify people: not delivered, next try in .*the server said: 535", 20)
    assert "s3cret" not in t.weir.log()


def test_mail_waits_for_a_server_that_is_away_and_goes_to_those_it_knows(told, mail_server, directory):
    server = mail_server("plain", refused="boss@example.com")
    server.process.send_signal(signal.SIGSTOP)
    t = told("mail", mail_keys(server, tls="off"))
    t.fire()
    t.weir.wait_log("ALERT: A service has no healthy server", 20)
    server.process.send_signal(signal.SIGCONT)
    mail = server.wait(1, 40)[0]
    assert mail["to"] == ["ops@example.com"] and not mail["tls"]


def test_mail_to_nobody_that_the_server_knows(told, mail_server):
    server = mail_server("plain", refused="boss@example.com")
    t = told("mail", mail_keys(server, tls="off", to="boss@example.com"))
    t.fire()
    wait_until(lambda: t.outcomes("refused") == 1, 20, "it was refused")
    t.weir.wait_log("the server said: 550 5.1.1 nobody of this name", 10)


# ---- programs ----

def script(directory, text):
    path = pathlib.Path(directory, "tell")
    path.write_text(f"#!{PYTHON}\n" + text)
    path.chmod(0o755)
    return str(path)


def test_a_program_gets_json_and_variables(told, directory):
    out = pathlib.Path(directory, "told")
    command = [script(directory, "import json, os, sys\n"
                                 "message = json.loads(sys.stdin.readline())\n"
                                 "with open(sys.argv[1], 'a') as f:\n"
                                 "    f.write(json.dumps([message, dict(os.environ), sys.argv[2]]) + '\\n')\n"), str(out), "$(id) 'x'"]
    t = told("exec", {"command": command, "environment": {"NUMBER": "42"}})
    t.fire()
    wait_until(lambda: out.exists() and out.read_text().count("\n") == 1, 20, "it was called")
    t.end()
    wait_until(lambda: out.read_text().count("\n") == 2, 20, "it was called again")
    (firing, environment, argument), (ended, later, _) = map(json.loads, out.read_text().splitlines())
    assert argument == "$(id) 'x'", "no shell is between"
    assert firing["status"] == "firing" and firing["alerts"][0]["labels"]["alertname"] == "ServiceDown"
    assert firing["title"].startswith("CRITICAL: ") and "Severity: critical" in firing["text"]
    assert environment["NUMBER"] == "42" and environment["WEIR_STATUS"] == "firing"
    assert environment["WEIR_ALERT"] == "ServiceDown" and environment["WEIR_SEVERITY"] == "critical"
    assert environment["WEIR_TITLE"] == firing["title"] and environment["WEIR_TEXT"] == firing["text"]
    assert later["WEIR_STATUS"] == "resolved" and ended["status"] == "resolved"


def test_a_program_that_fails_is_called_again(told, directory):
    mark = pathlib.Path(directory, "mark")
    command = [script(directory, "import pathlib, sys\n"
                                 "mark = pathlib.Path(sys.argv[1])\n"
                                 "first = not mark.exists()\n"
                                 "mark.touch()\n"
                                 "sys.exit('no line to the modem' if first else 0)\n"), str(mark)]
    t = told("exec", {"command": command})
    t.fire()
    t.weir.wait_log("the program ended with status 1: no line to the modem", 20)
    wait_until(lambda: t.outcomes("delivered") == 1, 20, "it was delivered")


def test_a_program_that_will_never_take_it(told, directory):
    t = told("exec", {"command": [script(directory, "raise SystemExit(65)\n")]})
    t.fire()
    wait_until(lambda: t.outcomes("refused") == 1, 20, "it was refused")


def test_a_program_that_hangs_ends_with_all_it_started(told, directory):
    pid = pathlib.Path(directory, "pid")
    command = [script(directory, "import pathlib, subprocess, sys\n"
                                 "child = subprocess.Popen(['sleep', '1000'])\n"
                                 "pathlib.Path(sys.argv[1]).write_text(str(child.pid))\n"
                                 "child.wait()\n"), str(pid)]
    t = told("exec", {"command": command, "timeout": "1s"})
    t.fire()
    t.weir.wait_log("the program: no answer in time", 20)

    def is_gone():
        try:
            return pathlib.Path(f"/proc/{first}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            return True

    first = pid.read_text()
    wait_until(is_gone, 10, "its child is gone")


def test_a_program_that_is_not_there(told):
    t = told("exec", {"command": ["/no/where/tell"]})
    t.fire()
    t.weir.wait_log("the program: starting /no/where/tell: No such file", 20)


# ---- logs ----

@pytest.fixture
def rsyslog(directory):
    """A real rsyslogd with a socket of its own, UDP and TCP; what it understood is in `lines()`."""
    base = pathlib.Path(directory)
    udp, tcp = free_port(), free_port()
    config = base / "rsyslog.conf"
    config.write_text(f"""
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{base}/log" CreatePath="off")
module(load="imudp")
input(type="imudp" address="127.0.0.1" port="{udp}")
module(load="imtcp")
input(type="imtcp" address="127.0.0.1" port="{tcp}")
template(name="facts" type="list") {{
  property(name="syslogfacility-text") constant(value="|") property(name="syslogseverity-text") constant(value="|")
  property(name="programname") constant(value="|") property(name="procid") constant(value="|")
  property(name="msgid") constant(value="|") property(name="structured-data") constant(value="|")
  property(name="timereported" dateFormat="rfc3339") constant(value="|") property(name="msg") constant(value="\\n")
}}
action(type="omfile" file="{base}/facts" template="facts")
""")
    process = subprocess.Popen(["/usr/sbin/rsyslogd", "-n", "-f", str(config), "-i", str(base / "rsyslog.pid")],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    class Rsyslog:
        socket = f"{base}/log"
        udp_address, tcp_address = f"127.0.0.1:{udp}", f"127.0.0.1:{tcp}"

        @staticmethod
        def lines():
            path = base / "facts"
            return [line.split("|", 7) for line in path.read_text().splitlines() if "ServiceDown" in line or "healthy" in line] \
                if path.exists() else []

    def is_up():
        try:
            socket.create_connection(("127.0.0.1", tcp)).close()
            return os.path.exists(Rsyslog.socket)
        except OSError:
            return False

    wait_until(is_up, 20, "rsyslogd")
    yield Rsyslog
    process.terminate()
    process.wait()


@pytest.mark.parametrize("how", ["local", "udp", "tcp", "tcp-3164"])
def test_syslog(told, rsyslog, how):
    keys = {"local": {"socket": rsyslog.socket},
            "udp": {"protocol": "udp", "server": rsyslog.udp_address, "facility": "local3"},
            "tcp": {"protocol": "tcp", "server": rsyslog.tcp_address, "facility": "local3"},
            "tcp-3164": {"protocol": "tcp", "server": rsyslog.tcp_address, "format": "rfc3164"}}[how]
    t = told("syslog", keys)
    t.fire()
    wait_until(lambda: len(rsyslog.lines()) >= 1, 20, "a line")
    t.end()
    wait_until(lambda: len(rsyslog.lines()) >= 2, 20, "two lines")
    (firing, ended) = rsyslog.lines()
    assert (firing[0], firing[1], ended[1]) == (keys.get("facility", "daemon"), "crit", "info")
    assert firing[2] == "weir" and firing[3].isdigit()
    assert "CRITICAL: A service has no healthy server (shop, " in firing[7] and "RESOLVED: " in ended[7]
    if how in ("udp", "tcp"):
        assert firing[4] == "ServiceDown" and firing[5].startswith('[origin software="weir"')
    wait_until(lambda: t.outcomes("delivered") == 2, 10, "both were delivered")


def test_a_log_server_that_is_away_is_asked_again(told):
    port = free_port()
    t = told("syslog", {"protocol": "tcp", "server": f"127.0.0.1:{port}"})
    t.fire()
    wait_until(lambda: t.outcomes("retried") >= 1, 20, "it was tried")
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.settimeout(40)
        connection, _ = listener.accept()
        connection.settimeout(10)
        frame = b""
        while not frame.endswith(b"wanted"):
            part = connection.recv(4096)
            if not part:
                break
            frame += part
        connection.close()
    length, line = frame.split(b" ", 1)
    assert int(length) == len(line) and line.startswith(b"<26>1 ")

"""`weir check FILE`: every mistake at once, at its place, with what would be right."""
import re

import pytest

from harness import run_weir

GOOD = """\
listeners:
  - http: :8080
services:
  shop:
    hosts: [shop.example.com]
    balance: least-requests
    health: { path: /healthz }
    scale:
      command: [gunicorn, --bind, "{address}", "shop:app"]
      servers: 1..16
      objective: p99 < 300ms
  static:
    paths: [/old/]
    servers: [10.0.0.1:8000, 10.0.0.2:8000]
watch:
  host: { cpu: 90%, memory: 80%, disk: 90% }
notify:
  - webhook: https://hooks.example.com/ops
admin:
  listen: 127.0.0.1:9900
"""


@pytest.fixture
def check(tmp_path):
    def start(text):
        file = tmp_path / "weir.yaml"
        file.write_text(text)
        result = run_weir("check", file)
        return result, result.stdout + result.stderr

    return start


def test_good_file(check):
    result, text = check(GOOD)
    assert result.returncode == 0, text
    assert len(result.stdout.strip().split("\n")) == 1 and "2 services" in result.stdout


def test_a_secret_that_is_not_there_is_told(check, tmp_path):
    there = tmp_path / "token"
    there.write_text("secret")
    there.chmod(0o600)
    hook = "notify:\n  - webhook: {url: https://hooks.example.com/ops, bearer_token_file: %s}\n"
    result, _ = check(GOOD.replace("notify:\n  - webhook: https://hooks.example.com/ops\n", hook % there))
    assert result.returncode == 0 and result.stderr == ""
    result, _ = check(GOOD.replace("notify:\n  - webhook: https://hooks.example.com/ops\n", hook % "/nowhere/token"))
    assert result.returncode == 0, "it may be there where Weir will run"
    assert "warning: /nowhere/token cannot be read here: No such file or directory" in result.stderr


def test_every_mistake_at_once(check):
    result, text = check("listners:\n  - http: :8080\nservices:\n  shop:\n    servers: [10.0.0.1:8000]\n    balance: leastrequests\n"
                         "    max_requests: many\ntimeouts:\n  head: 10\nworkers: 0\n")
    assert result.returncode == 1
    places = re.findall(r"weir\.yaml:(\d+):(\d+): ", text)
    assert [int(line) for line, _ in places][:5] == [1, 6, 7, 9, 10], text
    assert "listeners" in text and "least-requests" in text, "did you mean"


def test_mistake_shows_line_caret_and_suggestion(check):
    result, text = check("services:\n  shop:\n    server: [10.0.0.1:8000]\n")
    assert result.returncode == 1
    lines = text.split("\n")
    index = next(n for n, line in enumerate(lines) if "weir.yaml:3:5: " in line)
    assert "server: [10.0.0.1:8000]" in lines[index + 1]
    assert lines[index + 2].index("^") == lines[index + 1].index("server:"), "the caret stands under the word"
    assert "did you mean 'servers'?" in text


@pytest.mark.parametrize("text, line, word", [
    ("services:\n  a:\n    servers: [10.0.0.1:80]\n  a:\n    servers: [10.0.0.2:80]\n", 4, "a"),
    ("services:\n  a:\n    servers: [10.0.0.1]\n", 3, "port"),
    ("services:\n  a:\n    servers: [10.0.0.1:80]\n    health: {path: healthz}\n", 4, "/"),
    ("services:\n  a:\n    scale: {command: [x], servers: 5..2}\n", 3, "5"),
    ("services:\n  a:\n    servers: [10.0.0.1:80]\ntimeouts: {head: 10 parsecs}\n", 4, "parsecs"),
    ("services:\n  a:\n    servers: [10.0.0.1:80]\nlimits: {header_bytes: 1parsec}\n", 4, "1parsec"),
    ("services:\n  a:\n    servers: [10.0.0.1:80]\nwatch: {host: {cpu: 190%}}\n", 4, "190"),
    ("services:\n  a:\n    servers: [10.0.0.1:80]\nlisteners: [{http: nowhere}]\n", 4, "nowhere"),
    ("services:\n  a:\n    servers: [10.0.0.1:80]\ntrusted_proxies: [10.0.0.0/64]\n", 4, "64"),
    ("services:\n  a:\n    servers: [10.0.0.1:80]\nadmin: {listen: 0.0.0.0:9900}\n", 4, "token"),
    ("services:\n  A_b:\n    servers: [10.0.0.1:80]\n", 2, "A_b"),
    ("services: [\n", 2, ""),
    ("services:\n  a: {servers: [10.0.0.1:80]}\n\tb: 1\n", 3, ""),
])
def test_mistakes(check, text, line, word):
    result, out = check(text)
    assert result.returncode == 1, out
    assert re.search(rf"weir\.yaml:{line}:\d+: .*", out), out
    assert word in out


def test_empty_file_is_told(check):
    result, text = check("")
    assert result.returncode in (0, 1) and text.strip()


def test_missing_file():
    result = run_weir("check", "/nonexistent/weir.yaml")
    assert result.returncode == 1 and "/nonexistent/weir.yaml" in result.stderr


def test_run_refuses_what_check_refuses(tmp_path):
    file = tmp_path / "weir.yaml"
    file.write_text("servces: {}\n")
    result = run_weir("run", "-c", file)
    assert result.returncode == 1 and "weir.yaml:1:1: " in result.stderr + result.stdout

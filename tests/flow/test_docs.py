"""What the documents say is run: YAML blocks are checked by `weir check`, shell blocks are played against a real Weir.

A block is chosen by the word behind its language:  ```yaml weir    ```sh test    ```sh tour
All `sh tour` blocks of a file are played as one. In both, each line is a command that must succeed; one that ends in & runs
until the end of the story, and the next command waits until it answers. `weir` is the built one. Ports are as in the document.
"""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import uuid

import pytest

import harness

ROOT = harness.ROOT


def blocks(language, word):
    """The marked blocks of all documents as parameters named by file and line."""
    for file in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]):
        text = file.read_text()
        found = list(re.finditer(rf"^```{language} {word}\n(.*?)^```$", text, re.M | re.S))
        if word == "tour":
            if found and file.name != "README.ko.md":  # whose blocks are the same, which tidy checks
                yield pytest.param("".join(match.group(1) for match in found), id=f"{file.relative_to(ROOT)}")
            continue
        for match in found:
            yield pytest.param(match.group(1), id=f"{file.relative_to(ROOT)}:{text[:match.start()].count(chr(10)) + 1}")


@pytest.fixture
def path(tmp_path):
    """A PATH on which `weir` is the built one."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "weir").symlink_to(os.path.abspath(harness.binary()))
    return f"{tmp_path / 'bin'}:/usr/bin:/bin:/usr/sbin:/sbin"


@pytest.mark.parametrize("text", blocks("yaml", "weir"))
def test_yaml_block(text, tmp_path):
    file = tmp_path / "weir.yaml"
    file.write_text(text)
    result = harness.run_weir("check", file)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_example_of_a_provider_is_the_file_that_is_tested():
    page = (ROOT / "docs" / "how-to" / "write-a-provider.md").read_text()
    shown = re.search(r"^```c\n(.*?)^```$", page, re.M | re.S).group(1)
    assert shown == (ROOT / "examples" / "provider" / "folder.c").read_text()


def is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


@pytest.mark.timeout(120)
@pytest.mark.plain
@pytest.mark.parametrize("text", [*blocks("sh", "test"), *blocks("sh", "tour")])
def test_shell_block(text, path, tmp_path):
    """Played in a copy of the repository's example folder, so that what a tour writes stays away from the tree."""
    if any(is_open(int(port)) for port in re.findall(r"127\.0\.0\.1:(\d+)", text)):
        pytest.skip("a port that the document uses is taken")
    work = tmp_path / "work"
    work.mkdir()
    shutil.copytree(ROOT / "examples", work / "examples")
    (work / "build").mkdir()
    (work / "build" / "weir").symlink_to(os.path.abspath(harness.binary()))
    environment = dict(os.environ, PATH=path, HOME=str(tmp_path))
    running = []
    try:
        for command in re.sub(r"\\\n\s*", "", text).strip().split("\n"):
            command = re.sub(r"\s+#\s.*$", "", command.removeprefix("$ ")).strip()
            if not command or command.startswith("#"):
                continue
            if command.endswith("&"):
                log = open(tmp_path / f"{len(running)}.log", "wb")
                running.append(subprocess.Popen(["sh", "-c", "exec " + command[:-1]], cwd=work, env=environment,
                                                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT))
                wait_for_weir(command, running[-1], tmp_path / f"{len(running) - 1}.log")
                continue
            result = subprocess.run(["sh", "-c", command], cwd=work, env=environment, stdin=subprocess.DEVNULL,
                                    capture_output=True, text=True, timeout=60)
            assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(20)


def wait_for_weir(command, process, log):
    admin = int((re.search(r"--admin 127\.0\.0\.1:(\d+)", command) or ["", "9900"])[1])

    def is_ready():
        assert process.poll() is None, f"{command}\n{log.read_text()}"
        try:
            return harness.urlopen(f"http://127.0.0.1:{admin}/readyz").status == 200
        except OSError:
            return False

    harness.wait_until(is_ready, 20, f"{command}\n{log.read_text()}")


def test_dev_help_names_every_command():
    text = subprocess.run([str(ROOT / "dev"), "help"], capture_output=True, text=True, check=True).stdout
    for command in ("run", "build", "test", "bench", "fuzz", "fmt"):
        assert re.search(rf"^  {command}\b", text, re.M), command


@pytest.mark.plain
@pytest.mark.long
@pytest.mark.timeout(120)
def test_dev_run_starts_the_site_and_ctrl_c_ends_it():
    """./dev run as a newcomer types it, with the usual ports taken."""
    import signal
    taken = []
    for port in (8080, 9900):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
            s.listen()
        except OSError:  # somebody else has it, but may leave it at any time
            s.close()
            continue
        taken.append(s)
    mark = f"WEIR_FLOW_ID={uuid.uuid4().hex}"
    environment = dict(os.environ, WEIR_FLOW_ID=mark.partition("=")[2])
    process = subprocess.Popen([str(ROOT / "dev"), "run"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, env=environment, start_new_session=True)
    os.set_blocking(process.stdout.fileno(), False)
    text = ""

    def output():
        nonlocal text
        text += (process.stdout.read() or b"").decode(errors="replace")
        return text

    try:
        harness.wait_until(lambda: process.poll() is not None or re.search(r"admin page: +http", output()), 90, "the addresses")
        assert process.poll() is None, output()
        site = int(re.search(r"site: +http://127\.0\.0\.1:(\d+)/", text).group(1))
        admin = int(re.search(r"admin page: +http://127\.0\.0\.1:(\d+)/", text).group(1))
        assert {site, admin}.isdisjoint(s.getsockname()[1] for s in taken) and site != admin

        def is_ready():
            try:
                return harness.urlopen(f"http://127.0.0.1:{admin}/readyz").status == 200
            except OSError:
                return False

        harness.wait_until(is_ready, 30, f"the site:\n{output()[-2000:]}")
        assert b"A Flask site behind Weir" in harness.urlopen(f"http://127.0.0.1:{site}/").body
        assert harness.urlopen(f"http://127.0.0.1:{admin}/").status == 200
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does
        process.wait(30)
        assert process.returncode == 0, output()[-3000:]
        harness.wait_until(lambda: not [p for p in pathlib.Path("/proc").glob("[0-9]*/environ") if mark.encode() in read(p)], 3,
                           "every process of ./dev run to be gone")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        for s in taken:
            s.close()


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""

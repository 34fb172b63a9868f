#!/usr/bin/python3
"""A plug-in for Weir (provider exec, protocol `lines`) that starts servers as processes of their own: they outlive Weir.

    processes.py DIRECTORY COMMAND [ARGUMENT...]

DIRECTORY holds a file for each server; `{port}` in COMMAND stands for where it shall listen. Take it as a pattern: an engine of
yours needs other insides of list(), start() and stop(), and nothing else.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

DIRECTORY = pathlib.Path(sys.argv[1])
COMMAND = sys.argv[2:]


class Failure(Exception):
    """What Weir shall be told. fault: retryable, configuration, quota or credentials."""

    def __init__(self, text, fault="retryable"):
        super().__init__(text)
        self.fault = fault


def born(pid):
    """When the process began, in ticks since boot; None: there is none. With it, a pid names one process for ever."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def read_servers():
    """{key: what its file says}, of all that were started here."""
    return {server["key"]: server for server in (json.loads(path.read_text()) for path in DIRECTORY.glob("*.json"))}


def path_of(key):
    return DIRECTORY / (key.replace("/", "_") + ".json")


def instance_of(server):
    runs = born(server["pid"]) == server["born"]
    state = ("stopping" if server.get("is_stopped") else "running") if runs else "ended"
    return {"id": f"{server['pid']}-{server['born']}", "key": server["key"], "state": state,
            "address": f"127.0.0.1:{server['port']}", "started": server["started"], "pid": server["pid"] if runs else None}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def write(server):
    """Whole or not at all: this program may be killed at any moment."""
    path = path_of(server["key"])
    path.with_suffix(".new").write_text(json.dumps(server))
    path.with_suffix(".new").rename(path)


def list_servers(request):
    mine = [s for s in read_servers().values()
            if s["owner"] == request["owner"] and s["key"].startswith(request["service"] + "/")]
    return {"instances": [instance_of(server) for server in mine]}


# It becomes the server when it is told to. When this program is killed before that, its input ends, and so does it.
WAITING = ["/bin/sh", "-c", 'read -r go && exec "$@" </dev/null', "sh"]


def start(request):
    """The same key twice is one server: Weir may not have heard the first answer."""
    known = read_servers().get(request["key"])
    if known and instance_of(known)["state"] != "ended":
        return {"instance": instance_of(known)}
    if not shutil.which(COMMAND[0]):
        raise Failure(f"{COMMAND[0]}: there is no such program", "configuration")
    port = free_port()
    process = subprocess.Popen(WAITING + [word.replace("{port}", str(port)) for word in COMMAND], start_new_session=True,
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = {"key": request["key"], "owner": request["owner"], "pid": process.pid, "born": born(process.pid), "port": port,
              "started": time.time()}
    write(server)  # first: what runs is known, whatever happens to this program
    process.stdin.write(b"go\n")
    process.stdin.close()
    return {"instance": instance_of(server)}


def stop(request):
    """Asks it to end; called again with 0 seconds for one that would not, and to remove what is left of one that ended."""
    for server in read_servers().values():
        instance = instance_of(server)
        if instance["id"] != request["instance"]:
            continue
        if instance["state"] == "ended":
            path_of(server["key"]).unlink(missing_ok=True)
        else:
            os.kill(server["pid"], signal.SIGTERM if request["timeout_seconds"] > 0 else signal.SIGKILL)
            write(dict(server, is_stopped=True))
    return {}


ACTIONS = {"list": list_servers, "start": start, "stop": stop}


def answer(request):
    try:
        if request["protocol"] != 1 or request["action"] not in ACTIONS:
            raise Failure(f"protocol {request['protocol']}, action {request['action']}: not known here", "configuration")
        return {"id": request["id"], "ok": True, **ACTIONS[request["action"]](request)}
    except Failure as failure:
        return {"id": request["id"], "ok": False, "fault": failure.fault, "error": str(failure)}


def reap():
    """Servers that end are nobody's zombies. (To ignore SIGCHLD would do, but they would inherit that.)"""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main():
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for line in sys.stdin:
        reap()
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()

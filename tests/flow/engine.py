"""A Docker Engine of the tests' own, in namespaces of its own, with an image that holds nothing but one static program.

The engine's network, mounts and processes are in namespaces that end with one process, so whatever a test does, nothing stays
on the machine: no bridge, no firewall rule, no mount, no container. To reach published ports a test enters the network
namespace (`Engine.inside`); the API's socket is a file and reached from anywhere.
"""
import concurrent.futures
import contextlib
import ctypes
import http.client
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import urllib.parse

from harness import ROOT, wait_until

SOCKET_GROUP = 64_999  # nobody is in it: Weir's worker must be given it
IMAGE = "weir-test:1"
NEW_IMAGE = "weir-test:2"
CLONE_NEWNET = 0x40000000


class CannotRun(Exception):
    """Why there can be no engine here."""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("docker", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def set_network(path):
    """Moves the calling thread to that network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(path, os.O_RDONLY)
    try:
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {path}")
    finally:
        os.close(fd)


@contextlib.contextmanager
def in_network(pid):
    """The calling thread, and what it starts, is in that process' network meanwhile."""
    outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        set_network(f"/proc/{pid}/ns/net")
        try:
            yield
        finally:
            set_network(f"/proc/self/fd/{outside}")
    finally:
        os.close(outside)


def process_of(container):
    """A process of that container, by the number that we see: its control group names the container."""
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if container in (folder / "cgroup").read_text():
                return int(folder.name)
    raise AssertionError(f"no process of container {container}")


def build_image(directory):
    """The image's file system as a tar, with the program linked statically: it is all that there is."""
    program = pathlib.Path(directory, "server")
    subprocess.run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-static", "-pthread", "-o", program,
                    ROOT / "tests" / "tools" / "container_server.c"], check=True)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.add(program, "server")
    return out.getvalue()


class Engine:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.socket = str(self.directory / "docker.sock")
        self.holder = self.daemon = None
        self.cgroup = f"/weir-test-{os.getpid()}"
        self.has_swarm = False

    # -- its life

    def start(self):
        for program in ("dockerd", "containerd", "runc", "unshare", "nsenter", "setpriv", "iptables", "docker-init", "gcc"):
            if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
                raise CannotRun(f"there is no {program}")
        if os.geteuid() != 0:
            raise CannotRun("dockerd needs root")
        self.hold_namespaces()
        self.write_config(live_restore=True)
        self.start_daemon()
        self.load_images()
        try:
            container = self.run_container(IMAGE, ["/server", "8000"])
        except RuntimeError as error:
            raise CannotRun(f"containers do not start: {error}") from None
        self.call("DELETE", f"/containers/{container}?force=1")
        return self

    def hold_namespaces(self):
        """docker-init (tini) is process 1 of the namespaces: it collects what containers leave behind. All ends with us."""
        self.holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
             "docker-init", "--", "sh", "-c",
             "ip link set lo up && exec sleep infinity"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        children = pathlib.Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children")

        def first_process():
            if self.holder.poll() is not None:
                raise CannotRun(f"no namespaces: {self.holder.stderr.read().decode().strip()}")
            pids = children.read_text().split()
            return pids and os.readlink(f"/proc/{pids[0]}/ns/net") != os.readlink("/proc/self/ns/net") and int(pids[0])

        self.init_pid = wait_until(first_process, 5, "namespaces")

    def write_config(self, live_restore):
        (self.directory / "daemon.json").write_text(json.dumps({"live-restore": live_restore}))

    def start_daemon(self):
        self.log = open(self.directory / "dockerd.log", "ab")
        (self.directory / "pid").unlink(missing_ok=True)
        environment = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
        self.daemon = subprocess.Popen(
            ["nsenter", "--target", str(self.init_pid), "--net", "--mount", "--pid", "dockerd", "--host", f"unix://{self.socket}",
             "--group", str(SOCKET_GROUP), "--data-root", str(self.directory / "data"), "--exec-root", str(self.directory / "exec"),
             "--pidfile", str(self.directory / "pid"), "--config-file", str(self.directory / "daemon.json"),
             "--cgroup-parent", self.cgroup, "--shutdown-timeout", "5"],
            stdout=self.log, stderr=self.log, env=environment, stdin=subprocess.DEVNULL)

        def answers():
            if self.daemon.poll() is not None:
                raise CannotRun(f"dockerd does not start: {self.last_words()}")
            try:
                return self.call("GET", "/_ping", timeout=1)
            except OSError:
                return None

        try:
            wait_until(answers, 30, "dockerd")
        except AssertionError:
            raise CannotRun(f"dockerd does not answer: {self.last_words()}") from None

    def last_words(self):
        lines = (self.directory / "dockerd.log").read_text(errors="replace").splitlines()
        bad = [line for line in lines if "level=fatal" in line or "failed to start" in line] or lines
        return bad[-1] if bad else "it said nothing"

    def daemon_pids(self):
        """dockerd itself: the child of nsenter, which forks to enter the process namespace."""
        children = pathlib.Path(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children").read_text().split()
        return [int(pid) for pid in children]

    def stop_daemon(self, number=signal.SIGTERM):
        for pid in self.daemon_pids():
            os.kill(pid, number)
        self.daemon.wait(30)
        self.log.close()

    def stop(self):
        """Everything in the namespaces ends with their first process, mounts and networks too."""
        if self.holder:
            self.holder.kill()
            self.holder.wait()
        if self.daemon:
            self.daemon.wait()
        wait_until(self.remove_cgroups, 10, "the control groups to be empty")

    def remove_cgroups(self):
        """Of both versions. False while one still holds a process that is ending."""
        roots = [*pathlib.Path("/sys/fs/cgroup").glob("*" + self.cgroup), pathlib.Path("/sys/fs/cgroup" + self.cgroup)]
        for root in roots:
            for folder, _, _ in os.walk(root, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
        return not any(root.exists() for root in roots)

    def inside(self):
        """The calling thread, and what it starts, is in the engine's network meanwhile."""
        return in_network(self.init_pid)

    def inside_container(self, container):
        """The same in a container's network."""
        return in_network(process_of(container))

    # -- its API

    def call(self, method, path, body=None, timeout=30, headers=None):
        """The answer's JSON, or its text; RuntimeError with the engine's words when it refuses."""
        connection = UnixConnection(self.socket, timeout)
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
            connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            text = response.read()
            if response.status >= 400:
                raise RuntimeError(f"{method} {path}: {response.status} {text.decode(errors='replace').strip()}")
            is_json = text[:1] in (b"{", b"[") and b"\n{" not in text  # streams are lines of JSON
            return json.loads(text) if is_json else text.decode(errors="replace") or "ok"
        finally:
            connection.close()

    def load_images(self):
        content = build_image(self.directory)
        (self.directory / "image.tar").write_bytes(content)
        for image in (IMAGE, NEW_IMAGE):
            name, tag = image.split(":")
            self.call("POST", f"/images/create?fromSrc=-&repo={name}&tag={tag}", content,
                      headers={"Content-Type": "application/x-tar"})

    def run_container(self, image, command, name=None, labels=None, network=None):
        """A container that is not Weir's."""
        body = {"Image": image, "Cmd": command, "Labels": labels or {}}
        if network:
            body["HostConfig"] = {"NetworkMode": network}
        made = self.call("POST", "/containers/create" + (f"?name={name}" if name else ""), body)
        self.call("POST", f"/containers/{made['Id']}/start")
        return made["Id"]

    def containers(self, all=True, **labels):
        filters = urllib.parse.quote(json.dumps({"label": [f"{key.replace('_', '.')}={value}" for key, value in labels.items()]}))
        return self.call("GET", f"/containers/json?all={int(all)}&filters={filters}")

    def inspect(self, container):
        return self.call("GET", f"/containers/{container}/json")

    def remove(self, container):
        self.call("DELETE", f"/containers/{container}?force=1")

    def clear(self):
        """Everything that a test may have left."""
        if self.daemon.poll() is not None:
            self.start_daemon()
        if self.has_swarm:
            for service in self.call("GET", "/services"):
                self.remove_service(service["Spec"]["Name"])
        rows = self.call("GET", "/containers/json?all=1")

        def remove(row):
            with contextlib.suppress(RuntimeError):
                self.remove(row["Id"])

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(remove, rows))

    # -- its swarm

    def init_swarm(self):
        if self.has_swarm:
            return
        self.write_config(live_restore=False)
        for pid in self.daemon_pids():
            os.kill(pid, signal.SIGHUP)  # a swarm and live-restore exclude each other

        def begins():
            try:
                return self.call("POST", "/swarm/init", {"ListenAddr": "127.0.0.1:2377", "AdvertiseAddr": "127.0.0.1",
                                                         "DataPathAddr": "127.0.0.1"})
            except RuntimeError as error:
                if "live-restore" not in str(error):
                    raise
                return None

        wait_until(begins, 10, "a swarm")
        self.has_swarm = True

    def service(self, name):
        return self.call("GET", f"/services/{name}")

    def tasks(self, name, desired=None):
        filters = {"service": [name], **({"desired-state": [desired]} if desired else {})}
        return self.call("GET", f"/tasks?filters={urllib.parse.quote(json.dumps(filters))}")

    def create_service(self, name, replicas=1, command=("/server", "8000"), image=IMAGE, mode="host", networks=(), **more):
        return self.call("POST", "/services/create", {
            "Name": name, "Mode": {"Replicated": {"Replicas": replicas}},
            "TaskTemplate": {"ContainerSpec": {"Image": image, "Args": list(command), **more.pop("container", {})},
                             "Networks": [{"Target": network} for network in networks]},
            "EndpointSpec": {"Mode": "dnsrr" if mode == "host" or not mode else "vip", **(
                {"Ports": [{"Protocol": "tcp", "TargetPort": 8000, "PublishMode": mode}]} if mode else {})}, **more})

    def update_service(self, name, change):
        """change(spec) changes the specification in place."""
        service = self.service(name)
        change(service["Spec"])
        return self.call("POST", f"/services/{service['ID']}/update?version={service['Version']['Index']}", service["Spec"])

    def remove_service(self, name):
        self.call("DELETE", f"/services/{name}")
        wait_until(lambda: not [c for c in self.containers() if c["Labels"].get("com.docker.swarm.service.name") == name], 20,
                   f"the containers of {name} to go")


def free_port_of(engine):
    """A port that nobody listens on in the engine's network."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def open_engine():
    """A started engine in a folder of its own, removed in the end. For a fixture: yields an Engine, or the reason why none."""
    directory = tempfile.mkdtemp(prefix="weir-engine-")
    os.chmod(directory, 0o755)
    engine = Engine(directory)
    try:
        try:
            engine.start()
        except CannotRun as reason:
            engine.reason = str(reason)
            yield engine
            return
        engine.reason = None
        yield engine
    finally:
        engine.stop()
        shutil.rmtree(directory, ignore_errors=True)

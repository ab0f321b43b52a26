"""Three machines within this one, joined to a Swarm: container engines in network namespaces of their own.

Each has its own processes, network, mounts, host name, and a folder as its disk; a bridge in a fourth namespace joins
them. The engine of this machine is not part of the Swarm. All of it disappears at the end, also what an earlier run
left that was killed.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.turnstile import locked

# An overlay of files needs a disk, and a socket's path may have 104 characters at most: pytest's folders are too deep.
_DISKS = Path("/var/lib")
_PREFIX = "gate-swarm-"
_LOCK = Path(tempfile.gettempdir()) / f"rofecare-test-swarm-{os.getuid()}.lock"
_NAMESPACES = Path("/run/netns")
_CGROUPS = Path("/sys/fs/cgroup")
_COUNT = 3
# Process 1 of a machine: an empty /run as after a boot, its name, then the engine with its own containerd. The engine
# also listens where a docker command on the machine itself looks for it.
_BOOT = """
set -e
mount -t tmpfs -o mode=755 none /run
hostname "$2"
exec dockerd --host="unix://$1/docker.sock" --host=unix:///run/docker.sock --data-root="$1/data" \
    --exec-root=/run/docker --pidfile=/run/docker.pid --cgroup-parent="$3" --no-new-privileges
"""
# A client outside of the machines, in the namespace of the bridge.
_CLIENT = "10.77.0.100"
_CLONE_NEWNET = 0x40000000
# `ip netns exec` would hide the cgroups from the engine; nsenter does not.
_UNSHARE = ("unshare", "--pid", "--fork", "--kill-child=KILL", "--mount", "--uts", "--mount-proc")


@dataclass
class Machine:
    """One machine of the Swarm: on or off."""

    name: str
    address: str
    folder: Path
    namespace: str
    cgroup: str
    # Its port at the bridge: the namespace, and the device there.
    port: tuple[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """The address of its engine, from outside."""
        return f"unix://{self.folder}/docker.sock"

    def start(self) -> None:
        """Switch it on; wait until its engine answers."""
        self.switch_on()
        self.wait()

    def switch_on(self) -> None:
        """Start its engine. The kernel ends it with the thread that calls this."""
        (self.folder / "docker.sock").unlink(missing_ok=True)
        self._link("up")
        bound = ["setpriv", "--pdeathsig", "KILL", "nsenter", f"--net={_NAMESPACES / self.namespace}"]
        argv = [*bound, *_UNSHARE, "sh", "-c", _BOOT, "boot", str(self.folder), self.name, self.cgroup]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)

    def wait(self) -> None:
        """Wait until its engine answers."""
        assert self.process is not None, f"{self.name} is off"
        end = time.monotonic() + 60
        while _run("docker", "--host", self.host, "version").returncode:
            assert self.process.poll() is None, self._tail()
            assert time.monotonic() < end, f"the engine of {self.name} does not answer: {self._tail()}"
            time.sleep(0.2)

    def cut_power(self) -> None:
        """Kill every process in it at once; its disk stays. Nobody gets an answer from its addresses any more."""
        if self.process is None:
            return
        self._link("down")
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        with suppress(FileNotFoundError, ProcessLookupError, IndexError):
            os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
        self.process.kill()
        self.process.wait(60)
        self.process = None

    def docker(self, *words: str) -> str:
        """Run `docker` against it; its standard output."""
        done = _run("docker", "--host", self.host, *words)
        assert done.returncode == 0, f"{self.name}: docker {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def output(self, *words: str) -> str:
        """The same with standard error, whatever the exit code."""
        done = _run("docker", "--host", self.host, *words)
        return done.stdout + done.stderr

    def inside(self, argv: Sequence[str]) -> list[str]:
        """The command, run in its network, where 127.0.0.1 is the machine."""
        return ["nsenter", f"--net={_NAMESPACES / self.namespace}", *argv]

    def lend(self, images: Sequence[str]) -> None:
        """Copy images of the engine outside into it."""
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saved:
            subprocess.run(["docker", "--host", self.host, "load"], stdin=saved.stdout, capture_output=True, check=True)
        assert saved.returncode == 0

    def _link(self, state: str) -> None:
        namespace, device = self.port
        _ip("-n", namespace, "link", "set", device, state)

    def _tail(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-2000:]


@dataclass
class Cluster:
    """The machines, the first one a manager, and what a command gets to work on the Swarm."""

    folder: Path
    machines: tuple[Machine, ...]
    # The namespace of the bridge.
    hub: str
    # The engine of the manager, and a configuration of docker with a context for each machine.
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def manager(self) -> Machine:
        """The first machine."""
        return self.machines[0]

    def machine(self, name: str) -> Machine:
        """The machine of this name."""
        return next(one for one in self.machines if one.name == name)

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Meanwhile this thread, and the threads and processes that it starts, are a client beside the machines."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        other = os.open(_NAMESPACES / self.hub, os.O_RDONLY)
        try:
            _enter(other)
            yield
        finally:
            _enter(own)
            os.close(own)
            os.close(other)

    def join(self, managers: int = 1) -> None:
        """Make a Swarm of them, with so many managers."""
        self.manager.docker("swarm", "init", f"--advertise-addr={self.manager.address}")
        tokens = {role: self.manager.docker("swarm", "join-token", "--quiet", role) for role in ("manager", "worker")}
        for number, one in enumerate(self.machines[1:], 1):
            token = tokens["manager" if number < managers else "worker"]
            one.docker("swarm", "join", f"--token={token}", f"--advertise-addr={one.address}", self.manager.address)

    def add_contexts(self) -> None:
        """A docker context for each machine, named as it."""
        self.environment |= {"DOCKER_HOST": self.manager.host, "DOCKER_CONFIG": str(self.folder / "config")}
        for one in self.machines:
            argv = ["docker", "context", "create", one.name, f"--docker=host={one.host}"]
            done = _run(*argv, environment=self.environment)
            assert done.returncode == 0, done.stderr


@contextmanager
def three_engines(managers: int = 1) -> Iterator[Cluster]:
    """Three machines named node1 to node3, joined to a Swarm."""
    with locked(_LOCK):
        _remove_abandoned()
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_DISKS))
        # Held until this process ends, however it ends.
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    mark = folder.name.removeprefix(_PREFIX)
    names = [f"node{number}" for number in range(1, _COUNT + 1)]
    hub, own = f"{_PREFIX}{mark}-hub", [f"{_PREFIX}{mark}-{name}" for name in names]
    machines = tuple(
        Machine(name, f"10.77.0.{number}", folder / name, mine, f"/{mine}", (hub, f"p{number}"))
        for number, (name, mine) in enumerate(zip(names, own, strict=True), 1)
    )
    cluster = Cluster(folder, machines, hub)
    try:
        _connect(cluster.hub, machines)
        for step in (Machine.switch_on, Machine.wait):
            for one in machines:
                step(one)
        cluster.join(managers)
        cluster.add_contexts()
        yield cluster
    finally:
        for one in machines:
            one.cut_power()
        _remove(folder)
        os.close(descriptor)


def _connect(hub: str, machines: Sequence[Machine]) -> None:
    """A network namespace for each machine, and one with the bridge between them."""
    _ip("netns", "add", hub)
    _ip("-n", hub, "link", "add", "br0", "type", "bridge")
    _ip("-n", hub, "link", "set", "br0", "up")
    _ip("-n", hub, "addr", "add", f"{_CLIENT}/24", "dev", "br0")
    for one in machines:
        one.folder.mkdir()
        _, port = one.port
        _ip("netns", "add", one.namespace)
        # Both ends are made where they belong: names in the namespace of this machine may be taken.
        _ip("-n", hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", one.namespace)
        _ip("-n", one.namespace, "addr", "add", f"{one.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-n", one.namespace, "link", "set", device, "up")
        # Nobody is there; without a default route, an engine does not join.
        _ip("-n", one.namespace, "route", "add", "default", "via", "10.77.0.254")
        _ip("-n", hub, "link", "set", port, "master", "br0", "up")


def _remove_abandoned() -> None:
    """Remove what killed runs left: their processes ended with them."""
    for folder in _DISKS.glob(f"{_PREFIX}*"):
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            _remove(folder)
        finally:
            os.close(descriptor)


def _remove(folder: Path) -> None:
    """Remove the namespaces, the control groups and the disks."""
    for namespace in _NAMESPACES.glob(f"{folder.name}-*"):
        _ip("netns", "del", namespace.name)
    for group in _CGROUPS.glob(f"{folder.name}-*"):
        # From the lowest; the processes in them are killed, and the kernel takes a moment to forget them.
        for one in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
            _rmdir(one)
        _rmdir(group)
    # Tens of thousands of files.
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def _rmdir(group: Path) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            group.rmdir()
        except OSError:
            assert time.monotonic() < end, f"{group} still has processes"
            time.sleep(0.1)
        else:
            return


def _enter(namespace: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    assert library.setns(namespace, _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())


def _ip(*words: str) -> None:
    done = _run("ip", *words)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


def _run(*argv: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False)

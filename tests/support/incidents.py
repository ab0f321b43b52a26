"""What goes wrong with a running platform, for as long as a context lasts. Each harms one part of it alone."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import yaml  # type: ignore[import-untyped]  # comes with yamllint, without its types

from tests.support.load import Account, Ask, Load
from tests.support.platform import PlatformUnderTest, docker
from tests.support.project import REPOSITORY
from tests.support.routes import PATHS

Incident = Callable[[PlatformUnderTest], AbstractContextManager[None]]

_HELD_MEMORY = Path(__file__).with_name("HeldMemory.java")
_UNLOCK = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND query LIKE '%LOCK TABLE%pg_sleep%'"
)
_SLOW = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END';
CREATE TRIGGER slow BEFORE INSERT ON received_event FOR EACH ROW EXECUTE FUNCTION slow();
"""
_SCRATCH = "/tmp"  # noqa: S108 - the container's own
# Percent of the old generation; the alert fires from 90 on.
_FULL = 93


def stopped(service: str) -> Incident:
    """The container is stopped, then started again."""
    return lambda platform: platform.fault(service, "stop", "start")


def hanging(service: str) -> Incident:
    """The process exists and answers nothing."""
    return lambda platform: platform.hanging(service)


@contextmanager
def killed_again_and_again(platform: PlatformUnderTest, part: str) -> Iterator[None]:
    """The engine restarts it each time, as after a crash."""
    service = f"rofecare-service-{part}"
    for _ in range(4):
        pid = docker("inspect", "--format", "{{.State.Pid}}", platform.container(service))
        os.kill(int(pid), signal.SIGKILL)
        time.sleep(5)
        platform.wait_healthy(service)
        # At least one scrape.
        time.sleep(16)
    yield


@contextmanager
def pool_exhausted(platform: PlatformUnderTest, part: str) -> Iterator[None]:
    """Every connection waits for a lock."""
    with _locked(platform, part, "record"), writes(platform, part, rate=3):
        yield


@contextmanager
def consumer_behind(platform: PlatformUnderTest, part: str, writer: str) -> Iterator[None]:
    """`part` takes longer to store an event than `writer` to send the next."""
    platform.sql(f"{part}-db", _SLOW)
    try:
        with writes(platform, writer, rate=16):
            yield
    finally:
        platform.sql(f"{part}-db", "DROP FUNCTION slow() CASCADE")


@contextmanager
def cut_off(platform: PlatformUnderTest, part: str) -> Iterator[None]:
    """No packet of the gateway reaches the service; it answers all others."""
    containers = platform.containers()
    networks = containers["rofecare-gateway"]["NetworkSettings"]["Networks"]
    addresses = ",".join(one["IPAddress"] for one in networks.values())
    pid = containers[f"rofecare-service-{part}"]["State"]["Pid"]
    filters = ["nsenter", "-t", str(pid), "-n", "iptables", "-w"]
    rule = ["INPUT", "-s", addresses, "-j", "DROP"]
    subprocess.run([*filters, "-A", *rule], check=True)
    try:
        with reads(platform, part, rate=2):
            yield
    finally:
        subprocess.run([*filters, "-D", *rule], check=True)


@contextmanager
def heap_filled(platform: PlatformUnderTest, part: str) -> Iterator[None]:
    """Most of its heap is in use and cannot be freed."""
    container = platform.container(f"rofecare-service-{part}")

    def java(module: str, *words: str) -> None:
        # A second JVM in the container, without the settings of the application.
        docker("exec", "--env", "JAVA_TOOL_OPTIONS=", "--workdir", _SCRATCH, container, "java", "-m", module, *words)

    def hold(percent: int) -> None:
        java("jdk.jcmd/sun.tools.jcmd.JCmd", "1", "JVMTI.agent_load", f"{_SCRATCH}/held.jar", str(percent))

    docker("exec", "-i", container, "tee", f"{_SCRATCH}/HeldMemory.java", stdin=_HELD_MEMORY.read_text())
    docker("exec", "-i", container, "tee", f"{_SCRATCH}/manifest", stdin="Agent-Class: HeldMemory\n")
    java("jdk.compiler/com.sun.tools.javac.Main", "HeldMemory.java")
    java("jdk.jartool/sun.tools.jar.Main", "cfm", "held.jar", "manifest", "HeldMemory.class")
    hold(_FULL)
    try:
        yield
    finally:
        hold(0)


@contextmanager
def backup_of_long_ago(platform: PlatformUnderTest) -> Iterator[None]:
    """The metrics of a backup, as the tasks would have written them three days ago."""
    path = REPOSITORY / ".rofecare/metrics" / platform.name / "backups.prom"
    before = path.read_text() if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_backups(time.time() - 3 * 86400))
    try:
        yield
    finally:
        path.write_text(before if before is not None else _backups(time.time()))


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 64 MB among those that the host's exporter sees; yields where it is mounted, once that has started."""
    image, override = folder / "disk", REPOSITORY / "docker/docker-compose.override.yml"
    image.touch()
    os.truncate(image, 64 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
    device = subprocess.run(
        ["losetup", "--find", "--show", str(image)], check=True, capture_output=True, text=True
    ).stdout.strip()
    volume = f"small-disk-{os.getpid()}"
    try:
        options = [word for option in (f"device={device}", "type=ext4") for word in ("--opt", option)]
        override.write_text(
            yaml.safe_dump(
                {
                    "services": {"node-exporter": {"volumes": ["small-disk:/small-disk:ro"]}},
                    "volumes": {"small-disk": {"name": volume, "external": True}},
                }
            )
        )
        docker("volume", "create", *options, volume)
        yield Path(docker("volume", "inspect", "--format", "{{.Mountpoint}}", volume))
    finally:
        override.unlink()
        docker("volume", "rm", "--force", volume)
        subprocess.run(["losetup", "--detach", device], check=True)


@contextmanager
def disk_nearly_full(disk: Path) -> Iterator[None]:
    """A file takes all but a twentieth of it."""
    state = os.statvfs(disk)
    filler = disk / "filler"
    filler.write_bytes(bytes(state.f_frsize * (state.f_bavail - state.f_blocks // 20)))
    try:
        yield
    finally:
        filler.unlink()


def writes(platform: PlatformUnderTest, part: str, rate: float) -> AbstractContextManager[Load]:
    """A client that writes records, so many a second."""
    return _load(platform, rate, Ask(part, "POST", f"{PATHS[part]}/records", lambda: {"name": uuid.uuid4().hex}))


def reads(platform: PlatformUnderTest, part: str, rate: float) -> AbstractContextManager[Load]:
    """A client that reads, so many times a second."""
    return _load(platform, rate, Ask(part, "GET", f"{PATHS[part]}/about"))


def _load(platform: PlatformUnderTest, rate: float, ask: Ask) -> Load:
    return Load(f"http://127.0.0.1:{platform.ports['GATEWAY_PORT']}", [ask], rate=rate, login=Account(), timeout=20)


@contextmanager
def _locked(platform: PlatformUnderTest, part: str, table: str) -> Iterator[None]:
    """All queries of the table wait."""
    statement = f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(3600)"
    argv = ["docker", *platform.psql(f"{part}-db"), "-c", statement]
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as session:
        time.sleep(1)
        try:
            yield
        finally:
            platform.sql(f"{part}-db", _UNLOCK)
            session.wait(30)


def _backups(moment: float) -> str:
    return "".join(f"rofecare_backup_last_{name}_timestamp_seconds {moment:.0f}\n" for name in ("success", "verified"))

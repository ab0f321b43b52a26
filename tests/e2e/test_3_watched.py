"""A platform that is watched: silence while it is well; for each fault one message when it comes, one when it ends.

It takes half an hour, for the alerts wait as long as they do for people: only where `ROFECARE_FAULT_ROUNDS` asks it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

import pytest

from tests.support.load import Account, Ask, Load
from tests.support.platform import PlatformUnderTest, docker
from tests.support.project import REPOSITORY
from tests.support.routes import PATHS, READS
from tests.support.webhook import Receiver, receiver

FULL = int(os.environ.get("ROFECARE_FAULT_ROUNDS", "1")) > 1
pytestmark = pytest.mark.timeout(3600)
_HEALTHY = 600
# Beside the rule's own time: one scrape, one evaluation, the wait of the group, and a machine of two cores.
_LATE = 15 + 15 + 15 + 30
# From the end of a fault to the word that it is over: what holds an alert for a while, then the group's interval.
_OVER = 300 + 120 + 120

Fault = Callable[[PlatformUnderTest], AbstractContextManager[None]]


@dataclass(frozen=True)
class Expected:
    """A fault, the alert that names it, what the alert is about, and how long its rule waits (seconds)."""

    alert: str
    fault: Fault
    waits: float
    part: str = ""


def broken(service: str, cause: str, remedy: str) -> Fault:
    @contextmanager
    def fault(platform: PlatformUnderTest) -> Iterator[None]:
        docker(cause, platform.container(service))
        try:
            yield
        finally:
            docker(remedy, platform.container(service))

    return fault


@contextmanager
def killed_in_a_loop(platform: PlatformUnderTest) -> Iterator[None]:
    """The engine starts it again each time, as after a crash."""
    name = platform.container("rofecare-service-interoperability")
    for _ in range(4):
        with suppress(subprocess.CalledProcessError):
            docker("exec", name, "sh", "-c", "kill -9 $(pidof java)")
        time.sleep(30)
    yield


@contextmanager
def locked(platform: PlatformUnderTest, service: str, table: str) -> Iterator[None]:
    """Whoever needs the table waits."""
    statement = f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)"
    database = f"rofecare_{service.replace('-', '_')}"
    argv = ["docker", "exec", platform.container(f"{service}-db"), "psql", "-U", "rofecare", "-d", database]
    with subprocess.Popen([*argv, "-c", statement], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as session:
        time.sleep(1)
        try:
            yield
        finally:
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%LOCK TABLE%pg_sleep%'"
            docker(*argv[1:], "-Atc", f"{end} AND pid <> pg_backend_pid()")
            session.wait(30)


@contextmanager
def pool_exhausted(platform: PlatformUnderTest) -> Iterator[None]:
    with locked(platform, "identity", "record"), _writes(platform, "identity", rate=6):
        yield


@contextmanager
def consumer_behind(platform: PlatformUnderTest) -> Iterator[None]:
    """What clinical has to note of each event it cannot note; thousands arrive."""
    with locked(platform, "clinical", "received_event"), _writes(platform, "patient", rate=30):
        yield


@contextmanager
def _writes(platform: PlatformUnderTest, service: str, rate: float) -> Iterator[None]:
    ask = Ask(service, "POST", f"{PATHS[service]}/records", lambda: {"name": uuid.uuid4().hex})
    with Load(_gateway(platform), [ask], rate=rate, login=Account(), timeout=20):
        yield


@contextmanager
def backup_of_long_ago(platform: PlatformUnderTest) -> Iterator[None]:
    path = REPOSITORY / ".rofecare/metrics" / platform.name / "backups.prom"
    before = path.read_text() if path.exists() else None
    long_ago = time.time() - 3 * 86400
    names = ("success", "verified")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"rofecare_backup_last_{name}_timestamp_seconds {long_ago:.0f}\n" for name in names))
    try:
        yield
    finally:
        now = f"rofecare_backup_last_success_timestamp_seconds {time.time():.0f}\n"
        path.write_text(before if before is not None else now)


FAULTS = (
    Expected("DatabaseDown", broken("finance-db", "stop", "start"), 30, "finance"),
    Expected("ServiceDown", broken("rofecare-service-pharmacy", "pause", "unpause"), 60, "pharmacy"),
    Expected("ServiceRestarts", killed_in_a_loop, 30, "interoperability"),
    Expected("PoolWaits", pool_exhausted, 90, "identity"),
    Expected("ConsumerLag", consumer_behind, 180, "clinical"),
    Expected("ExporterDown", broken("redis-exporter", "stop", "start"), 120),
    Expected("BackupTooOld", backup_of_long_ago, 300),
)


@pytest.fixture(scope="module")
def messages() -> Iterator[Receiver]:
    with receiver() as it:
        yield it


@pytest.fixture(scope="module")
def watched(platform: PlatformUnderTest, messages: Receiver) -> Iterator[PlatformUnderTest]:
    """The platform with its monitoring, which tells the receiver."""
    platform.expect(0, "start-monitoring", timeout=900, environment={"ALERT_WEBHOOK": messages.url})
    yield platform
    platform.expect(0, "stop-monitoring")


def _gateway(platform: PlatformUnderTest) -> str:
    return f"http://127.0.0.1:{platform.ports['GATEWAY_PORT']}"


if FULL:

    def test_nothing_is_told_of_what_is_well(watched: PlatformUnderTest, messages: Receiver) -> None:
        with Load(_gateway(watched), READS, rate=8, login=Account(), timeout=20):
            time.sleep(_HEALTHY)
        assert not [message["groupLabels"] for message in messages.messages]

    def test_each_fault_is_one_message_and_its_end_another(
        watched: PlatformUnderTest, messages: Receiver, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """All at the same time, each with a part of its own: none hides another."""
        release = threading.Event()
        said: dict[str, str] = {}

        def one(expected: Expected) -> None:
            labels = {"alertname": expected.alert} | ({"part": expected.part} if expected.part else {})
            with expected.fault(watched):
                began = time.monotonic()
                while not messages.about(**labels) and time.monotonic() - began < expected.waits + _LATE:
                    time.sleep(1)
                said[expected.alert] = f"{time.monotonic() - began:.0f} s"
                release.wait()

        threads = [threading.Thread(target=one, args=[expected]) for expected in FAULTS]
        for thread in threads:
            thread.start()
        time.sleep(max(expected.waits for expected in FAULTS) + _LATE)
        release.set()
        for thread in threads:
            thread.join()
        time.sleep(_OVER)
        told = [(message["status"], message["groupLabels"]) for message in messages.messages]
        with capsys.disabled():
            sys.stdout.write(f"\ntold after: {said}\n" + "".join(f"{one}\n" for one in told))
        for expected in FAULTS:
            labels = {"alertname": expected.alert} | ({"part": expected.part} if expected.part else {})
            assert [status for status, _ in messages.about(**labels)] == ["firing", "resolved"], expected.alert
        assert {labels["alertname"] for _, labels in told} == {expected.alert for expected in FAULTS}

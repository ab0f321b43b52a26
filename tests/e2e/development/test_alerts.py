"""Alerts on the whole platform: no message while it is healthy, two for each fault: when it begins and when it ends.

This takes half an hour, because the alerts wait as long as they do in production.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.support import incidents
from tests.support.incidents import Incident, hanging, stopped
from tests.support.load import Account, Load
from tests.support.platform import PlatformUnderTest
from tests.support.routes import READS
from tests.support.webhook import Receiver, receiver

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]
_HEALTHY = 600
# Beside the rule's own time: one scrape, one evaluation, the wait of the group, and a machine of two cores.
_LATE = 15 + 15 + 15 + 30
# At most from the end of a fault to the message `resolved`: the time that an alert keeps firing, then the interval of
# the group. Restarts take longest: they are counted for a quarter of an hour.
_OVER = 900 + 120 + 60


@dataclass(frozen=True)
class Expected:
    """A fault, the alert that names it, what the alert is about, and how long that takes at most (seconds)."""

    alert: str
    incident: Incident
    within: float
    part: str = ""


@pytest.fixture(scope="module")
def messages() -> Iterator[Receiver]:
    with receiver() as it:
        yield it


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with incidents.small_disk(tmp_path_factory.mktemp("disk")) as it:
        yield it


@pytest.fixture(scope="module")
def watched(platform: PlatformUnderTest, messages: Receiver, disk: Path) -> Iterator[PlatformUnderTest]:
    """The platform with its monitoring, which sends alerts to the receiver."""
    assert disk
    platform.expect(0, "start-monitoring", timeout=900, environment={"ALERT_WEBHOOK": messages.url})
    yield platform
    platform.expect(0, "stop-monitoring")


def expected(disk: Path) -> tuple[Expected, ...]:
    """Each affects a different part, so that all can exist at the same time and none hides another."""
    full = partial(incidents.heap_filled, part="identity")
    cut = partial(incidents.cut_off, part="platform")
    behind = partial(incidents.consumer_behind, part="clinical", writer="patient")
    exhausted = partial(incidents.pool_exhausted, part="medical-technology")
    killed = partial(incidents.killed_again_and_again, part="interoperability")
    return (
        Expected("DatabaseDown", stopped("finance-db"), 30 + _LATE, "finance"),
        Expected("ServiceDown", hanging("rofecare-service-pharmacy"), 75 + _LATE, "pharmacy"),
        Expected("ServiceRestarts", killed, _LATE, "interoperability"),
        Expected("PoolTimeouts", exhausted, 10 + 45 + _LATE, "medical-technology"),
        Expected("CircuitBreakerOpen", cut, 15 + 90 + _LATE, "platform"),
        # A thousand messages, more than twelve a second; it is measured each minute.
        Expected("ConsumerLag", behind, 80 + 60 + 180 + _LATE, "clinical"),
        Expected("HeapFull", full, 300 + _LATE, "identity"),
        Expected("DiskNearlyFull", lambda _: incidents.disk_nearly_full(disk), 120 + _LATE),
        Expected("ExporterDown", stopped("redis-exporter"), 120 + _LATE),
        Expected("BackupTooOld", incidents.backup_of_long_ago, 300 + _LATE),
    )


def test_a_healthy_platform_sends_no_message(watched: PlatformUnderTest, messages: Receiver) -> None:
    gateway = f"http://127.0.0.1:{watched.ports['GATEWAY_PORT']}"
    with Load(gateway, READS, rate=8, login=Account(), timeout=20):
        time.sleep(_HEALTHY)
    assert not [message["groupLabels"] for message in messages.messages]


def test_each_fault_sends_one_message_and_its_end_another(
    watched: PlatformUnderTest, messages: Receiver, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = expected(disk)
    all_there, release = threading.Barrier(len(faults) + 1), threading.Event()
    reported_after: dict[str, float] = {}

    def one(fault: Expected) -> None:
        try:
            with fault.incident(watched):
                began = time.monotonic()
                while not _statuses(messages, fault) and time.monotonic() - began < fault.within:
                    assert not all_there.broken
                    time.sleep(1)
                reported_after[fault.alert] = time.monotonic() - began
                all_there.wait()
                release.wait()
        except BaseException:
            all_there.abort()
            raise

    threads = [threading.Thread(target=one, args=[fault]) for fault in faults]
    for thread in threads:
        thread.start()
    try:
        all_there.wait(900)
    finally:
        release.set()
        for thread in threads:
            thread.join()
    end = time.monotonic() + _OVER
    while any(_statuses(messages, fault) == ["firing"] for fault in faults) and time.monotonic() < end:
        time.sleep(5)
    sent = [(message["status"], message["groupLabels"]) for message in messages.messages]
    with capsys.disabled():
        times = ", ".join(f"{alert} {seconds:.0f} s" for alert, seconds in reported_after.items())
        sys.stdout.write(f"\nreported after: {times}\n" + "".join(f"{labels} {status}\n" for status, labels in sent))
    assert {fault.alert: _statuses(messages, fault) for fault in faults} == {
        fault.alert: ["firing", "resolved"] for fault in faults
    }
    assert {labels["alertname"] for _, labels in sent} == {fault.alert for fault in faults}


def _statuses(messages: Receiver, fault: Expected) -> list[str]:
    labels = {"alertname": fault.alert} | ({"part": fault.part} if fault.part else {})
    return [status for status, _ in messages.about(**labels)]

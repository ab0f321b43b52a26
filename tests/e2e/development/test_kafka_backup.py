"""A backup of Kafka while it works, and its restore, on the whole platform."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.clients import Clients
from tests.support.platform import PlatformUnderTest

pytestmark = [pytest.mark.full, pytest.mark.timeout(1200)]

TOPIC = "backed-up"
BATCH = 50
# Continue where the group is; without a committed offset, begin at the first message.
GROUP = ("-G", "readers", TOPIC, "-q", "-X", "auto.offset.reset=earliest")


class Traffic:
    """Numbers that are written to a topic in batches, and read in batches by a group that commits its offsets."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._repeat, args=(one,)) for one in (self._write, self._read)]
        self.written = 0
        self.read = 0
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the batch that is in progress."""
        self._ended.set()
        for thread in self._threads:
            thread.join(60)

    def wait_for(self, written: int, read: int) -> None:
        """Wait until at least this many were acknowledged and committed."""
        for _ in range(600):
            if self.written >= written and self.read >= read:
                return
            self._ended.wait(0.1)
        pytest.fail(f"{self.written} numbers written, {self.read} read")

    def _repeat(self, step: Callable[[], None]) -> None:
        while not self._ended.is_set():
            step()

    def _write(self) -> None:
        lines = "".join(f"{number}\n" for number in range(self.written, self.written + BATCH))
        self._clients.kafka(TOPIC, "-P", stdin=lines)
        self.written += BATCH

    def _read(self) -> None:
        if self.written >= self.read + BATCH:
            self._clients.consume(*GROUP, "-c", str(BATCH))
            self.read += BATCH


def test_a_working_kafka_has_the_messages_and_offsets_of_the_backup_after_a_restore(
    platform: PlatformUnderTest, tmp_path: Path
) -> None:
    environment = {"BACKUP_DIR": str(tmp_path)}
    clients = Clients(platform)
    started = platform.started()
    traffic = Traffic(clients)
    try:
        traffic.wait_for(4 * BATCH, 2 * BATCH)
        earliest = (traffic.written, traffic.read)
        platform.expect(0, "backup", environment=environment)
        latest = traffic.written + BATCH
        traffic.wait_for(latest + BATCH, traffic.read)
    finally:
        traffic.stop()
    assert platform.started() == started
    (taken,) = json.loads(platform.expect(0, "backups", "--json", environment=environment))
    platform.expect(0, "restore", taken["id"], "--with-kafka", environment=environment)
    numbers = [int(one) for one in clients.kafka(TOPIC, "-C", "-o", "beginning", "-e", "-q").split()]
    assert numbers == list(range(len(numbers))), "without gaps and repetitions"
    assert earliest[0] <= len(numbers) <= latest
    clients.kafka(TOPIC, "-P", stdin=f"{len(numbers)}\n")
    continued = int(clients.consume(*GROUP, "-c", "1"))
    assert earliest[1] <= continued <= len(numbers), "the offset that the group had committed, or a later one"
    # The services' own topics are in it, and their consumers resume where they were.
    platform.wait_for_smoke(120)

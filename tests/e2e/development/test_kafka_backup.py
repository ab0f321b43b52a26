"""A backup with the Kafka volumes of the whole platform, and its restore."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.clients import Clients
from tests.support.platform import PlatformUnderTest

pytestmark = [pytest.mark.full, pytest.mark.timeout(1200)]

TOPIC = "backed-up"


def test_kafka_has_the_messages_of_the_backup_after_a_restore(platform: PlatformUnderTest, tmp_path: Path) -> None:
    environment = {"BACKUP_DIR": str(tmp_path)}
    clients = Clients(platform)

    def messages() -> list[str]:
        return clients.kafka(TOPIC, "-C", "-o", "beginning", "-e", "-q").split()

    clients.kafka(TOPIC, "-P", stdin="before\n")
    platform.expect(0, "backup", "--with-kafka", environment=environment)
    (taken,) = json.loads(platform.expect(0, "backups", "--json", environment=environment))
    clients.kafka(TOPIC, "-P", stdin="after\n")
    assert messages() == ["before", "after"]
    platform.expect(0, "restore", taken["id"], "--with-kafka", environment=environment)
    assert messages() == ["before"]
    # The services' own topics are in it, and their consumers resume where they were.
    platform.wait_for_smoke(120)

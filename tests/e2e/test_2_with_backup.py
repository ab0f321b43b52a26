"""Backups of the whole platform with data in all of its databases, and the way back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import client
from tests.support.platform import PlatformUnderTest

Json = dict[str, Any]
pytestmark = pytest.mark.timeout(1200)


def test_a_backup_verifies_and_comes_back(platform: PlatformUnderTest, tmp_path: Path) -> None:
    environment = {"BACKUP_DIR": str(tmp_path)}
    databases = {name: one["Id"] for name, one in platform.containers().items() if name.endswith("-db")}
    for name in databases:
        platform.sql(name, "CREATE TABLE mark AS SELECT 'before' AS mark")
    platform.expect(0, "backup", environment=environment)
    taken: Json = json.loads(platform.expect(0, "backups", "--json", environment=environment))[-1]
    manifest = json.loads((Path(taken["folder"]) / "manifest.json").read_text())
    assert {one["service"] for one in manifest["databases"]} == set(databases)
    # What the services themselves wrote is in it, too.
    assert all(len(one["facts"]["tables"]) > 1 for one in manifest["databases"])
    platform.expect(0, "verify-backup", environment=environment)
    for name in databases:
        platform.sql(name, "UPDATE mark SET mark = 'after'")
    output = platform.expect(0, "restore", taken["id"], environment=environment)
    assert f"{len(databases)} databases came out equal" in output
    assert {platform.sql(name, "SELECT mark FROM mark") for name in databases} == {"before"}
    assert {name: platform.containers()[name]["Id"] for name in databases} == databases
    for name in databases:
        platform.sql(name, "DROP TABLE mark")
    platform.expect(0, "smoke")


def kafka(platform: PlatformUnderTest, *words: str, stdin: str = "") -> list[str]:
    address = f"localhost:{platform.ports['KAFKA_PORT']}"
    return client("kcat", "-b", address, "-t", "backed-up", *words, stdin=stdin).split()


def test_kafka_comes_back_as_it_was(platform: PlatformUnderTest, tmp_path: Path) -> None:
    environment = {"BACKUP_DIR": str(tmp_path)}
    kafka(platform, "-P", stdin="before\n")
    platform.expect(0, "backup", "--with-kafka", environment=environment)
    taken: Json = json.loads(platform.expect(0, "backups", "--json", environment=environment))[-1]
    kafka(platform, "-P", stdin="after\n")
    assert kafka(platform, "-C", "-o", "beginning", "-e", "-q") == ["before", "after"]
    platform.expect(0, "restore", taken["id"], "--with-kafka", environment=environment)
    assert kafka(platform, "-C", "-o", "beginning", "-e", "-q") == ["before"]
    # The services' own topics are in it, and who reads them goes on where it was.
    platform.expect(0, "smoke")

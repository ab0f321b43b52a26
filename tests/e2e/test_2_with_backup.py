"""Backups of the whole platform with data in all of its databases, and the way back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.platform import PlatformUnderTest, docker

Json = dict[str, Any]
pytestmark = pytest.mark.timeout(1200)


def facts(folder: Path) -> dict[str, Json]:
    """What a backup says of the tables of each database."""
    said = json.loads((folder / "manifest.json").read_text())
    return {one["service"]: one["facts"]["tables"] for one in said["databases"]}


def newest(platform: PlatformUnderTest, environment: dict[str, str]) -> Json:
    found: Json = json.loads(platform.expect(0, "backups", "--json", environment=environment))[-1]
    return found


def test_a_backup_verifies_and_comes_back(platform: PlatformUnderTest, tmp_path: Path) -> None:
    environment = {"BACKUP_DIR": str(tmp_path)}
    platform.expect(0, "smoke")
    platform.expect(0, "backup", environment=environment)
    taken = newest(platform, environment)
    before = facts(Path(taken["folder"]))
    assert len(before) == 8
    assert all(sum(table["rows"] for table in tables.values()) for tables in before.values()), before
    assert taken["verified"] is None
    platform.expect(0, "verify-backup", environment=environment)
    assert newest(platform, environment)["verified"]
    # What comes after the backup is gone after the restore, and all that was before is there.
    platform.expect(0, "smoke")
    databases = {name: one["Id"] for name, one in platform.containers().items() if name.endswith("-db")}
    output = platform.expect(0, "restore", taken["id"], environment=environment)
    assert "8 databases came out equal" in output
    assert {name: platform.containers()[name]["Id"] for name in databases} == databases
    platform.expect(0, "backup", environment=environment)
    assert facts(Path(newest(platform, environment)["folder"])) == before
    platform.expect(0, "smoke")
    assert docker("ps", "-aq", "--filter", f"label=com.rofecare.scratch={platform.name}") == ""

"""A key of backups, the manifest of a backup with one of everything, and the same in the format of earlier versions."""

from __future__ import annotations

from pathlib import Path

from pyrage import x25519

from rofecare_infra.backup.key import Key
from rofecare_infra.backup.manifest import (
    Content,
    DatabaseRecord,
    Facts,
    FileRecord,
    Manifest,
    Position,
    ServerRecord,
    VolumesRecord,
)

IDENTITY = str(x25519.Identity.generate())
KEY = Key(Path("/etc/backup.key"), (IDENTITY,))
OTHER_KEY = Key(Path("/etc/other.key"), (str(x25519.Identity.generate()),))
FACTS = Facts(
    tables={"public.patients": Content(3, "1:2")},
    sequences={"public.s": Position((4, True), (9, True))},
    large_objects=Content(0, "0:0"),
    objects={"index public.i": {"owner": "rofecare"}},
)
MANIFEST = Manifest(
    id="20261124T223000Z",
    project="rofecare",
    created="2026-11-24T22:30:00+00:00",
    reason="asked for",
    versions={"rofecare-infra": "1"},
    servers={
        "identity-db": ServerRecord(
            "17.6", "postgres:17", f"sha256:{'1' * 64}", "", ("rofecare",), "identity-db.roles.sql.age"
        )
    },
    databases=(
        DatabaseRecord(
            "identity-db", 'Odd "é', "f.dump.age", 7, "f.facts.json.age", ("CREATE DATABASE {name}",), FACTS
        ),
    ),
    files={"f.dump.age": FileRecord(1, "a" * 64)},
    volumes={"kafka": VolumesRecord(("zookeeper", "kafka"), {"kafka-data": "kafka-data.volume.tar.gz.age"})},
)

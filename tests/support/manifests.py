"""The manifest of a backup with one of everything."""

from __future__ import annotations

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

FACTS = Facts(
    tables={"public.patients": Content(3, "1:2")},
    sequences={"public.s": Position((4, True), (9, True))},
    large_objects=Content(0, "0:0"),
    objects={"indexes": 2},
)
MANIFEST = Manifest(
    id="20261124T223000Z",
    project="rofecare",
    created="2026-11-24T22:30:00+00:00",
    reason="asked for",
    versions={"rofecare-infra": "1"},
    secrets="encrypted",
    servers={
        "identity-db": ServerRecord("17.6", "postgres:17", "sha256:1", "", ("rofecare",), "identity-db.roles.sql")
    },
    databases=(DatabaseRecord("identity-db", 'Odd "é', "f.dump", ("CREATE DATABASE {name}",), FACTS, 7),),
    files={"f.dump": FileRecord(1, "a" * 64)},
    volumes=VolumesRecord(("zookeeper", "kafka"), {"kafka-data": "kafka-data.tar"}),
)

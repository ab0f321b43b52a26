"""The records that describe a backup, and their form in `manifest.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1
MANIFEST = "manifest.json"
CHECKSUM = "manifest.sha256"
VERIFIED = "verified.json"

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Content:
    """The content of a table, independent of the order of its rows: their number, and a sum of their digests."""

    rows: int
    checksum: str


@dataclass(frozen=True)
class Position:
    """The value of a sequence before and after the dump of its database: sequences are not part of a snapshot."""

    low: tuple[int, bool]
    high: tuple[int, bool]


@dataclass(frozen=True)
class Facts:
    """The content of a database; a restored database must have the same."""

    tables: Mapping[str, Content] = field(default_factory=dict)
    sequences: Mapping[str, Position] = field(default_factory=dict)
    large_objects: Content = Content(0, "")
    # Number of objects by kind: indexes, constraints, functions and others.
    objects: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class DatabaseRecord:
    """One database of a backup: its dump, how to create the database, and its content."""

    service: str
    name: str
    file: str
    # SQL that creates an empty database like it; `{name}` is replaced by the quoted name.
    create: tuple[str, ...]
    facts: Facts
    # Size of its tables in the server, in bytes, without indexes.
    size: int = 0


@dataclass(frozen=True)
class ServerRecord:
    """One database server of a backup."""

    version: str
    image: str
    image_id: str
    # Libraries that its extensions need (shared_preload_libraries).
    preload: str
    roles: tuple[str, ...]
    roles_file: str


@dataclass(frozen=True)
class FileRecord:
    """The size and checksum of a file."""

    size: int
    sha256: str


@dataclass(frozen=True)
class VolumesRecord:
    """Volumes that were archived together: those of Kafka and ZooKeeper."""

    # Services in start order; they are stopped in the reverse order.
    services: tuple[str, ...]
    # Archive by volume, under its name in the compose file.
    archives: Mapping[str, str]


@dataclass(frozen=True)
class Manifest:
    """The description of a whole backup."""

    id: str
    project: str
    created: str
    reason: str
    versions: Mapping[str, str]
    # "encrypted", or the reason why the backup has none.
    secrets: str
    servers: Mapping[str, ServerRecord]
    databases: tuple[DatabaseRecord, ...]
    files: Mapping[str, FileRecord]
    volumes: VolumesRecord | None = None
    # "production" or "development"; empty in backups of versions that did not record it.
    mode: str = ""
    format: int = FORMAT

    @property
    def size(self) -> int:
        """The total size of its files, in bytes."""
        return sum(one.size for one in self.files.values())


@dataclass(frozen=True)
class Backup:
    """A backup in its folder."""

    folder: Path
    manifest: Manifest

    @property
    def id(self) -> str:
        """Its id: the time at which it was started."""
        return self.manifest.id


def to_text(manifest: Manifest) -> str:
    """Serialize a manifest."""
    return json.dumps(asdict(manifest), indent=1, ensure_ascii=True) + "\n"


def from_text(text: str) -> Manifest:
    """Parse a manifest. Raises ValueError, KeyError, TypeError or AttributeError for anything else."""
    fields: Json = json.loads(text)
    if fields["format"] != FORMAT:
        raise ValueError(f"format {fields['format']!r}, this project reads format {FORMAT}")
    volumes = fields["volumes"]
    return Manifest(
        id=str(fields["id"]),
        project=str(fields["project"]),
        created=str(fields["created"]),
        reason=str(fields["reason"]),
        versions=dict(fields["versions"]),
        secrets=str(fields["secrets"]),
        servers={
            name: ServerRecord(**{**one, "roles": tuple(one["roles"])}) for name, one in fields["servers"].items()
        },
        databases=tuple(_database(one) for one in fields["databases"]),
        files={name: FileRecord(**one) for name, one in fields["files"].items()},
        volumes=VolumesRecord(tuple(volumes["services"]), dict(volumes["archives"])) if volumes else None,
        mode=str(fields.get("mode", "")),
    )


def _database(fields: Json) -> DatabaseRecord:
    return DatabaseRecord(**{**fields, "create": tuple(fields["create"]), "facts": _facts(fields["facts"])})


def _facts(fields: Json) -> Facts:
    return Facts(
        tables={name: Content(**one) for name, one in fields["tables"].items()},
        sequences={
            name: Position(_sequence_value(one["low"]), _sequence_value(one["high"]))
            for name, one in fields["sequences"].items()
        },
        large_objects=Content(**fields["large_objects"]),
        objects=dict(fields["objects"]),
    )


def _sequence_value(fields: Any) -> tuple[int, bool]:  # noqa: ANN401 - two values of a JSON list
    value, called = fields
    return int(value), bool(called)

"""What a backup is, as frozen records, and their form in `manifest.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

FORMAT = 1
MANIFEST = "manifest.json"
CHECKSUM = "manifest.sha256"
VERIFIED = "verified.json"

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Content:
    """What is in a table, whatever the order: how many rows, and a sum over their texts' digests."""

    rows: int
    checksum: str


@dataclass(frozen=True)
class Position:
    """Where a sequence stood before and after its database was written out: a sequence belongs to no snapshot."""

    low: tuple[int, bool]
    high: tuple[int, bool]


@dataclass(frozen=True)
class Facts:
    """What a database holds: the measure of what comes out of a restore."""

    tables: Mapping[str, Content] = field(default_factory=dict)
    sequences: Mapping[str, Position] = field(default_factory=dict)
    large_objects: Content = Content(0, "")
    # Kind of object -> how many: indexes, constraints, functions and the like.
    objects: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class DatabaseRecord:
    """One database of a backup: where its dump is, how to make the database, and what must be in it."""

    service: str
    name: str
    file: str
    # SQL that makes an empty database like it; `{name}` stands for the quoted name, `{database}` for its text.
    create: tuple[str, ...]
    facts: Facts
    # What its tables take in the server, in bytes, without their indexes.
    size: int = 0


@dataclass(frozen=True)
class ServerRecord:
    """One database server of a backup."""

    version: str
    image: str
    image_id: str
    # Libraries without which its extensions do not load.
    preload: str
    roles: tuple[str, ...]
    roles_file: str


@dataclass(frozen=True)
class FileRecord:
    """What a file must be, to the byte."""

    size: int
    sha256: str


@dataclass(frozen=True)
class VolumesRecord:
    """Volumes that were written out together, such as those of Kafka and Zookeeper."""

    # Services in start order: what is stopped in the reverse order.
    services: tuple[str, ...]
    # Volume as the compose file calls it -> its archive.
    archives: Mapping[str, str]


@dataclass(frozen=True)
class Manifest:
    """All that a backup says of itself."""

    id: str
    project: str
    created: str
    reason: str
    versions: Mapping[str, str]
    # "encrypted", or why they are left out.
    secrets: str
    servers: Mapping[str, ServerRecord]
    databases: tuple[DatabaseRecord, ...]
    files: Mapping[str, FileRecord]
    volumes: VolumesRecord | None = None
    format: int = FORMAT

    @property
    def size(self) -> int:
        """How much its files take, in bytes."""
        return sum(one.size for one in self.files.values())

    def only(self, services: frozenset[str]) -> Manifest:
        """The same with the databases of these services alone."""
        return replace(self, databases=tuple(one for one in self.databases if one.service in services))


@dataclass(frozen=True)
class Backup:
    """A backup in its folder, as it says itself."""

    folder: Path
    manifest: Manifest

    @property
    def id(self) -> str:
        """Its name: the moment when it was begun."""
        return self.manifest.id


def to_text(manifest: Manifest) -> str:
    """The manifest as it is written."""
    return json.dumps(asdict(manifest), indent=1, ensure_ascii=True) + "\n"


def from_text(text: str) -> Manifest:
    """The manifest that was written. Raises ValueError, KeyError or TypeError for what is none."""
    said: Json = json.loads(text)
    if said["format"] != FORMAT:
        raise ValueError(f"format {said['format']!r}, this project reads format {FORMAT}")
    volumes = said["volumes"]
    return Manifest(
        id=str(said["id"]),
        project=str(said["project"]),
        created=str(said["created"]),
        reason=str(said["reason"]),
        versions=dict(said["versions"]),
        secrets=str(said["secrets"]),
        servers={name: ServerRecord(**{**one, "roles": tuple(one["roles"])}) for name, one in said["servers"].items()},
        databases=tuple(_database(one) for one in said["databases"]),
        files={name: FileRecord(**one) for name, one in said["files"].items()},
        volumes=VolumesRecord(tuple(volumes["services"]), dict(volumes["archives"])) if volumes else None,
    )


def _database(said: Json) -> DatabaseRecord:
    return DatabaseRecord(**{**said, "create": tuple(said["create"]), "facts": _facts(said["facts"])})


def _facts(said: Json) -> Facts:
    return Facts(
        tables={name: Content(**one) for name, one in said["tables"].items()},
        sequences={name: Position(_place(one["low"]), _place(one["high"])) for name, one in said["sequences"].items()},
        large_objects=Content(**said["large_objects"]),
        objects=dict(said["objects"]),
    )


def _place(said: Any) -> tuple[int, bool]:  # noqa: ANN401 - two values of a JSON list
    value, called = said
    return int(value), bool(called)

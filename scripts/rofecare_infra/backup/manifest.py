"""The records that describe a backup, and their form in `manifest.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

FORMAT = 2
# Of versions that neither encrypted nor signed backups.
UNENCRYPTED = 1
# How much the facts of a database contain; 0 in backups of earlier versions, which counted objects only.
DETAIL = 1
MANIFEST = "manifest.json"
MAC = "manifest.hmac"
# In format 1 in place of the MAC.
CHECKSUM = "manifest.sha256"
VERIFIED = "verified.json"

Json = Mapping[str, Any]

# The fields of a database that are in its description.
_DESCRIBED = ("create", "prepare", "finish", "search_path", "tablespaces", "facts")
_ID = re.compile(r"\d{8}T\d{6}Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# Starts with neither a dot nor a hyphen, and contains no slash.
_FILE = re.compile(r"[A-Za-z0-9_%~+@][A-Za-z0-9_%~+@.-]*")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:@-]*")
_LIBRARIES = re.compile(r"[A-Za-z0-9_$./, \"-]*")
_PLATFORM = re.compile(r"[0-9a-f-]{0,36}")


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
    # The attributes of every object by its name.
    objects: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    detail: int = DETAIL


@dataclass(frozen=True)
class DatabaseRecord:
    """One database of a backup: its dump, how to create the database, and its content.

    The last two are in an encrypted file of their own, which `integrity.check` reads; until then they are empty.
    """

    service: str
    name: str
    file: str
    # Size of its tables in the server, in bytes, without indexes.
    size: int = 0
    # The file with all that follows; empty in format 1, where it is part of the manifest.
    description: str = ""
    # SQL that creates an empty database like it; `{name}` is replaced by the quoted name.
    create: tuple[str, ...] = ()
    facts: Facts = field(default_factory=Facts)
    # SQL that is executed in the new database before its content is restored.
    prepare: tuple[str, ...] = ()
    # SQL that is executed after that.
    finish: tuple[str, ...] = ()
    # The schemas in which its functions may look names up.
    search_path: tuple[str, ...] = ()
    # The tablespaces that it uses besides the default one.
    tablespaces: tuple[str, ...] = ()


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
    """Volumes that were archived together, for example those of Kafka and ZooKeeper."""

    # In start order.
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
    servers: Mapping[str, ServerRecord]
    databases: tuple[DatabaseRecord, ...]
    files: Mapping[str, FileRecord]
    # By the name of the part: the label of the services in the compose files.
    volumes: Mapping[str, VolumesRecord] = field(default_factory=dict)
    # "production" or "development"; empty in backups of versions that did not record it.
    mode: str = ""
    # The id of the platform; empty in format 1, like all that follows.
    platform: str = ""
    # Orders the backups of a platform, whatever the clock showed; 0 in format 1.
    sequence: int = 0
    # Why the clock could not be right; empty if it could.
    clock: str = ""
    # The public part of the key that encrypted the files.
    recipient: str = ""
    # What does not belong to a backup -> why: caches, metrics, databases that can only be dropped.
    omitted: Mapping[str, str] = field(default_factory=dict)
    # What belongs to it and is missing -> why; a backup with such entries is incomplete.
    missing: Mapping[str, str] = field(default_factory=dict)
    # In format 1: "encrypted", or why it contains no secrets.
    secrets: str = "encrypted"
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
    """Serialize a manifest, without the descriptions of the databases."""
    fields = asdict(manifest)
    for one in fields["databases"]:
        for name in _DESCRIBED:
            del one[name]
    return json.dumps(fields, indent=1, ensure_ascii=True) + "\n"


def from_text(text: str) -> Manifest:
    """Parse a manifest and check its names. Raises ValueError, KeyError, TypeError or AttributeError if it is none."""
    fields: Json = json.loads(text)
    if fields["format"] not in {FORMAT, UNENCRYPTED}:
        raise ValueError(f"format {fields['format']!r}, this version reads formats {UNENCRYPTED} and {FORMAT}")
    manifest = Manifest(
        id=str(fields["id"]),
        project=str(fields["project"]),
        created=str(fields["created"]),
        reason=str(fields["reason"]),
        versions=dict(fields["versions"]),
        servers={
            name: ServerRecord(**{**one, "roles": tuple(one["roles"])}) for name, one in fields["servers"].items()
        },
        databases=tuple(_database(one) for one in fields["databases"]),
        files={name: FileRecord(**one) for name, one in fields["files"].items()},
        volumes=_volumes(fields),
        mode=str(fields.get("mode", "")),
        platform=str(fields.get("platform", "")),
        sequence=int(fields.get("sequence", 0)),
        clock=str(fields.get("clock", "")),
        recipient=str(fields.get("recipient", "")),
        omitted=dict(fields.get("omitted", {})),
        missing=dict(fields.get("missing", {})),
        secrets=str(fields["secrets"]),
        format=int(fields["format"]),
    )
    _check_names(manifest)
    return manifest


def description(record: DatabaseRecord) -> str:
    """Serialize what the manifest does not contain of a database."""
    fields = asdict(record)
    return json.dumps({name: fields[name] for name in _DESCRIBED}, indent=1, ensure_ascii=True) + "\n"


def described(record: DatabaseRecord, text: str) -> DatabaseRecord:
    """The record with its description. Raises ValueError, KeyError, TypeError or AttributeError if it is none."""
    fields: Json = json.loads(text)
    return replace(record, **_described(fields))


def _database(fields: Json) -> DatabaseRecord:
    return DatabaseRecord(**{**fields, **_described(fields)}) if "facts" in fields else DatabaseRecord(**fields)


def _described(fields: Json) -> dict[str, Any]:
    lists = {name: tuple(map(str, fields.get(name, ()))) for name in _DESCRIBED if name != "facts"}
    return {**lists, "facts": _facts(fields["facts"])}


def _volumes(fields: Json) -> dict[str, VolumesRecord]:
    found = fields.get("volumes") or {}
    if found and fields["format"] == UNENCRYPTED:
        # It had one part only.
        found = {"kafka": found}
    return {name: VolumesRecord(tuple(one["services"]), dict(one["archives"])) for name, one in found.items()}


def _check_names(manifest: Manifest) -> None:
    """Refuse what would be used as a name of a file, volume, service or image, and cannot be one."""
    servers = manifest.servers.values()
    volumes = manifest.volumes.values()
    for pattern, values in (
        (_ID, [manifest.id]),
        (_NAME, [manifest.project, *manifest.servers, *(one.service for one in manifest.databases)]),
        (_NAME, [*manifest.volumes, *(name for one in volumes for name in (*one.services, *one.archives))]),
        (_FILE, [*manifest.files, *(one.file for one in manifest.databases), *(one.roles_file for one in servers)]),
        (_FILE, [one.description for one in manifest.databases if one.description]),
        (_FILE, [name for one in volumes for name in one.archives.values()]),
        (_IMAGE, [name for one in servers for name in (one.image, one.image_id) if name]),
        (_LIBRARIES, [one.preload for one in servers]),
        (_PLATFORM, [manifest.platform]),
    ):
        for value in values:
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise ValueError(f"{value!r} is not a valid name")


def _facts(fields: Json) -> Facts:
    return Facts(
        tables={name: Content(**one) for name, one in fields["tables"].items()},
        sequences={
            name: Position(_sequence_value(one["low"]), _sequence_value(one["high"]))
            for name, one in fields["sequences"].items()
        },
        large_objects=Content(**fields["large_objects"]),
        objects={name: dict(one) for name, one in fields["objects"].items()} if fields.get("detail") else {},
        detail=int(fields.get("detail", 0)),
    )


def _sequence_value(fields: Any) -> tuple[int, bool]:  # noqa: ANN401 - two values of a JSON list
    value, called = fields
    return int(value), bool(called)

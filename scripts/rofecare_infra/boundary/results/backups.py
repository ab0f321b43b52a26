"""The results of the tasks that back up and restore data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from rofecare_infra import backup


@dataclass(frozen=True)
class Backup:
    """One backup of the list; what is unknown or does not apply is None."""

    id: str
    folder: str
    age_seconds: int
    bytes: int | None
    # When it was last verified (ISO 8601).
    verified: str | None
    reason: str | None
    secrets: str | None
    damage: str | None
    foreign: str | None
    sequence: int | None
    platform: str | None
    clock: str | None
    omitted: Mapping[str, str]
    missing: Mapping[str, str]

    @classmethod
    def of(cls, entry: backup.Entry, now: datetime) -> Self:
        """The fields of a folder."""
        manifest = entry.manifest
        return cls(
            id=entry.id,
            folder=str(entry.folder),
            age_seconds=int((now - entry.moment).total_seconds()),
            bytes=manifest.size if manifest else None,
            verified=entry.verified or None,
            reason=manifest.reason if manifest else None,
            secrets=manifest.secrets if manifest else None,
            damage=entry.damage or None,
            foreign=entry.foreign or None,
            sequence=entry.sequence or None,
            platform=manifest.platform or None if manifest else None,
            clock=manifest.clock or None if manifest else None,
            omitted=dict(manifest.omitted) if manifest else {},
            missing=dict(manifest.missing) if manifest else {},
        )


@dataclass(frozen=True)
class BackupTaken:
    """The backup that was taken; one with missing parts is an error, too."""

    id: str
    folder: str
    bytes: int
    # Service and name of each database, as in identity-db/rofecare_identity.
    databases: tuple[str, ...]
    missing: Mapping[str, str]

    @classmethod
    def of(cls, taken: backup.Backup) -> Self:
        """The fields of its manifest."""
        manifest = taken.manifest
        return cls(taken.id, str(taken.folder), manifest.size, databases_of(manifest.databases), dict(manifest.missing))


@dataclass(frozen=True)
class BackupVerified:
    """The backup that was verified; all its content came out equal."""

    id: str
    tables: int
    rows: int


@dataclass(frozen=True)
class Restored:
    """What was restored."""

    # The id of the backup.
    id: str
    databases: tuple[str, ...]
    downtime: float
    # The id of the backup with the previous data; empty if there is none.
    safety: str

    @classmethod
    def of(cls, done: backup.Restored) -> Self:
        """The result of a restore."""
        return cls(done.backup.id, databases_of(done.databases), done.downtime, done.safety.id if done.safety else "")


def databases_of(records: tuple[backup.DatabaseRecord, ...]) -> tuple[str, ...]:
    """Service and name of each database."""
    return tuple(f"{one.service}/{one.name}" for one in records)

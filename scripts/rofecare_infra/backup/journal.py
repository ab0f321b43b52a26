"""The journal of a restore: each step is on the disk before it is taken, so that a crash can be recovered from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rofecare_infra.backup.manifest import DatabaseRecord
from rofecare_infra.backup.server import NEW, OLD
from rofecare_infra.errors import VerificationError
from rofecare_infra.settings import Settings
from rofecare_infra.state import Journal, JournalKind


class Step(StrEnum):
    """How far a restore is. FINISHING is its decision: before it a restore is rolled back, from then on completed."""

    LOADING = "loading"
    # Databases are swapped, and the services behind the ingress start on them.
    SWAPPING = "swapping"
    # Written by earlier versions only, which opened the ingress from here on.
    SWAPPED = "swapped"
    UNDOING = "undoing"
    FINISHING = "finishing"


@dataclass(frozen=True)
class Target:
    """A database that is to be replaced, and the names beside it."""

    service: str
    name: str
    # Whether there was one of this name before.
    existed: bool

    @property
    def new(self) -> str:
        """What the restored one is called until the swap."""
        return f"{NEW}{self._mark}"

    @property
    def old(self) -> str:
        """What the present one is called after it."""
        return f"{OLD}{self._mark}"

    @property
    def _mark(self) -> str:
        import hashlib

        # A name may be as long as PostgreSQL allows: there is no room to put anything before it.
        return hashlib.sha256(self.name.encode(errors="surrogateescape")).hexdigest()[:16]


@dataclass(frozen=True)
class Entry:
    """One restore and how far it is."""

    backup: str
    step: Step
    targets: tuple[Target, ...]
    # The services that were stopped for it, and those of them that are the ingress.
    stopped: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    # The safety backup from which a rollback fills the Kafka volumes; empty where they are not restored.
    safety: str = ""
    # When the ingress was closed (Unix time); 0 before, and in journals of earlier versions.
    closed: float = 0.0
    # Whether the replaced databases are in a backup, and may be dropped. Earlier versions backed them up first.
    saved: bool = True

    @property
    def decided(self) -> bool:
        """Whether the restored data stays: from here on every path goes forward."""
        return self.step in {Step.SWAPPED, Step.FINISHING}

    @property
    def behind(self) -> tuple[str, ...]:
        """The stopped services that are not part of the ingress."""
        return tuple(name for name in self.stopped if name not in self.entries)


def _entry(known: Mapping[str, Any]) -> Entry:
    return Entry(
        backup=str(known["backup"]),
        step=Step(known["step"]),
        targets=tuple(Target(**one) for one in known["targets"]),
        stopped=tuple(known["stopped"]),
        entries=tuple(known["entries"]),
        safety=str(known["safety"]),
        closed=float(known.get("closed", 0.0)),
        saved=bool(known.get("saved", True)),
    )


_KIND = JournalKind(
    "restore",
    _entry,
    writer="inv restore",
    remedy=f"psql -l in the databases' containers: {NEW}... and {OLD}... are its traces",
    error=VerificationError,
    mode=0o600,
)


def journal_of(settings: Settings) -> Journal[Entry]:
    """The journal of this project's restores."""
    return Journal(settings, _KIND)


def is_interrupted(settings: Settings) -> bool:
    """Whether a restore is in progress or was interrupted."""
    return journal_of(settings).exists()


def forget(settings: Settings) -> None:
    """Remove the journal: the data that it is about has been removed."""
    journal_of(settings).clear()


def begun(backup: str, records: Sequence[DatabaseRecord], present: set[tuple[str, str]]) -> Entry:
    """The first entry of a restore."""
    targets = tuple(Target(one.service, one.name, (one.service, one.name) in present) for one in records)
    return Entry(backup, Step.LOADING, targets, saved=False)

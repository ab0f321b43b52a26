"""What a restore has begun, on the disk before it is begun: whoever comes after a crash knows where it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Self

from rofecare_infra import state
from rofecare_infra.backup.records import DatabaseRecord
from rofecare_infra.backup.server import NEW, OLD
from rofecare_infra.errors import VerificationError
from rofecare_infra.settings import Settings


class Step(StrEnum):
    """How far a restore is: until everything is swapped it is undone, after that it is finished."""

    LOADING = "loading"
    SWAPPING = "swapping"
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
class Journal:
    """One restore, as it stands on the disk."""

    path: Path
    backup: str
    step: Step
    targets: tuple[Target, ...]
    # The services that were stopped for it, and those of them that let requests in.
    stopped: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    # The safety backup to fill Kafka's and Zookeeper's volumes from again; empty where they are left alone.
    safety: str = ""

    def write(self, step: Step | None = None, **changes: tuple[str, ...] | str) -> Self:
        """Note how far it is; it is on the disk when this returns."""
        changed = replace(self, step=step or self.step, **changes)  # type: ignore[arg-type]
        changed.path.parent.mkdir(parents=True, exist_ok=True)
        said = {**asdict(changed), "path": None}
        state.replace(changed.path, json.dumps(said) + "\n", mode=0o600)
        return changed

    def remove(self) -> None:
        """It is over."""
        self.path.unlink(missing_ok=True)
        state.sync_folder(self.path.parent)


def path_of(settings: Settings) -> Path:
    """Where the journal of this project's restore is, when there is one."""
    return settings.state_folder / f"restore-{settings.project}.json"


def is_interrupted(settings: Settings) -> bool:
    """Whether a restore has not come to its end: one that was killed, or one that runs."""
    return path_of(settings).exists()


def forget(settings: Settings) -> None:
    """The data is gone that a restore was about."""
    path_of(settings).unlink(missing_ok=True)


def begun(settings: Settings, backup: str, records: Sequence[DatabaseRecord], present: set[tuple[str, str]]) -> Journal:
    """The journal of a restore that begins now."""
    targets = tuple(Target(one.service, one.name, (one.service, one.name) in present) for one in records)
    return Journal(path_of(settings), backup, Step.LOADING, targets)


def read(settings: Settings) -> Journal | None:
    """The journal of a restore that has not come to its end; None when there is none.

    Raises VerificationError for one that cannot be read: nobody should guess what state the data is in.
    """
    path = path_of(settings)
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Journal(
            path=path,
            backup=str(said["backup"]),
            step=Step(said["step"]),
            targets=tuple(Target(**one) for one in said["targets"]),
            stopped=tuple(said["stopped"]),
            entries=tuple(said["entries"]),
            safety=str(said["safety"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VerificationError(
            "the journal of an interrupted restore cannot be read",
            seen=f"{path}: {error}",
            expected="what the restore wrote there",
            next_step=f"psql -l in the databases' containers: {NEW}... and {OLD}... are its traces",
        ) from error

"""A recorded start for other programs: its fields, or a file with its drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rofecare_infra import state
from rofecare_infra.errors import UsageError
from rofecare_infra.history.compare import Comparison
from rofecare_infra.history.path import critical_path
from rofecare_infra.history.picture import picture
from rofecare_infra.history.record import ServiceStart, StartRecord


@dataclass(frozen=True)
class CriticalStep:
    """A service on the critical path, and the seconds from the readiness of the one before it until its own."""

    service: str
    seconds: float


@dataclass(frozen=True)
class ServiceDifference:
    """The time of a service, and how much longer than usual that is; None if it did not become ready."""

    service: str
    seconds: float | None
    # The median of the earlier starts.
    usual: float
    difference: float | None
    # Whether it took notably longer than usual.
    slower: bool


@dataclass(frozen=True)
class Compared:
    """A start and the median of earlier ones."""

    starts: int
    seconds: float
    usual: float
    differences: tuple[ServiceDifference, ...]


@dataclass(frozen=True)
class Timeline:
    """The record of a start with its critical path, and the comparison with earlier ones if there is one."""

    project: str
    began: float
    seconds: float
    outcome: str
    service: str
    cause: str
    services: tuple[ServiceStart, ...]
    critical_path: tuple[CriticalStep, ...]
    # Notes on records that cannot be read.
    skipped: tuple[str, ...]
    compared: Compared | None

    @classmethod
    def of(cls, record: StartRecord, comparison: Comparison | None = None, skipped: Sequence[str] = ()) -> Self:
        """The fields of a record."""
        path = critical_path(record.services, record.began)
        return cls(
            project=record.project,
            began=record.began,
            seconds=record.seconds,
            outcome=record.outcome,
            service=record.service,
            cause=record.cause,
            services=record.services,
            critical_path=tuple(CriticalStep(step.service.name, round(step.seconds, 3)) for step in path),
            skipped=tuple(skipped),
            compared=_compared(comparison) if comparison is not None else None,
        )


def _compared(comparison: Comparison) -> Compared:
    rows = tuple(
        ServiceDifference(one.service, one.seconds, one.usual, one.growth, one.is_slower)
        for one in comparison.differences
    )
    return Compared(comparison.starts, comparison.seconds, comparison.usual, rows)


def save(record: StartRecord, path: Path) -> None:
    """Write the drawing to a file, or replace it. Raises UsageError where it cannot be written."""
    try:
        path = path.expanduser()
        state.replace(path, picture(record))
    except (OSError, RuntimeError) as error:
        raise UsageError(
            "the drawing cannot be written",
            seen=f"{path}: {error.strerror if isinstance(error, OSError) else error}",
            expected="a file in an existing folder that this user can write to",
            next_step="inv timeline --svg start.svg",
        ) from error

"""Compares a start with earlier complete starts of the same services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.history.path import critical_path
from rofecare_infra.history.record import StartRecord
from rofecare_infra.platform import short

# A start is slow if it took so many times as long as usual, and so many seconds more, of at least so many starts.
_FACTOR, _SECONDS, _STARTS = 1.5, 10.0, 3
# A service has become slower if it took so many times as long as usual, and so many seconds more.
_SERVICE_FACTOR, _SERVICE_SECONDS = 1.25, 1.0


@dataclass(frozen=True)
class Difference:
    """The time that a service took from its start until it was ready; None if it did not become ready."""

    service: str
    seconds: float | None
    # The median of the earlier starts.
    usual: float

    @property
    def growth(self) -> float | None:
        """How many seconds longer it took than usual."""
        return self.seconds - self.usual if self.seconds is not None else None

    @property
    def is_slower(self) -> bool:
        """Whether it took notably longer than usual."""
        took, usual = self.seconds, self.usual
        return took is not None and took >= usual * _SERVICE_FACTOR and took - usual >= _SERVICE_SECONDS


@dataclass(frozen=True)
class Comparison:
    """A start and the median of earlier ones; the services that grew most come first, those never ready before them."""

    starts: int
    seconds: float
    usual: float
    differences: tuple[Difference, ...]

    @property
    def slower(self) -> tuple[Difference, ...]:
        """The services that became slower."""
        return tuple(one for one in self.differences if one.is_slower)


def comparable(record: StartRecord, others: Sequence[StartRecord]) -> tuple[StartRecord, ...]:
    """The complete starts before this one that started the same services."""
    return tuple(one for one in others if one.is_complete and one.names == record.names and one.began < record.began)


def compare(record: StartRecord, others: Sequence[StartRecord]) -> Comparison | None:
    """The comparison with the earlier starts among `others`; None if there is none to compare with."""
    earlier = comparable(record, others)
    if not earlier:
        return None
    took: dict[str, list[float]] = {}
    for one in earlier:
        for service in one.services:
            took.setdefault(service.name, []).append(service.seconds or 0.0)
    differences = [Difference(one.name, one.seconds, round(median(took[one.name]), 3)) for one in record.services]
    return Comparison(
        starts=len(earlier),
        seconds=record.seconds,
        usual=round(median(one.seconds for one in earlier), 3),
        differences=tuple(sorted(differences, key=_rank)),
    )


def usual(records: Sequence[StartRecord]) -> dict[str, float]:
    """Service -> the median of the seconds until it was ready, in the complete starts."""
    took: dict[str, list[float]] = {}
    for record in records:
        for service in record.services if record.is_complete else ():
            if service.seconds is not None:
                took.setdefault(service.name, []).append(service.seconds)
    return {name: round(median(seconds), 1) for name, seconds in took.items()}


def require_comparison(record: StartRecord, others: Sequence[StartRecord]) -> Comparison:
    """The comparison. Raises ServiceFailedError if there is nothing to compare with."""
    found = compare(record, others)
    if found is None:
        raise ServiceFailedError(
            "the last start cannot be compared",
            seen=f"no earlier complete start of the same {len(record.services)} services of {record.project}",
            expected="one at least, among the recorded starts",
            next_step="inv timeline  (shows the last start alone)",
        )
    return found


def slowness(record: StartRecord, others: Sequence[StartRecord]) -> str:
    """A sentence on a complete start that was much slower than usual; empty for any other start."""
    found = compare(record, others) if record.is_complete else None
    if found is None or found.starts < _STARTS:
        return ""
    if found.seconds <= found.usual * _FACTOR or found.seconds <= found.usual + _SECONDS:
        return ""
    path = {step.service.name for step in critical_path(record.services, record.began)}
    # They are sorted by their growth.
    worst = next(one for one in found.differences if one.service in path)
    why = f"{short(worst.service)} grew most: {worst.seconds or 0.0:.0f} s instead of {worst.usual:.0f} s"
    if (worst.growth or 0.0) <= 0:
        why = "no service took longer"
    return (
        f"this start took {found.seconds:.0f} s instead of {found.usual:.0f} s (median of {found.starts}); "
        f"on its critical path {why}; see inv timeline --compare"
    )


def _rank(one: Difference) -> tuple[bool, float, str]:
    return (one.growth is not None, -(one.growth or 0.0), one.service)

"""Medians, ranges and ratios of samples, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

from rofecare_dev.bench.measures import AGAINST, COMPOSE, ORDERED, THIS, Sample
from rofecare_infra.progress import table

_OTHERS = (AGAINST, COMPOSE, ORDERED)


@dataclass(frozen=True)
class Times:
    """The samples of one measure and contender, in seconds."""

    seconds: tuple[float, ...]
    median: float
    min: float
    max: float


@dataclass(frozen=True)
class Measured:
    """One measure: the times of each contender, and the ratios of this commit to each of the others."""

    contenders: Mapping[str, Times]
    ratios: Mapping[str, float]


@dataclass(frozen=True)
class Benchmark:
    """All measures, with every sample."""

    # Contender -> its commit.
    commits: Mapping[str, str]
    measures: Mapping[str, Measured]

    @classmethod
    def of(cls, samples: Sequence[Sample], commits: Mapping[str, str]) -> Self:
        """The result of these samples."""
        return cls(dict(commits), {name: _measured(times) for name, times in _by_measure(samples).items()})


def as_table(samples: Sequence[Sample]) -> str:
    """One line for each measure: median (range) in seconds, and the ratio of this commit to each of the others."""
    found = _by_measure(samples)
    others = [other for other in _OTHERS if any(other in times for times in found.values())]
    header = ("MEASURE", "THIS", *(word for other in others for word in (other.upper(), "RATIO")))
    return table(
        header,
        [
            (name, _shown(times.get(THIS)), *(word for other in others for word in _compared(times, other)))
            for name, times in found.items()
        ],
    )


def _measured(times: Mapping[str, Sequence[float]]) -> Measured:
    contenders = {
        who: Times(tuple(seconds), median(seconds), min(seconds), max(seconds)) for who, seconds in times.items()
    }
    return Measured(contenders, {other: ratio for other in _OTHERS if (ratio := _ratio(times, other)) is not None})


def _by_measure(samples: Sequence[Sample]) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    for sample in samples:
        found.setdefault(sample.measure, {}).setdefault(sample.contender, []).append(sample.seconds)
    return found


def _compared(times: Mapping[str, Sequence[float]], other: str) -> tuple[str, str]:
    ratio = _ratio(times, other)
    return _shown(times.get(other)), "-" if ratio is None else f"{ratio:.2f}"


def _ratio(times: Mapping[str, Sequence[float]], other: str) -> float | None:
    """How many times as long as the other this commit takes; below 1 it is faster."""
    return median(times[THIS]) / median(times[other]) if THIS in times and other in times else None


def _shown(seconds: Sequence[float] | None) -> str:
    return f"{median(seconds):.1f} s ({min(seconds):.1f}-{max(seconds):.1f})" if seconds else "-"

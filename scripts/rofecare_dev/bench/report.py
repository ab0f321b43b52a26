"""Medians, ranges and ratios of samples, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from statistics import median

from rofecare_dev.bench.measures import AGAINST, COMPOSE, ORDERED, THIS, Sample
from rofecare_infra.progress import table

_OTHERS = (AGAINST, COMPOSE, ORDERED)


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


def as_json(samples: Sequence[Sample], commits: Mapping[str, str]) -> str:
    """The same as one document, with every sample."""
    measures = {
        name: {
            "contenders": {
                who: {"seconds": seconds, "median": median(seconds), "min": min(seconds), "max": max(seconds)}
                for who, seconds in times.items()
            },
            "ratios": {other: ratio for other in _OTHERS if (ratio := _ratio(times, other)) is not None},
        }
        for name, times in _by_measure(samples).items()
    }
    return json.dumps({"commits": dict(commits), "measures": measures}, indent=2)


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

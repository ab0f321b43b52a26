"""Alerts as records, from what Prometheus and Alertmanager answered; the sections of the runbook."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]

# Always fires: it proves that alerts are judged at all.
WATCHDOG = "Watchdog"
_ORDER = ("critical", "warning")


@dataclass(frozen=True)
class Alert:
    """One alert that fires."""

    name: str
    severity: str
    summary: str
    # ISO 8601, as Prometheus gives it.
    since: str
    # Another alert is its cause: nobody is told of this one.
    explained: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def critical(self) -> bool:
        """Whether somebody has to act now."""
        return self.severity == "critical" and not self.explained


def alerts_of(judged: Sequence[Json], told: Sequence[Json]) -> tuple[Alert, ...]:
    """The alerts that fire, the worst first. `judged` is Prometheus' list, `told` is Alertmanager's."""
    quiet = {_identity(one["labels"]) for one in told if one["status"].get("inhibitedBy")}
    found = [_alert(one, quiet) for one in judged if one["state"] == "firing"]
    return tuple(sorted(found, key=lambda one: (one.explained, _rank(one.severity), one.since, one.name)))


def sections(runbook: str) -> dict[str, str]:
    """Alert -> what the runbook says of it."""
    parts = re.split(r"^## +(\w+) *$", runbook, flags=re.MULTILINE)
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def _alert(one: Json, quiet: set[frozenset[tuple[str, str]]]) -> Alert:
    labels: Mapping[str, str] = one["labels"]
    return Alert(
        name=labels["alertname"],
        severity=labels.get("severity", "warning"),
        summary=one.get("annotations", {}).get("summary", ""),
        since=one["activeAt"],
        explained=_identity(labels) in quiet,
        labels=labels,
    )


def _identity(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def _rank(severity: str) -> int:
    return _ORDER.index(severity) if severity in _ORDER else len(_ORDER)

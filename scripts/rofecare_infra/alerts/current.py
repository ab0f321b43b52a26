"""The alerts that fire now: from Prometheus, with those that another alert explains, from Alertmanager."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rofecare_infra import http
from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.monitoring import Page, page_of
from rofecare_infra.platform import Platform

Json = Mapping[str, Any]

# Always fires, as proof that alerts are evaluated.
WATCHDOG = "Watchdog"
_ORDER = ("critical", "warning")
# The port in the container, and the path.
_PROMETHEUS = (9090, "/api/v1/alerts")
_ALERTMANAGER = (9093, "/api/v2/alerts")
# Timeout in seconds; both answer from memory.
_TIMEOUT = 10.0


@dataclass(frozen=True)
class Alert:
    """One alert that fires."""

    name: str
    severity: str
    summary: str
    # ISO 8601, as Prometheus gives it.
    since: str
    # Another alert is the cause, so no notification is sent for this one.
    explained: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def critical(self) -> bool:
        """Whether immediate action is required."""
        return self.severity == "critical" and not self.explained


def alerts_of(evaluated: Sequence[Json], notified: Sequence[Json]) -> tuple[Alert, ...]:
    """The firing alerts, the most severe first; `evaluated` comes from Prometheus, `notified` from Alertmanager."""
    inhibited = {_identity(one["labels"]) for one in notified if one["status"].get("inhibitedBy")}
    found = [_alert(one, inhibited) for one in evaluated if one["state"] == "firing"]
    return tuple(sorted(found, key=lambda one: (one.explained, _rank(one.severity), one.since, one.name)))


def sections(runbook: str) -> dict[str, str]:
    """Alert -> its section in the runbook."""
    parts = re.split(r"^## +(\w+) *$", runbook, flags=re.MULTILINE)
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def _alert(one: Json, inhibited: set[frozenset[tuple[str, str]]]) -> Alert:
    labels: Mapping[str, str] = one["labels"]
    return Alert(
        name=labels["alertname"],
        severity=labels.get("severity", "warning"),
        summary=one.get("annotations", {}).get("summary", ""),
        since=one["activeAt"],
        explained=_identity(labels) in inhibited,
        labels=labels,
    )


def _identity(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def _rank(severity: str) -> int:
    return _ORDER.index(severity) if severity in _ORDER else len(_ORDER)


def firing(platform: Platform) -> tuple[Alert, ...]:
    """The alerts that fire now, without the watchdog, which always fires.

    Raises ServiceFailedError if Prometheus does not answer or does not evaluate alerts.
    """
    page = page_of(platform, _PROMETHEUS[0])
    answer = _get(page, _PROMETHEUS[1]) if page else None
    if answer is None:
        raise ServiceFailedError(
            "the monitoring does not answer",
            seen=f"no usable answer at {page.port.url}{_PROMETHEUS[1]}" if page else "the monitoring is not running",
            expected="a running Prometheus",
            next_step="inv start-monitoring",
        )
    # Without Alertmanager, no alert is known to be explained by another one.
    alertmanager = page_of(platform, _ALERTMANAGER[0])
    notified = (_get(alertmanager, _ALERTMANAGER[1]) if alertmanager else None) or []
    found = alerts_of(answer["data"]["alerts"], notified)
    if not any(one.name == WATCHDOG for one in found):
        raise ServiceFailedError(
            "alerts are not evaluated",
            seen=f"{WATCHDOG}, which always fires, does not fire",
            expected="the rules of docker/config/prometheus/alerts/, evaluated every 15 s",
            next_step="repeat the command right after a start; otherwise inv logs prometheus",
        )
    return tuple(one for one in found if one.name != WATCHDOG)


def _get(page: Page, path: str) -> Any:  # noqa: ANN401 - any JSON; None for no answer
    try:
        response = http.request("GET", f"{page.port.url}{path}", timeout=_TIMEOUT, headers=page.headers())
    except http.NoResponseError:
        return None
    return response.json() if response.ok else None

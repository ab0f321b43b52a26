"""The results of the tasks of the monitoring."""

from __future__ import annotations

from dataclasses import dataclass

from rofecare_infra.alerts import Alert, Delivery
from rofecare_infra.search import LogLine, Span


@dataclass(frozen=True)
class Address:
    """A service, and a port of it on this machine."""

    service: str
    url: str


@dataclass(frozen=True)
class MonitoringStarted:
    """The monitoring is ready."""

    services: tuple[str, ...]
    containers: int
    started: tuple[str, ...]
    seconds: float
    addresses: tuple[Address, ...]
    # The settings with receivers of alerts that have a value.
    receivers: tuple[str, ...]


@dataclass(frozen=True)
class Alerts:
    """The alerts that fire."""

    # Whether one of them requires immediate action.
    critical: bool
    alerts: tuple[Alert, ...]


@dataclass(frozen=True)
class AlertTested:
    """A test alert, and what its receivers answered."""

    # It is in the text of the alert.
    id: str
    ok: bool
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True)
class LogsFound:
    """The lines that match, and the spans of a trace."""

    lines: tuple[LogLine, ...]
    # The number of matching lines, including those beyond the limit.
    total: int
    spans: tuple[Span, ...]

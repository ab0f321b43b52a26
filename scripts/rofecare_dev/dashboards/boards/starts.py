"""Start times and restarts."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from rofecare_dev.dashboards.board import Section, board, to_logs_of_series
from rofecare_dev.dashboards.shapes import Limits, Query, bars, lines, rows

_LINKS = [to_logs_of_series()]
_BY = "max by (service, part)"


def dashboard() -> Dashboard:
    """Build the dashboard: slow starts, and containers that restart repeatedly."""
    return board(
        "rofecare-starts",
        "Start times",
        "When each part was last started, how long it took to become ready, and what restarts.",
        Section("Duration of the last start", 9, _duration()),
        Section("Last starts and restarts", 10, _when()),
    )


def _duration() -> list[tuple[int, Panel]]:
    ready = bars(
        "Time until ready",
        "Time from the start of the JVM until the application was ready for requests.",
        "s",
        Query(f'sort_desc({_BY} (application_ready_time_seconds{{job="applications"}}))', "{{part}}"),
        limits=Limits(60, 120),
        links=_LINKS,
    )
    started = bars(
        "Time until started",
        "Time from the start of the JVM until the application was started; the rest is waiting for other services.",
        "s",
        Query(f'sort_desc({_BY} (application_started_time_seconds{{job="applications"}}))', "{{part}}"),
        limits=Limits(60, 120),
        links=_LINKS,
    )
    return [(12, ready), (12, started)]


def _when() -> list[tuple[int, Panel]]:
    moments = rows(
        "Last start",
        "When each service was last started, newest first.",
        "dateTimeAsIso",
        Query(
            # The Redis exporter also exports its own start time, under the same name as a server's.
            'sort_desc(1000 * (max by (service) (process_start_time_seconds{job!="redis"})'
            " or max by (service) (redis_start_time_seconds)))"
        ),
        {"service": "Service", "Value": "Started"},
    )
    again = lines(
        "Restarts",
        "Restarts in the last 15 minutes. More than two: the application fails repeatedly.",
        "none",
        Query(
            f'sum by (service, part) (changes({_BY} (process_start_time_seconds{{job="applications"}})[15m:15s]))',
            "{{part}}",
        ),
        links=_LINKS,
    )
    return [(10, moments), (14, again)]

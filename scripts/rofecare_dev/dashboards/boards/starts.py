"""When everything was started, how long that took, and what was started anew."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from rofecare_dev.dashboards.board import Section, board, to_logs_of_series
from rofecare_dev.dashboards.shapes import Ask, Limits, bars, lines, rows

_LINKS = [to_logs_of_series()]
_BY = "max by (service, part)"


def dashboard() -> Dashboard:
    """The starts: what was slow, and what starts again and again."""
    return board(
        "rofecare-starts",
        "Start times",
        "When everything was started, how long it took to become ready, and what was started anew.",
        Section("How long the last start took", 9, _duration()),
        Section("When", 10, _when()),
    )


def _duration() -> list[tuple[int, Panel]]:
    ready = bars(
        "Until ready",
        "From the start of its Java machine until the application was ready for work.",
        "s",
        Ask(f'sort_desc({_BY} (application_ready_time_seconds{{job="applications"}}))', "{{part}}"),
        limits=Limits(60, 120),
        links=_LINKS,
    )
    started = bars(
        "Until started",
        "The same until its parts were put together; the rest is waiting for others.",
        "s",
        Ask(f'sort_desc({_BY} (application_started_time_seconds{{job="applications"}}))', "{{part}}"),
        limits=Limits(60, 120),
        links=_LINKS,
    )
    return [(12, ready), (12, started)]


def _when() -> list[tuple[int, Panel]]:
    moments = rows(
        "Last start",
        "When each was started, the newest first.",
        "dateTimeAsIso",
        Ask(
            # Of Redis, the exporter's own start is told, too, as if it were the server's.
            'sort_desc(1000 * (max by (service) (process_start_time_seconds{job!="redis"})'
            " or max by (service) (redis_start_time_seconds)))"
        ),
        {"service": "Service", "Value": "Started"},
    )
    again = lines(
        "Started anew",
        "Starts within the last quarter of an hour. More than two: it does not stay up.",
        "none",
        Ask(
            f'sum by (service, part) (changes({_BY} (process_start_time_seconds{{job="applications"}})[15m:15s]))',
            "{{part}}",
        ),
        links=_LINKS,
    )
    return [(10, moments), (14, again)]

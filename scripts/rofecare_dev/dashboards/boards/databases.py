"""The databases, and the connections that the services keep to them."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from rofecare_dev.dashboards.board import Section, board, to_logs_of_series
from rofecare_dev.dashboards.shapes import Ask, lines, tiles

_BY = "sum by (service, part)"
_POOLS = 'job="applications"'
_LINKS = [to_logs_of_series()]


def dashboard() -> Dashboard:
    """All databases side by side: the one that stands out is the one to look at."""
    return board(
        "rofecare-databases",
        "Databases and pools",
        "The databases, and the connections that each service keeps to its own.",
        Section("", 5, [(24, _answering())]),
        Section("Work", 8, _work()),
        Section("Room", 8, _room()),
        Section("Connections of the services", 8, _pools()),
    )


def _answering() -> Panel:
    return tiles(
        "Databases",
        "Whether each database answers. A click leads to its logs.",
        Ask('pg_up{job="postgresql"}', "{{service}}"),
        links=_LINKS,
    )


def _work() -> list[tuple[int, Panel]]:
    changes = lines(
        "Transactions",
        "Pieces of work that are finished each second.",
        "ops",
        Ask(f"{_BY} (rate(pg_stat_database_xact_commit[$__rate_interval]))", "{{part}}"),
        links=_LINKS,
    )
    given_up = lines(
        "Given up",
        "Pieces of work that are given up each second: errors, or changes that waited for each other.",
        "ops",
        Ask(f"{_BY} (rate(pg_stat_database_xact_rollback[$__rate_interval]))", "{{part}}"),
        links=_LINKS,
    )
    longest = lines(
        "Oldest open transaction",
        "For how long the oldest piece of work has been open. For hours: nothing can be tidied up meanwhile.",
        "s",
        Ask("max by (service, part) (pg_long_running_transactions_oldest_timestamp_seconds)", "{{part}}"),
        links=_LINKS,
    )
    return [(8, changes), (8, given_up), (8, longest)]


def _room() -> list[tuple[int, Panel]]:
    size = lines(
        "Size",
        "The disk that each database takes.",
        "bytes",
        Ask(f"{_BY} (pg_database_size_bytes)", "{{part}}"),
        links=_LINKS,
    )
    sessions = lines(
        "Sessions",
        "Open connections, of those that the server allows.",
        "percentunit",
        Ask(f"{_BY} (pg_stat_activity_count) / max by (service, part) (pg_settings_max_connections)", "{{part}}"),
        top=1,
        links=_LINKS,
    )
    cached = lines(
        "Found in memory",
        "The share of what is read that need not come from the disk. Below nine tenths: memory is short.",
        "percentunit",
        Ask(
            f"{_BY} (rate(pg_stat_database_blks_hit[$__rate_interval]))"
            f" / ({_BY} (rate(pg_stat_database_blks_hit[$__rate_interval]))"
            f" + {_BY} (rate(pg_stat_database_blks_read[$__rate_interval])))",
            "{{part}}",
        ),
        top=1,
        links=_LINKS,
    )
    return [(8, size), (8, sessions), (8, cached)]


def _pools() -> list[tuple[int, Panel]]:
    used = lines(
        "In use",
        "Connections in use, of those that a service may have.",
        "percentunit",
        Ask(
            f"max by (service, part) (hikaricp_connections_active{{{_POOLS}}} / hikaricp_connections_max{{{_POOLS}}})",
            "{{part}}",
        ),
        top=1,
        links=_LINKS,
    )
    waiting = lines(
        "Waiting",
        "Requests that wait for a connection. More than none for a minute: the database is slow.",
        "none",
        Ask(f"{_BY} (hikaricp_connections_pending{{{_POOLS}}})", "{{part}}"),
        links=_LINKS,
    )
    taking = lines(
        "How long it takes to get one",
        "Nineteen of twenty connections are had faster than this.",
        "s",
        Ask(
            "histogram_quantile(0.95, sum by (service, part, le)"
            f" (rate(hikaricp_connections_acquire_seconds_bucket{{{_POOLS}}}[$__rate_interval])))",
            "{{part}}",
        ),
        links=_LINKS,
    )
    refused = lines(
        "Not had in time",
        "Requests each second that failed because they got no connection.",
        "ops",
        Ask(f"{_BY} (rate(hikaricp_connections_timeout_total{{{_POOLS}}}[$__rate_interval]))", "{{part}}"),
        links=_LINKS,
    )
    return [(6, used), (6, waiting), (6, taking), (6, refused)]

"""The databases and the connection pools of the services."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from rofecare_dev.dashboards.board import Section, board, to_logs_of_series
from rofecare_dev.dashboards.shapes import Query, lines, tiles

_BY = "sum by (service, part)"
_POOLS = 'job="applications"'
_LINKS = [to_logs_of_series()]


def dashboard() -> Dashboard:
    """Build the dashboard: all databases side by side, so that an outlier is visible."""
    return board(
        "rofecare-databases",
        "Databases and pools",
        "The databases, and the connection pool of each service.",
        Section("", 5, [(24, _answering())]),
        Section("Transactions", 8, _work()),
        Section("Size, sessions and cache", 8, _room()),
        Section("Connection pools", 8, _pools()),
    )


def _answering() -> Panel:
    return tiles(
        "Databases",
        "Whether each database responds. Click one to see its logs.",
        Query('pg_up{job="postgresql"}', "{{service}}"),
        links=_LINKS,
    )


def _work() -> list[tuple[int, Panel]]:
    changes = lines(
        "Commits",
        "Transactions committed per second.",
        "ops",
        Query(f"{_BY} (rate(pg_stat_database_xact_commit[$__rate_interval]))", "{{part}}"),
        links=_LINKS,
    )
    rolled_back = lines(
        "Rollbacks",
        "Transactions rolled back per second, because of errors or deadlocks.",
        "ops",
        Query(f"{_BY} (rate(pg_stat_database_xact_rollback[$__rate_interval]))", "{{part}}"),
        links=_LINKS,
    )
    longest = lines(
        "Oldest open transaction",
        "Age of the oldest open transaction. While it is open, vacuum cannot remove dead rows.",
        "s",
        Query("max by (service, part) (pg_long_running_transactions_oldest_timestamp_seconds)", "{{part}}"),
        links=_LINKS,
    )
    return [(8, changes), (8, rolled_back), (8, longest)]


def _room() -> list[tuple[int, Panel]]:
    size = lines(
        "Size",
        "Disk space that each database uses.",
        "bytes",
        Query(f"{_BY} (pg_database_size_bytes)", "{{part}}"),
        links=_LINKS,
    )
    sessions = lines(
        "Sessions",
        "Open connections as a share of the maximum.",
        "percentunit",
        Query(f"{_BY} (pg_stat_activity_count) / max by (service, part) (pg_settings_max_connections)", "{{part}}"),
        top=1,
        links=_LINKS,
    )
    cached = lines(
        "Cache hit ratio",
        "Share of block reads served from shared buffers. Below 90 percent, memory is too small.",
        "percentunit",
        Query(
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
        "Connections in use as a share of the pool size.",
        "percentunit",
        Query(
            f"max by (service, part) (hikaricp_connections_active{{{_POOLS}}} / hikaricp_connections_max{{{_POOLS}}})",
            "{{part}}",
        ),
        top=1,
        links=_LINKS,
    )
    waiting = lines(
        "Waiting",
        "Requests waiting for a connection. Above zero for a minute: the database is slow.",
        "none",
        Query(f"{_BY} (hikaricp_connections_pending{{{_POOLS}}})", "{{part}}"),
        links=_LINKS,
    )
    taking = lines(
        "Wait for a connection (p95)",
        "95 percent of connections are obtained faster than this.",
        "s",
        Query(
            "histogram_quantile(0.95, sum by (service, part, le)"
            f" (rate(hikaricp_connections_acquire_seconds_bucket{{{_POOLS}}}[$__rate_interval])))",
            "{{part}}",
        ),
        links=_LINKS,
    )
    refused = lines(
        "Timeouts",
        "Requests per second that failed because no connection became free in time.",
        "ops",
        Query(f"{_BY} (rate(hikaricp_connections_timeout_total{{{_POOLS}}}[$__rate_interval]))", "{{part}}"),
        links=_LINKS,
    )
    return [(6, used), (6, waiting), (6, taking), (6, refused)]

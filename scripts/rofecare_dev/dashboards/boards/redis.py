"""Redis: the cache of the services and the counters of the rate limiter."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from rofecare_dev.dashboards.board import Section, board, to_logs_of
from rofecare_dev.dashboards.shapes import Limits, Query, lines, number, tiles

# The memory limit of Redis; without one, the memory of the host.
MOST = "(redis_memory_max_bytes > 0 or on () node_memory_MemTotal_bytes)"
_LOGS = [to_logs_of("redis")]


def dashboard() -> Dashboard:
    """Build the dashboard: availability, commands, memory."""
    return board(
        "rofecare-redis",
        "Redis",
        "The cache of the services and the counters of the rate limiter of the gateway.",
        _now(),
        Section("Commands and clients", 8, _work()),
        Section("Memory and keys", 8, _room()),
    )


def _now() -> Section:
    answering = tiles("Available", "Whether Redis responds.", Query("redis_up", "redis"), links=_LOGS)
    since = number(
        "Started", "When Redis was started.", "dateTimeFromNow", Query("1000 * redis_start_time_seconds"), links=_LOGS
    )
    memory = number(
        "Memory",
        "Share of the memory limit in use.",
        "percentunit",
        Query(f"redis_memory_used_bytes / on () {MOST}"),
        limits=Limits(0.8, 0.9),
        links=_LOGS,
    )
    saved = tiles(
        "Last write to disk",
        "Whether the last write to the append-only file succeeded.",
        Query("redis_aof_last_write_status", "last write"),
        states={"0": ("failed", "red"), "1": ("succeeded", "green")},
        links=_LOGS,
    )
    return Section("", 4, [(6, one) for one in (answering, since, memory, saved)])


def _work() -> list[tuple[int, Panel]]:
    commands = lines(
        "Commands",
        "Commands per second, for the five most frequent commands.",
        "ops",
        Query("topk(5, sum by (cmd) (rate(redis_commands_total[$__rate_interval])))", "{{cmd}}"),
        links=_LOGS,
    )
    found = lines(
        "Cache hits and misses",
        "Key lookups per second that found a key, or did not.",
        "ops",
        Query("rate(redis_keyspace_hits_total[$__rate_interval])", "hits"),
        Query("rate(redis_keyspace_misses_total[$__rate_interval])", "misses"),
        links=_LOGS,
    )
    clients = lines(
        "Clients",
        "Open connections, and connections rejected per second.",
        "none",
        Query("redis_connected_clients", "open"),
        Query("rate(redis_rejected_connections_total[$__rate_interval])", "rejected"),
        links=_LOGS,
    )
    return [(8, commands), (8, found), (8, clients)]


def _room() -> list[tuple[int, Panel]]:
    memory = lines(
        "Memory",
        "Memory in use, and the limit.",
        "bytes",
        Query("redis_memory_used_bytes", "used"),
        Query(MOST, "limit"),
        links=_LOGS,
    )
    thrown = lines(
        "Removed keys",
        "Keys per second that expired or were evicted for lack of memory. No key should be evicted.",
        "ops",
        Query("rate(redis_expired_keys_total[$__rate_interval])", "expired"),
        Query("rate(redis_evicted_keys_total[$__rate_interval])", "evicted"),
        links=_LOGS,
    )
    keys = lines("Keys", "Number of keys.", "none", Query("sum(redis_db_keys)", "keys"), links=_LOGS)
    return [(8, memory), (8, thrown), (8, keys)]

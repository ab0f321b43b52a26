"""Redis: the cache, and what the gateway counts."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from rofecare_dev.dashboards.board import Section, board, to_logs_of
from rofecare_dev.dashboards.shapes import Ask, Limits, lines, number, tiles

# Without a limit of its own, the machine is the limit.
MOST = "(redis_memory_max_bytes > 0 or on () node_memory_MemTotal_bytes)"
_LOGS = [to_logs_of("redis")]


def dashboard() -> Dashboard:
    """Whether it answers, what it is asked, how full it is."""
    return board(
        "rofecare-redis",
        "Redis",
        "The cache of the services, and the counters by which the gateway turns away who asks too often.",
        _now(),
        Section("Work", 8, _work()),
        Section("Room", 8, _room()),
    )


def _now() -> Section:
    answering = tiles("Answering", "Whether it answers.", Ask("redis_up", "redis"), links=_LOGS)
    since = number(
        "Started", "When it was started.", "dateTimeFromNow", Ask("1000 * redis_start_time_seconds"), links=_LOGS
    )
    memory = number(
        "Memory",
        "How much of the memory that it may have is used.",
        "percentunit",
        Ask(f"redis_memory_used_bytes / on () {MOST}"),
        limits=Limits(0.8, 0.9),
        links=_LOGS,
    )
    saved = tiles(
        "Written to disk",
        "Whether the last change could be written to its disk.",
        Ask("redis_aof_last_write_status", "last change"),
        states={"0": ("no", "red"), "1": ("yes", "green")},
        links=_LOGS,
    )
    return Section("", 4, [(6, one) for one in (answering, since, memory, saved)])


def _work() -> list[tuple[int, Panel]]:
    commands = lines(
        "Commands",
        "What it is asked each second, the five most frequent kinds.",
        "ops",
        Ask("topk(5, sum by (cmd) (rate(redis_commands_total[$__rate_interval])))", "{{cmd}}"),
        links=_LOGS,
    )
    found = lines(
        "Found",
        "What was looked for each second and found, or not.",
        "ops",
        Ask("rate(redis_keyspace_hits_total[$__rate_interval])", "found"),
        Ask("rate(redis_keyspace_misses_total[$__rate_interval])", "not found"),
        links=_LOGS,
    )
    clients = lines(
        "Clients",
        "Connections that are open, and those that were refused each second.",
        "none",
        Ask("redis_connected_clients", "open"),
        Ask("rate(redis_rejected_connections_total[$__rate_interval])", "refused"),
        links=_LOGS,
    )
    return [(8, commands), (8, found), (8, clients)]


def _room() -> list[tuple[int, Panel]]:
    memory = lines(
        "Memory",
        "Used, and the most that it may take.",
        "bytes",
        Ask("redis_memory_used_bytes", "used"),
        Ask(MOST, "most"),
        links=_LOGS,
    )
    thrown = lines(
        "Thrown away",
        "Keys each second whose time was over, and those that had to make room. The second should be none.",
        "ops",
        Ask("rate(redis_expired_keys_total[$__rate_interval])", "time over"),
        Ask("rate(redis_evicted_keys_total[$__rate_interval])", "to make room"),
        links=_LOGS,
    )
    keys = lines("Keys", "How many things it keeps.", "none", Ask("sum(redis_db_keys)", "keys"), links=_LOGS)
    return [(8, memory), (8, thrown), (8, keys)]

"""One service, chosen above: what it answers, how fast, and with what it works."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from rofecare_dev.dashboards.board import Choice, Section, board, to_logs
from rofecare_dev.dashboards.shapes import Ask, Limits, lines, number, tiles

_THE = 'job="applications", service="$service"'
_SERVED = f'{{{_THE}, uri!~"/actuator.*"}}'
_CHOICES = (
    Choice(
        "service", "Service", 'label_values(probe_success{job="readiness"}, service)', pattern="/rofecare-service-.+/"
    ),
    Choice("part", "Part", 'label_values(probe_success{job="readiness", service="$service"}, part)', hidden=True),
)


def dashboard() -> Dashboard:
    """The dashboard of any of the business services."""
    return board(
        "rofecare-service",
        "A service",
        "One of the services that people work with: what it answers, how fast, with what it works.",
        _now(),
        Section("Requests", 8, _requests()),
        Section("What it works with", 8, _below()),
        Section("Itself", 8, _itself()),
        choices=_CHOICES,
    )


def _now() -> Section:
    ready = tiles(
        "Ready",
        "Whether it can do its work.",
        Ask('min(probe_success{job="readiness", service="$service"})', "$service"),
        links=[to_logs()],
    )
    instances = number(
        "Instances", "How many containers share its work.", "none", Ask(f"count(up{{{_THE}}} == 1)"), links=[to_logs()]
    )
    since = number(
        "Started",
        "When the newest of its instances was started.",
        "dateTimeFromNow",
        Ask(f"1000 * max(process_start_time_seconds{{{_THE}}})"),
        links=[to_logs()],
    )
    errors = number(
        "Errors in the log",
        "Lines of the level ERROR that it wrote in the last quarter of an hour.",
        "none",
        Ask(f'round(sum(increase(logback_events_total{{{_THE}, level="error"}}[15m])))'),
        limits=Limits(1, 20),
        links=[to_logs()],
    )
    return Section("", 4, [(6, one) for one in (ready, instances, since, errors)])


def _requests() -> list[tuple[int, Panel]]:
    answered = lines(
        "Answers",
        "What it answered each second, by the kind of the answer.",
        "reqps",
        Ask(f"sum by (outcome) (rate(http_server_requests_seconds_count{_SERVED}[$__rate_interval]))", "{{outcome}}"),
        links=[to_logs()],
    )
    buckets = f"sum by (le) (rate(http_server_requests_seconds_bucket{_SERVED}[$__rate_interval]))"
    times = lines(
        "How long answers take",
        "Half of the answers, nineteen of twenty and ninety-nine of a hundred are faster than this.",
        "s",
        *(Ask(f"histogram_quantile({share}, {buckets})", name) for share, name in _SHARES),
        links=[to_logs()],
    )
    slowest = lines(
        "The slowest paths",
        "The five paths with the longest answers of the last minutes.",
        "s",
        Ask(
            f"topk(5, max by (uri) (http_server_requests_seconds_max{_SERVED}))",
            "{{uri}}",
        ),
        links=[to_logs()],
    )
    return [(8, answered), (8, times), (8, slowest)]


_SHARES = ((0.5, "half"), (0.95, "19 of 20"), (0.99, "99 of 100"))


def _below() -> list[tuple[int, Panel]]:
    pool = lines(
        "Connections to its database",
        "In use, idle, and those that wait for one. Waiting ones mean that the database is slow or the pool too small.",
        "none",
        *(
            Ask(f"sum(hikaricp_connections_{state}{{{_THE}}})", name)
            for state, name in (("active", "in use"), ("idle", "idle"), ("pending", "waiting"), ("max", "most"))
        ),
        links=[to_logs()],
    )
    database = lines(
        "Its database",
        "Changes that were made and given up each second.",
        "ops",
        Ask('sum(rate(pg_stat_database_xact_commit{part="$part"}[$__rate_interval]))', "made"),
        Ask('sum(rate(pg_stat_database_xact_rollback{part="$part"}[$__rate_interval]))', "given up"),
        links=[to_logs()],
    )
    gateway = lines(
        "As the gateway sees it",
        "Answers to requests for it each second, by the kind of the answer: also those that never reached it.",
        "reqps",
        Ask(
            'sum by (outcome) (rate(spring_cloud_gateway_requests_seconds_count{routeId="$part"}[$__rate_interval]))',
            "{{outcome}}",
        ),
        links=[to_logs()],
    )
    return [(8, pool), (8, database), (8, gateway)]


def _itself() -> list[tuple[int, Panel]]:
    memory = lines(
        "Memory",
        "The memory of its objects: used, and the most that it may take.",
        "bytes",
        Ask(f'sum(jvm_memory_used_bytes{{{_THE}, area="heap"}})', "used"),
        Ask(f'sum(jvm_memory_max_bytes{{{_THE}, area="heap"}} > 0)', "most"),
        links=[to_logs()],
    )
    processor = lines(
        "Processors",
        "The share of the processors that it may use that it does use, each instance by itself.",
        "percentunit",
        Ask(f"process_cpu_usage{{{_THE}}}", "{{instance}}"),
        links=[to_logs()],
    )
    threads = lines(
        "Threads",
        "Threads by what they do. Many that are blocked wait for each other.",
        "none",
        Ask(f"sum by (state) (jvm_threads_states_threads{{{_THE}}})", "{{state}}"),
        links=[to_logs()],
    )
    return [(8, memory), (8, processor), (8, threads)]

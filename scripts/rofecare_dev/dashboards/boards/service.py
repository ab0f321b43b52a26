"""One service, selected by a variable: responses, response times, dependencies."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from rofecare_dev.dashboards.board import Section, Variable, board, to_logs
from rofecare_dev.dashboards.shapes import Limits, Query, lines, number, tiles

_THE = 'job="applications", service="$service"'
_SERVED = f'{{{_THE}, uri!~"/actuator.*"}}'
_VARIABLES = (
    Variable(
        "service", "Service", 'label_values(probe_success{job="readiness"}, service)', pattern="/rofecare-service-.+/"
    ),
    Variable("part", "Part", 'label_values(probe_success{job="readiness", service="$service"}, part)', hidden=True),
)


def dashboard() -> Dashboard:
    """Build the dashboard of the selected business service."""
    return board(
        "rofecare-service",
        "A service",
        "A business service: its responses, response times, dependencies and resources.",
        _now(),
        Section("Requests", 8, _requests()),
        Section("Dependencies", 8, _below()),
        Section("Resources", 8, _itself()),
        variables=_VARIABLES,
    )


def _now() -> Section:
    ready = tiles(
        "Ready",
        "Whether the readiness check of the service passes.",
        Query('min(probe_success{job="readiness", service="$service"})', "$service"),
        links=[to_logs()],
    )
    instances = number(
        "Instances",
        "Number of running instances of the service.",
        "none",
        Query(f"count(up{{{_THE}}} == 1)"),
        links=[to_logs()],
    )
    since = number(
        "Started",
        "When the newest instance was started.",
        "dateTimeFromNow",
        Query(f"1000 * max(process_start_time_seconds{{{_THE}}})"),
        links=[to_logs()],
    )
    errors = number(
        "Errors in the log",
        "Log lines of level ERROR in the last 15 minutes.",
        "none",
        Query(f'round(sum(increase(logback_events_total{{{_THE}, level="error"}}[15m])))'),
        limits=Limits(1, 20),
        links=[to_logs()],
    )
    return Section("", 4, [(6, one) for one in (ready, instances, since, errors)])


def _requests() -> list[tuple[int, Panel]]:
    answered = lines(
        "Responses",
        "Responses per second by outcome.",
        "reqps",
        Query(f"sum by (outcome) (rate(http_server_requests_seconds_count{_SERVED}[$__rate_interval]))", "{{outcome}}"),
        links=[to_logs()],
    )
    buckets = f"sum by (le) (rate(http_server_requests_seconds_bucket{_SERVED}[$__rate_interval]))"
    times = lines(
        "Response time",
        "Median, 95th and 99th percentile of the response time.",
        "s",
        *(Query(f"histogram_quantile({share}, {buckets})", name) for share, name in _SHARES),
        links=[to_logs()],
    )
    slowest = lines(
        "Slowest paths",
        "The five paths with the longest response times of the last minutes.",
        "s",
        Query(
            f"topk(5, max by (uri) (http_server_requests_seconds_max{_SERVED}))",
            "{{uri}}",
        ),
        links=[to_logs()],
    )
    return [(8, answered), (8, times), (8, slowest)]


_SHARES = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))


def _below() -> list[tuple[int, Panel]]:
    pool = lines(
        "Connection pool",
        "Connections in use, idle and awaited. Waiting requests: the database is slow or the pool too small.",
        "none",
        *(
            Query(f"sum(hikaricp_connections_{state}{{{_THE}}})", name)
            for state, name in (("active", "in use"), ("idle", "idle"), ("pending", "waiting"), ("max", "limit"))
        ),
        links=[to_logs()],
    )
    database = lines(
        "Transactions",
        "Transactions of its database that were committed and rolled back per second.",
        "ops",
        Query('sum(rate(pg_stat_database_xact_commit{part="$part"}[$__rate_interval]))', "committed"),
        Query('sum(rate(pg_stat_database_xact_rollback{part="$part"}[$__rate_interval]))', "rolled back"),
        links=[to_logs()],
    )
    gateway = lines(
        "Responses of the gateway",
        "Responses of the gateway per second by outcome, including requests that never reached the service.",
        "reqps",
        Query(
            'sum by (outcome) (rate(spring_cloud_gateway_requests_seconds_count{routeId="$part"}[$__rate_interval]))',
            "{{outcome}}",
        ),
        links=[to_logs()],
    )
    return [(8, pool), (8, database), (8, gateway)]


def _itself() -> list[tuple[int, Panel]]:
    memory = lines(
        "Heap",
        "Heap in use, and its limit.",
        "bytes",
        Query(f'sum(jvm_memory_used_bytes{{{_THE}, area="heap"}})', "used"),
        Query(f'sum(jvm_memory_max_bytes{{{_THE}, area="heap"}} > 0)', "limit"),
        links=[to_logs()],
    )
    processor = lines(
        "CPU",
        "Share of the available CPU that each instance uses.",
        "percentunit",
        Query(f"process_cpu_usage{{{_THE}}}", "{{instance}}"),
        links=[to_logs()],
    )
    threads = lines(
        "Threads",
        "Threads by state. Many blocked threads indicate contention.",
        "none",
        Query(f"sum by (state) (jvm_threads_states_threads{{{_THE}}})", "{{state}}"),
        links=[to_logs()],
    )
    return [(8, memory), (8, processor), (8, threads)]

"""The hospital at a glance, on one screen: is it up, what is slow, what is full."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from rofecare_dev.dashboards.board import Section, board, to_board, to_logs_of_series
from rofecare_dev.dashboards.boards.redis import MOST
from rofecare_dev.dashboards.shapes import NONE_WANTED, Ask, Limits, bars, lines, number, rows, tiles

_FAILED = 'spring_cloud_gateway_requests_seconds_count{job="applications", outcome="SERVER_ERROR"}'
_ANSWERED = 'spring_cloud_gateway_requests_seconds_count{job="applications"}'
_SERVED = 'http_server_requests_seconds_bucket{job="applications", uri!~"/actuator.*"}'


def dashboard() -> Dashboard:
    """The first page of Grafana: it fits one screen without scrolling."""
    return board(
        "rofecare-hospital",
        "The hospital at a glance",
        "Is it up, what is slow, what is full. Start here; the other dashboards explain what is seen here.",
        _now(),
        _up(),
        _slow(),
        _full(),
    )


def _now() -> Section:
    applications = number(
        "Applications not ready",
        "How many of the applications cannot do their work now.",
        "none",
        Ask('count(probe_success{job="readiness"} == 0) or vector(0)'),
        limits=NONE_WANTED,
    )
    alerts = number(
        "Alerts",
        "How many alerts fire now. The table below names them; inv alerts says what to do.",
        "none",
        Ask('count(ALERTS{alertstate="firing", severity=~"critical|warning"}) or vector(0)'),
        limits=NONE_WANTED,
    )
    requests = number(
        "Requests", "Requests that the gateway answers each second.", "reqps", Ask(f"sum(rate({_ANSWERED}[5m]))")
    )
    failures = number(
        "Failing requests",
        "The share of requests that fail on the side of the platform, over five minutes.",
        "percentunit",
        Ask(f"(sum(rate({_FAILED}[5m])) or vector(0)) / sum(rate({_ANSWERED}[5m]))"),
        limits=Limits(0.01, 0.05),
    )
    targets = number(
        "Not watched",
        "How many of those who should tell numbers about themselves do not.",
        "none",
        Ask("count(up == 0) or vector(0)"),
        limits=NONE_WANTED,
    )
    backup = number(
        "Last backup",
        "How long ago the last backup succeeded. Empty: none was ever made here.",
        "s",
        Ask("time() - rofecare_backup_last_success_timestamp_seconds"),
        limits=Limits(26 * 3600, 48 * 3600),
        empty="never",
    )
    return Section("", 3, [(4, one) for one in (applications, alerts, requests, failures, targets, backup)])


def _up() -> Section:
    applications = tiles(
        "Applications",
        "Whether each application is ready to do its work. A click leads to its logs.",
        Ask('min by (service, part) (probe_success{job="readiness"})', "{{part}}"),
        links=[to_logs_of_series()],
    )
    servers = tiles(
        "Databases, Redis, Kafka, Zookeeper",
        "Whether each of the servers below the applications answers.",
        Ask('pg_up{job="postgresql"}', "{{service}}"),
        Ask("redis_up", "redis"),
        Ask('probe_success{job="ports"}', "{{service}}"),
        links=[to_logs_of_series()],
    )
    return Section("", 6, [(12, applications), (12, servers)])


def _slow() -> Section:
    times = lines(
        "What is slow",
        "Nineteen of twenty requests are answered faster than this. A click on a line leads to logs and traces.",
        "s",
        Ask(f"histogram_quantile(0.95, sum by (service, part, le) (rate({_SERVED}[$__rate_interval])))", "{{part}}"),
        links=[to_logs_of_series()],
    )
    failures = lines(
        "What fails",
        "Requests for each part that fail on the side of the platform, as the gateway sees them, each second.",
        "reqps",
        Ask(
            f"sum by (routeId) (rate({_FAILED}[$__rate_interval])) or sum by (routeId) (0 * {_ANSWERED})", "{{routeId}}"
        ),
        links=[to_board("rofecare-gateway", "Gateway and circuit breakers")],
    )
    alerts = rows(
        "Alerts that fire",
        "Watchdog always fires: it proves that alerts work. For the others inv alerts says what to do.",
        "none",
        Ask('max by (alertname, severity, service) (ALERTS{alertstate="firing"})'),
        {"alertname": "Alert", "severity": "Severity", "service": "Service"},
    )
    return Section("", 7, [(8, times), (8, failures), (8, alerts)])


def _full() -> Section:
    machine = bars(
        "The machine: how full",
        "Disk, memory and processors of the machine, of all that there is.",
        "percentunit",
        Ask('max(1 - node_filesystem_avail_bytes{job="host"} / node_filesystem_size_bytes{job="host"})', "disk"),
        Ask("1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", "memory"),
        Ask('1 - avg(rate(node_cpu_seconds_total{job="host", mode="idle"}[5m]))', "processors"),
        Ask(f"redis_memory_used_bytes / on () {MOST}", "Redis"),
        limits=Limits(0.8, 0.9),
        top=1,
        links=[to_board("rofecare-host", "Host and containers")],
    )
    memory = bars(
        "Applications: memory after tidying up",
        "How much of its memory each application still uses after it was tidied up: what grows for days is a leak.",
        "percentunit",
        Ask('max by (service, part) (jvm_memory_usage_after_gc{job="applications", area="heap"})', "{{part}}"),
        limits=Limits(0.75, 0.9),
        top=1,
        links=[to_logs_of_series(), to_board("rofecare-jvm", "JVM")],
    )
    pools = bars(
        "Connections to databases in use",
        "How many of the connections that a service may have to its database are in use.",
        "percentunit",
        Ask(
            'max by (service, part) (hikaricp_connections_active{job="applications"}'
            ' / hikaricp_connections_max{job="applications"})',
            "{{part}}",
        ),
        limits=Limits(0.7, 0.9),
        top=1,
        links=[to_logs_of_series(), to_board("rofecare-databases", "Databases and pools")],
    )
    return Section("", 7, [(8, machine), (8, memory), (8, pools)])

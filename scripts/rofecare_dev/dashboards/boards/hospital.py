"""The overview on one screen: what is down, what is slow, what is full."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from rofecare_dev.dashboards.board import Section, board, to_board, to_logs_of_series
from rofecare_dev.dashboards.boards.redis import MOST
from rofecare_dev.dashboards.shapes import NONE_WANTED, Limits, Query, bars, lines, number, rows, tiles

_FAILED = 'spring_cloud_gateway_requests_seconds_count{job="applications", outcome="SERVER_ERROR"}'
_ANSWERED = 'spring_cloud_gateway_requests_seconds_count{job="applications"}'
_SERVED = 'http_server_requests_seconds_bucket{job="applications", uri!~"/actuator.*"}'


def dashboard() -> Dashboard:
    """Build the home page of Grafana, which fits one screen without scrolling."""
    return board(
        "rofecare-hospital",
        "The hospital at a glance",
        "What is down, what is slow, what is full. Start here; the other dashboards show the details.",
        _now(),
        _up(),
        _slow(),
        _full(),
    )


def _now() -> Section:
    applications = number(
        "Applications not ready",
        "Number of applications whose readiness check fails.",
        "none",
        Query('count(probe_success{job="readiness"} == 0) or vector(0)'),
        limits=NONE_WANTED,
    )
    alerts = number(
        "Alerts",
        "Number of firing alerts. The table below lists them; inv alerts shows what to do.",
        "none",
        Query('count(ALERTS{alertstate="firing", severity=~"critical|warning"}) or vector(0)'),
        limits=NONE_WANTED,
    )
    requests = number(
        "Requests", "Requests per second that the gateway answers.", "reqps", Query(f"sum(rate({_ANSWERED}[5m]))")
    )
    failures = number(
        "Failed requests",
        "Share of requests that failed with a server error in the last 5 minutes.",
        "percentunit",
        Query(f"(sum(rate({_FAILED}[5m])) or vector(0)) / sum(rate({_ANSWERED}[5m]))"),
        limits=Limits(0.01, 0.05),
    )
    targets = number(
        "Targets down",
        "Number of targets whose metrics cannot be collected.",
        "none",
        Query("count(up == 0) or vector(0)"),
        limits=NONE_WANTED,
    )
    backup = number(
        "Last backup",
        "Time since the last successful backup. Never: no backup has succeeded on this machine.",
        "s",
        Query("time() - rofecare_backup_last_success_timestamp_seconds"),
        limits=Limits(26 * 3600, 48 * 3600),
        empty="never",
    )
    return Section("", 3, [(4, one) for one in (applications, alerts, requests, failures, targets, backup)])


def _up() -> Section:
    applications = tiles(
        "Applications",
        "Readiness of each application. Click one to see its logs.",
        Query('min by (service, part) (probe_success{job="readiness"})', "{{part}}"),
        links=[to_logs_of_series()],
    )
    servers = tiles(
        "Databases, Redis, Kafka, ZooKeeper",
        "Whether each server that the applications depend on responds.",
        Query('pg_up{job="postgresql"}', "{{service}}"),
        Query("redis_up", "redis"),
        Query('probe_success{job="ports"}', "{{service}}"),
        links=[to_logs_of_series()],
    )
    return Section("", 6, [(12, applications), (12, servers)])


def _slow() -> Section:
    times = lines(
        "Response time (p95)",
        "95 percent of requests are answered faster than this. Click a line to see logs and traces.",
        "s",
        Query(f"histogram_quantile(0.95, sum by (service, part, le) (rate({_SERVED}[$__rate_interval])))", "{{part}}"),
        links=[to_logs_of_series()],
    )
    failures = lines(
        "Failed requests by part",
        "Requests per second to each part that the gateway answers with a server error.",
        "reqps",
        Query(
            f"sum by (routeId) (rate({_FAILED}[$__rate_interval])) or sum by (routeId) (0 * {_ANSWERED})", "{{routeId}}"
        ),
        links=[to_board("rofecare-gateway", "Gateway and circuit breakers")],
    )
    alerts = rows(
        "Firing alerts",
        "Watchdog always fires, to show that alerting works. For all others, inv alerts shows what to do.",
        "none",
        Query('max by (alertname, severity, service) (ALERTS{alertstate="firing"})'),
        {"alertname": "Alert", "severity": "Severity", "service": "Service"},
    )
    return Section("", 7, [(8, times), (8, failures), (8, alerts)])


def _full() -> Section:
    machine = bars(
        "Host usage",
        "Used share of the disk, memory and CPU of the host, and of the memory limit of Redis.",
        "percentunit",
        Query('max(1 - node_filesystem_avail_bytes{job="host"} / node_filesystem_size_bytes{job="host"})', "disk"),
        Query("1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", "memory"),
        Query('1 - avg(rate(node_cpu_seconds_total{job="host", mode="idle"}[5m]))', "CPU"),
        Query(f"redis_memory_used_bytes / on () {MOST}", "Redis"),
        limits=Limits(0.8, 0.9),
        top=1,
        links=[to_board("rofecare-host", "Host and containers")],
    )
    memory = bars(
        "Heap after garbage collection",
        "Share of the heap of each application in use after garbage collection. Growth over days indicates a leak.",
        "percentunit",
        Query('max by (service, part) (jvm_memory_usage_after_gc{job="applications", area="heap"})', "{{part}}"),
        limits=Limits(0.75, 0.9),
        top=1,
        links=[to_logs_of_series(), to_board("rofecare-jvm", "JVM")],
    )
    pools = bars(
        "Database connections in use",
        "Share of the connection pool of each service that is in use.",
        "percentunit",
        Query(
            'max by (service, part) (hikaricp_connections_active{job="applications"}'
            ' / hikaricp_connections_max{job="applications"})',
            "{{part}}",
        ),
        limits=Limits(0.7, 0.9),
        top=1,
        links=[to_logs_of_series(), to_board("rofecare-databases", "Databases and pools")],
    )
    return Section("", 7, [(8, machine), (8, memory), (8, pools)])

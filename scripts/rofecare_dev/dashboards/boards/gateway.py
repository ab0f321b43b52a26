"""The gateway and its circuit breakers."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from rofecare_dev.dashboards.board import Section, board, to_logs_of, to_logs_of_series
from rofecare_dev.dashboards.shapes import ONE_WANTED, Limits, Query, lines, number, tiles

_ALL = "spring_cloud_gateway_requests_seconds"
_LOGS = [to_logs_of("rofecare-gateway")]
_STATES = {
    "0": ("closed", "green"),
    "1": ("half open", "orange"),
    "2": ("open", "red"),
}


def dashboard() -> Dashboard:
    """Build the dashboard: requests, responses, circuit breakers."""
    return board(
        "rofecare-gateway",
        "Gateway and circuit breakers",
        "Every request passes through the gateway. A part is a service together with its database.",
        _now(),
        Section("Requests", 8, _requests()),
        Section("Circuit breakers", 7, _breakers()),
        Section("Gateway process", 7, _itself()),
    )


def _now() -> Section:
    routes = number(
        "Routes",
        "Number of routes that the gateway has.",
        "none",
        Query("max(spring_cloud_gateway_routes_count)"),
        limits=ONE_WANTED,
        links=_LOGS,
    )
    refused = number(
        "Rate-limited",
        "Requests rejected by the rate limiter in the last 5 minutes.",
        "none",
        Query(f'round(sum(increase({_ALL}_count{{httpStatusCode="429"}}[5m])) or vector(0))'),
        links=_LOGS,
    )
    errors = number(
        "Failed",
        "Share of requests that failed with a server error in the last 5 minutes.",
        "percentunit",
        Query(f'(sum(rate({_ALL}_count{{outcome="SERVER_ERROR"}}[5m])) or vector(0)) / sum(rate({_ALL}_count[5m]))'),
        limits=Limits(0.01, 0.05),
        links=_LOGS,
    )
    return Section("", 4, [(8, one) for one in (routes, refused, errors)])


def _requests() -> list[tuple[int, Panel]]:
    parts = lines(
        "Requests by part",
        "Requests per second to each part.",
        "reqps",
        Query(f"sum by (routeId) (rate({_ALL}_count[$__rate_interval]))", "{{routeId}}"),
        links=_LOGS,
    )
    answers = lines(
        "Responses by status",
        "Responses per second by HTTP status.",
        "reqps",
        Query(f"sum by (httpStatusCode) (rate({_ALL}_count[$__rate_interval]))", "{{httpStatusCode}}"),
        links=_LOGS,
    )
    times = lines(
        "Response time (p95)",
        "95 percent of requests to each part are answered faster than this.",
        "s",
        Query(
            f"histogram_quantile(0.95, sum by (routeId, le) (rate({_ALL}_bucket[$__rate_interval])))",
            "{{routeId}}",
        ),
        links=_LOGS,
    )
    return [(8, parts), (8, answers), (8, times)]


def _breakers() -> list[tuple[int, Panel]]:
    found = "resilience4j_circuitbreaker_state"
    states = tiles(
        "State",
        "Open: too many calls failed, so calls are rejected for a while. Half open: test calls are allowed.",
        Query(
            f'2 * max by (service, name) ({found}{{state=~"open|forced_open"}})'
            f' + max by (service, name) ({found}{{state="half_open"}})',
            "{{name}}",
        ),
        states=_STATES,
        links=[to_logs_of_series()],
    )
    failing = lines(
        "Failure rate",
        "Share of the last calls that failed, once there are enough calls to compute it.",
        "percent",
        Query(
            "max by (service, name) (clamp_min(resilience4j_circuitbreaker_failure_rate, 0))", "{{service}}: {{name}}"
        ),
        top=100,
        links=[to_logs_of_series()],
    )
    refused = lines(
        "Rejected calls",
        "Calls per second that an open circuit breaker rejected.",
        "ops",
        Query(
            "sum by (service, name) (rate(resilience4j_circuitbreaker_not_permitted_calls_total[$__rate_interval]))",
            "{{service}}: {{name}}",
        ),
        links=[to_logs_of_series()],
    )
    return [(8, states), (8, failing), (8, refused)]


def _itself() -> list[tuple[int, Panel]]:
    mine = 'service="rofecare-gateway"'
    memory = lines(
        "Heap",
        "Heap in use, and its limit.",
        "bytes",
        Query(f'sum(jvm_memory_used_bytes{{{mine}, area="heap"}})', "used"),
        Query(f'sum(jvm_memory_max_bytes{{{mine}, area="heap"}} > 0)', "limit"),
        links=_LOGS,
    )
    processor = lines(
        "CPU",
        "Share of the available CPU that each instance uses.",
        "percentunit",
        Query(f"process_cpu_usage{{{mine}}}", "{{instance}}"),
        links=_LOGS,
    )
    return [(12, memory), (12, processor)]

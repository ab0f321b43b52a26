"""The gateway, through which every request comes, and its circuit breakers."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from rofecare_dev.dashboards.board import Section, board, to_logs_of, to_logs_of_series
from rofecare_dev.dashboards.shapes import ONE_WANTED, Ask, Limits, lines, number, tiles

_ALL = "spring_cloud_gateway_requests_seconds"
_LOGS = [to_logs_of("rofecare-gateway")]
_STATES = {
    "0": ("closed", "green"),
    "1": ("half open", "orange"),
    "2": ("open", "red"),
}


def dashboard() -> Dashboard:
    """What comes in, what becomes of it, whom the gateway has stopped calling."""
    return board(
        "rofecare-gateway",
        "Gateway and circuit breakers",
        "Every request comes through the gateway. A part is what people call a service and its database together.",
        _now(),
        Section("Requests", 8, _requests()),
        Section("Circuit breakers", 7, _breakers()),
        Section("The gateway itself", 7, _itself()),
    )


def _now() -> Section:
    routes = number(
        "Routes",
        "How many ways to services the gateway knows.",
        "none",
        Ask("max(spring_cloud_gateway_routes_count)"),
        limits=ONE_WANTED,
        links=_LOGS,
    )
    refused = number(
        "Turned away",
        "Requests of the last five minutes that were turned away because their sender asks too often.",
        "none",
        Ask(f'round(sum(increase({_ALL}_count{{httpStatusCode="429"}}[5m])) or vector(0))'),
        links=_LOGS,
    )
    errors = number(
        "Failing",
        "The share of requests that fail on the side of the platform, over five minutes.",
        "percentunit",
        Ask(f'(sum(rate({_ALL}_count{{outcome="SERVER_ERROR"}}[5m])) or vector(0)) / sum(rate({_ALL}_count[5m]))'),
        limits=Limits(0.01, 0.05),
        links=_LOGS,
    )
    return Section("", 4, [(8, one) for one in (routes, refused, errors)])


def _requests() -> list[tuple[int, Panel]]:
    parts = lines(
        "For whom",
        "Requests each second, by the part that they are for.",
        "reqps",
        Ask(f"sum by (routeId) (rate({_ALL}_count[$__rate_interval]))", "{{routeId}}"),
        links=_LOGS,
    )
    answers = lines(
        "Answers",
        "Answers each second, by their status.",
        "reqps",
        Ask(f"sum by (httpStatusCode) (rate({_ALL}_count[$__rate_interval]))", "{{httpStatusCode}}"),
        links=_LOGS,
    )
    times = lines(
        "How long they take",
        "Nineteen of twenty requests for each part are answered faster than this.",
        "s",
        Ask(
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
        "Open: so many calls failed that nobody is called for a while. Half open: it is being tried again.",
        Ask(
            f'2 * max by (service, name) ({found}{{state=~"open|forced_open"}})'
            f' + max by (service, name) ({found}{{state="half_open"}})',
            "{{name}}",
        ),
        states=_STATES,
        links=[to_logs_of_series()],
    )
    failing = lines(
        "Calls that fail",
        "The share of the last calls that failed, where there were enough calls to tell.",
        "percent",
        Ask("max by (service, name) (clamp_min(resilience4j_circuitbreaker_failure_rate, 0))", "{{service}}: {{name}}"),
        top=100,
        links=[to_logs_of_series()],
    )
    refused = lines(
        "Calls that were not made",
        "Calls each second that were refused because the breaker was open.",
        "ops",
        Ask(
            "sum by (service, name) (rate(resilience4j_circuitbreaker_not_permitted_calls_total[$__rate_interval]))",
            "{{service}}: {{name}}",
        ),
        links=[to_logs_of_series()],
    )
    return [(8, states), (8, failing), (8, refused)]


def _itself() -> list[tuple[int, Panel]]:
    mine = 'service="rofecare-gateway"'
    memory = lines(
        "Memory",
        "The memory of its objects: used, and the most that it may take.",
        "bytes",
        Ask(f'sum(jvm_memory_used_bytes{{{mine}, area="heap"}})', "used"),
        Ask(f'sum(jvm_memory_max_bytes{{{mine}, area="heap"}} > 0)', "most"),
        links=_LOGS,
    )
    processor = lines(
        "Processors",
        "The share of the processors that it may use that it does use.",
        "percentunit",
        Ask(f"process_cpu_usage{{{mine}}}", "{{instance}}"),
        links=_LOGS,
    )
    return [(12, memory), (12, processor)]

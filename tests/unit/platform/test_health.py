"""Where readiness is: by labels, by the variables of the health check; what contradicts is named."""

from __future__ import annotations

import pytest

from rofecare_infra.platform import Health, defects, health_of, parse
from tests.support.fakes import service

READY = {"test": ["CMD", "bash", "/etc/rofecare/ready.sh"]}
PORT, PATH = "com.rofecare.health.port", "com.rofecare.health.path"


@pytest.mark.parametrize(
    ("environment", "labels", "expected"),
    [
        ({"SERVER_PORT": "8081"}, {}, Health(8081, "/actuator/health/readiness")),
        ({"SERVER_PORT": "8081", "MANAGEMENT_SERVER_PORT": "9081"}, {}, Health(9081, "/actuator/health/readiness")),
        ({"SERVER_PORT": "8081", "MANAGEMENT_SERVER_PORT": ""}, {}, Health(8081, "/actuator/health/readiness")),
        (
            {"SERVER_PORT": "1", "MANAGEMENT_SERVER_BASE_PATH": "/m", "MANAGEMENT_ENDPOINTS_WEB_BASE_PATH": "/a"},
            {},
            Health(1, "/m/a/health/readiness"),
        ),
        ({"SERVER_PORT": "1", "MANAGEMENT_ENDPOINTS_WEB_BASE_PATH": "/"}, {}, Health(1, "/health/readiness")),
        ({"SERVER_PORT": "1", "HEALTH_PORT": "2", "HEALTH_PATH": "/up"}, {}, Health(2, "/up")),
        ({"SERVER_PORT": "1"}, {PORT: "3", PATH: "/ready"}, Health(3, "/ready")),
        ({}, {PORT: "3"}, Health(3, "/actuator/health/readiness")),
        ({"SERVER_PORT": "x"}, {}, None),
        ({}, {}, None),
    ],
)
def test_labels_come_before_variables(
    environment: dict[str, str], labels: dict[str, str], expected: Health | None
) -> None:
    assert health_of(service("app", "business", environment=environment, labels=labels)) == expected


def test_the_health_of_which_readiness_is_a_part() -> None:
    assert Health(1, "/actuator/health/readiness").whole == "/actuator/health"
    assert Health(1, "/up").whole == "/up"


def seen(
    environment: dict[str, str], labels: dict[str, str], healthcheck: dict[str, object] | None = None
) -> list[str]:
    labels = {"com.rofecare.phase": "business", **labels}
    app = {"image": "i", "environment": environment, "labels": labels, "healthcheck": healthcheck or READY}
    return [f"{one.seen}; {one.expected}" for one in defects(parse({"name": "p", "services": {"app": app}}))]


def test_a_label_that_the_health_check_does_not_follow_is_a_defect() -> None:
    seen_first = f"its label {PORT} says 2, and its health check asks 1"
    wanted = 'HEALTH_PORT: "2" in its environment, too: a container cannot read its labels'
    assert seen({"SERVER_PORT": "1"}, {PORT: "2"}) == [f"{seen_first}; {wanted}"]
    assert [one.partition(";")[0] for one in seen({"SERVER_PORT": "1"}, {PATH: "/up"})] == [
        f"its label {PATH} says /up, and its health check asks /actuator/health/readiness"
    ]
    assert seen({"SERVER_PORT": "1", "HEALTH_PORT": "2", "HEALTH_PATH": "/up"}, {PORT: "2", PATH: "/up"}) == []
    assert seen({"SERVER_PORT": "1", "MANAGEMENT_SERVER_PORT": "2"}, {PORT: "2"}) == []


def test_a_health_check_of_its_own_may_ask_anything() -> None:
    assert seen({}, {PORT: "2"}, {"test": ["CMD", "curl", "-f", "localhost:2/up"]}) == []
    assert seen({}, {PORT: "2"}, {"test": "curl -f localhost:2/up"}) == []


@pytest.mark.parametrize(
    ("label", "value"), [(PORT, "high"), (PORT, "0"), (PORT, "65536"), (PATH, "up"), (PATH, "/a b"), (PATH, "/a,b")]
)
def test_labels_that_are_no_port_and_no_path(label: str, value: str) -> None:
    assert [one.partition(";")[0] for one in seen({"SERVER_PORT": "1"}, {label: value})] == [
        f"its label {label} is {value!r}"
    ]


def test_the_metrics_are_beside_the_health() -> None:
    paths = ("/actuator/health/readiness", "/m/health", "/health", "/healthz", "/up")
    metrics = ("/actuator/prometheus", "/m/prometheus", "/prometheus", "/actuator/prometheus", "/actuator/prometheus")
    assert tuple(Health(1, path).metrics for path in paths) == metrics

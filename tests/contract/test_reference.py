"""What the config server serves to the reference services is what the platform documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.documented import APPLICATIONS, BUSINESS

# Service -> its path at the gateway, what it publishes, what it consumes.
TOPICS: dict[str, tuple[str, set[str], set[str]]] = {
    "identity": ("/api/identity", {"user-events"}, set()),
    "patient": ("/api/patients", {"patient-events"}, {"user-events"}),
    "clinical": ("/api/clinical", {"clinical-events"}, {"patient-events"}),
    "medical-technology": ("/api/medical-technology", {"medtech-events"}, {"clinical-events"}),
    "pharmacy": ("/api/pharmacy", {"pharmacy-events"}, {"clinical-events"}),
    "finance": (
        "/api/finance",
        {
            "finance.invoice.created",
            "finance.payment.received",
            "finance.insurance-claim.submitted",
            "finance.insurance-claim.processed",
        },
        {"clinical-events", "pharmacy-events", "patient-events"},
    ),
    "platform": (
        "/api/platform",
        {"platform.notification.sent", "platform.appointment.created", "platform.report.generated"},
        set(),  # all of them, see below
    ),
    "interoperability": ("/api/interoperability", set(), set()),
}
EVERY_TOPIC = {topic for _, published, _ in TOPICS.values() for topic in published}


def served(root: Path, name: str) -> dict[str, Any]:
    folder = root / "docker" / "reference" / "config-server" / "src" / "main" / "resources" / "config"
    found: dict[str, Any] = yaml.safe_load((folder / f"{name}.yml").read_text())
    return found


def at(document: Any, path: str) -> Any:
    """The value at a path, however the file nests its keys."""
    if not path:
        return document
    words = path.split(".")
    for length in range(len(words), 0, -1):
        head = ".".join(words[:length])
        if isinstance(document, dict) and head in document:
            return at(document[head], ".".join(words[length:]))
    return None


@pytest.mark.parametrize("name", ["application", *APPLICATIONS])
def test_a_file_an_application_and_one_for_all(root: Path, name: str) -> None:
    assert served(root, name)


def test_eureka_clients_renew_every_10_s_and_expire_after_90(root: Path) -> None:
    instance = at(served(root, "application"), "eureka.instance")
    assert instance["lease-renewal-interval-in-seconds"] == 10
    assert instance["lease-expiration-duration-in-seconds"] == 90
    assert instance["prefer-ip-address"] is True


def test_the_actuator_endpoints(root: Path) -> None:
    exposed = at(served(root, "application"), "management.endpoints.web.exposure.include")
    assert {word.strip() for word in exposed.split(",")} >= {
        "health",
        "info",
        "metrics",
        "env",
        "refresh",
        "prometheus",
    }


def test_the_circuit_breakers(root: Path) -> None:
    default = at(served(root, "application"), "resilience4j.circuitbreaker.configs.default")
    assert default["sliding-window-size"] == 10
    assert default["minimum-number-of-calls"] == 5
    assert default["failure-rate-threshold"] == 50
    assert default["wait-duration-in-open-state"] == "10s"


def test_the_routes_of_the_gateway(root: Path) -> None:
    routes = at(served(root, "rofecare-gateway"), "spring.cloud.gateway.routes")
    found = {route["uri"]: route["predicates"] for route in routes}
    assert found == {f"lb://rofecare-service-{name}": [f"Path={path}/**"] for name, (path, _, _) in TOPICS.items()}
    for route in routes:
        filters = [one["name"] if isinstance(one, dict) else one.partition("=")[0] for one in route["filters"]]
        assert "CircuitBreaker" in filters


def test_the_limits_of_the_gateway(root: Path) -> None:
    limiter, *_ = (
        one
        for one in at(served(root, "rofecare-gateway"), "spring.cloud.gateway.default-filters")
        if one["name"] == "RequestRateLimiter"
    )
    assert limiter["args"]["redis-rate-limiter.replenishRate"] == 100
    assert limiter["args"]["redis-rate-limiter.burstCapacity"] == 200


def test_who_may_ask_from_a_browser(root: Path) -> None:
    origins = at(served(root, "rofecare-gateway"), "rofecare.gateway.allowed-origins")
    assert set(origins.split(",")) == {"http://localhost:3000", "http://localhost:3001"}


@pytest.mark.parametrize("name", BUSINESS)
def test_topics(root: Path, name: str) -> None:
    path, published, consumed = TOPICS[name.removeprefix("rofecare-service-")]
    own = at(served(root, name), "rofecare")
    assert own["prefix"] == path
    topics = own.get("topics") or {}
    assert set(topics.get("published") or []) == published
    # The platform service hears all; whether its own topics count among them is its own affair.
    expected = EVERY_TOPIC - published if name == "rofecare-service-platform" else consumed
    assert set(topics.get("consumed") or []) - published == expected

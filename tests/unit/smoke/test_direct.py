"""The health of an application is asked where it is: at a published port, or inside its container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra.platform import Port
from rofecare_infra.smoke.checks import Answer
from rofecare_infra.smoke.direct import health
from rofecare_infra.smoke.plan import plan_of
from tests.support.fakes import container
from tests.support.smoke import FakeWire, application, platform, talk

NAME = "rofecare-service-laboratory"
UP = Answer("", 200, {"status": "UP"})
INSIDE = {"MANAGEMENT_SERVER_PORT": "9081"}
LABELS = {"com.rofecare.health.port": "9082", "com.rofecare.health.path": "/up"}


def asked(
    answer: Answer, environment: Mapping[str, str], labels: Mapping[str, str] | None = None, ports: tuple[int, ...] = ()
) -> tuple[list[str], list[str]]:
    """What is asked of an application with port 8099, and what the check finds."""
    requests: list[str] = []

    def recorded(_method: str, url: str, _headers: Mapping[str, str], _body: Mapping[str, object]) -> Answer:
        requests.append(url)
        return answer

    added = replace(
        application(NAME, "business", 8099, ()),
        environment={"SERVER_PORT": "8099", **environment},
        labels=labels or {},
        ports=tuple(Port("127.0.0.1", one + 10000, one) for one in (8099, *ports)),
    )
    model = platform(Path("/secrets"))
    plan = plan_of(replace(model, services=(*model.services, added)), {}, {NAME: container(NAME)})
    app = next(one for one in plan.applications if one.name == NAME)
    checks = health(talk(FakeWire(recorded), used=plan), app)
    return requests, [one.fault or one.skipped or "fine" for one in checks]


@pytest.mark.parametrize(
    ("environment", "labels", "ports", "url"),
    [
        ({}, {}, (), "http://127.0.0.1:18099/actuator/health"),
        (INSIDE, {}, (), "http://127.0.0.1:9081/actuator/health"),
        (INSIDE, {}, (9081,), "http://127.0.0.1:19081/actuator/health"),
        ({}, LABELS, (), "http://127.0.0.1:9082/up"),
        # The port inside is unknown, the published one is not.
        ({"SERVER_PORT": ""}, {}, (), "http://127.0.0.1:18099/actuator/health"),
    ],
)
def test_where_it_is_asked(
    environment: Mapping[str, str], labels: Mapping[str, str], ports: tuple[int, ...], url: str
) -> None:
    assert asked(UP, environment, labels, ports) == ([url], ["fine"])


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (Answer("", 200), "fine"),
        (Answer("", 503, {"status": "DOWN"}), "reports the health DOWN"),
        (Answer("", 404), "reports the health 404"),
        (Answer("", error="Connection refused"), "does not answer"),
        (
            Answer("", error='exec: "bash": executable file not found in $PATH'),
            "its image has no bash, and the port of its health is not published",
        ),
    ],
)
def test_what_it_answers(answer: Answer, found: str) -> None:
    assert asked(answer, {}, LABELS)[1] == [found]

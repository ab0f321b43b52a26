"""When a start changes the rights: as soon as the broker is ready, and before any application starts."""

from __future__ import annotations

import importlib
from collections.abc import Generator

import pytest

from rofecare_infra.engine import Engine
from rofecare_infra.lifecycle import start
from rofecare_infra.platform import MONITORING, Platform
from rofecare_infra.progress import Event
from tests.support.fakes import FakeClock, FakeCompose, FakeEngine, container, drain, project_of, service

SERVICES = (
    service("redis"),
    service(
        "broker",
        secrets=("kafka_password",),
        secret_files={"kafka_password": "/run/secrets/kafka-users/kafka"},
        environment={"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "INTERNAL:SASL_PLAINTEXT"},
    ),
    service("ward", "business", depends_on=("broker",)),
    service("lag", MONITORING),
)
ALL = ("broker", "redis"), ("ward",), ("lag",)


@pytest.mark.parametrize(
    ("phases", "moments"),
    [
        (None, [ALL[:1]]),
        # It may be started for the first time long after all others.
        ([MONITORING], [()]),
        (["business"], []),
    ],
)
def test_once_before_the_applications(
    monkeypatch: pytest.MonkeyPatch, phases: list[str] | None, moments: list[object]
) -> None:
    present = [] if phases is None else [container("broker")]
    work = project_of(SERVICES, FakeEngine(present))
    compose = work.sources.compose
    assert isinstance(compose, FakeCompose)
    seen: list[object] = []

    def grant(platform: Platform, _engine: Engine) -> Generator[Event, None, None]:
        assert platform is work.platform
        seen.append(tuple(tuple(sorted(names)) for names in compose.started))
        yield from ()

    monkeypatch.setattr(importlib.import_module("rofecare_infra.lifecycle.start"), "grant_rights", grant)
    drain(start(work, phases=phases, clock=FakeClock().clock))
    assert seen == moments

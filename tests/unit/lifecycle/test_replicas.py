"""The services of a stack that are there without replicas are started stage by stage."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest

from rofecare_infra import lifecycle
from rofecare_infra.engine import Container, StackEngine
from rofecare_infra.errors import CommandError, GateTimeoutError
from rofecare_infra.process import to_end
from rofecare_infra.progress import StageReady
from rofecare_infra.project import Project
from tests.support.fakes import FakeClock, FakeEngine, container, drain, project_of, service

SERVICES = (service("db"), service("app", "business", replicas=2), service("front", "business", depends_on=("app",)))


class Scaled(StackEngine):
    """A stack whose replicas are ready at once; what is `stuck` is never ready."""

    def __init__(self) -> None:
        self._tasks = {}
        self._logged = {}
        self.scaled: list[Mapping[str, int]] = []
        self.replicas = {"front": 1}
        self.stuck = ""
        self.refuses = False

    def containers(self, project: str) -> tuple[Container, ...]:
        """The replicas of all services."""
        assert project
        return tuple(
            container(
                name, id=f"{name}.{one}", name=f"{name}.{one}", health="starting" if name == self.stuck else "healthy"
            )
            for name, count in self.replicas.items()
            for one in range(count)
        )

    def containers_of(self, project: str, services: Collection[str]) -> tuple[Container, ...]:
        """Those of these services."""
        return tuple(one for one in self.containers(project) if one.service in services)

    def scale(self, project: str, replicas: Mapping[str, int]) -> None:
        """Remember it."""
        assert project
        if self.refuses:
            raise CommandError("app cannot be started")
        self.scaled.append(replicas)
        self.replicas |= replicas


@pytest.fixture
def engine() -> Scaled:
    return Scaled()


@pytest.fixture
def project(engine: Scaled) -> Project:
    return replace(project_of(SERVICES, FakeEngine()), connect=lambda: engine, stack=True)


def test_stage_by_stage_with_the_replicas_of_the_compose_files(project: Project, engine: Scaled) -> None:
    events, found = drain(lifecycle.start(project, clock=FakeClock().clock))
    assert engine.scaled == [{"db": 1}, {"app": 2}, {"front": 1}]
    assert sorted(one.name for one in found) == ["app.0", "app.1", "db.0", "front.0"]
    ready = [event for event in events if isinstance(event, StageReady)]
    assert [one.started for one in ready] == [("db",), ("app",), ()]


def test_a_stage_that_is_not_ready_ends_the_start(project: Project, engine: Scaled) -> None:
    engine.stuck = "app"
    with pytest.raises(GateTimeoutError):
        to_end(lifecycle.start(project, clock=FakeClock().clock))
    assert engine.scaled == [{"db": 1}, {"app": 2}]


def test_without_the_gate(project: Project, engine: Scaled) -> None:
    engine.stuck = "app"
    assert to_end(lifecycle.start_ungated(project, ["app", "unknown"]))
    assert engine.scaled == [{"app": 2}]
    engine.refuses = True
    assert not to_end(lifecycle.start_ungated(project, ["app"]))

"""A deployment of one stage: what is created, what the command gets, and what happens when the stage fails."""

from __future__ import annotations

import importlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.engine import Container, Facts, Node, StackEngine
from rofecare_infra.engine.reach import HERE
from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.platform import Platform, Stage
from rofecare_infra.process import Result
from rofecare_infra.progress import Event, Note, StageReady
from rofecare_infra.swarm.plan import Plan
from rofecare_infra.swarm.stage import StageDeployment
from rofecare_infra.swarm.translation import Inputs
from tests.support.fakes import FakeClock, FakeEngine, container, drain, project_of, service

MODEL = {
    "name": "rofecare",
    "services": {
        "db": {"image": "db:1", "volumes": [{"type": "volume", "source": "data", "target": "/data"}]},
        "later": {"image": "later:1", "secrets": [{"source": "pw"}]},
    },
    "volumes": {"data": {"name": "data"}},
    "secrets": {"pw": {"file": "/pw"}},
}
NODE = Node(
    "n1",
    "node1",
    "10.0.0.1",
    "manager",
    "ready",
    "active",
    facts=Facts(no_new_privileges=True, skips_layers=True, folder="/"),
)
PLAN = Plan((NODE,), {"node1": HERE}, {"db": "node1"}, {})
REPLICA = container("db", name="rofecare_db.1.t1", node="node1")


class Stacked(StackEngine):
    """A manager whose tasks are as the test says; `docker stack deploy` replaces them."""

    def __init__(self) -> None:
        self.fake = FakeEngine()
        self.replicas: Sequence[Container] = ()
        self.services: list[dict[str, Any]] = []
        self.created: list[tuple[str, str]] = []
        self.data: dict[str, Mapping[str, str]] = {}

    def containers(self, project: str) -> tuple[Container, ...]:
        assert project == "rofecare"
        return tuple(self.replicas)

    def containers_of(self, project: str, services: Collection[str]) -> tuple[Container, ...]:
        return tuple(one for one in self.containers(project) if one.service in services)

    def stack_services(self, project: str) -> tuple[dict[str, Any], ...]:
        assert project
        return tuple(self.services)

    def stack_objects(self, kind: str, project: str) -> dict[str, str]:
        assert project
        return {name: name for there, name in self.created if there == kind}

    def create_stack_object(self, kind: str, project: str, name: str, content: bytes) -> None:
        assert project
        assert content
        self.created.append((kind, name))

    def log_tail(self, container: str, lines: int) -> tuple[str, ...]:
        return ("no space left on device",)[:lines] if container else ()

    def configs(self, label: str) -> dict[str, Mapping[str, str]]:
        assert label
        return self.data

    def make_config(self, name: str, content: str, labels: Mapping[str, str]) -> None:
        assert content
        self.data[name] = labels


@pytest.fixture
def engine() -> Stacked:
    return Stacked()


class Commands:
    """The docker commands that were run."""

    def __init__(self, engine: Stacked) -> None:
        self.engine = engine
        self.outcome = REPLICA
        self.documents: list[dict[str, Any]] = []
        self.others: list[list[str]] = []

    def run(self, argv: Sequence[str], *, stdin: str = "", **_more: object) -> Result:
        if list(argv[:3]) == ["docker", "stack", "deploy"]:
            self.documents.append(json.loads(stdin))
            self.engine.replicas = [replace(self.outcome, name=f"rofecare_db.1.t{len(self.documents)}")]
        else:
            self.others.append(list(argv))
        return Result(tuple(argv), 0, "", "")


@pytest.fixture
def commands(engine: Stacked, monkeypatch: pytest.MonkeyPatch) -> Commands:
    made = Commands(engine)
    monkeypatch.setattr(importlib.import_module("rofecare_infra.swarm.stage"), "run", made.run)
    return made


def stage_of(engine: Stacked, tmp_path: Path) -> tuple[StageDeployment, Stage]:
    db = service("db", image="db:1", volumes=("data",))
    project = replace(project_of([db], engine.fake), connect=lambda: engine, stack=True)
    assert isinstance(project.platform, Platform)
    inputs = Inputs(MODEL, {"/pw": b"secret", str(tmp_path): b""}, b"k", {}, {"db:1": "sha256:1"})
    return StageDeployment(project, PLAN, inputs, FakeClock().clock), Stage("infrastructure", (db,))


def test_a_stage_is_deployed_alone_and_its_new_data_is_protected(
    engine: Stacked, commands: Commands, tmp_path: Path
) -> None:
    one, stage = stage_of(engine, tmp_path)
    events, _ = drain(one.bring_up(stage, 1, 2))
    first, second = commands.documents
    assert list(first["services"]) == ["db"]
    assert "configs" not in first["services"]["db"]
    (mounted,) = second["services"]["db"]["configs"]
    assert mounted == {"source": "rofecare-data-db", "target": "/run/rofecare/data-expected"}
    assert isinstance(events[-1], StageReady)
    assert events[-1].started == ("db",)
    # Nothing of the later stage is created.
    assert engine.created == []
    # The second deployment finds it protected.
    drain(one.bring_up(stage, 1, 2))
    assert len(commands.documents) == 3
    assert commands.documents[2] == second


def test_a_replica_that_fails_ends_the_deployment_and_is_rolled_back(
    engine: Stacked, commands: Commands, tmp_path: Path
) -> None:
    commands.outcome = replace(REPLICA, status="exited", health=None, exit_code=1)
    spec = {"Name": "rofecare_db"}
    engine.services = [{"Spec": spec, "PreviousSpec": spec, "UpdateStatus": {"State": "updating"}}]
    one, stage = stage_of(engine, tmp_path)
    with pytest.raises(ServiceFailedError, match="db failed"):
        drain(one.bring_up(stage, 1, 2))
    assert commands.others == [["docker", "service", "rollback", "--detach", "--quiet", "rofecare_db"]]
    # What was never ready has no data that could be protected.
    assert engine.data == {}


def test_a_service_that_the_swarm_rolled_back_is_ready_and_fails_the_deployment(
    engine: Stacked, commands: Commands, tmp_path: Path
) -> None:
    spec = {"Name": "rofecare_db"}
    engine.services = [{"Spec": spec, "PreviousSpec": spec, "UpdateStatus": {"State": "rollback_completed"}}]
    one, stage = stage_of(engine, tmp_path)
    events: list[Event] = []
    with pytest.raises(ServiceFailedError, match="db failed"):
        events.extend(one.bring_up(stage, 1, 2))
    assert commands.others == []
    assert Note("rolled back: db, to the definition before this deployment") in events


def test_what_is_new_is_not_rolled_back(engine: Stacked, commands: Commands, tmp_path: Path) -> None:
    commands.outcome = replace(REPLICA, status="exited", health=None, exit_code=1)
    engine.services = [{"Spec": {"Name": "rofecare_db"}}]
    one, stage = stage_of(engine, tmp_path)
    with pytest.raises(ServiceFailedError):
        drain(one.bring_up(stage, 1, 2))
    assert commands.others == []

"""The tasks about machines: what they print, and what `inv place` refuses."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra import swarm
from rofecare_infra.boundary.results.nodes import Place
from rofecare_infra.boundary.results.nodes import places as placed
from rofecare_infra.boundary.tasks.nodes import nodes, place
from rofecare_infra.engine import Facts, reach
from rofecare_infra.engine.reach import HERE
from rofecare_infra.errors import CommandError, UsageError
from rofecare_infra.images import Sources
from rofecare_infra.platform import Platform
from rofecare_infra.project import Project
from tests.support.fakes import FakeCompose, FakeEngine, service, settings
from tests.support.swarm import FakeSwarm, node

DB = service("patient-db", mount_points={"data": "/data"})
APP = service("rofecare-service-patient", "business")
LABEL = "com.rofecare.rofecare.patient-db"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeSwarm:
    """The manager that the tasks work on: a database on the second of three nodes."""
    engine = FakeSwarm(
        there=(node(), node("node2", labels={LABEL: "true"}), node("node3", availability="drain")),
        tasks=(("patient-db", "id-node2"), ("front", "id-node1")),
    )
    platform = Platform("rofecare", (DB, APP))
    compose = FakeCompose(Path("/nowhere"), upstream=platform, engine=FakeEngine())
    project = Project(settings(), Sources(compose, platform, "registry"), lambda: engine)
    facts = Facts(no_new_privileges=True, skips_layers=True, folder="/d", free_disk=5 << 30)

    def asked(found: Any, _ways: Any) -> tuple[Any, dict[str, str]]:
        return (*(replace(one, facts=facts) for one in found[:2]), found[2]), {"node3": "no route to host"}

    monkeypatch.setattr("rofecare_infra.project.open_project", lambda *_words, **_flags: project)
    monkeypatch.setattr(reach, "reaches", lambda _engine, found: {one.hostname: HERE for one in found})
    monkeypatch.setattr(reach, "asked", asked)
    return engine


def call(task: Any, **flags: Any) -> None:
    inspect.unwrap(task.body)(Path("/nowhere"), **flags)


@pytest.mark.usefixtures("engine")
def test_the_machines_and_what_runs_on_them(capsys: pytest.CaptureFixture[str]) -> None:
    call(nodes)
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert cells[1] == ["node1", "10.0.0.1", "worker", "ready", "8.0 GiB", "4", "26.1, no-new-privileges, 5 GiB free"]
    assert cells[3][3:] == ["ready, drain", "8.0 GiB", "4", "26.1; does not answer: no route to host"]
    assert cells[5:] == [
        ["SERVICE", "RUNS ON", "PINNED TO", "DATA ON"],
        ["front", "node1"],
        ["patient-db", "node2", "node2"],
    ]


@pytest.mark.usefixtures("engine")
def test_the_same_as_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    call(nodes, json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["event"] == "Nodes"
    silent = found["nodes"][2]
    assert (silent["silent"], silent["no_new_privileges"], silent["free_disk_bytes"]) == (
        "no route to host",
        None,
        None,
    )


def test_a_service_that_only_has_data_is_listed_too() -> None:
    assert placed({}, {"db": "node2"}, {"db": "node2", "old": "node9"}) == (
        Place("db", (), "node2", "node2"),
        Place("old", (), "", "node9"),
    )


def test_a_service_is_pinned_by_its_short_name(engine: FakeSwarm, capsys: pytest.CaptureFixture[str]) -> None:
    call(place, pin=["patient-db", "node1"])
    assert engine.log == [f"id-node2: {LABEL}=None", f"id-node1: {LABEL}=true"]
    assert "patient-db is pinned to node1" in capsys.readouterr().out


@pytest.mark.parametrize("pin", [[], ["patient-db"], ["patient-db", "node1", "node2"]])
@pytest.mark.usefixtures("engine")
def test_two_words_are_needed(pin: list[str]) -> None:
    with pytest.raises(UsageError, match="a service and a node"):
        call(place, pin=pin)


def test_what_cannot_be_pinned(engine: FakeSwarm) -> None:
    for pin, seen in (
        (["patient", "node1"], "without data"),
        (["patient-db", "node9"], "node9"),
        (["x", "node1"], "x"),
    ):
        with pytest.raises(UsageError) as found:
            call(place, pin=pin)
        assert seen in found.value.seen
    assert engine.log == []


def test_data_stays_behind_only_on_request(engine: FakeSwarm, capsys: pytest.CaptureFixture[str]) -> None:
    swarm.volumes.expect(engine, "rofecare", "patient-db", "node2")
    engine.log.clear()
    with pytest.raises(CommandError) as found:
        call(place, pin=["patient-db", "node1"])
    assert "its data is on node2" in found.value.seen
    assert engine.log == []
    call(place, pin=["patient-db", "node1"], without_data=True)
    # It is stopped before it may start on an empty volume, and starts where it was pinned to.
    assert engine.log == [
        f"id-node2: {LABEL}=None",
        "remove config rofecare-data-patient-db",
        f"id-node1: {LABEL}=true",
    ]
    assert "its data stays on node2" in capsys.readouterr().out

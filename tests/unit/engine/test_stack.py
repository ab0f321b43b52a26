"""The replicas of a stack: commands and files of each are those of the engine of its node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from rofecare_infra.engine import Engine, Membership, Node, StackEngine
from rofecare_infra.engine import stack as room
from rofecare_infra.errors import EngineError
from rofecare_infra.process import Result, inside
from tests.support.swarm import MANAGER, node
from tests.unit.engine.test_tasks import service, task

PATH = "/data/closed"


class Nodes(StackEngine):
    """Three nodes, each with a replica."""

    def __init__(self) -> None:
        local = Engine.__new__(Engine)
        local._api = None  # type: ignore[assignment]
        super().__init__(local)
        self.asked = 0

    def membership(self) -> Membership:
        self.asked += 1
        return MANAGER

    def nodes(self) -> tuple[Node, ...]:
        return (node(), node("node2"), node("node3"))

    def stack_services(self, project: str) -> tuple[dict[str, Any], ...]:
        assert project
        return (service(3),)

    def stack_tasks(self, project: str) -> tuple[dict[str, Any], ...]:
        assert project
        return tuple(task("running", slot=one, number=one, NodeID=f"id-node{one}") for one in (1, 2, 3))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Nodes:
    monkeypatch.setattr(room, "contexts", lambda: {"default": "unix:///a", "node2": "ssh://b"})
    return Nodes()


def test_a_command_goes_to_the_engine_of_the_node(engine: Nodes) -> None:
    found = engine.containers("his")
    assert [inside(one, "true")[:-2] for one in found] == [
        ["docker", "exec"],
        ["docker", "--context", "node2", "exec"],
        ["docker", "--host", "ssh://10.0.0.3", "exec"],
    ]
    # A poll takes no further request for it.
    asked = engine.asked
    engine.containers("his")
    assert engine.asked == asked


def test_a_file_on_another_node(engine: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[Sequence[str]] = []
    answers = iter(("there\n", "absent\n"))

    def run(argv: Sequence[str], **_more: object) -> Result:
        commands.append(argv)
        return Result(tuple(argv), 0, next(answers), "")

    monkeypatch.setattr(room, "run", run)
    replica = engine.containers("his")[1]
    assert engine.has_file(replica.id, PATH)
    assert not engine.has_file(replica.id, PATH)
    assert (list(commands[0][:5]), commands[0][-1]) == (["docker", "--context", "node2", "exec", replica.name], PATH)


def test_an_engine_that_does_not_answer_is_not_an_absent_file(engine: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "run", lambda argv, **_more: Result(tuple(argv), 1, "", "no route to host"))
    replica = engine.containers("his")[2]
    with pytest.raises(EngineError, match="node3") as caught:
        engine.has_file(replica.id, PATH)
    assert caught.value.seen == "no route to host"

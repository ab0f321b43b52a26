"""The replicas of a stack: on which engine a command runs, and how their services stop and start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from rofecare_infra.engine import Engine, Membership, Node, StackEngine
from rofecare_infra.engine import stack as room
from rofecare_infra.errors import CommandError, EngineError, GateTimeoutError
from rofecare_infra.process import Result, inside
from tests.support.fakes import FakeClock
from tests.support.stacks import service, task
from tests.support.swarm import MANAGER, node

PATH = "/data/closed"


class Nodes(StackEngine):
    """Three nodes, each with a replica of a service; `commands` are those of the docker command."""

    def __init__(self) -> None:
        local = Engine.__new__(Engine)
        local._api = None  # type: ignore[assignment]
        super().__init__(local)
        self.asked = 0
        self.described = service(3)
        self.there: tuple[Node, ...] = (node(), node("node2"), node("node3"))
        # How often a task is seen after it was asked to stop; -1: for ever.
        self.slow = 2
        self.commands: list[list[str]] = []
        # The numbers of replicas that the manager was asked for, and how often it refuses the next one.
        self.scaled: list[int] = []
        self.refusals = 0
        self.answer: Callable[[list[str]], str] = lambda _argv: ""

    def membership(self) -> Membership:
        self.asked += 1
        return MANAGER

    def nodes(self) -> tuple[Node, ...]:
        return self.there

    def stack_services(self, project: str) -> tuple[dict[str, Any], ...]:
        assert project
        return (self.described,)

    def stack_tasks(self, project: str) -> tuple[dict[str, Any], ...]:
        assert project
        # A service that runs on each node has no numbers.
        slots = (1, 2, 3) if "Replicated" in self.described["Spec"]["Mode"] else (0, 0, 0)
        return tuple(
            task("running", slot=slot, number=one, NodeID=f"id-node{one}") for one, slot in enumerate(slots, 1)
        )

    def tasks_of(self, service: str) -> tuple[dict[str, Any], ...]:
        assert service == "s1"
        ended = (task("shutdown"), task("complete", number=2))
        if not self.slow:
            return ended
        self.slow -= 1
        return (*ended, task("running", number=3, NodeID="id-node3"))

    def inspect_service(self, service: str) -> dict[str, Any]:
        assert service == "s1"
        return self.described

    def _update(self, service: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
        self.scaled.append(spec["Mode"]["Replicated"]["Replicas"])
        if self.refusals:
            self.refusals -= 1
            raise CommandError("the engine refuses", seen="update out of sequence")
        self.described = {**service, "Spec": spec}

    def run(self, argv: Sequence[str], *, check: bool = True, **_more: object) -> Result:
        """One docker command; an answer that begins with an error is one."""
        self.commands.append(list(argv))
        answer = self.answer(list(argv))
        failed = "rror" in answer or "no route" in answer
        assert not (failed and check)
        return Result(tuple(argv), int(failed), "" if failed else answer, answer if failed else "")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Nodes:
    made = Nodes()
    monkeypatch.setattr(room, "contexts", lambda: {"default": "unix:///a", "node2": "ssh://b"})
    monkeypatch.setattr(room, "run", made.run)
    monkeypatch.setattr(room, "SYSTEM_CLOCK", FakeClock().clock)
    return made


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


def test_a_file_on_another_node(engine: Nodes) -> None:
    answers = iter(("there\n", "absent\n"))
    engine.answer = lambda _argv: next(answers)
    replica = engine.containers("his")[1]
    assert engine.has_file(replica.id, PATH)
    assert not engine.has_file(replica.id, PATH)
    (first, _) = engine.commands
    assert (first[:5], first[-1]) == (["docker", "--context", "node2", "exec", replica.name], PATH)


def test_an_engine_that_does_not_answer_is_not_an_absent_file(engine: Nodes) -> None:
    engine.answer = lambda _argv: "no route to host"
    replica = engine.containers("his")[2]
    with pytest.raises(EngineError, match="node3") as caught:
        engine.has_file(replica.id, PATH)
    assert caught.value.seen == "no route to host"


def test_a_service_stops_once_for_all_its_replicas_and_starts_with_as_many(engine: Nodes) -> None:
    replicas = engine.containers("his")
    for one in replicas:
        engine.stop(one.id)
    assert engine.scaled == [0]
    assert engine.slow == 0, "it waits for the end of the tasks"
    engine.start(replicas[0].id)
    assert engine.scaled == [0, 3]


def test_tasks_that_do_not_end_are_an_error(engine: Nodes) -> None:
    engine.slow = -1
    replica = engine.containers("his")[0]
    with pytest.raises(GateTimeoutError, match="db did not stop") as caught:
        engine.stop(replica.id)
    assert "after 70 s" in caught.value.seen


def test_a_task_on_a_node_that_is_down_is_not_waited_for(engine: Nodes) -> None:
    engine.slow = -1
    replica = engine.containers("his")[0]
    engine.there = (node(), node("node2"), node("node3", state="down"))
    engine.stop(replica.id)


def test_a_change_of_the_service_meanwhile_is_no_reason_to_fail(engine: Nodes) -> None:
    engine.refusals = 1
    engine.scale("his", {"db": 0})
    assert engine.scaled == [0, 0]
    engine.refusals = 5
    with pytest.raises(CommandError, match="the engine refuses"):
        engine.scale("his", {"db": 1})
    engine.scale("his", {"db": 0})
    assert engine.scaled == [0, 0, 1, 1, 1, 1, 1], "what has its replicas is not scaled"


def test_a_service_that_the_stack_does_not_have_cannot_be_started(engine: Nodes) -> None:
    with pytest.raises(CommandError, match="other cannot be started") as caught:
        engine.scale("his", {"db": 1, "other": 1})
    assert (caught.value.next_step, engine.scaled) == ("inv deploy", [])


def test_of_a_service_on_each_node_one_container_is_stopped(engine: Nodes) -> None:
    engine.described = service(None)
    replica = engine.containers("his")[1]
    engine.stop(replica.id)
    engine.start(replica.id)
    engine.scale("his", {"db": 1})
    assert engine.commands == [["docker", "--context", "node2", "stop", replica.name]]
    assert engine.scaled == []


def test_the_swarm_removes_its_containers(engine: Nodes) -> None:
    replica = engine.containers("his")[0]
    engine.remove(replica.id)
    assert engine.scaled == []
    engine.remove(replica.id, force=True)
    assert engine.scaled == [0]

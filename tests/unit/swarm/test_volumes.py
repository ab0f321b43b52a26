"""Where data is expected, and when that is forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from rofecare_infra.engine import Reach
from rofecare_infra.errors import CommandError
from rofecare_infra.process import Result
from rofecare_infra.swarm import volumes
from rofecare_infra.swarm.volumes import Expected
from tests.support.fakes import FakeClock
from tests.support.swarm import FakeSwarm, node


@pytest.fixture
def engine() -> FakeSwarm:
    engine = FakeSwarm()
    assert volumes.expect(engine, "p", "db", "node2")
    return engine


def test_data_is_recorded_once_for_each_service_and_project(engine: FakeSwarm) -> None:
    assert not volumes.expect(engine, "p", "db", "node3")
    assert volumes.expect(engine, "other", "db", "node1")
    assert volumes.expected(engine, "p") == {"db": Expected("db", "node2", "p-data-db")}
    # The start script reads the service and the node from the content.
    assert engine.log[0] == "config p-data-db: db on node2"


def test_what_another_node_has_does_not_move(engine: FakeSwarm) -> None:
    assert volumes.left_behind(engine, "p", "db", node("node3")) == "node2"
    assert volumes.left_behind(engine, "p", "db", node("node2")) == ""
    assert volumes.left_behind(engine, "p", "new", node("node3")) == ""
    error = volumes.not_moved("db", node("node3"), "node2")
    assert "inv place db node2; if node2 is lost for good: docs/swarm.md" in error.next_step


def test_a_service_that_mounts_the_config_is_updated_first(engine: FakeSwarm, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(argv: Sequence[str], **_: Any) -> Result:
        engine.log.append(" ".join(argv))
        return Result(tuple(argv), 0, "", "")

    monkeypatch.setattr(volumes, "run", run)
    engine.mounted = {"p_db": ("p-data-db", "p_other")}
    volumes.expect(engine, "p", "unused", "node1")
    volumes.forget_all(engine, "p")
    assert engine.log[2:] == [
        "docker service update --detach --quiet --config-rm p-data-db p_db",
        "remove config p-data-db",
        "remove config p-data-unused",
    ]
    assert volumes.expected(engine, "p") == {}
    volumes.forget(engine, "p", "db")


class Ways:
    """Two nodes with a volume each; the first one is in use for a moment."""

    def __init__(self) -> None:
        self.removals: list[str] = []

    def run(self, argv: Sequence[str], **_: Any) -> Result:
        node, words = argv[2], list(argv[3:])
        if words[:2] == ["volume", "ls"]:
            return Result(tuple(argv), 0, f"p_of_{node}\n" if "stack" in words[-1] else "", "")
        self.removals.append(f"{node} {words[-1]}")
        fails = node == "busy" or (node == "node1" and len(self.removals) < 3)
        return Result(tuple(argv), int(fails), "", "volume is in use - [a1b2]" if fails else "")


def ways(*nodes: str) -> dict[str, Reach]:
    return {node: Reach(("docker", "--context", node)) for node in nodes}


def test_the_volumes_of_all_nodes_are_removed_once_they_are_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Ways()
    monkeypatch.setattr("rofecare_infra.engine.reach.run", made.run)
    clock = FakeClock()
    assert volumes.remove("p", ways("node1", "node2"), clock.clock) == ("node1: p_of_node1", "node2: p_of_node2")
    assert made.removals == ["node1 p_of_node1"] * 3 + ["node2 p_of_node2"]
    with pytest.raises(CommandError, match="p_of_busy on busy is not removed") as caught:
        volumes.remove("p", ways("busy"), clock.clock)
    assert caught.value.seen == "volume is in use - [a1b2]"
    assert "docker --context busy ps --all --filter volume=p_of_busy" in caught.value.next_step

"""The nodes that a manager reports: left entries, names, and engines outside of a Swarm."""

from __future__ import annotations

import pytest

from rofecare_infra.engine import Membership
from rofecare_infra.errors import EngineError, SettingsError, UsageError
from rofecare_infra.swarm.nodes import known, named, nodes, runs_on
from tests.support.swarm import FakeSwarm, node


def test_an_engine_that_is_no_manager_is_named_with_its_part_in_the_swarm() -> None:
    for state, seen in (("inactive", "Swarm: inactive"), ("active", "a worker"), ("locked", "Swarm: locked")):
        with pytest.raises(EngineError) as found:
            nodes(FakeSwarm(member=Membership(state, is_manager=False, node_id="")))
        assert found.value.seen == seen
        assert "docker swarm" in found.value.next_step


def test_the_entry_of_a_machine_that_joined_again_is_left_out() -> None:
    old, new, other = node("node2", id="old", state="down"), node("node2"), node("node3", state="down")
    assert known([node(), old, new, other]) == (node(), new, other)
    assert known([old, node("node2", id="older", state="down")]) == (node("node2", id="older", state="down"),)


def test_two_machines_of_one_name_are_refused() -> None:
    with pytest.raises(SettingsError) as found:
        known([node("node2"), node("node2", id="another")])
    assert "node2" in found.value.seen


def test_a_name_that_no_node_has() -> None:
    assert named("node2", [node(), node("node2")]) == node("node2")
    with pytest.raises(UsageError) as found:
        named("nod2", [node(), node("node2")])
    assert found.value.expected == "one of node1, node2"


def test_what_runs_where_has_one_name_for_each_task() -> None:
    tasks = (("app", "id-node1"), ("app", "id-node2"), ("db", "id-node2"), ("db", "gone"))
    engine = FakeSwarm(there=(node(), node("node2")), tasks=tasks)
    assert runs_on(engine, "rofecare", engine.there) == {"app": ("node1", "node2"), "db": ("gone", "node2")}

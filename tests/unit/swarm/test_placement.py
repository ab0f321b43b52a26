"""Where services with data are put, and how they are pinned."""

from __future__ import annotations

import pytest

from rofecare_infra.engine import Facts, Node
from rofecare_infra.errors import SettingsError
from rofecare_infra.platform import Service
from rofecare_infra.swarm import placement
from tests.support.fakes import service
from tests.support.swarm import GIB, FakeSwarm, node


def with_data(name: str, memory: float = 1, part: str = "") -> Service:
    labels = {"com.rofecare.backup": part} if part else {}
    return service(name, mount_points={f"{name}-data": "/data"}, memory=int(memory * GIB), labels=labels)


def disk(free: int | None) -> Facts:
    return Facts(no_new_privileges=True, skips_layers=True, folder="/var/lib/docker", free_disk=free)


def load(places: dict[str, str]) -> dict[str, int]:
    return {name: sorted(places.values()).count(name) for name in places.values()}


EIGHT = [with_data(f"db{number}") for number in range(8)]


def test_services_without_data_and_the_ingress_have_no_place() -> None:
    front = service("front", mount_points={"front-data": "/data"}, labels={"com.rofecare.entry": "true"})
    once = service("front-data", mount_points={"front-data": "/data"}, one_shot=True)
    off = with_data("off")
    none = service("none", mount_points=off.mount_points, replicas=0)
    assert placement.with_data([service("app"), front, once, none, off]) == (off,)


def test_equal_nodes_get_equal_shares() -> None:
    places = placement.proposed(EIGHT, [node(), node("node2")])
    assert load(places) == {"node1": 4, "node2": 4}


def test_memory_decides() -> None:
    places = placement.proposed(EIGHT, [node(), node("node2", memory=24 * GIB)])
    assert load(places) == {"node1": 2, "node2": 6}


def test_the_disk_decides_where_it_is_scarcer() -> None:
    wide, narrow = node(facts=disk(300 * GIB)), node("node2", facts=disk(100 * GIB))
    assert load(placement.proposed(EIGHT, [wide, narrow])) == {"node1": 6, "node2": 2}
    # The disk of one node alone says nothing about the others.
    unknown = node("node2", facts=disk(None))
    assert load(placement.proposed(EIGHT, [wide, unknown])) == {"node1": 4, "node2": 4}


def test_what_is_backed_up_together_gets_one_node() -> None:
    services = [
        with_data("kafka", 2, "kafka"),
        with_data("db"),
        with_data("zookeeper", 0.5, "kafka"),
        with_data("redis"),
    ]
    places = placement.proposed(services, [node(), node("node2")])
    assert places["kafka"] == places["zookeeper"]
    assert places["db"] == places["redis"] != places["kafka"]


def test_only_nodes_that_run_tasks_get_data() -> None:
    nodes = [node(availability="drain"), node("node2", state="down"), node("node3")]
    assert set(placement.proposed(EIGHT, nodes).values()) == {"node3"}
    with pytest.raises(SettingsError) as found:
        placement.proposed(EIGHT, nodes[:2])
    assert found.value.seen == "node1: ready, drain, node2: down, active"


def test_what_has_a_place_keeps_it_and_counts_as_load() -> None:
    kept = {f"db{number}": "node1" for number in range(4)}
    places = placement.proposed(EIGHT, [node(), node("node2")], kept)
    assert load(places) == {"node1": 4, "node2": 4}
    assert kept.items() <= places.items()
    # A part follows the one of its services that has a place, also on a node that is down.
    pair = [with_data("kafka", 2, "kafka"), with_data("zookeeper", 1, "kafka")]
    assert placement.proposed(pair, [node()], {"zookeeper": "node9"}) == {"kafka": "node9", "zookeeper": "node9"}


def test_the_pins_are_the_labels_of_the_nodes() -> None:
    label = placement.label_of("rofecare", "patient-db")
    assert placement.constraint("rofecare", "patient-db") == f"node.labels.{label} == true"
    nodes = [node(labels={label: "true", "zone": "a"}), node("node2", labels={"com.rofecare.other.db": "true"})]
    assert placement.pinned("rofecare", nodes) == {"patient-db": "node1"}
    assert placement.pinned("rofecare", [node(labels={label: "false"})]) == {}


def test_a_service_is_never_pinned_to_two_nodes() -> None:
    label = placement.label_of("p", "db")
    engine = FakeSwarm(there=(node(), node("node2", labels={label: "true"}), node("node3")))
    target: Node = engine.there[2]
    placement.pin(engine, "p", "db", target, engine.nodes())
    assert engine.log == [f"id-node2: {label}=None", f"id-node3: {label}=true"]
    placement.pin(engine, "p", "db", engine.nodes()[2], engine.nodes())
    assert len(engine.log) == 2
    placement.release(engine, "p", "db", engine.nodes())
    assert placement.pinned("p", engine.nodes()) == {}

"""Three engines joined to a Swarm: nodes, placement, images over their connections, and data that is never empty."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rofecare_infra import swarm
from rofecare_infra.diagnosis import cause_of
from rofecare_infra.engine import Engine, Reach, reach
from rofecare_infra.platform import Service
from tests.support.pinned import CONFIG, DATA, SERVICE, PinnedDatabase, pinned_database, wait
from tests.support.project import check

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def database(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PinnedDatabase]:
    assert engine
    with pinned_database(tmp_path_factory.mktemp("swarm") / "project") as made:
        yield made


def test_the_nodes_are_listed_with_what_their_engines_report(database: PinnedDatabase) -> None:
    nodes, silent = reach.asked(database.nodes, database.ways)
    assert [(one.hostname, one.address, one.role) for one in nodes] == [
        ("node1", "10.77.0.1", "manager"),
        ("node2", "10.77.0.2", "worker"),
        ("node3", "10.77.0.3", "worker"),
    ]
    assert silent == {}
    assert all(one.is_usable and one.memory and one.cpus for one in nodes)
    assert all(one.facts and one.facts.no_new_privileges and one.facts.free_disk for one in nodes)
    assert database.ways["node2"].words == ("docker", "--context", "node2")
    code, output = database.project.inv("nodes", "--json")
    assert code == 0, output
    found = json.loads(output.splitlines()[-1])
    assert [(one["name"], one["no_new_privileges"]) for one in found["nodes"]] == [
        (one.name, True) for one in database.cluster.machines
    ]


def test_each_layer_reaches_a_node_once(database: PinnedDatabase) -> None:
    name, manager = database.image, database.cluster.manager
    (first,) = database.send({"node2": [name]})
    assert (first.images, first.skipped) == ((name,), 0)
    assert first.layers > 1
    assert database.send({"node2": [name]}) == []
    # Another image on top of it: one more layer.
    built = manager.docker("create", name)
    manager.docker("cp", str(CONFIG / "data" / "expected.sh"), f"{built}:/added")
    manager.docker("commit", built, "gate/added:1")
    manager.docker("rm", built)
    both = database.send({"node2": ["gate/added:1"], "node3": ["gate/added:1", name]})
    second, other = sorted(both, key=lambda sent: sent.node)
    assert (second.layers, second.skipped) == (1, first.layers)
    assert second.size < first.size / 10
    # In one archive, what two images share is there once.
    assert (other.layers, other.skipped) == (first.layers + 1, 0)
    assert other.size < first.size * 1.1
    for node in ("node2", "node3"):
        run = ["run", "--rm", "--network=none", "--entrypoint=test", "gate/added:1", "-s", "/added"]
        database.cluster.machine(node).docker(*run)


def test_an_engine_that_cannot_be_reached_is_named(database: PinnedDatabase) -> None:
    away = {**database.ways, "node3": Reach(("docker", "--host", "unix:///nowhere.sock"), "unix:///nowhere.sock")}
    asked, silent = reach.asked(database.nodes, away)
    assert set(silent) == {"node3"}
    assert "nowhere.sock" in silent["node3"]
    assert [one.facts is None for one in asked] == [False, False, True]


def test_a_database_never_starts_empty_on_another_node(database: PinnedDatabase) -> None:
    project, manager, image = database.project, database.manager, database.image
    services = [Service(SERVICE, "infrastructure", image, mount_points={"data": DATA})]
    assert set(swarm.placement.proposed(services, database.nodes)) == {SERVICE}
    check(project.inv("place", SERVICE, "node2"), 0, "db is pinned to node2")
    assert database.pinned_to == "node2"
    needed = swarm.images.wanted(services, database.nodes, {SERVICE: "node2"})
    assert needed == {"node1": (), "node2": (image,), "node3": ()}
    # Later it runs there, too.
    database.send({**needed, "node3": (image,)})
    database.start_with_rows("node2")
    check(project.inv("backup"), 0, "1 databases (db/rofecare)")

    # The command refuses it; the label is moved by hand.
    check(project.inv("place", SERVICE, "node3"), 5, "its data is on node2", "inv place db node2")
    assert database.pinned_to == "node2"
    nodes = database.nodes
    swarm.placement.pin(manager, project.name, SERVICE, swarm.nodes.named("node3", nodes), nodes)
    found = cause_of(wait("the refusal on node 3", lambda: refusal(database)))
    assert found is not None
    assert found.text == "its volume on this node is empty, and its data is on node2"
    assert database.runs_on() == ()
    (mount,) = json.loads(database.cluster.machine("node3").docker("volume", "inspect", f"{project.name}_data"))
    assert list(Path(mount["Mountpoint"]).iterdir()) == []

    # Its container is stopped a moment after its task.
    wait("the end of the first database", lambda: not database.ready_on("node2"))
    check(project.inv("place", SERVICE, "node2"), 0, "db is pinned to node2")
    wait("the database on node 2 again", lambda: database.ready_on("node2"))
    assert database.rows("node2") == 100

    # For good: it begins with an empty volume.
    check(project.inv("place", SERVICE, "node3", "--without-data"), 0, "its data stays on node2")
    assert swarm.volumes.expected(manager, project.name) == {}
    wait("the new database on node 3", lambda: database.ready_on("node3"))
    assert database.rows("node3") == 0
    assert database.runs_on() == ("node3",)
    check(project.inv("restore", "--only", SERVICE), 0, "1 databases came out equal")
    assert database.rows("node3") == 100
    check(project.inv("verify-backup"), 0)


def refusal(database: PinnedDatabase) -> list[str]:
    """The log of a task on node 3 that ended."""
    machine = database.cluster.machine("node3")
    filters = ("--filter", f"name={database.project.name}_{SERVICE}", "--filter", "status=exited")
    ended = machine.docker("ps", "--all", "--quiet", *filters).split()
    return machine.output("logs", ended[-1]).splitlines() if ended else []

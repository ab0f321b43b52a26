"""Three engines joined to a Swarm: nodes, placement, images over their connections, and data that is never empty."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra import swarm
from rofecare_infra.diagnosis import cause_of
from rofecare_infra.engine import Engine, connect
from rofecare_infra.platform import Service
from rofecare_infra.swarm.images import Sent
from rofecare_infra.swarm.reach import Reach
from tests.support.fakes import drain
from tests.support.images import POSTGRES, ensure
from tests.support.project import REPOSITORY, Project, check
from tests.support.three_engines import Cluster, three_engines

Json = dict[str, Any]

pytestmark = pytest.mark.full

CONFIG = REPOSITORY / "docker" / "config"
DATA = "/var/lib/postgresql/data"


@pytest.fixture(scope="module")
def cluster(engine: Engine) -> Iterator[Cluster]:
    assert engine
    ensure(POSTGRES)
    with three_engines() as made, pytest.MonkeyPatch.context() as patch:
        made.manager.lend([POSTGRES])
        for name, value in made.environment.items():
            patch.setenv(name, value)
        yield made


@pytest.fixture(scope="module")
def manager(cluster: Cluster) -> Engine:
    assert cluster
    return connect()


@pytest.fixture(scope="module")
def ways(manager: Engine) -> dict[str, Reach]:
    return swarm.reach.reaches(manager, swarm.nodes.nodes(manager))


@pytest.fixture(scope="module")
def project(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A checkout with one database, which works on the manager."""
    volumes = {"volumes": [f"data:{DATA}"], "labels": {"com.rofecare.phase": "infrastructure"}}
    probe = {"healthcheck": {"test": ["CMD", "true"]}}
    one = {"image": POSTGRES, "environment": {"POSTGRES_PASSWORD": "x"}, **volumes, **probe}
    made = Project(tmp_path_factory.mktemp("swarm") / "project", {"db": one}, volumes={"data": {}}, networks={})
    made.environment |= cluster.environment
    return made


def wait(what: str, seen: Callable[[], object], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (found := seen()):
        assert time.monotonic() < end, f"never seen: {what}"
        time.sleep(0.3)
    return found


def stack(project: Project, image: str, *, guarded: bool) -> Json:
    """One database, as the stack of the platform has it: pinned, on a local volume, with the start script."""
    files = {"start": "postgresql/start.sh", "expected": "data/expected.sh"}
    configs: Json = {
        name: {"file": str(CONFIG / path), "name": f"{project.name}-{name}"} for name, path in files.items()
    }
    mounted = [
        {"source": "start", "target": "/etc/rofecare/start.sh"},
        {"source": "expected", "target": "/etc/rofecare/data-expected.sh"},
    ]
    if guarded:
        name = swarm.volumes.config_name(project.name, "db")
        configs["data"] = {"external": True, "name": name}
        mounted.append({"source": "data", "target": swarm.volumes.TARGET})
    database = {
        "image": image,
        "user": "999:999",
        "entrypoint": ["bash", "/etc/rofecare/start.sh"],
        "command": ["postgres"],
        "environment": {"POSTGRES_PASSWORD": "x", "POSTGRES_USER": "rofecare"},
        "configs": mounted,
        "volumes": [f"data:{DATA}"],
        "networks": ["inside"],
        "stop_grace_period": "20s",
        "healthcheck": {
            "test": ["CMD", "pg_isready", "-h", "127.0.0.1", "-U", "rofecare"],
            "interval": "1s",
            "start_period": "60s",
        },
        "deploy": {
            "endpoint_mode": "dnsrr",
            "placement": {"constraints": [swarm.placement.constraint(project.name, "db")]},
            "restart_policy": {"condition": "any", "delay": "1s"},
            "update_config": {"order": "stop-first"},
        },
    }
    return {
        "services": {"db": database},
        "configs": configs,
        "volumes": {"data": {}},
        "networks": {"inside": {"driver": "overlay", "internal": True}},
    }


def deploy(cluster: Cluster, project: Project, document: Json) -> None:
    file = cluster.folder / "stack.json"
    file.write_text(json.dumps(document))
    project.docker(
        *("stack", "deploy", "--resolve-image=never", "--detach=true", "--compose-file", str(file), project.name)
    )


def runs_on(manager: Engine, project: Project) -> tuple[str, ...]:
    nodes = swarm.nodes.nodes(manager)
    return swarm.nodes.runs_on(manager, project.name, nodes).get("db", ())


def sql(cluster: Cluster, project: Project, node: str, statement: str) -> str:
    machine = cluster.machine(node)
    return machine.docker("exec", ready_on(cluster, project, node), "psql", "-U", "rofecare", "-Atc", statement)


def send(images: Mapping[str, Collection[str]], ways: dict[str, Reach]) -> list[Sent]:
    _, sent = drain(swarm.images.provide(images, ways))
    return list(sent)


def test_the_nodes_are_listed_with_what_their_engines_report(
    cluster: Cluster, manager: Engine, ways: dict[str, Reach], project: Project
) -> None:
    nodes, silent = swarm.reach.asked(swarm.nodes.nodes(manager), ways)
    assert [(one.hostname, one.address, one.role) for one in nodes] == [
        ("node1", "10.77.0.1", "manager"),
        ("node2", "10.77.0.2", "worker"),
        ("node3", "10.77.0.3", "worker"),
    ]
    assert silent == {}
    assert all(one.is_usable and one.memory and one.cpus for one in nodes)
    assert all(one.facts and one.facts.no_new_privileges and one.facts.free_disk for one in nodes)
    assert ways["node2"].words == ("docker", "--context", "node2")
    code, output = project.inv("nodes", "--json")
    assert code == 0, output
    found = json.loads(output.splitlines()[-1])
    assert [(one["name"], one["no_new_privileges"]) for one in found["nodes"]] == [
        (one.name, True) for one in cluster.machines
    ]


def test_each_layer_reaches_a_node_once(cluster: Cluster, manager: Engine, ways: dict[str, Reach]) -> None:
    name = swarm.images.references(manager, [POSTGRES], lambda _image: False)[POSTGRES]
    (first,) = send({"node2": [name]}, ways)
    assert (first.images, first.skipped) == ((name,), 0)
    assert first.layers > 1
    assert send({"node2": [name]}, ways) == []
    # Another image on top of it: one more layer.
    built = cluster.manager.docker("create", name)
    cluster.manager.docker("cp", str(CONFIG / "data" / "expected.sh"), f"{built}:/added")
    cluster.manager.docker("commit", built, "gate/added:1")
    cluster.manager.docker("rm", built)
    both = send({"node2": ["gate/added:1"], "node3": ["gate/added:1", name]}, ways)
    second, other = sorted(both, key=lambda sent: sent.node)
    assert (second.layers, second.skipped) == (1, first.layers)
    assert second.size < first.size / 10
    # In one archive, what two images share is there once.
    assert (other.layers, other.skipped) == (first.layers + 1, 0)
    assert other.size < first.size * 1.1
    for node in ("node2", "node3"):
        run = ["run", "--rm", "--network=none", "--entrypoint=test", "gate/added:1", "-s", "/added"]
        cluster.machine(node).docker(*run)


def test_an_engine_that_cannot_be_reached_is_named(manager: Engine, ways: dict[str, Reach]) -> None:
    nodes = swarm.nodes.nodes(manager)
    away = {**ways, "node3": Reach(("docker", "--host", "unix:///nowhere.sock"), "unix:///nowhere.sock")}
    asked, silent = swarm.reach.asked(nodes, away)
    assert set(silent) == {"node3"}
    assert "nowhere.sock" in silent["node3"]
    assert [one.facts is None for one in asked] == [False, False, True]


def test_a_database_never_starts_empty_on_another_node(
    cluster: Cluster, manager: Engine, project: Project, ways: dict[str, Reach]
) -> None:
    image = swarm.images.references(manager, [POSTGRES], lambda _image: False)[POSTGRES]
    services = [Service("db", "infrastructure", image, mount_points={"data": DATA})]
    proposed = swarm.placement.proposed(services, swarm.nodes.nodes(manager))
    assert set(proposed) == {"db"}
    check(project.inv("place", "db", "node2"), 0, "db is pinned to node2")
    nodes = swarm.nodes.nodes(manager)
    assert swarm.placement.pinned(project.name, nodes) == {"db": "node2"}
    assert swarm.placement.proposed(services, nodes, {"db": "node2"}) == {"db": "node2"}
    needed = swarm.images.wanted(services, nodes, {"db": "node2"})
    assert needed == {"node1": (), "node2": (image,), "node3": ()}
    # Later it runs there, too.
    send({**needed, "node3": (image,)}, ways)

    # By its id: an engine first tries to pull what has a name.
    local = manager.image(image)
    assert local is not None
    deploy(cluster, project, stack(project, local.id, guarded=False))
    first = wait("the database on node 2", lambda: ready_on(cluster, project, "node2"))
    sql(cluster, project, "node2", "CREATE TABLE kept AS SELECT generate_series(1, 100) AS id")
    assert swarm.volumes.expect(manager, project.name, "db", "node2")
    deploy(cluster, project, stack(project, local.id, guarded=True))
    wait("the config", lambda: ready_on(cluster, project, "node2") not in {"", first})
    assert sql(cluster, project, "node2", "SELECT count(*) FROM kept") == "100"

    # The command refuses it; the label is moved by hand.
    code, output = project.inv("place", "db", "node3")
    check((code, output), 5, "its data is on node2", "inv place db node2")
    assert swarm.placement.pinned(project.name, swarm.nodes.nodes(manager)) == {"db": "node2"}
    swarm.placement.pin(manager, project.name, "db", swarm.nodes.named("node3", nodes), swarm.nodes.nodes(manager))
    log = wait("the refusal on node 3", lambda: refusal(cluster, project))
    found = cause_of(log)
    assert found is not None
    assert found.text == "its volume on this node is empty, and its data is on node2"
    assert runs_on(manager, project) == ()
    volume = f"{project.name}_data"
    (mount,) = json.loads(cluster.machine("node3").docker("volume", "inspect", volume))
    assert list(Path(mount["Mountpoint"]).iterdir()) == []

    check(project.inv("place", "db", "node2"), 0, "db is pinned to node2")
    wait("the database on node 2 again", lambda: ready_on(cluster, project, "node2"))
    assert sql(cluster, project, "node2", "SELECT count(*) FROM kept") == "100"

    # For good: it begins with an empty volume.
    check(project.inv("place", "db", "node3", "--without-data"), 0, "its data stays on node2")
    assert swarm.volumes.expected(manager, project.name) == {}
    wait("the new database on node 3", lambda: ready_on(cluster, project, "node3"))
    assert sql(cluster, project, "node3", "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'") == "0"
    assert runs_on(manager, project) == ("node3",)


def ready_on(cluster: Cluster, project: Project, node: str) -> str:
    """The container of the database on this node; empty if there is none, or if it is not healthy."""
    filters = ("--filter", f"name={project.name}_db", "--filter", "health=healthy")
    return cluster.machine(node).docker("ps", "--quiet", *filters)


def refusal(cluster: Cluster, project: Project) -> list[str]:
    """The log of a task on node 3 that ended."""
    machine = cluster.machine("node3")
    ended = machine.docker("ps", "-aq", "--filter", f"name={project.name}_db", "--filter", "status=exited").split()
    done = machine.output("logs", ended[-1]) if ended else ""
    return done.splitlines()

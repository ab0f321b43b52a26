"""The tasks about the machines of a Swarm, and where services with data run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rofecare_infra.boundary.command import command

if TYPE_CHECKING:
    from rofecare_infra.engine import Node


@command(help={"json": "print one JSON document"})
def nodes(root: Path, json: bool = False) -> None:
    """Show the machines of the Swarm, what runs on them, and where services with data are pinned."""
    from rofecare_infra import swarm
    from rofecare_infra.boundary.results import nodes as results
    from rofecare_infra.engine import reach
    from rofecare_infra.progress import renderer_for, table
    from rofecare_infra.project import open_project

    project = open_project(root, secrets_checked=False, stack=None)
    engine, name = project.engine, project.platform.project
    found = swarm.nodes.nodes(engine)
    asked, silent = reach.asked(found, reach.reaches(engine, found))
    running = swarm.nodes.runs_on(engine, name, found)
    pins = swarm.placement.pinned(name, found)
    data = {service: one.node for service, one in swarm.volumes.expected(engine, name).items()}
    out = renderer_for(as_json=json)
    if json:
        out.record(results.Nodes.of(name, asked, silent, results.places(running, pins, data)))
        return
    rows = [
        (
            node.hostname,
            node.address,
            node.role,
            node.state if node.availability == "active" else f"{node.state}, {node.availability}",
            f"{node.memory / 2**30:.1f} GiB",
            f"{node.cpus:g}",
            _engine(node, silent.get(node.hostname, "")),
        )
        for node in asked
    ]
    out.say(table(("NODE", "ADDRESS", "ROLE", "STATE", "MEMORY", "CPUS", "ENGINE"), rows))
    placed = results.places(running, pins, data)
    if placed:
        lines = [(one.service, ", ".join(one.runs_on), one.pinned_to, one.data_on) for one in placed]
        out.say("\n" + table(("SERVICE", "RUNS ON", "PINNED TO", "DATA ON"), lines))


@command(
    words="pin",
    iterable=["pin"],
    changes=True,
    help={
        "pin": "the service and the node: inv place patient-db node2",
        "without-data": "also if its data stays on another node: the service begins with an empty volume",
    },
)
def place(root: Path, pin: Sequence[str], without_data: bool = False) -> None:
    """Pin a service with data to a machine of the Swarm; its data does not move."""
    from rofecare_infra import swarm
    from rofecare_infra.errors import UsageError
    from rofecare_infra.platform import resolve
    from rofecare_infra.progress import Scope, renderer_for
    from rofecare_infra.project import open_project

    if len(pin) != len(("service", "node")):
        raise UsageError(
            "inv place needs a service and a node",
            seen=" ".join(pin) or "no words",
            expected="two words: inv place patient-db node2",
            next_step="inv nodes shows the nodes",
        )
    with Scope(renderer_for()) as scope:
        project = open_project(root, secrets_checked=False, monitoring=True, stack=None)
        engine, name = project.engine, project.platform.project
        found = swarm.nodes.nodes(engine)
        service = resolve(pin[:1], [one.name for one in project.platform.services])[0]
        swarm.placement.require_data(project.platform.service(service))
        node = swarm.nodes.named(pin[1], found)
        left = swarm.volumes.left_behind(engine, name, service, node)
        if left and not without_data:
            raise swarm.volumes.not_moved(service, node, left)
        if left:
            # It must not start again where its data is, without the protection of this data.
            swarm.placement.release(engine, name, service, found)
            swarm.volumes.forget(engine, name, service)
            found = swarm.nodes.nodes(engine)
            node = swarm.nodes.named(pin[1], found)
        swarm.placement.pin(engine, name, service, node, found)
        scope.say(f"{service} is pinned to {node.hostname}; inv deploy sends its image there")
        if left:
            scope.say(f"its data stays on {left}; on {node.hostname} it begins with an empty volume")


def _engine(node: Node, silence: str) -> str:
    """What the engine of a node is like, in a few words."""
    if node.facts is None:
        # The state of one that was not asked is in a column of its own.
        return f"{node.version}; does not answer: {silence}" if node.state == "ready" else node.version
    denied = "no-new-privileges" if node.facts.no_new_privileges else "without no-new-privileges"
    free = node.facts.free_disk
    return ", ".join(part for part in (node.version, denied, "" if free is None else f"{free >> 30} GiB free") if part)

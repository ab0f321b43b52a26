"""The nodes of the Swarm that this engine manages, and what runs on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from rofecare_infra.engine import Engine, Node
from rofecare_infra.errors import EngineError, SettingsError, UsageError

__all__ = ["Node", "known", "named", "nodes", "runs_on"]


def nodes(engine: Engine) -> tuple[Node, ...]:
    """The nodes, by hostname. Raises EngineError unless this engine is a manager of a Swarm."""
    membership = engine.membership()
    if not membership.is_manager:
        seen = f"Swarm: {membership.state}" if membership.state != "active" else "a worker"
        raise EngineError(
            "this engine is not a manager of a Swarm",
            seen=seen,
            expected="a manager, which knows the nodes and what runs on them",
            next_step="docker swarm init on the first machine, docker swarm join on the others: docs/swarm.md",
        )
    return known(engine.nodes())


def known(found: Iterable[Node]) -> tuple[Node, ...]:
    """The nodes without the entries that machines left behind when they joined again.

    Raises SettingsError where two machines have the same name, by which services are pinned to them.
    """
    everything = tuple(found)
    there = Counter(node.hostname for node in everything if node.state == "ready")
    twice = sorted(name for name, count in there.items() if count > 1)
    if twice:
        raise SettingsError(
            "two nodes of the Swarm have the same name",
            seen=f"{', '.join(twice)} more than once among the nodes that are ready",
            expected="a hostname of its own for each machine",
            next_step="hostnamectl hostname <name> on one of them; docker swarm leave, and join again",
        )
    left = [node for node in everything if node.state == "ready" or node.hostname not in there]
    # Of several entries that are all down, any one stands for the machine.
    return tuple({node.hostname: node for node in left}.values())


def named(hostname: str, found: Iterable[Node]) -> Node:
    """The node of this name. Raises UsageError if there is none."""
    there = {node.hostname: node for node in found}
    if hostname not in there:
        raise UsageError(
            f"no node is named {hostname}",
            seen=hostname,
            expected=f"one of {', '.join(there)}",
            next_step="inv nodes",
        )
    return there[hostname]


def runs_on(engine: Engine, project: str, found: Iterable[Node]) -> Mapping[str, tuple[str, ...]]:
    """Service -> the hostnames of the nodes on which tasks of it run, once for each task."""
    hostnames = {node.id: node.hostname for node in found}
    places: dict[str, list[str]] = {}
    for service, node in engine.running_tasks(project):
        places.setdefault(service, []).append(hostnames.get(node, node))
    return {service: tuple(sorted(names)) for service, names in places.items()}

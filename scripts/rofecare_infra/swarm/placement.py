"""Which node each service with data is pinned to: a label on the node, which the constraint of the service names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rofecare_infra.engine import Engine, Node
from rofecare_infra.errors import SettingsError, UsageError
from rofecare_infra.platform import LABEL_BACKUP, Service, is_ingress

_PINNED = "true"
# Memory that a service without a limit is assumed to use, in bytes.
_UNLIMITED = 2**30


def label_of(project: str, service: str) -> str:
    """The label of the node that a service is pinned to."""
    return f"com.rofecare.{project}.{service}"


def constraint(project: str, service: str) -> str:
    """The constraint of a pinned service in the stack."""
    return f"node.labels.{label_of(project, service)} == {_PINNED}"


def with_data(services: Iterable[Service]) -> tuple[Service, ...]:
    """The services whose data is in volumes of one machine. The ingress can run on several, each with its own."""
    return tuple(one for one in services if _has_data(one))


def require_data(service: Service) -> None:
    """Raise UsageError for a service without data of its own."""
    if not _has_data(service):
        raise UsageError(
            f"{service.name} is not pinned to a node",
            seen="a service without data of its own",
            expected="a service whose data is in a volume: the Swarm places the others",
            next_step="inv nodes shows where it runs",
        )


def pinned(project: str, nodes: Iterable[Node]) -> dict[str, str]:
    """Service -> the node that it is pinned to, by the labels of the nodes."""
    prefix = label_of(project, "")
    return {
        label.removeprefix(prefix): node.hostname
        for node in nodes
        for label, value in node.labels.items()
        if label.startswith(prefix) and value == _PINNED
    }


def proposed(
    services: Iterable[Service], nodes: Sequence[Node], placed: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Service with data -> the node for it, in proportion to the memory and the free disk of the nodes.

    Services whose data is backed up together get the same node. Those of `placed` keep theirs. Raises SettingsError
    if no node is usable.
    """
    usable = [node for node in nodes if node.is_usable]
    if not usable:
        raise SettingsError(
            "no node can run the services with data",
            seen=", ".join(f"{node.hostname}: {node.state}, {node.availability}" for node in nodes) or "no node",
            expected="at least one node that is ready and active",
            next_step="inv nodes; docker node update --availability active <node>",
        )
    shares = _shares(usable)
    placed = placed or {}
    load = dict.fromkeys(shares, 0)
    places: dict[str, str] = {}
    groups = _groups(with_data(services))
    # The largest first, so that the small ones even out; those that have a place count before all others.
    for group in sorted(groups, key=lambda group: (not any(one.name in placed for one in group), -_memory(group))):
        there = [placed[one.name] for one in group if one.name in placed]
        memory = _memory(group)
        place = there[0] if there else min(shares, key=lambda name: (load[name] + memory) / shares[name])
        places |= {one.name: placed.get(one.name, place) for one in group}
        if place in load:
            load[place] += memory
    return places


def pin(engine: Engine, project: str, service: str, node: Node, nodes: Iterable[Node]) -> None:
    """Pin a service to a node. The others lose the label first: there is no moment in which it fits two nodes."""
    release(engine, project, service, [other for other in nodes if other.id != node.id])
    label = label_of(project, service)
    if node.labels.get(label) != _PINNED:
        engine.label_node(node.id, {label: _PINNED})


def release(engine: Engine, project: str, service: str, nodes: Iterable[Node]) -> None:
    """Remove the label of a service from these nodes: the Swarm stops it there."""
    label = label_of(project, service)
    for node in nodes:
        if label in node.labels:
            engine.label_node(node.id, {label: None})


def _has_data(one: Service) -> bool:
    return bool(one.mount_points and one.replicas) and not one.one_shot and not is_ingress(one.labels)


def _shares(nodes: Sequence[Node]) -> dict[str, float]:
    """Node -> its share of what all of them have: of the memory or of the free disk, whichever is less."""
    memory = {node.hostname: float(node.memory or 1) for node in nodes}
    disks = {node.hostname: node.facts.free_disk for node in nodes if node.facts is not None}
    known = {name: float(size or 1) for name, size in disks.items() if size is not None}
    # Without the disk of one node, the others cannot be compared with it.
    measures = [memory, known] if len(known) == len(memory) else [memory]
    return {name: min(one[name] / sum(one.values()) for one in measures) for name in memory}


def _groups(services: Iterable[Service]) -> list[tuple[Service, ...]]:
    """The services that need the same node, together."""
    groups: dict[str, tuple[Service, ...]] = {}
    for one in services:
        part = one.labels.get(LABEL_BACKUP)
        key = f"part {part}" if part else f"service {one.name}"
        groups[key] = (*groups.get(key, ()), one)
    return list(groups.values())


def _memory(group: Iterable[Service]) -> int:
    return sum(one.memory or _UNLIMITED for one in group)

"""The results of the tasks about the machines of a Swarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rofecare_infra import engine


@dataclass(frozen=True)
class Machine:
    """A node of the Swarm."""

    name: str
    address: str
    role: str
    state: str
    availability: str
    memory_bytes: int
    cpus: float
    version: str
    # Null where its engine did not answer, and why.
    no_new_privileges: bool | None
    free_disk_bytes: int | None
    silent: str


@dataclass(frozen=True)
class Place:
    """Where a service is."""

    service: str
    # The node of each running task.
    runs_on: tuple[str, ...]
    # Empty for a service without data.
    pinned_to: str
    # Where the data is that it had once; empty if it never had any.
    data_on: str


@dataclass(frozen=True)
class Nodes:
    """The machines, and what runs where."""

    project: str
    nodes: tuple[Machine, ...]
    services: tuple[Place, ...]

    @classmethod
    def of(
        cls, project: str, nodes: Sequence[engine.Node], silent: Mapping[str, str], services: tuple[Place, ...]
    ) -> Self:
        """The machines with the answers of their engines."""
        return cls(project, tuple(_machine(node, silent.get(node.hostname, "")) for node in nodes), services)


def places(
    running: Mapping[str, tuple[str, ...]], pins: Mapping[str, str], data: Mapping[str, str]
) -> tuple[Place, ...]:
    """All services that run, are pinned or have data, by name."""
    names = sorted({*running, *pins, *data})
    return tuple(Place(name, running.get(name, ()), pins.get(name, ""), data.get(name, "")) for name in names)


def _machine(node: engine.Node, silent: str) -> Machine:
    facts = node.facts
    return Machine(
        node.hostname,
        node.address,
        node.role,
        node.state,
        node.availability,
        node.memory,
        node.cpus,
        node.version,
        facts.no_new_privileges if facts is not None else None,
        facts.free_disk if facts is not None else None,
        silent,
    )

"""A Swarm for unit tests: its nodes, and what a manager stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rofecare_infra.engine import Engine, Membership, Node

GIB = 2**30
MANAGER = Membership("active", is_manager=True, node_id="id-node1")


def node(hostname: str = "node1", /, **more: object) -> Node:
    """A worker that is ready, with 8 GiB and 4 processors."""
    number = hostname.removeprefix("node")
    ready = Node(f"id-{hostname}", hostname, f"10.0.0.{number}", "worker", "ready", "active", {}, 8 * GIB, 4.0, "26.1")
    return replace(ready, **more)  # type: ignore[arg-type]


@dataclass
class FakeSwarm(Engine):
    """The manager of a Swarm; `log` lists the changes in order."""

    there: tuple[Node, ...] = ()
    member: Membership = MANAGER
    tasks: tuple[tuple[str, str], ...] = ()
    stored: dict[str, Mapping[str, str]] = field(default_factory=dict)
    # Service -> the configs that it mounts.
    mounted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def membership(self) -> Membership:
        return self.member

    def nodes(self) -> tuple[Node, ...]:
        return self.there

    def running_tasks(self, stack: str) -> tuple[tuple[str, str], ...]:
        return tuple(one for one in self.tasks if stack)

    def label_node(self, node: str, labels: Mapping[str, str | None]) -> None:
        self.log += [f"{node}: {name}={value}" for name, value in labels.items()]
        self.there = tuple(
            replace(one, labels={k: v for k, v in {**one.labels, **labels}.items() if v is not None})
            if one.id == node
            else one
            for one in self.there
        )

    def configs(self, label: str) -> dict[str, Mapping[str, str]]:
        name, _, value = label.partition("=")
        return {config: labels for config, labels in self.stored.items() if labels.get(name) == value}

    def make_config(self, name: str, content: str, labels: Mapping[str, str]) -> None:
        self.log.append(f"config {name}: {content.strip()}")
        self.stored[name] = labels

    def remove_config(self, name: str) -> None:
        self.log.append(f"remove config {name}")
        del self.stored[name]

    def configs_of(self, service: str) -> tuple[str, ...]:
        return self.mounted.get(service, ())

"""Where data is expected: a service that had data once is never started on an empty volume of another node.

A config of the Swarm says so. The stack mounts it into the containers of the service, and their start script
(docker/config/data/expected.sh) ends instead of starting on an empty volume. The config is not part of the stack:
it stays when the stack is removed and its volumes are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from rofecare_infra.engine import LABEL_STACK, Engine, Node, Reach
from rofecare_infra.errors import CommandError
from rofecare_infra.platform import LABEL_DATA_OF, LABEL_VOLUME_OF
from rofecare_infra.process import Result, run
from rofecare_infra.state import Clock, poll

# Where the containers find the config.
TARGET = "/run/rofecare/data-expected"
_SERVICE = "com.rofecare.data.service"
_NODE = "com.rofecare.data.node"
# Of the volumes of a project: those that the stack made, and those of a production platform on one server.
_LABELS = (LABEL_STACK, LABEL_VOLUME_OF)
# An answer of the manager, in seconds: it does not wait for tasks.
_QUICK = 60.0


@dataclass(frozen=True)
class Expected:
    """Where the data of a service is."""

    service: str
    node: str
    config: str


def config_name(project: str, service: str) -> str:
    """The name of the config of a service with data."""
    return f"{project}-data-{service}"


def expected(engine: Engine, project: str) -> dict[str, Expected]:
    """Service -> where its data is, of all services of the project that had data once."""
    found = engine.configs(f"{LABEL_DATA_OF}={project}")
    return {
        labels[_SERVICE]: Expected(labels[_SERVICE], labels.get(_NODE, ""), name)
        for name, labels in found.items()
        if _SERVICE in labels
    }


def expect(engine: Engine, project: str, service: str, node: str) -> bool:
    """Record that the data of a service is on this node, unless that is recorded. Returns whether it was new.

    Containers see the config once the stack that mounts it is deployed.
    """
    if service in expected(engine, project):
        return False
    labels = {LABEL_DATA_OF: project, _SERVICE: service, _NODE: node}
    engine.make_config(config_name(project, service), f"{service} on {node}\n", labels)
    return True


def left_behind(engine: Engine, project: str, service: str, node: Node) -> str:
    """The other node that has the data of a service; empty if it has none, or on this node."""
    found = expected(engine, project).get(service)
    return found.node if found is not None and found.node != node.hostname else ""


def not_moved(service: str, node: Node, place: str) -> CommandError:
    """The error for a service that is about to be pinned away from its data."""
    return CommandError(
        f"{service} is not moved to {node.hostname}",
        seen=f"its data is on {place}, and data does not move with a service",
        expected=f"{service} on {place}, or --without-data: it then begins with an empty volume",
        next_step=f"inv place {service} {place}; if {place} is lost for good: docs/swarm.md#the-day-a-node-dies",
    )


def remove(project: str, ways: Mapping[str, Reach], clock: Clock) -> tuple[str, ...]:
    """Remove all volumes of the project from these nodes, once their containers are gone; `node: volume` for each.

    Raises CommandError for a volume that stays in use.
    """
    removed: list[str] = []
    for node, way in ways.items():
        names = {name for label in _LABELS for name in _volumes(way, f"{label}={project}")}
        for name in sorted(names):
            # The Swarm removes the containers of its tasks a moment after their end.
            look = partial(_removed, way, name)
            *_, result = poll(look, lambda one: one.ok, every=1.0, timeout=_QUICK, clock=clock)
            if not result.ok:
                raise CommandError(
                    f"the volume {name} on {node} is not removed",
                    seen=result.last,
                    expected="a volume that no container uses",
                    next_step=f"{' '.join(way.words)} ps --all --filter volume={name}; then the same command again",
                )
            removed.append(f"{node}: {name}")
    return tuple(removed)


def _volumes(way: Reach, label: str) -> list[str]:
    return way.docker("volume", "ls", "--quiet", "--filter", f"label={label}").stdout.split()


def _removed(way: Reach, name: str) -> Result:
    return way.docker("volume", "rm", name, check=False)


def forget(engine: Engine, project: str, service: str) -> None:
    """Expect no data of a service any longer: it may start on an empty volume. If it exists, it is updated."""
    found = expected(engine, project).get(service)
    if found is None:
        return
    task = f"{project}_{service}"
    if found.config in engine.configs_of(task):
        argv = ["docker", "service", "update", "--detach", "--quiet", "--config-rm", found.config, task]
        run(argv, timeout=_QUICK)
    engine.remove_config(found.config)


def forget_all(engine: Engine, project: str) -> None:
    """The same for all services of the project, whose stack and data are removed."""
    for service in expected(engine, project):
        forget(engine, project, service)

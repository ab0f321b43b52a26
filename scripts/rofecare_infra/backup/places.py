"""On which engine each volume is: on one server on its own, on a stack on that of the node of its service."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from rofecare_infra import swarm
from rofecare_infra.backup.helper import Helper
from rofecare_infra.engine import LABEL_STACK, Reach, StackEngine
from rofecare_infra.engine.reach import HERE
from rofecare_infra.errors import VerificationError
from rofecare_infra.platform import LABEL_VOLUME_OF
from rofecare_infra.process import to_end
from rofecare_infra.project import Project


@dataclass(frozen=True)
class Place:
    """An engine with volumes; `node` is empty on one server."""

    node: str = ""
    way: Reach = HERE


def places(project: Project, volumes: Collection[str]) -> dict[str, Place]:
    """Volume -> its place. Raises VerificationError for one whose service is pinned to no node of the Swarm."""
    engine, platform = project.engine, project.platform
    if not isinstance(engine, StackEngine):
        return dict.fromkeys(volumes, Place())
    nodes = {node.hostname: node for node in swarm.nodes.nodes(engine)}
    pinned = swarm.placement.pinned(platform.project, nodes.values())
    found: dict[str, Place] = {}
    for volume in volumes:
        users = [one.name for one in platform.services if volume in one.mount_points]
        node = next((pinned[name] for name in users if name in pinned), "")
        if node not in nodes:
            raise VerificationError(
                f"the volume {volume} is on no node of the Swarm",
                seen=f"{', '.join(users) or 'no service'} is pinned to no node",
                expected="a node for each service with data",
                next_step="inv deploy",
            )
        found[volume] = Place(node, engine.way_to(nodes[node]))
    return found


def existing(project: Project, volumes: Collection[str]) -> dict[str, str]:
    """Those of these volumes that exist, and their names on their engines."""
    names, there = names_of(project, volumes), places(project, volumes)
    if not project.stack:
        return {one: name for one, name in names.items() if name in project.engine.volumes_named(name)}
    known = {place: place.way.docker("volume", "ls", "--quiet").stdout.split() for place in {*there.values()}}
    return {one: name for one, name in names.items() if name in known[there[one]]}


def make(project: Project, volumes: Collection[str]) -> None:
    """Create volumes on the nodes of a stack, as its services would."""
    names = names_of(project, volumes)
    for volume, place in places(project, volumes).items():
        labels = [f"{label}={project.platform.project}" for label in (LABEL_VOLUME_OF, LABEL_STACK)]
        place.way.docker("volume", "create", *(word for one in labels for word in ("--label", one)), names[volume])


def names_of(project: Project, volumes: Collection[str]) -> dict[str, str]:
    """The volumes in the compose files -> their names on the engine."""
    return {one: project.platform.volumes.get(one, one) for one in volumes}


@contextmanager
def helpers(
    project: Project, image: str, volumes: Collection[str], *, writable: bool = False
) -> Iterator[Mapping[str, Helper]]:
    """Volume -> the container that reads or replaces it, one on each engine. `image` is that of a database."""
    groups: dict[Place, list[str]] = {}
    for volume, place in places(project, volumes).items():
        groups.setdefault(place, []).append(volume)
    _provide(image, groups)
    with ExitStack() as stack:
        found: dict[str, Helper] = {}
        for place, mine in groups.items():
            helper = Helper(
                project.platform.project,
                image,
                names_of(project, mine),
                docker=place.way.words,
                writable=writable,
            )
            found |= dict.fromkeys(mine, stack.enter_context(helper))
        yield found


def _provide(image: str, places: Iterable[Place]) -> None:
    """Send the image of a database to those of these nodes that run none."""
    lacking = [one for one in places if one.node and not one.way.docker("image", "inspect", image, check=False).ok]
    if lacking:
        to_end(swarm.images.provide({one.node: (image,) for one in lacking}, {one.node: one.way for one in lacking}))

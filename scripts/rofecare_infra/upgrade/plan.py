"""What an upgrade would change, service by service: looked at, nothing done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rofecare_infra.engine import Container
from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.gates import observe
from rofecare_infra.platform import Service
from rofecare_infra.project import Project

_SHORT = 12


@dataclass(frozen=True)
class Change:
    """One service: what it runs now, and what it is to run."""

    service: str
    image: str
    image_id: str
    new_image: str
    # Empty where the image is not on this machine yet.
    new_image_id: str
    # Whether its settings, mounts or limits differ from those that its containers were made with.
    configuration: bool

    @property
    def differs(self) -> bool:
        """Whether its containers are replaced."""
        return self.image_id != self.new_image_id or self.configuration

    @property
    def row(self) -> tuple[str, str, str, str]:
        """The change as a line of a table."""
        then = self.new_image_id and _short(self.new_image_id)
        return (
            self.service,
            f"{self.image} {_short(self.image_id)}",
            "the same" if self.image_id == self.new_image_id else f"{self.new_image} {then or '(to be had)'}",
            "changed" if self.configuration else "",
        )


@dataclass(frozen=True)
class Plan:
    """All services, in start order."""

    changes: tuple[Change, ...]

    @property
    def differing(self) -> tuple[str, ...]:
        """The services whose containers are replaced."""
        return tuple(one.service for one in self.changes if one.differs)


def plan_of(target: Project) -> Plan:
    """What runs now against what `target` describes. Raises ServiceFailedError unless all of it is ready."""
    containers = target.engine.containers(target.platform.project)
    hashes = target.compose.hashes(target.platform, {one.config_hash for one in containers})
    services = [service for stage in target.platform.stages() for service in stage.services]
    _refuse_unless_ready(services, containers)
    return Plan(tuple(_change(target, service, containers, hashes) for service in services))


def _change(
    target: Project, service: Service, containers: tuple[Container, ...], hashes: Mapping[str, frozenset[str]]
) -> Change:
    mine = [one for one in containers if one.service == service.name]
    found = target.engine.image(service.image)
    known = hashes.get(service.name, frozenset())
    # The name of the image is part of what is hashed: a new one alone is no other configuration.
    same_name = all(one.image == service.image for one in mine)
    return Change(
        service.name,
        mine[0].image if mine else "nothing",
        mine[0].image_id if mine else "",
        service.image,
        found.id if found is not None else "",
        bool(mine) and same_name and any(one.config_hash not in known for one in mine),
    )


def _refuse_unless_ready(services: list[Service], containers: tuple[Container, ...]) -> None:
    # A service that is new in the compose files has nothing yet that could be ill.
    there = {one.service for one in containers}
    seen = observe(
        [one for one in services if one.name in there], containers, {one.id: one.restarts for one in containers}, 0.0
    )
    unready = seen.unready if there else {"the platform": "not started"}
    for name, why in unready.items():
        raise ServiceFailedError(
            f"nothing is upgraded while {name} is not ready",
            seen=why,
            expected="every service ready: what was broken before could not be told from what an upgrade breaks",
            next_step="inv status; inv start-all",
        )


def _short(image_id: str) -> str:
    return image_id.removeprefix("sha256:")[:_SHORT]

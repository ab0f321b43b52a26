"""Lifts the CPU limits of containers while they start, and restores them when they are ready.

A limit protects the services that work from each other; a service that starts needs several times as much for a moment.
What is lifted follows from what is seen: a command that was killed leaves nothing that the next look does not correct.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from rofecare_infra.engine import Container, Engine, lock_of
from rofecare_infra.errors import RofecareError
from rofecare_infra.platform import Platform, Service
from rofecare_infra.process import Fate, run
from rofecare_infra.project import Project

# Timeout in seconds: the engine writes a few numbers.
_QUICK = 60.0


def corrections(
    services: Sequence[Service], containers: Sequence[Container], starting: Collection[str], cores: int
) -> dict[float, tuple[str, ...]]:
    """Limit -> the ids of the running containers that should have it and do not.

    It is all `cores` for the services that are `starting`, and for the others what the compose files say. Services
    without a limit there are left alone, as are containers whose limit is none.
    """
    found: dict[float, tuple[str, ...]] = {}
    limits = {service.name: service.cpus for service in services if service.cpus}
    for one in containers:
        if one.service not in limits or one.status != "running" or not one.cpus:
            continue
        wanted = max(float(cores), limits[one.service]) if one.service in starting else limits[one.service]
        if one.cpus != wanted:
            found[wanted] = (*found.get(wanted, ()), one.id)
    return found


def update(limits: Mapping[float, Sequence[str]]) -> None:
    """Set the limits of running containers; one that has ended meanwhile is left alone."""
    for cpus, containers in limits.items():
        run(["docker", "update", "--cpus", f"{cpus:g}", *containers], timeout=_QUICK, check=False)


def restore(platform: Platform, engine: Engine) -> None:
    """Restore every limit of the compose files."""
    if any(service.cpus for service in platform.services):
        update(corrections(platform.services, engine.containers(platform.project), (), 0))


def restore_unless_changing(project: Project) -> None:
    """Restore the limits that a killed start left lifted, for a command that changes nothing else.

    While another command changes the platform, they are left to that command.
    """
    with suppress(RofecareError):  # what the command prints does not depend on it
        lock = lock_of(project.engine, project.platform.project)
        if lock is None or lock.fate is Fate.ENDED:
            restore(project.platform, project.engine)

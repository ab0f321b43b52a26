"""The services around the databases during a restore: their users, the ingress, and caches of their content."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from contextlib import suppress

from rofecare_infra import lifecycle
from rofecare_infra.engine import Container
from rofecare_infra.errors import CommandError, RofecareError
from rofecare_infra.lifecycle import stop_in_stages
from rofecare_infra.platform import MONITORING, Platform, Service, is_ingress
from rofecare_infra.process import inside, run
from rofecare_infra.progress import Event, Note, Working, listed
from rofecare_infra.project import Project
from rofecare_infra.state import SYSTEM_CLOCK, Clock

_CACHES = {"redis", "valkey", "keydb"}
# The password is one of the container's secrets, or there is none: try each.
_FLUSH = """
for secret in /dev/null /run/secrets/*; do
  [ -r "$secret" ] || continue
  REDISCLI_AUTH=$(cat "$secret")
  export REDISCLI_AUTH
  answer=$(redis-cli FLUSHALL 2>&1)
  [ "$answer" = OK ] && exit 0
done
echo "$answer" >&2
exit 1
"""


def uses(service: Service, database: str) -> bool:
    """Whether a service uses the database of another: it depends on it, or has its name in its environment."""
    mention = re.compile(rf"(?<![\w.-]){re.escape(database)}(?![\w-])")
    return database in service.depends_on or any(mention.search(value) for value in service.environment.values())


def users_of(platform: Platform, databases: Iterable[str]) -> frozenset[str]:
    """The services that use these databases, without the monitoring."""
    wanted = set(databases)
    return frozenset(
        service.name
        for service in platform.services
        if service.name not in wanted
        and service.phase != MONITORING
        and any(uses(service, database) for database in wanted)
    )


def caches_of(platform: Platform) -> tuple[str, ...]:
    """The services that cache the content of databases: Redis and compatible servers."""
    return tuple(
        service.name
        for service in platform.services
        if service.replicas and service.image.rpartition("/")[2].partition(":")[0].partition("@")[0] in _CACHES
    )


def running_users(project: Project, databases: Iterable[str]) -> tuple[Container, ...]:
    """The running containers that use these databases, without those of the ingress."""
    users = users_of(project.platform, databases)
    found = project.engine.containers(project.platform.project)
    return tuple(one for one in found if one.is_up and one.service in users and not is_ingress(one.labels))


def stop(project: Project, containers: tuple[Container, ...]) -> Generator[Event, None, None]:
    """Stop these containers and remove them, so that a restarted engine does not start them."""
    yield from stop_in_stages(project.engine, project.platform, containers, SYSTEM_CLOCK)
    for container in containers:
        with suppress(RofecareError):
            project.engine.remove(container.id, force=True)


def start(project: Project, names: Iterable[str], clock: Clock = SYSTEM_CLOCK) -> Generator[Event, None, None]:
    """Start these services only, stage by stage behind the gate."""
    wanted = set(names)
    if wanted:
        services = [service for service in project.platform.services if service.name in wanted]
        yield from lifecycle.start(project.only(services), clock=clock)


def start_missing(project: Project, names: Iterable[str]) -> Generator[Event, None, None]:
    """Start those of these services that are not running; running ones stay as they are."""
    up = {one.service for one in project.engine.containers(project.platform.project) if one.status == "running"}
    missing = [name for name in names if name not in up]
    if missing:
        yield Note(f"starting required services: {listed(missing)}")
    yield from start(project, missing)


def restart_without_gate(
    project: Project, behind: Iterable[str], *, ingress: bool = False
) -> Generator[Event, None, None]:
    """Start services again that ran before, then the ingress if it was open, without waiting until they are ready."""
    known = {service.name for service in project.platform.services}
    wanted = [name for name in behind if name in known]
    if wanted:
        yield Working(f"starting {listed(wanted)} again")
        started = yield from lifecycle.start_ungated(project, wanted)
        again = f"not all services started again: {project.start_command}"
        yield Note(f"{listed(wanted)} started again" if started else again)
    if ingress:
        yield from lifecycle.open_ingress(project, SYSTEM_CLOCK, gated=False)


def flush(project: Project) -> Generator[Event, None, None]:
    """Empty the caches, which hold data of the previous state. Raises CommandError if one cannot be emptied."""
    for name in caches_of(project.platform):
        for container in project.engine.containers(project.platform.project):
            if container.service != name or container.status != "running":
                continue
            result = run(inside(container, "sh", "-c", _FLUSH), check=False, timeout=60)
            if not result.ok:
                raise CommandError(
                    f"{name} cannot be emptied",
                    seen=result.last,
                    expected="OK: it holds copies of the previous data",
                    next_step=f"inv logs {name}; then the same command again",
                )
            yield Note(f"{name} emptied: it held copies of the previous data")

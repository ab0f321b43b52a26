"""Starts the platform in stages: running containers are left alone, and what a service needs is ready before it starts.

The phases follow each other. Inside a phase a service starts as soon as the services that it needs are ready, whatever
else of the stage before it is still starting.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from itertools import groupby

from rofecare_infra.engine import Container
from rofecare_infra.errors import RofecareError, ServiceFailedError
from rofecare_infra.gates import observe
from rofecare_infra.kafka import broker_of, grant_rights
from rofecare_infra.lifecycle import addresses, cpus, failure, replicas
from rofecare_infra.lifecycle.phase import Phase, Seen, Wanted
from rofecare_infra.monitoring import grant_monitoring_access
from rofecare_infra.platform import MONITORING, Service
from rofecare_infra.progress import Event, output_of
from rofecare_infra.project import Project, ensure_images
from rofecare_infra.state import SYSTEM_CLOCK, Clock


def _ignore(_seen: Seen) -> None:
    """Nothing watches the start."""


def start(
    project: Project,
    *,
    phases: Iterable[str] | None = None,
    clock: Clock = SYSTEM_CLOCK,
    watch: Callable[[Seen], None] = _ignore,
) -> Generator[Event, None, tuple[Container, ...]]:
    """Start the stages of these phases (default: all); return their containers, every one of them ready.

    `watch` is called with every poll. Raises ServiceFailedError or GateTimeoutError for the first phase that does not
    become ready, CommandError when something cannot be started at all.
    """
    stages = project.platform.stages(phases)
    services = [service for stage in stages for service in stage.services]
    if project.stack:
        yield from replicas.start(project, phases, clock)
        return _all_ready(project, services)
    images = yield from ensure_images(project, services, clock)
    containers = project.engine.containers(project.platform.project)
    names = {service.name for service in services}
    carried = {one.config_hash for one in containers if one.service in names}
    wanted = Wanted(project.compose.hashes(project.platform, carried), images)
    # Checked before the first container is started: later, each of these would stop the start half way.
    taken = failure.taken_port(project.platform, wanted.outdated(services, containers), project.engine)
    refusal = taken or addresses.shortage(project.platform, project.engine)
    if refusal is not None:
        raise refusal
    limited = any(service.cpus for service in services)
    cores = project.engine.machine().cores if limited else 0
    broker = broker_of(project.platform)
    try:
        with project.engine.awake(project.platform.project, clock) as woken:
            numbered = [*enumerate(stages, 1)]
            for phase, group in groupby(numbered, key=lambda one: one[1].phase):
                if phase == MONITORING:
                    if broker is not None and broker.name not in names:
                        # The monitoring is a user of the broker, too, and may be started alone.
                        yield from grant_rights(project.platform, project.engine)
                    yield from grant_monitoring_access(project.platform, project.engine)
                mine = dict(group)
                later = [service for stage in stages[max(mine) :] for service in stage.services]
                yield from Phase(project, mine, len(stages), wanted, woken, watch, cores).start(later)
                if broker is not None and any(broker in stage.services for stage in mine.values()):
                    yield from grant_rights(project.platform, project.engine)
    finally:
        # After a failure or ^C, some services are neither ready nor waited for any more.
        with suppress(RofecareError):
            cpus.restore(project.platform, project.engine)
    return _all_ready(project, services)


def start_ungated(project: Project, names: Sequence[str]) -> Generator[Event, None, bool]:
    """Start these services without waiting until they are ready; return whether that was possible."""
    if project.stack:
        try:
            replicas.scale_named(project, names)
        except RofecareError:
            return False
        return True
    result = yield from output_of(project.compose.up(names))
    return result.ok


def _all_ready(project: Project, services: Sequence[Service]) -> tuple[Container, ...]:
    """Check all services together: one may fail while a later stage is started."""
    containers = project.engine.containers(project.platform.project)
    restarts = {container.id: container.restarts for container in containers}
    last = observe(services, containers, restarts, 0.0)
    if last.failed:
        raise failure.failed(project.platform, project.engine, last)
    for name, verdict in last.pending.items():
        raise ServiceFailedError(
            f"{name} is no longer ready",
            seen=verdict.reason,
            expected="every service ready at the same moment",
            next_step="run the same command again: ready services stay as they are",
        )
    return last.containers

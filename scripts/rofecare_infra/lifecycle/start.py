"""Starts the platform in stages: running containers are left alone, and a stage waits for the one before it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rofecare_infra.engine import Container, Engine
from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.gates import Observation, has_completed, observe, wait
from rofecare_infra.lifecycle import addresses, failure
from rofecare_infra.monitoring import grant_monitoring_access
from rofecare_infra.platform import MONITORING, Platform, Service, Stage
from rofecare_infra.progress import Event, Observed, StageBegan, StageReady, output_of
from rofecare_infra.project import Project, ensure_images
from rofecare_infra.state import SYSTEM_CLOCK, Clock


def start(
    project: Project,
    *,
    phases: Iterable[str] | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, tuple[Container, ...]]:
    """Start the stages of these phases (default: all); return their containers, every one of them ready.

    Raises ServiceFailedError or GateTimeoutError for the first stage that does not become ready, CommandError when
    something cannot be started at all.
    """
    stages = project.platform.stages(phases)
    services = [service for stage in stages for service in stage.services]
    images = yield from ensure_images(project, services, clock)
    containers = project.engine.containers(project.platform.project)
    names = {service.name for service in services}
    carried = {one.config_hash for one in containers if one.service in names}
    wanted = _Wanted(project.compose.hashes(project.platform, carried), images)
    # Checked before the first container is started: later, each of these would stop the start half way.
    taken = failure.taken_port(project.platform, wanted.outdated(services, containers), project.engine)
    refusal = taken or addresses.shortage(project.platform, project.engine)
    if refusal is not None:
        raise refusal
    first_of_monitoring = next((stage for stage in stages if stage.phase == MONITORING), None)
    for number, stage in enumerate(stages, 1):
        if stage is first_of_monitoring:
            yield from grant_monitoring_access(project.platform, project.engine)
        yield from _start_stage(project, stage, (number, len(stages)), wanted, clock)
    return _all_ready(project, services)


@dataclass(frozen=True)
class _Wanted:
    """What containers are compared with; read once for a whole start."""

    # Service -> the hashes of its configuration.
    hashes: Mapping[str, frozenset[str]]
    # Name of an image -> its id.
    images: Mapping[str, str]

    def outdated(self, services: Iterable[Service], containers: Sequence[Container]) -> tuple[Service, ...]:
        """The services that have to be created, started or replaced."""
        return tuple(service for service in services if not self._runs(service, containers))

    def _runs(self, service: Service, containers: Sequence[Container]) -> bool:
        mine = [container for container in containers if container.service == service.name]
        return len(mine) == service.replicas and all(
            _is_up_or_done(service, container)
            and container.config_hash in self.hashes.get(service.name, ())
            and container.image_id == self.images.get(service.image)
            for container in mine
        )


def _start_stage(
    project: Project,
    stage: Stage,
    place: tuple[int, int],
    wanted: _Wanted,
    clock: Clock,
) -> Generator[Event, None, None]:
    began = clock.monotonic()
    # Looked at again: a container may have ended while an earlier stage was started.
    before = project.engine.containers(project.platform.project)
    services = wanted.outdated(stage.services, before)
    outdated = tuple(service.name for service in services)
    restarts = {container.id: container.restarts for container in before}
    if outdated or observe(stage.services, before, restarts, 0.0).pending:
        yield StageBegan(stage.phase, *place, outdated or stage.names)
    if outdated:
        result = yield from output_of(project.compose.up(outdated))
        if not result.ok:
            raise failure.not_started(project.platform, services, project.engine, result)
    yield from until_ready(
        project.platform,
        project.engine,
        stage.services,
        # The engine resets the count of a container that it creates or starts.
        restarts_before={one.id: one.restarts for one in before if one.service not in outdated},
        timeout=project.settings.gate_timeout,
        clock=clock,
    )
    yield StageReady(stage.phase, *place, stage.names, outdated, clock.monotonic() - began)


def until_ready(
    platform: Platform,
    engine: Engine,
    services: Sequence[Service],
    *,
    restarts_before: Mapping[str, int],
    timeout: float,
    clock: Clock,
) -> Generator[Event, None, None]:
    """Report on these services until all are ready. Raises ServiceFailedError, or GateTimeoutError after `timeout`."""
    last = yield from _watched(
        wait(
            services,
            lambda: engine.containers(platform.project),
            restarts_before=restarts_before,
            timeout=timeout,
            clock=clock,
        )
    )
    if last.failed:
        raise failure.failed(platform, engine, last)
    if last.pending:
        raise failure.timed_out(platform, engine, last, timeout)


def _watched(observations: Generator[Observation, None, Observation]) -> Generator[Event, None, Observation]:
    while True:
        try:
            seen = next(observations)
        except StopIteration as end:
            last: Observation = end.value
            return last
        unready = seen.unready
        yield Observed(seen.waited, {name: unready.get(name, "") for name in seen.verdicts})


def _is_up_or_done(service: Service, container: Container) -> bool:
    # A paused container is left to the gate, which reports it: it was paused on purpose.
    return has_completed(service, container) or container.status in {"running", "restarting", "paused"}


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

"""Starts stage by stage: what is ready is not touched, and no stage begins before the one before it is ready."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

from rofecare_infra.engine import Container, Engine
from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.gates import Observation, has_done_its_work, observe, wait
from rofecare_infra.lifecycle import failure
from rofecare_infra.monitoring import grant_monitoring_access
from rofecare_infra.platform import MONITORING, Platform, Service, Stage
from rofecare_infra.progress import Event, Observed, StageBegan, StageReady, output_of
from rofecare_infra.project import Project, ensure_images


def start(
    project: Project,
    *,
    phases: Iterable[str] | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Generator[Event, None, tuple[Container, ...]]:
    """Start the stages of these phases (all unless given); return the containers, every one of them seen ready.

    Raises ServiceFailedError or GateTimeoutError for the first stage that does not become ready, CommandError when
    something cannot be started at all.
    """
    stages = project.platform.stages(phases)
    services = [service for stage in stages for service in stage.services]
    yield from ensure_images(project, services, sleep)
    hashes = project.compose.hashes(project.platform)
    containers = project.engine.containers(project.platform.project)
    to_start = [name for stage in stages for name in _outdated(project, stage, containers, hashes)]
    # Before the first container is started: a port that is taken is better known now than in phase 3.
    taken = failure.taken_port(
        project.platform, [service for service in services if service.name in to_start], project.engine
    )
    if taken is not None:
        raise taken
    watched = [stage for stage in stages if stage.phase == MONITORING]
    for number, stage in enumerate(stages, 1):
        if stage in watched[:1]:
            yield from grant_monitoring_access(project.platform, project.engine)
        yield from _start_stage(project, stage, (number, len(stages)), hashes, clock, sleep)
    return _all_ready(project, services)


def _start_stage(
    project: Project,
    stage: Stage,
    place: tuple[int, int],
    hashes: Mapping[str, frozenset[str]],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Generator[Event, None, None]:
    began = clock()
    before = project.engine.containers(project.platform.project)
    outdated = _outdated(project, stage, before, hashes)
    restarts = {container.id: container.restarts for container in before}
    if outdated or observe(stage.services, before, restarts, 0.0).pending:
        yield StageBegan(stage.phase, *place, outdated or stage.names)
    if outdated:
        result = yield from output_of(project.compose.up(outdated))
        if not result.ok:
            concerned = [service for service in stage.services if service.name in outdated]
            raise failure.not_started(project.platform, concerned, project.engine, result)
    yield from until_ready(
        project.platform,
        project.engine,
        stage.services,
        # The engine counts anew for what it starts anew.
        restarts_before={one.id: one.restarts for one in before if one.service not in outdated},
        timeout=project.settings.gate_timeout,
        clock=clock,
        sleep=sleep,
    )
    yield StageReady(stage.phase, *place, stage.names, outdated, clock() - began)


def until_ready(
    platform: Platform,
    engine: Engine,
    services: Sequence[Service],
    *,
    restarts_before: Mapping[str, int],
    timeout: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Generator[Event, None, None]:
    """Tell of these services until all are ready. Raises ServiceFailedError or GateTimeoutError (`timeout` seconds)."""
    last = yield from _watched(
        wait(
            services,
            lambda: engine.containers(platform.project),
            restarts_before=restarts_before,
            timeout=timeout,
            clock=clock,
            sleep=sleep,
        )
    )
    if last.failed:
        raise failure.failed(platform, engine, last)
    if last.pending:
        raise failure.timed_out(engine, last, timeout)


def _watched(observations: Generator[Observation, None, Observation]) -> Generator[Event, None, Observation]:
    while True:
        try:
            seen = next(observations)
        except StopIteration as end:
            last: Observation = end.value
            return last
        unready = seen.unready
        yield Observed(seen.waited, {name: unready.get(name, "") for name in seen.verdicts})


def _outdated(
    project: Project, stage: Stage, containers: Sequence[Container], hashes: Mapping[str, frozenset[str]]
) -> tuple[str, ...]:
    """The services of the stage that have to be created, started or replaced."""
    return tuple(
        service.name
        for service in stage.services
        if not _runs_as_described(project, service, containers, hashes.get(service.name, frozenset()))
    )


def _runs_as_described(
    project: Project, service: Service, containers: Sequence[Container], config_hashes: frozenset[str]
) -> bool:
    mine = [container for container in containers if container.service == service.name]
    image = project.engine.image(service.image)
    return len(mine) == service.replicas and all(
        _is_up_or_done(service, container)
        and container.config_hash in config_hashes
        and image is not None
        and container.image_id == image.id
        for container in mine
    )


def _is_up_or_done(service: Service, container: Container) -> bool:
    # A paused one is left to the judge: somebody paused it on purpose.
    return has_done_its_work(service, container) or container.status in {"running", "restarting", "paused"}


def _all_ready(project: Project, services: Sequence[Service]) -> tuple[Container, ...]:
    """The last look at everything together: a service may fall while a later stage starts."""
    containers = project.engine.containers(project.platform.project)
    restarts = {container.id: container.restarts for container in containers}
    last = observe(services, containers, restarts, 0.0)
    if last.failed:
        raise failure.failed(project.platform, project.engine, last)
    for name, verdict in last.pending.items():
        raise ServiceFailedError(
            f"{name} is not ready any more",
            seen=verdict.reason,
            expected="every service ready at the same moment",
            next_step="the same command again: what is ready stays as it is",
        )
    return last.containers

"""Starts the platform in stages: running containers are left alone, and what a service needs is ready before it starts.

The phases follow each other. Inside a phase a service starts as soon as the services that it needs are ready, whatever
else of the stage before it is still starting.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from rofecare_infra.engine import Container, Engine
from rofecare_infra.errors import CommandError, RofecareError, ServiceFailedError
from rofecare_infra.gates import Observation, has_completed, observe, wait
from rofecare_infra.lifecycle import addresses, cpus, failure
from rofecare_infra.lifecycle.side_by_side import side_by_side
from rofecare_infra.monitoring import grant_monitoring_access
from rofecare_infra.platform import MONITORING, Platform, Service, Stage
from rofecare_infra.process import together
from rofecare_infra.progress import Event, Observed, StageBegan, StageReady, output_of
from rofecare_infra.project import Project, ensure_images
from rofecare_infra.state import SYSTEM_CLOCK, Clock


@dataclass(frozen=True)
class Seen:
    """One poll during a start."""

    # The stages that have begun, by their numbers.
    stages: Mapping[int, Stage]
    # The services that this start creates, starts or replaces.
    begun: frozenset[str]
    observation: Observation


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
    limited = any(service.cpus for service in services)
    try:
        with project.engine.awake(project.platform.project, clock) as woken:
            numbered = [*enumerate(stages, 1)]
            for phase, group in groupby(numbered, key=lambda one: one[1].phase):
                if phase == MONITORING:
                    yield from grant_monitoring_access(project.platform, project.engine)
                mine = dict(group)
                later = [service for stage in stages[max(mine) :] for service in stage.services]
                cores = project.engine.machine().cores if limited else 0
                yield from _Phase(project, mine, len(stages), wanted, woken, watch, cores).start(later)
    finally:
        # After a failure or ^C, some services are neither ready nor waited for any more.
        with suppress(RofecareError):
            cpus.restore(project.platform, project.engine)
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


class _Phase:
    """The start of one phase."""

    def __init__(
        self,
        project: Project,
        stages: Mapping[int, Stage],
        total: int,
        wanted: _Wanted,
        clock: Clock,
        watch: Callable[[Seen], None],
        cores: int,
    ) -> None:
        self._project = project
        # By their numbers among all stages of this start.
        self._stages = stages
        self._total = total
        self._wanted = wanted
        self._clock = clock
        self._watch = watch
        # Of the machine, where containers have limits; else 0.
        self._cores = cores
        self._names = {name for stage in stages.values() for name in stage.names}
        self._began = clock.monotonic()
        # Number of a stage -> when it began, for those that did.
        self._begun: dict[int, float] = {}
        self._ready: set[int] = set()
        self._outdated: set[str] = set()
        # Services that have to wait for others, and those that are waited for.
        self._waiting: list[Service] = []
        self._watched: list[Service] = []
        self._restarts: dict[str, int] = {}

    def start(self, later: Sequence[Service]) -> Generator[Event, None, None]:
        """Start the phase; meanwhile create the containers of `later` services that have none."""
        engine, name = self._project.engine, self._project.platform.project
        # Looked at again: a container may have ended while an earlier phase was started.
        before = engine.containers(name)
        services = [service for stage in self._stages.values() for service in stage.services]
        self._waiting = [*self._wanted.outdated(services, before)]
        self._outdated = {service.name for service in self._waiting}
        self._watched = [service for service in services if service.name not in self._outdated]
        # The engine resets the count of a container that it creates or starts.
        self._restarts = {one.id: one.restarts for one in before if one.service not in self._outdated}
        present = {one.service for one in before}
        absent = [service for service in later if service.name not in present]
        yield from self._advance(observe(self._watched, before, self._restarts, 0.0))
        if self._outdated and absent:
            # Not only names: compose would replace a running container whose configuration changed.
            steps: list[Callable[[], Generator[Event, None, None]]]
            steps = [self._until_ready, partial(_created, self._project, absent)]
            yield from together(steps, at_once=len(steps))
        else:
            yield from self._until_ready()

    def _until_ready(self) -> Generator[Event, None, None]:
        platform, engine = self._project.platform, self._project.engine
        timeout = self._project.settings.gate_timeout
        while True:
            seen = None
            for seen in wait(
                self._watched,
                partial(engine.containers_of, platform.project, {one.name for one in self._watched}),
                restarts_before=self._restarts,
                timeout=timeout,
                clock=self._clock,
            ):
                self._see(seen)
                yield _observed(seen, self._clock.monotonic() - self._began)
                if seen.failed:
                    raise failure.failed(platform, engine, seen)
                if self._startable(seen.ready):
                    break
                yield from self._advance(seen)
            if seen is None or not self._startable(seen.ready):
                break
            yield from self._advance(seen)
        if seen is not None and seen.pending:
            raise failure.timed_out(platform, engine, seen, timeout)

    def _advance(self, seen: Observation) -> Generator[Event, None, None]:
        """Start what can be started now, and report the stages that began or are ready."""
        startable = self._startable(seen.ready)
        for number, stage in self._stages.items():
            mine = [name for name in stage.names if name in self._outdated]
            begins = any(service in startable for service in stage.services) or {*stage.names} & {*seen.pending}
            if begins and number not in self._begun:
                self._begun[number] = self._clock.monotonic()
                yield StageBegan(stage.phase, number, self._total, tuple(mine) or stage.names)
        if startable:
            self._waiting = [service for service in self._waiting if service not in startable]
            yield from self._bring_up(startable)
            self._watched = [*self._watched, *startable]
        for number, stage in self._stages.items():
            if number in self._ready:
                continue
            # In their order: a stage is not ready before the one that it follows.
            if not {*stage.names} <= {*seen.ready} - {service.name for service in startable}:
                break
            self._ready.add(number)
            seconds = self._clock.monotonic() - self._begun.get(number, self._began)
            started = tuple(name for name in stage.names if name in self._outdated)
            yield StageReady(stage.phase, number, self._total, stage.names, started, seconds)

    def _startable(self, ready: Collection[str]) -> list[Service]:
        """What waits, and whose dependencies in this phase are ready."""
        return [service for service in self._waiting if {*service.depends_on} & self._names <= {*ready}]

    def _bring_up(self, services: Sequence[Service]) -> Generator[Event, None, None]:
        """Start the containers that were created ahead; leave everything else to compose."""
        engine, platform = self._project.engine, self._project.platform
        names = {service.name for service in services}
        images = {service.name: self._wanted.images.get(service.image) for service in services}
        created = [
            one
            for one in engine.containers_of(platform.project, names)
            if self._is_created(one) and one.image_id == images[one.service]
        ]
        if len(created) == sum(service.replicas for service in services):
            try:
                side_by_side(engine.start, [one.id for one in created])
            except CommandError:
                pass  # compose tries again, and its message is the one that is known
            else:
                return
        result = yield from output_of(self._project.compose.up([service.name for service in services]))
        if not result.ok:
            error = failure.not_started(platform, services, engine, result)
            # Some of them may have been started nevertheless.
            self._see(observe(services, engine.containers_of(platform.project, names), self._restarts, 0.0))
            raise error

    def _see(self, seen: Observation) -> None:
        begun = {number: stage for number, stage in self._stages.items() if number in self._begun}
        self._watch(Seen(begun, frozenset(self._outdated), seen))
        if self._cores:
            cpus.update(cpus.corrections(self._watched, seen.containers, seen.pending, self._cores))

    def _is_created(self, one: Container) -> bool:
        described = one.config_hash in self._wanted.hashes.get(one.service, ()) or not self._wanted.hashes
        return one.status == "created" and not one.error and described


def _created(project: Project, services: Sequence[Service]) -> Generator[Event, None, None]:
    """Create containers without starting them; what cannot be created is reported when it is started."""
    yield from output_of(project.compose.create(services))


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
    names = {service.name for service in services}
    look = partial(engine.containers_of, platform.project, names)
    with engine.awake(platform.project, clock) as woken:
        for seen in wait(services, look, restarts_before=restarts_before, timeout=timeout, clock=woken):
            yield _observed(seen, seen.waited)
    if seen.failed:
        raise failure.failed(platform, engine, seen)
    if seen.pending:
        raise failure.timed_out(platform, engine, seen, timeout)


def _observed(seen: Observation, waited: float) -> Observed:
    unready = seen.unready
    return Observed(waited, {name: unready.get(name, "") for name in seen.verdicts})


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

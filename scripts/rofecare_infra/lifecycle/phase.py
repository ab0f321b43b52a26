"""The start of one phase: services start when what they need is ready; later containers are created meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from rofecare_infra.engine import Container
from rofecare_infra.errors import CommandError
from rofecare_infra.gates import Observation, has_completed, observe, wait
from rofecare_infra.lifecycle import cpus, failure
from rofecare_infra.lifecycle.crash import Crashes
from rofecare_infra.lifecycle.side_by_side import side_by_side
from rofecare_infra.platform import Service, Stage
from rofecare_infra.process import together
from rofecare_infra.progress import Event, Observed, StageBegan, StageReady, output_of
from rofecare_infra.project import Project
from rofecare_infra.state import Clock


@dataclass(frozen=True)
class Seen:
    """One poll during a start."""

    # The stages that have begun, by their numbers.
    stages: Mapping[int, Stage]
    # The services that this start creates, starts or replaces.
    begun: frozenset[str]
    observation: Observation


@dataclass(frozen=True)
class Wanted:
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


class Phase:
    """The start of one phase."""

    def __init__(
        self,
        project: Project,
        stages: Mapping[int, Stage],
        total: int,
        wanted: Wanted,
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
        self._crashes = Crashes(project.engine)

    def start(self, later: Sequence[Service]) -> Generator[Event, None, None]:
        """Start the phase; meanwhile create the containers of `later` services that have none."""
        engine, name = self._project.engine, self._project.platform.project
        # Looked at again: a container may have ended while an earlier phase was started.
        before = engine.containers_of(name, self._names)
        services = [service for stage in self._stages.values() for service in stage.services]
        self._waiting = [*self._wanted.outdated(services, before)]
        self._outdated = {service.name for service in self._waiting}
        self._watched = [service for service in services if service.name not in self._outdated]
        # The engine resets the count of a container that it creates or starts.
        self._restarts = {one.id: one.restarts for one in before if one.service not in self._outdated}
        absent: list[Service] = []
        if self._outdated and later:
            present = {one.service for one in engine.containers_of(name, {service.name for service in later})}
            absent = [service for service in later if service.name not in present]
        yield from self._advance(observe(self._watched, before, self._restarts, 0.0))
        if absent:
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
            for polled in wait(
                self._watched,
                partial(engine.containers_of, platform.project, {one.name for one in self._watched}),
                restarts_before=self._restarts,
                timeout=timeout,
                clock=self._clock,
            ):
                seen = self._crashes.judged(polled, self._restarts)
                self._see(seen)
                yield observed(seen, self._clock.monotonic() - self._began)
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
        """Report the stages that are ready, and start what can be started now."""
        for number, stage in self._stages.items():
            if number in self._ready:
                continue
            # In their order: a stage is not ready before the one that it follows.
            if not {*stage.names} <= {*seen.ready}:
                break
            self._ready.add(number)
            seconds = self._clock.monotonic() - self._begun.get(number, self._began)
            started = tuple(name for name in stage.names if name in self._outdated)
            yield StageReady(stage.phase, number, self._total, stage.names, started, seconds)
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


def observed(seen: Observation, waited: float) -> Observed:
    """The event for one poll, after so many seconds."""
    unready = seen.unready
    return Observed(waited, {name: unready.get(name, "") for name in seen.verdicts})


def _is_up_or_done(service: Service, container: Container) -> bool:
    # A paused container is left to the gate, which reports it: it was paused on purpose.
    return has_completed(service, container) or container.status in {"running", "restarting", "paused"}

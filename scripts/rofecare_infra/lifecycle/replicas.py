"""Starts services of a stack that are there and have no replicas: stage by stage, behind the same gate.

Definitions, images and secrets stay as `inv deploy` left them.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Sequence

from rofecare_infra.kafka import broker_of, grant_rights
from rofecare_infra.lifecycle.ready import until_ready
from rofecare_infra.platform import Service
from rofecare_infra.progress import Event, StageBegan, StageReady
from rofecare_infra.project import Project
from rofecare_infra.state import Clock


def start(project: Project, phases: Iterable[str] | None, clock: Clock) -> Generator[Event, None, None]:
    """Give the services of these phases (default: all) their replicas, and wait for each stage.

    Raises ServiceFailedError or GateTimeoutError for the first stage that does not become ready.
    """
    engine, name = project.stack_engine, project.platform.project
    stages = project.platform.stages(phases)
    broker = broker_of(project.platform)
    for number, stage in enumerate(stages, 1):
        began = clock.monotonic()
        names = set(stage.names)
        before = engine.containers_of(name, names)
        yield StageBegan(stage.phase, number, len(stages), stage.names)
        scale(project, stage.services)
        yield from until_ready(
            project.platform,
            engine,
            stage.services,
            restarts_before={one.id: one.restarts for one in engine.containers_of(name, names)},
            timeout=project.settings.gate_timeout,
            clock=clock,
        )
        started = tuple(one for one in stage.names if one not in {seen.service for seen in before if seen.is_up})
        yield StageReady(stage.phase, number, len(stages), stage.names, started, clock.monotonic() - began)
        if broker is not None and broker in stage.services:
            yield from grant_rights(project.platform, engine)


def scale(project: Project, services: Sequence[Service]) -> None:
    """Give these services the replicas of the compose files, without waiting for them. Raises CommandError."""
    project.stack_engine.scale(project.platform.project, {one.name: one.replicas for one in services if one.replicas})


def scale_named(project: Project, names: Collection[str]) -> None:
    """The same of the services with these names."""
    scale(project, [one for one in project.platform.services if one.name in names])

"""The monitoring comes and goes while the platform runs: how it leaves."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

from rofecare_infra.engine import Container, Engine
from rofecare_infra.phases.stop import StopReport, stop_in_stages
from rofecare_infra.platform import LABEL_PHASE, MONITORING, Platform
from rofecare_infra.progress import Event, Working


def stop_monitoring(
    engine: Engine, platform: Platform, *, clock: Callable[[], float] = time.monotonic
) -> Generator[Event, None, StopReport]:
    """Stop and remove what watches, and nothing else; what it has recorded stays."""
    containers = _watchers(engine, platform.project)
    killed = yield from stop_in_stages(engine, platform, containers, clock)
    if containers:
        yield Working("removing containers")
    for container in containers:
        engine.remove(container.id)
    return StopReport(tuple(container.name for container in containers), killed)


def _watchers(engine: Engine, project: str) -> tuple[Container, ...]:
    return tuple(one for one in engine.containers(project) if one.labels.get(LABEL_PHASE) == MONITORING)

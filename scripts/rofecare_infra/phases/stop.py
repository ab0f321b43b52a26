"""Stops in the reverse order of the start, by what the containers themselves say: whatever files they came from."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rofecare_infra import secrets
from rofecare_infra.compose import Compose
from rofecare_infra.engine import Container, Engine
from rofecare_infra.platform import LABEL_PHASE, LAST_PHASE, PHASES, Platform, levels_of
from rofecare_infra.progress import Event, Note, Working, listed
from rofecare_infra.secrets import Inventory

_SIGKILL_CODE = 137
_RUNNING = frozenset({"running", "paused", "restarting"})


@dataclass(frozen=True)
class StopReport:
    """What was stopped and removed."""

    stopped: tuple[str, ...]
    # Containers that did not stop by themselves within their grace period.
    killed: tuple[str, ...]
    volumes: tuple[str, ...] = ()
    secrets: tuple[Path, ...] = ()


def stop(
    engine: Engine,
    compose: Compose,
    platform: Platform,
    *,
    volumes: bool,
    inventory: Inventory | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Generator[Event, None, StopReport]:
    """Stop and remove the project's containers and networks; with `volumes` its volumes and secrets, too."""
    project = platform.project
    containers = engine.containers(project)
    killed: list[str] = []
    for group in reverse_stages(containers, platform):
        names = [container.name for container in group]
        yield Working(f"stopping {listed(names)}")
        began = clock()
        with ThreadPoolExecutor(max_workers=len(group)) as pool:
            # All at once: the slowest sets the time, not their sum.
            list(pool.map(engine.stop, [container.id for container in group]))
        after = [engine.inspect(container.id) for container in group]
        killed += [one.name for one in after if one is not None and one.exit_code == _SIGKILL_CODE]
        yield Note(f"{listed(names)} stopped ({clock() - began:.1f} s)")
    yield Working("removing containers and networks")
    compose.down(project)
    stopped = tuple(container.name for container in containers)
    if not volumes:
        return StopReport(stopped, tuple(killed))
    removed = engine.volumes(project)
    for volume in removed:
        engine.remove_volume(volume)
    return StopReport(stopped, tuple(killed), removed, secrets.remove(inventory) if inventory is not None else ())


def reverse_stages(containers: Sequence[Container], platform: Platform) -> list[list[Container]]:
    """The containers that are up, in groups that may stop together, dependents before what they need.

    The phase is read from the container's own label, what it needs from the model: compose leaves the needs off the
    containers that it starts one stage at a time.
    """
    order = (*PHASES, LAST_PHASE)
    up = [container for container in containers if container.status in _RUNNING]
    described = {service.name: service.depends_on for service in platform.services}
    levels = levels_of({container.service: described.get(container.service, container.depends_on) for container in up})

    def place(container: Container) -> tuple[int, int]:
        phase = container.labels.get(LABEL_PHASE, LAST_PHASE)
        return (order.index(phase) if phase in order else len(order), levels[container.service])

    places = sorted({place(container) for container in up}, reverse=True)
    return [[container for container in up if place(container) == here] for here in places]

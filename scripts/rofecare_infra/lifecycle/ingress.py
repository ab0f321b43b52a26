"""Closes and opens the ingress: the services that accept requests from outside.

The ingress is closed while images or data are replaced. It stays closed when the engine or the machine restarts.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime

from rofecare_infra.engine import Container
from rofecare_infra.lifecycle.start import start
from rofecare_infra.lifecycle.stop import stop_in_stages
from rofecare_infra.platform import LABEL_PHASE, LAST_PHASE, is_ingress
from rofecare_infra.progress import Event, output_of
from rofecare_infra.project import Project
from rofecare_infra.state import Clock

# The phases that may write into a database: neither infrastructure, nor Spring Cloud, nor monitoring.
_WRITERS = frozenset({"business", LAST_PHASE})


def open_services(project: Project) -> tuple[str, ...]:
    """The services of the ingress that accept requests now."""
    return tuple(dict.fromkeys(one.service for one in _containers(project) if one.is_up))


def close_ingress(project: Project, clock: Clock) -> Generator[Event, None, None]:
    """Stop the containers of the ingress, and remove them: a restarted engine would start some of them again."""
    containers = _containers(project)
    yield from stop_in_stages(project.engine, project.platform, containers, clock)
    for container in containers:
        project.engine.remove(container.id)


def open_ingress(project: Project, clock: Clock, *, gated: bool = True) -> Generator[Event, None, None]:
    """Start the ingress behind the gate; without it, only start it. Raises the errors of a start if it is gated."""
    ingress = [one for one in project.platform.services if is_ingress(one.labels) and one.replicas]
    if ingress and gated:
        yield from start(project.only(ingress), clock=clock)
    elif ingress:
        yield from output_of(project.compose.up([one.name for one in ingress]))


def opened_since(project: Project, moment: float) -> str:
    """The container of the ingress that was started after `moment` (Unix time), and when; empty if there is none."""
    late = (one for one in _containers(project) if one.started_at and _unix(one.started_at) > moment)
    return next((f"{one.name} was started at {one.started_at[:19]}Z" for one in late), "")


def is_closed_since(project: Project, moment: float) -> bool:
    """Whether the containers of the ingress prove that none accepted requests after `moment` (Unix time)."""
    containers = _containers(project)
    return bool(containers) and not any(one.is_up for one in containers) and not opened_since(project, moment)


def stop_writers(project: Project, clock: Clock) -> Generator[Event, None, None]:
    """Stop every service that may write into a database; the ingress is closed already."""
    chosen = [
        one
        for one in project.engine.containers(project.platform.project)
        if one.labels.get(LABEL_PHASE, LAST_PHASE) in _WRITERS and not is_ingress(one.labels)
    ]
    yield from stop_in_stages(project.engine, project.platform, chosen, clock)


def _containers(project: Project) -> tuple[Container, ...]:
    return tuple(one for one in project.engine.containers(project.platform.project) if is_ingress(one.labels))


def _unix(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()

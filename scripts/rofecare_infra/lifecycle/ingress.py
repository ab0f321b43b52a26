"""Closes and opens the ingress: the services that accept requests from outside.

The ingress is closed while images or data are replaced. It stays closed when the engine or the machine restarts.
A container with a hold goes on running, and answers that it is closed; any other is stopped and removed.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime

from rofecare_infra.engine import Container
from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.lifecycle import hold
from rofecare_infra.lifecycle.start import start, start_ungated
from rofecare_infra.lifecycle.stop import stop_in_stages
from rofecare_infra.platform import LABEL_HOLD, LABEL_PHASE, LAST_PHASE, Service, is_ingress
from rofecare_infra.progress import Event
from rofecare_infra.project import Project
from rofecare_infra.state import Clock

# The phases that may write into a database: neither infrastructure, nor Spring Cloud, nor monitoring.
_WRITERS = frozenset({"business", LAST_PHASE})


def open_services(project: Project) -> tuple[str, ...]:
    """The services of the ingress that accept requests now."""
    up = [one for one in _containers(project) if one.is_up and not hold.is_closed(project.engine, one)]
    return tuple(dict.fromkeys(one.service for one in up))


def close_ingress(project: Project, clock: Clock) -> Generator[Event, None, None]:
    """Close what has a hold and runs; stop and remove the others: a restarted engine would start some of them again."""
    containers = _containers(project)
    held = [one for one in containers if hold.has_hold(one) and one.status == "running"]
    for container in held:
        yield from hold.close(project.engine, container, clock)
    others = [one for one in containers if one not in held]
    yield from stop_in_stages(project.engine, project.platform, others, clock)
    for container in others:
        project.engine.remove(container.id)
    if project.stack:
        _require_closed(project)


def behind_ingress(project: Project) -> tuple[Service, ...]:
    """The services that can be started while the ingress is closed: also of the ingress what is held closed."""
    held = {one.service for one in _containers(project) if one.is_up and hold.is_closed(project.engine, one)}
    return tuple(one for one in project.platform.services if not is_ingress(one.labels) or one.name in held)


def open_ingress(project: Project, clock: Clock, *, gated: bool = True) -> Generator[Event, None, None]:
    """Start the ingress behind the gate, and open it. Without the gate, errors of the start are ignored.

    Raises the errors of a start, and CommandError where it cannot be opened.
    """
    ingress = [one for one in project.platform.services if is_ingress(one.labels) and one.replicas]
    if ingress and gated:
        yield from start(project.only(ingress), clock=clock)
    elif ingress:
        yield from start_ungated(project, [one.name for one in ingress])
    yield from reopen(project)


def reopen(project: Project) -> Generator[Event, None, None]:
    """Open what runs and is held closed. Raises CommandError where it cannot be opened."""
    for container in _containers(project):
        if container.status == "running":
            yield from hold.reopen(project.engine, container)


def require_open(project: Project) -> None:
    """Raise ServiceFailedError where the ingress is held closed."""
    for one in _containers(project):
        if one.status == "running" and hold.is_closed(project.engine, one):
            raise ServiceFailedError(
                f"{one.service} is closed",
                seen=f"it answers 503 to every request, because {one.labels[LABEL_HOLD]} is in {one.name}",
                expected="an open ingress",
                next_step=f"{project.start_command}: it opens the ingress after all gates",
            )


def opened_since(project: Project, moment: float) -> str:
    """The container of the ingress that accepted requests after `moment` (Unix time), and why; empty if none did."""
    for one in _containers(project):
        if hold.is_closed(project.engine, one):
            continue
        if one.started_at and _unix(one.started_at) > moment:
            return f"{one.name} was started at {one.started_at[:19]}Z"
        # Of a replica that does not run, its node does not show whether it is closed: it accepts nothing either.
        if (one.status == "running" if project.stack else one.is_up) and hold.has_hold(one):
            return f"{one.name} is open"
    return ""


def is_closed_since(project: Project, moment: float) -> bool:
    """Whether the containers of the ingress prove that none accepted requests after `moment` (Unix time)."""
    return bool(_containers(project)) and not open_services(project) and not opened_since(project, moment)


def stop_writers(project: Project, clock: Clock) -> Generator[Event, None, None]:
    """Stop every service that may write into a database; the ingress is closed already."""
    chosen = [
        one
        for one in project.engine.containers(project.platform.project)
        if one.labels.get(LABEL_PHASE, LAST_PHASE) in _WRITERS and not is_ingress(one.labels)
    ]
    yield from stop_in_stages(project.engine, project.platform, chosen, clock)


def _require_closed(project: Project) -> None:
    """Raise ServiceFailedError for a replica that was started, open, on another node while the others were closed."""
    for one in _containers(project):
        if one.status == "running" and not hold.is_closed(project.engine, one):
            raise ServiceFailedError(
                f"{one.service} cannot be closed on all nodes",
                seen=f"{one.name} was started on {one.node} meanwhile",
                expected="the same nodes while the ingress is closed",
                next_step="inv nodes; then the same command again",
            )


def _containers(project: Project) -> tuple[Container, ...]:
    return tuple(one for one in project.engine.containers(project.platform.project) if is_ingress(one.labels))


def _unix(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()

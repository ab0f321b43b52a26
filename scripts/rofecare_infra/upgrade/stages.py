"""Closes the platform for an upgrade and opens it again: entry first and last, nobody writes in between."""

from __future__ import annotations

from collections.abc import Generator

from rofecare_infra import lifecycle
from rofecare_infra.lifecycle import stop_in_stages
from rofecare_infra.platform import LABEL_PHASE, LAST_PHASE, lets_in
from rofecare_infra.progress import Event
from rofecare_infra.project import Project
from rofecare_infra.state import SYSTEM_CLOCK, Clock

# Who may write into a database: whatever is neither infrastructure, nor Spring Cloud, nor looks on.
_WRITERS = frozenset({"business", LAST_PHASE})


def close(project: Project, clock: Clock = SYSTEM_CLOCK) -> Generator[Event, None, None]:
    """Stop what lets requests in, then everything that may write."""
    containers = project.engine.containers(project.platform.project)
    chosen = [one for one in containers if lets_in(one.labels) or one.labels.get(LABEL_PHASE, LAST_PHASE) in _WRITERS]
    yield from stop_in_stages(project.engine, project.platform, chosen, clock)


def start(project: Project, *, clock: Clock) -> Generator[Event, None, None]:
    """Start everything behind the gates, what lets requests in last."""
    inside = [one for one in project.platform.services if not lets_in(one.labels)]
    yield from lifecycle.start(project.only(inside), clock=clock)
    yield from lifecycle.start(project, clock=clock)

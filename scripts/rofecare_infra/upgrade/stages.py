"""Closes the platform for an upgrade and opens it again: entry first and last, nobody writes in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import replace

from rofecare_infra import phases
from rofecare_infra.phases import Prepared
from rofecare_infra.phases.stop import reverse_stages, stop_together
from rofecare_infra.platform import LABEL_ENTRY, LABEL_PHASE, LAST_PHASE, Service
from rofecare_infra.progress import Event, Note, Working, listed

# Who may write into a database: whatever is neither infrastructure, nor Spring Cloud, nor looks on.
_WRITERS = frozenset({"business", LAST_PHASE})


def close(prepared: Prepared, clock: Callable[[], float] = time.monotonic) -> Generator[Event, None, None]:
    """Stop what lets requests in, then everything that may write."""
    containers = prepared.engine.containers(prepared.platform.project)
    chosen = [
        one
        for one in containers
        if one.labels.get(LABEL_ENTRY) == "true" or one.labels.get(LABEL_PHASE, LAST_PHASE) in _WRITERS
    ]
    for group in reverse_stages(chosen, prepared.platform):
        names = listed([one.service for one in group])
        yield Working(f"stopping {names}")
        began = clock()
        stop_together(prepared.engine, group)
        yield Note(f"{names} stopped ({clock() - began:.1f} s)")


def start(
    prepared: Prepared, *, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Generator[Event, None, None]:
    """Start everything behind the gates, what lets requests in last."""
    inside = [one for one in prepared.platform.services if not is_entry(one)]
    yield from phases.start(only(prepared, inside), clock=clock, sleep=sleep)
    yield from phases.start(prepared, clock=clock, sleep=sleep)


def only(prepared: Prepared, services: Iterable[Service]) -> Prepared:
    """The same with these services alone."""
    platform = replace(prepared.platform, services=tuple(services))
    return replace(prepared, sources=replace(prepared.sources, platform=platform))


def is_entry(service: Service) -> bool:
    """Whether it lets requests in."""
    return service.labels.get(LABEL_ENTRY) == "true"

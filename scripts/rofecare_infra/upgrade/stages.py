"""Closes the platform for an upgrade and opens it again: entry first and last, nobody writes in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

from rofecare_infra import phases
from rofecare_infra.phases import Prepared
from rofecare_infra.phases.stop import stop_in_stages
from rofecare_infra.platform import LABEL_PHASE, LAST_PHASE, lets_in
from rofecare_infra.progress import Event

# Who may write into a database: whatever is neither infrastructure, nor Spring Cloud, nor looks on.
_WRITERS = frozenset({"business", LAST_PHASE})


def close(prepared: Prepared, clock: Callable[[], float] = time.monotonic) -> Generator[Event, None, None]:
    """Stop what lets requests in, then everything that may write."""
    containers = prepared.engine.containers(prepared.platform.project)
    chosen = [one for one in containers if lets_in(one.labels) or one.labels.get(LABEL_PHASE, LAST_PHASE) in _WRITERS]
    yield from stop_in_stages(prepared.engine, prepared.platform, chosen, clock)


def start(
    prepared: Prepared, *, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Generator[Event, None, None]:
    """Start everything behind the gates, what lets requests in last."""
    inside = [one for one in prepared.platform.services if not lets_in(one.labels)]
    yield from phases.start(prepared.only(inside), clock=clock, sleep=sleep)
    yield from phases.start(prepared, clock=clock, sleep=sleep)

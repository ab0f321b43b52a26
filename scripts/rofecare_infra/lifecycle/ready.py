"""Waits until services are ready."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from functools import partial

from rofecare_infra.engine import Engine
from rofecare_infra.gates import wait
from rofecare_infra.lifecycle import failure
from rofecare_infra.lifecycle.crash import Crashes
from rofecare_infra.lifecycle.phase import observed
from rofecare_infra.platform import Platform, Service
from rofecare_infra.progress import Event
from rofecare_infra.state import Clock


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
    crashes = Crashes(engine)
    with engine.awake(platform.project, clock) as woken:
        for polled in wait(services, look, restarts_before=restarts_before, timeout=timeout, clock=woken):
            seen = crashes.judged(polled, restarts_before)
            yield observed(seen, seen.waited)
            if seen.failed:
                break
    if seen.failed:
        raise failure.failed(platform, engine, seen)
    if seen.pending:
        raise failure.timed_out(platform, engine, seen, timeout)

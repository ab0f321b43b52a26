"""The critical path of a start: the chain of services that determined its duration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rofecare_infra.history.record import ServiceStart


@dataclass(frozen=True)
class Step:
    """A service on the critical path, and the seconds from the readiness of the one before it until its own."""

    service: ServiceStart
    seconds: float


def critical_path(services: Sequence[ServiceStart], began: float) -> tuple[Step, ...]:
    """From the first service to the one that became ready last: each became ready last of what the next waited for.

    A service waits for its dependencies, and for all services of the phase before its own. The first step counts from
    `began`, the start of all.
    """
    known = [one for one in services if one.ready is not None]
    chain: list[ServiceStart] = []
    waiting = known
    while waiting:
        last = max(waiting, key=lambda one: (_ready(one), one.name))
        chain.insert(0, last)
        waiting = _awaited(last, known)
    moments = [began, *map(_ready, chain)]
    return tuple(
        Step(one, max(0.0, until - since)) for one, since, until in zip(chain, moments, moments[1:], strict=False)
    )


def _awaited(service: ServiceStart, known: Sequence[ServiceStart]) -> list[ServiceStart]:
    # Dependencies are always in earlier stages: the chain ends, whatever a record contains.
    earlier = [one for one in known if one.stage < service.stage]
    others = [one for one in earlier if one.phase != service.phase]
    before = max(others, key=lambda one: one.stage).phase if others else ""
    return [one for one in earlier if one.phase == before or one.name in service.needs]


def _ready(service: ServiceStart) -> float:
    return service.ready or 0.0

"""Collects what the polls of a start show, and makes its record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime

from rofecare_infra.engine import Container
from rofecare_infra.errors import GateTimeoutError, RofecareError
from rofecare_infra.gates import Ready, has_completed
from rofecare_infra.history.record import Outcome, ServiceStart, StartRecord
from rofecare_infra.lifecycle import Seen
from rofecare_infra.platform import Platform, Service

# By how much the clock of the engine may have been misread, in seconds.
_TOLERANCE = 1.0


def unix(moment: str) -> float | None:
    """A moment of the engine in Unix seconds; None if it is empty or is none."""
    try:
        return round(datetime.fromisoformat(moment).timestamp(), 3) if moment else None
    except ValueError:
        return None


def ready_of(service: Service, container: Container) -> float | None:
    """When a container became ready, by what the engine reports: its first passed health check, or its completion."""
    return unix(container.finished_at if has_completed(service, container) else container.ready_at)


def service_start(
    service: Service, stage: int, containers: Sequence[Container], seen_ready: float | None
) -> ServiceStart:
    """The start of a service. `seen_ready` is when the gate saw it ready, None if it has not.

    The gate's moment is used where the engine no longer has its own.
    """
    moments = [(ready_of(service, one) or seen_ready or 0.0, one) for one in containers]
    ready, last = max(moments, key=lambda pair: (pair[0], pair[1].name))
    return ServiceStart(
        name=service.name,
        container=last.name,
        stage=stage,
        phase=service.phase,
        needs=service.depends_on,
        created=unix(last.created_at),
        started=unix(last.started_at),
        ready=ready if seen_ready is not None else None,
        cpu_seconds=None,
        image=last.image_id,
        restarts=last.restarts,
    )


def begun_since(began: float, containers: Sequence[Container]) -> list[Container]:
    """The containers without those that have been running, or had ended, since before the start."""
    moments = [(unix(one.started_at), one) for one in containers]
    return [one for moment, one in moments if moment is None or moment >= began - _TOLERANCE]


def failed_service(error: RofecareError, names: Collection[str]) -> str:
    """The service that an error of a start names first; empty if it names none."""
    first = error.what.partition(" ")[0].rstrip(",:")
    return first if first in names else ""


def record_of(
    platform: Platform, began: float, ended: float, services: Sequence[ServiceStart], error: RofecareError | None = None
) -> StartRecord | None:
    """The record of a start that ended; None if it started no container."""
    if not any(one.started is not None for one in services):
        return None
    outcome = Outcome.READY
    if error is not None:
        outcome = Outcome.TIMEOUT if isinstance(error, GateTimeoutError) else Outcome.FAILED
    return StartRecord(
        project=platform.project,
        began=round(began, 3),
        seconds=round(max(0.0, ended - began), 3),
        outcome=outcome,
        service="" if error is None else failed_service(error, platform.needs),
        cause="" if error is None else error.what,
        services=tuple(services),
    )


class Recorder:
    """What was seen of each service that a start has begun. `now` is the clock of the engine."""

    def __init__(self, now: Callable[[], float], cpu: Callable[[str], float | None]) -> None:
        self._now = now
        self._cpu = cpu
        self._began: float | None = None
        self._found: dict[str, ServiceStart] = {}

    def begin(self) -> None:
        """The first container is about to be created."""
        if self._began is None:
            self._began = self._now()

    def see(self, seen: Seen) -> None:
        """Keep the last look at each service; at one that is ready, the first."""
        places = [(number, service) for number, stage in seen.stages.items() for service in stage.services]
        for number, service in places:
            known = self._found.get(service.name)
            looked_at = service.name in seen.begun and service.name in seen.observation.verdicts
            if not looked_at or (known is not None and known.ready is not None):
                continue
            mine = [one for one in seen.observation.containers if one.service == service.name]
            containers = begun_since(self._began or 0.0, mine)
            if containers:
                ready = self._now() if isinstance(seen.observation.verdicts[service.name], Ready) else None
                self._found[service.name] = self._with_cpu(
                    service_start(service, number, containers, ready), containers
                )

    def record(self, platform: Platform, error: RofecareError | None = None) -> StartRecord | None:
        """The record of the start, which has ended now; None if it started nothing."""
        if self._began is None:
            return None
        return record_of(platform, self._began, self._now(), tuple(self._found.values()), error)

    def _with_cpu(self, found: ServiceStart, containers: Sequence[Container]) -> ServiceStart:
        if found.ready is None:
            return found
        ids = [one.id for one in containers if one.name == found.container]
        return replace(found, cpu_seconds=self._cpu(ids[0]))

"""Records of starts for unit tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rofecare_infra.history import Outcome, ServiceStart, StartRecord

BEGAN = 1_700_000_000.0


def begun(name: str, stage: int, started: float, ready: float | None, /, **more: object) -> ServiceStart:
    """A service that was created one second before its start; moments count from the start of all."""
    made = ServiceStart(
        name=name,
        container=f"rofecare-{name}-1",
        stage=stage,
        phase="infrastructure",
        needs=(),
        created=BEGAN + started - 1,
        started=BEGAN + started,
        ready=None if ready is None else BEGAN + ready,
        cpu_seconds=1.5,
        image="sha256:1",
        restarts=0,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def start_of(services: Sequence[ServiceStart], /, **more: object) -> StartRecord:
    """A complete start that ended when its last service was ready."""
    end = max((one.ready or BEGAN for one in services), default=BEGAN)
    made = StartRecord("rofecare", BEGAN, end - BEGAN, Outcome.READY, "", "", tuple(services))
    return replace(made, **more)  # type: ignore[arg-type]


def at(record: StartRecord, began: float) -> StartRecord:
    """The same start at another time."""
    by = began - record.began

    def later(moment: float | None) -> float | None:
        return None if moment is None else moment + by

    return replace(
        record,
        began=began,
        services=tuple(
            replace(one, created=later(one.created), started=later(one.started), ready=later(one.ready))
            for one in record.services
        ),
    )


PLATFORM = (
    begun("db", 1, 1, 5),
    begun("zookeeper", 1, 1, 8),
    begun("kafka", 2, 10, 20, needs=("zookeeper",)),
    begun("config", 3, 22, 30, phase="spring-cloud"),
    begun("rofecare-service-patient", 4, 32, 60, phase="business", needs=("db", "config")),
    begun("rofecare-service-identity", 4, 32, 50, phase="business", needs=("db", "config")),
)

"""The record of one start, and its JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

SCHEMA = 1
# Beyond every moment and duration of a start; a larger number is damage.
_LIMIT = 1e11


class Outcome(StrEnum):
    """How a start ended."""

    READY = "ready"
    FAILED = "failed"
    TIMEOUT = "timeout"


@dataclass(frozen=True)
class ServiceStart:
    """How one service started. Moments are Unix seconds by the clock of the engine; None if unknown.

    Of several replicas, it is the one that became ready last.
    """

    name: str
    container: str
    # The number of its stage, from 1.
    stage: int
    phase: str
    # The services that it depends on directly.
    needs: tuple[str, ...]
    created: float | None
    started: float | None
    ready: float | None
    # The processor time that it used until it was ready.
    cpu_seconds: float | None
    image: str
    restarts: int

    @property
    def seconds(self) -> float | None:
        """The time from its start until it was ready."""
        return max(0.0, self.ready - self.started) if self.ready is not None and self.started is not None else None


@dataclass(frozen=True)
class StartRecord:
    """One start of a project that started at least one container."""

    project: str
    # Unix seconds by the clock of the engine: images are there, the first container is about to be created.
    began: float
    # From then until the end.
    seconds: float
    outcome: Outcome
    # The service that failed or was not ready in time; empty if there was none, or it is unknown.
    service: str
    cause: str
    # The services of which this start created, started or replaced a container.
    services: tuple[ServiceStart, ...]

    @property
    def is_complete(self) -> bool:
        """Whether everything became ready."""
        return self.outcome is Outcome.READY and all(one.ready is not None for one in self.services)

    @property
    def names(self) -> frozenset[str]:
        """The names of the services."""
        return frozenset(one.name for one in self.services)


def to_json(record: StartRecord) -> dict[str, Any]:
    """The record as a JSON document."""
    return {"schema": SCHEMA, **asdict(record)}


def from_json(document: Any) -> StartRecord:  # noqa: ANN401 - parsed JSON
    """The record of a document. Raises ValueError, LookupError, TypeError or AttributeError for any other content."""
    if document["schema"] != SCHEMA:
        message = f"its schema is {document['schema']!r}, not {SCHEMA}"
        raise ValueError(message)
    services = tuple(_service(one) for one in document["services"])
    if not services:
        message = "it contains no service"
        raise ValueError(message)
    return StartRecord(
        _text(document["project"]),
        _number(document["began"]),
        _number(document["seconds"]),
        Outcome(document["outcome"]),
        _text(document["service"]),
        _text(document["cause"]),
        services,
    )


def _service(one: Mapping[str, Any]) -> ServiceStart:
    return ServiceStart(
        name=_text(one["name"]),
        container=_text(one["container"]),
        stage=int(_number(one["stage"])),
        phase=_text(one["phase"]),
        needs=tuple(_text(need) for need in one["needs"]),
        created=_optional(one["created"]),
        started=_optional(one["started"]),
        ready=_optional(one["ready"]),
        cpu_seconds=_optional(one["cpu_seconds"]),
        image=_text(one["image"]),
        restarts=int(_number(one["restarts"])),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        message = f"{value!r} is not a text"
        raise TypeError(message)
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        message = f"{value!r} is not a number"
        raise TypeError(message)
    # NaN is refused, too: no comparison with it is true.
    if not 0 <= value < _LIMIT:
        message = f"{value!r} is out of range"
        raise ValueError(message)
    return float(value)


def _optional(value: object) -> float | None:
    return None if value is None else _number(value)

"""The results of the tasks that start and stop the platform."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from rofecare_infra.engine import Container
from rofecare_infra.lifecycle import Connection, StopReport
from rofecare_infra.progress import Event, StageReady

T = TypeVar("T")


@dataclass(frozen=True)
class Started:
    """The whole platform is ready."""

    # The services that are ready, and the number of their containers.
    services: tuple[str, ...]
    containers: int
    # The services that this command started; the others were already running.
    started: tuple[str, ...]
    seconds: float
    # The address of the gateway; empty where there is none.
    gateway: str


@dataclass(frozen=True)
class InfrastructureStarted:
    """The infrastructure is ready."""

    services: tuple[str, ...]
    containers: int
    started: tuple[str, ...]
    seconds: float
    connections: tuple[Connection, ...]


@dataclass(frozen=True)
class Stopped:
    """What was stopped and removed."""

    containers: tuple[str, ...]
    # Those that did not stop within their grace period.
    killed: tuple[str, ...]
    volumes: tuple[str, ...]
    # The names of the files.
    secrets: tuple[str, ...]
    # The other projects for which the secrets were kept.
    secrets_kept_for: tuple[str, ...]
    # The id of the verified backup that was taken before; empty if there was none.
    backup: str

    @classmethod
    def of(cls, report: StopReport, backup: str = "") -> Self:
        """The result of a stop."""
        secrets = tuple(path.name for path in report.secrets)
        return cls(report.stopped, report.killed, report.volumes, secrets, report.secrets_kept_for, backup)


def services_of(containers: Sequence[Container]) -> tuple[str, ...]:
    """The services of the containers."""
    return tuple(dict.fromkeys(one.service for one in containers))


def noting(events: Generator[Event, None, T], started: list[str]) -> Generator[Event, None, T]:
    """The same events and result; the services that they report as started are added to the list."""
    try:
        while True:
            event = next(events)
            if isinstance(event, StageReady):
                started.extend(event.started)
            yield event
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        events.close()

"""Waits until every service of a stage is ready or one has failed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

from rofecare_infra.engine import Container
from rofecare_infra.gates.judge import Failed, Pending, Ready, Verdict, judge
from rofecare_infra.platform import Service
from rofecare_infra.state import Clock, poll

# Seconds between two polls, unless an event of the engine ends the sleep: one list call, and one inspect call per
# container, take some milliseconds.
POLL = 0.4


@dataclass(frozen=True)
class Observation:
    """One poll of a stage: the verdict on each service, and its containers."""

    verdicts: Mapping[str, Verdict]
    containers: tuple[Container, ...]
    # Seconds since the wait began.
    waited: float

    @property
    def final(self) -> bool:
        """Whether the outcome cannot change any more: all services are ready, or one failed."""
        return any(isinstance(verdict, Failed) for verdict in self.verdicts.values()) or not self.pending

    @property
    def pending(self) -> Mapping[str, Pending]:
        """The services that are not ready yet."""
        return {name: verdict for name, verdict in self.verdicts.items() if isinstance(verdict, Pending)}

    @property
    def failed(self) -> Mapping[str, Failed]:
        """The services that failed."""
        return {name: verdict for name, verdict in self.verdicts.items() if isinstance(verdict, Failed)}

    @property
    def unready(self) -> Mapping[str, str]:
        """The services that are not ready -> the reason; those that failed come first."""
        return {name: verdict.cause for name, verdict in self.failed.items()} | {
            name: verdict.reason for name, verdict in self.pending.items()
        }

    @property
    def ready(self) -> tuple[str, ...]:
        """The services that are ready."""
        return tuple(name for name, verdict in self.verdicts.items() if isinstance(verdict, Ready))


def observe(
    services: Sequence[Service], containers: Sequence[Container], restarts_before: Mapping[str, int], waited: float
) -> Observation:
    """Judge each service by its containers."""
    mine: dict[str, list[Container]] = {service.name: [] for service in services}
    for one in containers:
        if one.service in mine:
            mine[one.service].append(one)
    verdicts = {service.name: judge(service, mine[service.name], restarts_before, waited) for service in services}
    return Observation(verdicts, tuple(one for found in mine.values() for one in found), waited)


def wait(
    services: Sequence[Service],
    look: Callable[[], Sequence[Container]],
    *,
    restarts_before: Mapping[str, int],
    timeout: float,
    clock: Clock,
) -> Generator[Observation, None, Observation]:
    """Yield an observation per poll; return the last one: final, or pending when `timeout` (seconds) has expired."""
    began = clock.monotonic()
    return (
        yield from poll(
            lambda: observe(services, look(), restarts_before, clock.monotonic() - began),
            lambda seen: seen.final,
            every=POLL,
            timeout=timeout,
            clock=clock,
        )
    )

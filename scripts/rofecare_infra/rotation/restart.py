"""Restarts containers behind the gate: each once, in waves, the next wave when the one before it is ready."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from rofecare_infra.engine import Container, Engine
from rofecare_infra.lifecycle import stop_together, until_ready
from rofecare_infra.platform import Platform, Service
from rofecare_infra.progress import Event, Note, Working, listed
from rofecare_infra.state import Clock

Wave = tuple[Container, ...]


@dataclass
class Restarts:
    """What was restarted, and how long it was away."""

    platform: Platform
    engine: Engine
    timeout: float
    clock: Clock
    # Ids of the containers that were asked to stop.
    touched: list[str] = field(default_factory=list)
    # Container -> seconds from the request to stop until it was ready.
    seconds: dict[str, float] = field(default_factory=dict)

    def waves(
        self, services: Sequence[Service], together: Sequence[Service], chosen: Sequence[Container]
    ) -> list[Wave]:
        """These containers as waves: those of `together` at once, all others one after another."""
        first = tuple(one for one in chosen if one.service in {service.name for service in together})
        rest = [one for service in services if service not in together for one in chosen if one.service == service.name]
        return [*([first] if first else []), *((one,) for one in rest)]

    def run(self, wave: Wave, between: Callable[[], None] | None = None) -> Generator[Event, None, None]:
        """Stop a wave, do what has to be done while it is down, start it, wait until it is ready.

        Raises ServiceFailedError or GateTimeoutError when it does not become ready.
        """
        names = listed([one.service for one in wave])
        began = self.clock.monotonic()
        if wave:
            yield Working(f"restarting {names}")
        self.touched += [one.id for one in wave if one.id not in self.touched]
        stop_together(self.engine, wave)
        if between is not None:
            between()
        for container in wave:
            self.engine.start(container.id)
        services = [self.platform.service(name) for name in dict.fromkeys(one.service for one in wave)]
        if services:
            yield from until_ready(
                self.platform,
                self.engine,
                services,
                # The engine counts anew for what is started by hand.
                restarts_before={},
                timeout=self.timeout,
                clock=self.clock,
            )
        for container in wave:
            self.seconds[container.name] = self.clock.monotonic() - began
        if wave:
            yield Note(f"{names} restarted ({self.clock.monotonic() - began:.1f} s)")

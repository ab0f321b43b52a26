"""One run's conversation with the platform: who we are to it, how long we wait, what passes through the gateway."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from rofecare_infra.process import to_end
from rofecare_infra.smoke.checks import Answer
from rofecare_infra.smoke.plan import Application, Plan
from rofecare_infra.smoke.served import NOTHING, Configuration
from rofecare_infra.smoke.wire import THROUGH_GATEWAY, Wire
from rofecare_infra.state import Clock, poll

T = TypeVar("T")

# A service that was just started is known to Eureka within seconds, and to the gateway some seconds later; a circuit
# breaker that saw something fail lets the next call through after 10 s.
SETTLE = 20.0
PAUSE = 0.5


@dataclass(frozen=True)
class Talk:
    """What every check needs."""

    plan: Plan
    wire: Wire
    # Marks what this run writes, and finds its events again.
    run: str
    clock: Clock
    # Application -> what the config server serves for it.
    served: Mapping[str, Configuration]
    # Applications whose containers, and those of all that they need, are ready: waiting for them may help.
    healthy: frozenset[str] = frozenset()
    token: str = ""

    def configuration(self, app: Application) -> Configuration:
        """The settings that the config server serves for an application."""
        return self.served.get(app.name, NOTHING)

    def paths(self, app: Application) -> tuple[str, ...]:
        """The path prefixes of an application's route, from its own settings or the gateway's; empty if unknown."""
        prefix = self.configuration(app).prefix
        routes = self._routes()
        return (prefix,) if prefix else (routes.get(app.registered_as.lower()) or routes.get(app.name) or ())

    def has_route(self, app: Application) -> bool | None:
        """Whether the settings declare a route to an application; None if they contain no routes at all."""
        routes = self._routes()
        declared = bool(self.paths(app)) or app.registered_as.lower() in routes or app.name in routes
        return declared or (False if routes else None)

    def _routes(self) -> dict[str, tuple[str, ...]]:
        return self.configuration(self.plan.gateway).routes if self.plan.gateway is not None else {}

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        token: str | None = None,
        timeout: float = THROUGH_GATEWAY,
    ) -> Answer:
        """A request through the gateway, with the run's token unless another one (or "" for none) is given."""
        shown = self.token if token is None else token
        headers = {"X-Correlation-Id": self.run, **({"Authorization": f"Bearer {shown}"} if shown else {})}
        gateway = self.plan.gateway
        if gateway is None or gateway.address is None:
            return Answer(f"{method} {path}", error="the gateway publishes no port")
        return self.wire.http(method, gateway.address.url, path, body=body, headers=headers, timeout=timeout)

    def patience(self, app: Application) -> float:
        """How long to ask an application again, in seconds: not at all where the cause is known already."""
        return SETTLE if app.name in self.healthy else 0.0

    def until(self, ask: Callable[[], T], done: Callable[[T], bool], *, seconds: float) -> T:
        """Ask until the answer is the one waited for or the time is over; return the last answer."""
        return to_end(poll(ask, done, every=PAUSE, timeout=seconds, clock=self.clock))

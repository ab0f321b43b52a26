"""The context of one run: the plan, the connections, the settings served, the token, and how long to wait."""

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

# Seconds. A service that has just started is registered within seconds, and the gateway reads the registry some seconds
# later; an open circuit breaker permits the next call after 10 s.
SETTLE = 20.0
PAUSE = 0.5


@dataclass(frozen=True)
class Talk:
    """The context of every check."""

    plan: Plan
    wire: Wire
    # Identifies what this run writes, and its events.
    run: str
    clock: Clock
    # Application -> the settings that the config server serves for it.
    served: Mapping[str, Configuration]
    # Applications whose containers and dependencies are all ready: waiting for them may help.
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
        """Send a request through the gateway, with the token of the run or the given one ("" for none)."""
        shown = self.token if token is None else token
        headers = {"X-Correlation-Id": self.run, **({"Authorization": f"Bearer {shown}"} if shown else {})}
        gateway = self.plan.gateway
        if gateway is None or gateway.address is None:
            return Answer(f"{method} {path}", error="the gateway publishes no port")
        return self.wire.http(method, gateway.address.url, path, body=body, headers=headers, timeout=timeout)

    def patience(self, app: Application) -> float:
        """How long to repeat requests to an application, in seconds: 0 if the cause of a failure is already known."""
        return SETTLE if app.name in self.healthy else 0.0

    def until(self, ask: Callable[[], T], done: Callable[[T], bool], *, seconds: float) -> T:
        """Repeat a request until its answer is `done` or the time has expired; return the last answer."""
        return to_end(poll(ask, done, every=PAUSE, timeout=seconds, clock=self.clock))

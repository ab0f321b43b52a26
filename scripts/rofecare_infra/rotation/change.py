"""Replaces one secret with another; a rotation and its rollback are the same steps with the two exchanged.

set        the secret at its servers, while the first service that uses it is down
switch     the file, by one rename
restart    the services that use it, one after another; Redis last, which then forgets the other secret
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from rofecare_infra.engine import Container, Engine
from rofecare_infra.errors import RofecareError, ServiceFailedError
from rofecare_infra.lifecycle import stop_together, until_ready
from rofecare_infra.platform import Platform, Service, levels_of
from rofecare_infra.process import Shell
from rofecare_infra.progress import Event, Note, Working, listed
from rofecare_infra.rotation.credentials import Credential, credentials_of, ingresses_of
from rofecare_infra.rotation.files import SecretFile
from rofecare_infra.rotation.kinds import Kind, Secret
from rofecare_infra.state import Clock, poll

# A gateway reads the registry of services every few seconds, and a circuit breaker that opened meanwhile passes the
# next request after ten: in seconds, with some margin.
_REACHABLE_AGAIN = 30.0
_POLL = 0.5

Wave = tuple[Container, ...]


@dataclass
class Restarts:
    """Restarts containers behind the gate, in waves, and records how long each was away."""

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
        """Stop a wave, call `between` while it is down, start it, and wait until it is ready.

        Raises ServiceFailedError or GateTimeoutError when it does not become ready.
        """
        names = listed([one.service for one in wave])
        began = self.clock.monotonic()
        if wave:
            yield Working(f"restarting {names}")
        self.touched += [one.id for one in wave if one.id not in self.touched]
        groups = self._in_order(wave)
        for group in reversed(groups):
            stop_together(self.engine, group)
        if between is not None:
            between()
        for group in groups:
            for container in group:
                self.engine.start(container.id)
        services = [self.platform.service(name) for name in dict.fromkeys(one.service for one in wave)]
        if services:
            yield from until_ready(
                self.platform,
                self.engine,
                services,
                # The engine resets its restart counter at a manual start.
                restarts_before={},
                timeout=self.timeout,
                clock=self.clock,
            )
        for container in wave:
            self.seconds[container.name] = self.clock.monotonic() - began
        if wave:
            yield Note(f"{names} restarted ({self.clock.monotonic() - began:.1f} s)")

    def _in_order(self, wave: Wave) -> list[Wave]:
        """The containers in groups, each after those that it depends on: a client closes its connections first."""
        needs = self.platform.needs
        levels = levels_of({one.service: needs.get(one.service, ()) for one in wave})
        return [tuple(one for one in wave if levels[one.service] == level) for level in sorted({*levels.values()})]


@dataclass(frozen=True)
class Change:
    """One secret, its file, and the containers concerned."""

    what: Secret
    file: SecretFile
    restarts: Restarts
    shell: Shell

    @property
    def start_command(self) -> str:
        """The command that recovers an interrupted rotation first."""
        return "inv start-all"

    def containers(self, *, running: bool = True) -> list[Container]:
        """The containers that use or check the secret: those that are up, or all that exist."""
        concerned = {service.name for service in (*self.what.owners, *self.what.users)}
        found = self.restarts.engine.containers(self.restarts.platform.project)
        return [one for one in found if one.service in concerned and (one.is_up or not running)]

    def credentials(self) -> list[Credential]:
        """The secret at each of its running servers."""
        return credentials_of(self.what, self.containers(), self.restarts.platform.services, self.shell)

    def forward(self, old: str, new: str) -> Generator[Event, None, None]:
        """Replace the old secret with the staged new one. Raises RofecareError; the caller then rolls back."""
        users = [one for one in self.containers() if one.service not in self._owner_names()]
        waves = self.restarts.waves(self.what.users, self.what.together, self._using(users))

        def switch() -> None:
            for credential in self.credentials():
                credential.set(new, known=old)
            self.file.switch()

        first, *rest = waves or [()]
        yield from self.restarts.run(first, switch)
        yield from self._until_reachable(first)
        for wave in rest:
            yield from self.restarts.run(wave)
            yield from self._until_reachable(wave)
        yield from self._restart_cache(self.containers())
        self.verify(good=new, bad=old)

    def roll_back(self, touched: Sequence[str], *, old: str, known: Sequence[str]) -> Generator[Event, None, None]:
        """Restore the old secret and restart again what was restarted. Raises RofecareError."""
        is_set = True
        for credential in self.credentials():
            is_set = self._set(credential, old, known) and is_set
        if not is_set and self.what.kind is not Kind.CACHE:
            raise not_set(self.what.name, self.start_command)
        self.file.roll_back()
        concerned = [one for one in self.containers(running=False) if one.id in touched]
        servers = [one for one in self.containers(running=False) if one.id in touched or one.status == "running"]
        # A Redis that is down sets nothing: it reads the old secret from its file when it starts. Its users need it.
        cache_first = not is_set or any(one.status != "running" for one in self._owning(servers))
        if cache_first:
            yield from self._restart_cache(servers)
        users = [one for one in self._using(concerned) if one.service not in self._owner_names()]
        for wave in self.restarts.waves(self.what.users, self.what.together, users):
            yield from self.restarts.run(wave)
        if not cache_first:
            yield from self._restart_cache(servers)
        self.verify(good=old)

    def verify(self, *, good: str, bad: str = "") -> None:
        """Log in at each server. Raises ServiceFailedError where one refuses `good` or accepts `bad`."""
        for one in self.credentials():
            if not one.accepts(good):
                raise _wrong(one.name, f"it refuses {self.what.name}", "a login with the secret of the file")
            if bad and one.accepts(bad):
                raise _wrong(one.name, f"it also accepts another {self.what.name}", "exactly one accepted secret")

    def _set(self, credential: Credential, old: str, known: Sequence[str]) -> bool:
        for one in known:
            with suppress(RofecareError):
                credential.set(old, known=one)
                return True
        return False

    def _until_reachable(self, wave: Sequence[Container]) -> Generator[Event, None, None]:
        """After the restart of an ingress, wait until it reaches the other services again.

        Otherwise the next service would be unreachable twice in a row for its clients.
        """
        ingresses = ingresses_of(self.restarts.platform.services, wave, self.shell)
        looks = poll(
            lambda: all(one.serves() for one in ingresses),
            bool,
            every=_POLL,
            timeout=_REACHABLE_AGAIN,
            clock=self.restarts.clock,
        )
        for reaches_all in looks:
            if not reaches_all:
                yield Working("waiting until requests reach every service again")

    def _restart_cache(self, containers: Sequence[Container]) -> Generator[Event, None, None]:
        """Redis and its health check read the password from the file when the container starts."""
        if self.what.kind is not Kind.CACHE:
            return
        for wave in self.restarts.waves(self.what.owners, (), self._owning(containers)):
            yield from self.restarts.run(wave)

    def _owner_names(self) -> frozenset[str]:
        # The servers that check a signing key are also among its users.
        return frozenset(one.name for one in self.what.owners if one not in self.what.users)

    def _owning(self, containers: Sequence[Container]) -> list[Container]:
        names = self._owner_names()
        return [one for one in containers if one.service in names]

    def _using(self, containers: Sequence[Container]) -> list[Container]:
        names = {service.name for service in self.what.users}
        return [one for one in containers if one.service in names]


def _wrong(container: str, seen: str, expected: str) -> ServiceFailedError:
    return ServiceFailedError(
        f"{container} does not accept exactly the current secret", seen=seen, expected=expected, next_step="inv status"
    )


def not_set(secret: str, start_command: str) -> ServiceFailedError:
    """The error for a server that does not set the old secret again."""
    return ServiceFailedError(
        f"{secret} could not be rolled back",
        seen="its server does not set the old secret",
        expected="a server that executes the statements of its administrator",
        next_step=f"{start_command}: it continues the rollback; both secrets are kept until then",
    )

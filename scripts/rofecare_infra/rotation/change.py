"""One secret takes another's place, whichever of the two is the new one: a change and its undoing are the same steps.

admit it   where it is asked for, while the first of those who use it is down
the file   by one rename
restart    those who use it, one after another; Redis last: it then forgets the other one
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from rofecare_infra.engine import Container
from rofecare_infra.errors import RofecareError, ServiceFailedError
from rofecare_infra.monitoring import renew_token
from rofecare_infra.progress import Event, Working
from rofecare_infra.rotation.files import SecretFile
from rofecare_infra.rotation.kinds import Kind, Secret
from rofecare_infra.rotation.locks import Lock, doors_of, locks_of
from rofecare_infra.rotation.restart import Restarts
from rofecare_infra.rotation.shell import Shell
from rofecare_infra.state import poll

# A gateway reads the register of services every few seconds, and a circuit breaker that opened meanwhile lets the next
# request through after ten: in seconds, with some patience.
_KNOWN_AGAIN = 30.0
_POLL = 0.5
# A paused one still has the secret that it read.


@dataclass(frozen=True)
class Change:
    """All that a change needs to know."""

    what: Secret
    file: SecretFile
    restarts: Restarts
    shell: Shell

    def containers(self, *, running: bool = True) -> list[Container]:
        """The containers of those who use the secret and of those who ask for it; all of them, or those that are up."""
        concerned = {service.name for service in (*self.what.owners, *self.what.users)}
        found = self.restarts.engine.containers(self.restarts.platform.project)
        return [one for one in found if one.service in concerned and (one.is_up or not running)]

    def locks(self) -> list[Lock]:
        """The servers that ask for the secret now."""
        return locks_of(self.what, self.containers(), self.restarts.platform.services, self.shell)

    def forward(self, old: str, new: str) -> Generator[Event, None, None]:
        """From the old secret to the new one, which was staged. Raises what stands in the way: then `back` is next."""
        users = [one for one in self.containers() if one.service not in self._owner_names()]
        waves = self.restarts.waves(self.what.users, self.what.together, self._mine(users))

        def turn() -> None:
            for lock in self.locks():
                lock.admit(new, known=old)
            self.file.switch()
            self._sign_anew()

        first, *rest = waves or [()]
        yield from self.restarts.run(first, turn)
        yield from self._let_in(first)
        for wave in rest:
            yield from self.restarts.run(wave)
            yield from self._let_in(wave)
        yield from self._forget(self.containers())
        self.prove(good=new, bad=old)

    def back(self, touched: Sequence[str], *, old: str, known: Sequence[str]) -> Generator[Event, None, None]:
        """Back to the old secret, with another restart of what was restarted. Raises what stands in the way."""
        admitted = True
        for lock in self.locks():
            admitted = self._admitted(lock, old, known) and admitted
        if not admitted and self.what.kind is not Kind.CACHE:
            raise _stuck(self.what.name)
        self.file.put_back()
        self._sign_anew()
        concerned = [one for one in self.containers(running=False) if one.id in touched]
        servers = [one for one in self.containers(running=False) if one.id in touched or one.status == "running"]
        if not admitted:
            # A Redis that is down reads the old one from its file when it starts.
            yield from self._forget(servers)
        users = [one for one in self._mine(concerned) if one.service not in self._owner_names()]
        for wave in self.restarts.waves(self.what.users, self.what.together, users):
            yield from self.restarts.run(wave)
        if admitted:
            yield from self._forget(servers)
        self.prove(good=old)

    def prove(self, *, good: str, bad: str = "") -> None:
        """A real login at each server. Raises ServiceFailedError for one that does not do as it should."""
        for lock in self.locks():
            if not lock.opens(good):
                raise _wrong(lock.name, f"{self.what.name} does not open it", "a login with the secret of the file")
            if bad and lock.opens(bad):
                raise _wrong(lock.name, f"it takes another {self.what.name}, too", "one secret that opens it")

    def _admitted(self, lock: Lock, old: str, known: Sequence[str]) -> bool:
        for one in known:
            with suppress(RofecareError):
                lock.admit(old, known=one)
                return True
        return False

    def _let_in(self, wave: Sequence[Container]) -> Generator[Event, None, None]:
        """After a restart of what lets requests in: wait until it knows the others again.

        Whoever is next would otherwise be away twice in a row for those who ask.
        """
        doors = doors_of(self.restarts.platform.services, wave, self.shell)
        reached = poll(
            lambda: all(door.serves() for door in doors),
            bool,
            every=_POLL,
            timeout=_KNOWN_AGAIN,
            clock=self.restarts.clock,
        )
        for reaches_all in reached:
            if not reaches_all:
                yield Working("waiting until requests reach every service again")

    def _sign_anew(self) -> None:
        """The monitoring's token was signed with the other key."""
        if self.what.kind is Kind.SIGNING_KEY:
            renew_token(self.restarts.platform)

    def _forget(self, containers: Sequence[Container]) -> Generator[Event, None, None]:
        """Redis reads its one password from the file when it starts, and its health check does, too."""
        if self.what.kind is not Kind.CACHE:
            return
        names = self._owner_names()
        servers = [one for one in containers if one.service in names]
        for wave in self.restarts.waves(self.what.owners, (), servers):
            yield from self.restarts.run(wave)

    def _owner_names(self) -> frozenset[str]:
        # Of a signing key those who check it are among those who use it.
        return frozenset(one.name for one in self.what.owners if one not in self.what.users)

    def _mine(self, containers: Sequence[Container]) -> list[Container]:
        names = {service.name for service in self.what.users}
        return [one for one in containers if one.service in names]


def _wrong(container: str, seen: str, expected: str) -> ServiceFailedError:
    return ServiceFailedError(
        f"{container} does not do as its secret says", seen=seen, expected=expected, next_step="inv status"
    )


def _stuck(secret: str) -> ServiceFailedError:
    return ServiceFailedError(
        f"{secret} could not be put back",
        seen="its server does not take the old one",
        expected="a server that answers its administrator",
        next_step="inv start-all: it goes on from here; both secrets are kept until then",
    )

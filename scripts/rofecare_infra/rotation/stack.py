"""Replaces a secret on a stack, where its content cannot change: each service gets another secret of the Swarm.

set        the secret at its servers, while the services that must change together are down
switch     the file, by one rename
renew      the services that use it, stage by stage, with rolling updates; then its servers
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from rofecare_infra import swarm
from rofecare_infra.engine import StackEngine
from rofecare_infra.lifecycle import stop_in_stages, until_ready
from rofecare_infra.platform import Service
from rofecare_infra.progress import Event, Note, Working, listed
from rofecare_infra.rotation.change import Change, not_set
from rofecare_infra.rotation.kinds import Kind


@dataclass(frozen=True)
class StackChange(Change):
    """One secret of a stack, its file, and the services concerned."""

    engine: StackEngine
    # Of the names of secrets in the Swarm.
    key: bytes

    def forward(self, old: str, new: str) -> Generator[Event, None, None]:
        """Replace the old secret with the staged new one. Raises RofecareError; the caller then rolls back."""
        together = {service.name for service in self.what.together}
        down = [one for one in self.containers() if one.service in together]
        yield from stop_in_stages(self.engine, self.restarts.platform, down, self.restarts.clock)
        for credential in self.credentials():
            credential.set(new, known=old)
        self.file.switch()
        yield from self._renew(self.what.users)
        yield from self._renew(self._servers)
        self.verify(good=new, bad=old)

    def roll_back(self, touched: Sequence[str], *, old: str, known: Sequence[str]) -> Generator[Event, None, None]:
        """Restore the old secret in every service that has the new one. Raises RofecareError."""
        del touched
        outcomes = [self._set(credential, old, known) for credential in self.credentials()]
        is_set = all(outcomes)
        if not is_set and self.what.kind is not Kind.CACHE:
            raise not_set(self.what.name, self.start_command)
        self.file.roll_back()
        # A Redis that sets nothing reads the old secret when it starts, and its users need it.
        groups = [self.what.users, self._servers] if is_set else [self._servers, self.what.users]
        for services in groups:
            yield from self._renew(services)
        self.verify(good=old)

    @property
    def start_command(self) -> str:
        """The command that recovers an interrupted rotation first."""
        return "inv deploy"

    @property
    def _servers(self) -> tuple[Service, ...]:
        """The servers that are not among the users."""
        return tuple(one for one in self.what.owners if one not in self.what.users)

    def _renew(self, services: Sequence[Service]) -> Generator[Event, None, None]:
        """Give these services the present content of the file, and their replicas; wait until they are ready."""
        platform, clock = self.restarts.platform, self.restarts.clock
        for stage in platform.stages():
            mine = [one for one in stage.services if one in services and one.replicas]
            if not mine:
                continue
            names, began = [one.name for one in mine], clock.monotonic()
            yield Working(f"restarting {listed(names)}")
            file = (self.what.name, self.file.path)
            swarm.secrets.renew(self.engine, platform.project, self.key, file, names)
            self.engine.scale(platform.project, {one.name: one.replicas for one in mine})
            found = self.engine.containers_of(platform.project, set(names))
            yield from until_ready(
                platform,
                self.engine,
                mine,
                restarts_before={one.id: one.restarts for one in found},
                timeout=self.restarts.timeout,
                clock=clock,
            )
            seconds = clock.monotonic() - began
            self.restarts.seconds.update(dict.fromkeys(names, seconds))
            yield Note(f"{listed(names)} restarted ({seconds:.1f} s)")

"""Ends what an interrupted restore has begun: back to the old state, or forward where all of it was swapped already."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path

from rofecare_infra.backup import surroundings, swap, unit
from rofecare_infra.backup.journal import Entry, Step, is_interrupted, journal_of
from rofecare_infra.backup.server import Server, server_of
from rofecare_infra.backup.store import read, store_of
from rofecare_infra.errors import VerificationError
from rofecare_infra.process import to_end
from rofecare_infra.progress import Event, Note, output_of
from rofecare_infra.project import Project
from rofecare_infra.state import SYSTEM_CLOCK, Clock, poll

_POLL = 0.3
# What was swapped before the journal said that all of it was is put back.
_BACK = {Step.LOADING, Step.SWAPPING, Step.UNDOING}


def recover(project: Project, *, restart: bool = False, clock: Clock = SYSTEM_CLOCK) -> Generator[Event, None, bool]:
    """Recover from an interrupted restore; return whether there was one. `restart` starts what it had stopped."""
    if not is_interrupted(project.settings):
        return False
    with store_of(project.settings).locked("putting things in order after an interrupted restore"):
        return (yield from recover_locked(project, restart=restart, clock=clock))


def recover_locked(
    project: Project, *, restart: bool = True, clock: Clock = SYSTEM_CLOCK
) -> Generator[Event, None, bool]:
    """The same for who holds the lock of the backups; with `restart` what was stopped is started again."""
    journal = journal_of(project.settings)
    begun = journal.read()
    if begun is None:
        return False
    yield Note(f"the restore of {begun.backup} was interrupted: {'un' if begun.step in _BACK else ''}doing it")
    servers = yield from _servers(project, begun, clock)
    if begun.step in _BACK:
        yield from put_back(project, begun, servers, restart=restart)
        yield Note("the old state is back")
        return True
    swap.open_again(servers, begun.targets)
    yield from surroundings.start_missing(project, surroundings.caches_of(project.platform))
    if begun.step is Step.SWAPPED:
        yield from surroundings.flush(project)
    swap.drop(servers, begun.targets, old=True)
    journal.clear()
    yield Note(f"the state of {begun.backup} is in place")
    if restart:
        yield from surroundings.restart_unwatched(project, begun.stopped)
    return True


def put_back(
    project: Project, begun: Entry, servers: Mapping[str, Server], *, restart: bool = True
) -> Generator[Event, None, None]:
    """Bring the old state back, whatever was done of the new one."""
    journal = journal_of(project.settings)
    if begun.step is not Step.LOADING:
        begun = journal.write(replace(begun, step=Step.UNDOING))
        # Where they were started on the new state already.
        containers, _ = surroundings.to_stop(project, [*servers, *_unit_of(project, begun)])
        again = tuple(one for one in containers if one.service in begun.stopped)
        yield from surroundings.stop(project, again)
        if begun.safety:
            safety = read(Path(begun.safety))
            if safety.manifest.volumes is not None:
                yield from unit.put_in(project, safety.manifest.volumes, safety.folder)
        swap.undo(servers, begun.targets)
        swap.open_again(servers, begun.targets)
        yield from surroundings.start_missing(project, surroundings.caches_of(project.platform))
        yield from surroundings.flush(project)
    swap.drop(servers, begun.targets, old=False)
    journal.clear()
    if restart:
        yield from surroundings.restart_unwatched(project, begun.stopped)


def _unit_of(project: Project, begun: Entry) -> list[str]:
    return [service.name for service in unit.services_of(project.platform)] if begun.safety else []


def _servers(project: Project, begun: Entry, clock: Clock) -> Generator[Event, None, dict[str, Server]]:
    """The servers, started where they do not run: not by the gate, which may ask what is closed."""
    services = list(dict.fromkeys(target.service for target in begun.targets))
    known = {service.name for service in project.platform.services}
    gone = [name for name in services if name not in known]
    if gone:
        raise VerificationError(
            f"the restore of {begun.backup} was interrupted and cannot be undone",
            seen=f"{', '.join(gone)} of {journal_of(project.settings).path} is not in the compose files any more",
            expected="the services that it concerned",
            next_step="put them back into the compose files, then the same command again",
        )
    containers = project.engine.containers(project.platform.project)
    down = [name for name in services if not any(one.service == name and one.status == "running" for one in containers)]
    if down:
        yield from output_of(project.compose.up(down))
    containers = project.engine.containers(project.platform.project)
    servers = {name: server_of(project.platform.service(name), containers) for name in services}
    timeout = project.settings.gate_timeout
    for server in servers.values():
        if not to_end(poll(server.answers, bool, every=_POLL, timeout=timeout, clock=clock)):
            raise VerificationError(
                f"{server.service} does not answer",
                seen=f"no connection within {timeout:.0f} s",
                expected="a database server that accepts connections",
                next_step=f"inv logs {server.service}",
            )
    return servers

"""Recovers from an interrupted restore: forward if it was decided, back if not."""

from __future__ import annotations

import shlex
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path

from rofecare_infra import lifecycle
from rofecare_infra.backup import dependents, saving, swap, volumes
from rofecare_infra.backup.integrity import read
from rofecare_infra.backup.journal import Entry, Step, journal_of
from rofecare_infra.backup.key import key_of
from rofecare_infra.backup.parts import services_of
from rofecare_infra.backup.server import Server, server_of
from rofecare_infra.backup.store import store_of
from rofecare_infra.errors import VerificationError
from rofecare_infra.platform import LABEL_HOLD
from rofecare_infra.process import inside, to_end
from rofecare_infra.progress import Event, Note
from rofecare_infra.project import Project
from rofecare_infra.state import SYSTEM_CLOCK, Clock, poll

_POLL = 0.3


def recover(project: Project, *, restart: bool = False, clock: Clock = SYSTEM_CLOCK) -> Generator[Event, None, bool]:
    """Recover from an interrupted restore; return whether there was one. `restart` starts what it had stopped.

    Raises VerificationError, and changes nothing, where requests may have been accepted since. A safety backup that
    cannot be taken is an error, too, except before a start; the next command tries it again.
    """
    journal = journal_of(project.settings)
    begun = journal.read()
    if begun is None:
        return False
    refuse_if_ambiguous(project, begun)
    yield Note(f"the restore of {begun.backup} was interrupted: {'completing' if begun.decided else 'rolling back'} it")
    servers = yield from _servers(project, begun, clock)
    if not begun.decided:
        yield from roll_back(project, begun, servers, restart=restart)
        yield Note("rolled back to the old state")
        return True
    earlier = begun.step is Step.SWAPPED
    # The first write may have been interrupted before it was on the disk.
    begun = journal.write(replace(begun, step=Step.FINISHING))
    swap.allow_connections(servers, begun.targets)
    yield from dependents.start_missing(project, dependents.caches_of(project.platform))
    if earlier:
        yield from dependents.flush(project)
    if restart:
        yield from dependents.restart_without_gate(project, begun.behind, ingress=bool(begun.entries))
    try:
        yield from saving.save(project, store_of(project), begun, servers)
    except VerificationError as error:
        if restart:
            raise
        # The restored data is complete: a disk without room for a backup must not prevent a start.
        yield Note(f"{error.what}: {error.seen}; {error.next_step}")
        return True
    swap.drop(servers, begun.targets, old=True)
    journal.clear()
    yield Note(f"the restore of {begun.backup} is complete")
    return True


def roll_back(
    project: Project, begun: Entry, servers: Mapping[str, Server], *, restart: bool = True
) -> Generator[Event, None, None]:
    """Roll back a restore that is not decided. The ingress opens after the journal is gone."""
    journal = journal_of(project.settings)
    if begun.step is not Step.LOADING:
        begun = journal.write(replace(begun, step=Step.UNDOING))
        key = key_of(project.settings) if begun.safety else None
        safety = read(Path(begun.safety), key) if key else None
        parts = safety.manifest.volumes if safety else {}
        # They may have been started on the new state already.
        archived = [service.name for service in services_of(project.platform, parts)]
        users = dependents.running_users(project, [*servers, *archived])
        again = tuple(one for one in users if one.service in begun.stopped)
        yield from dependents.stop(project, again)
        if safety and key:
            image = next(iter(servers.values())).image_id
            yield from volumes.restore(project, image, parts, safety.folder, key)
        swap.roll_back(servers, begun.targets)
        swap.allow_connections(servers, begun.targets)
        yield from dependents.start_missing(project, dependents.caches_of(project.platform))
        yield from dependents.flush(project)
    swap.drop(servers, begun.targets, old=False)
    journal.clear()
    if restart:
        yield from dependents.restart_without_gate(project, begun.behind, ingress=bool(begun.entries))


def refuse_if_ambiguous(project: Project, begun: Entry) -> None:
    """Refuse to roll back databases where requests may have been accepted since they were swapped."""
    if begun.decided or begun.step is Step.LOADING:
        return
    seen = lifecycle.opened_since(project, begun.closed)
    if not seen:
        return
    path = journal_of(project.settings).path
    name = seen.partition(" ")[0]
    one = next((one for one in project.engine.containers(project.platform.project) if one.name == name), None)
    # The Swarm would start a container again that is removed: it has to be closed.
    closing = f"docker rm -f {name}"
    if project.stack and one is not None:
        closing = shlex.join(inside(one, "touch", one.labels.get(LABEL_HOLD, "")))
    raise VerificationError(
        f"the restore of {begun.backup} was interrupted, and requests may have been accepted since",
        seen=f"{seen}; the journal {path} records no decision",
        expected="an ingress that stayed closed: a rollback removes what was written into the restored databases",
        next_step="inv status shows what runs; check the newest records, then use one of the two ways below",
        details=[
            f"to keep the present data: rm {path}; psql -l in the databases' containers shows what the restore left",
            f"to roll back, without what was written since: {closing}; {project.start_command}",
        ],
    )


def _servers(project: Project, begun: Entry, clock: Clock) -> Generator[Event, None, dict[str, Server]]:
    """The servers, started if necessary, without the gate: its probe may need a database that blocks connections."""
    services = list(dict.fromkeys(target.service for target in begun.targets))
    known = {service.name for service in project.platform.services}
    gone = [name for name in services if name not in known]
    if gone:
        raise VerificationError(
            f"the restore of {begun.backup} was interrupted and cannot be rolled back",
            seen=f"{', '.join(gone)} of {journal_of(project.settings).path} is no longer in the compose files",
            expected="the services of the restored databases",
            next_step="add them to the compose files again, then the same command again",
        )
    containers = project.engine.containers(project.platform.project)
    down = [name for name in services if not any(one.service == name and one.status == "running" for one in containers)]
    if down:
        yield from lifecycle.start_ungated(project, down)
    containers = project.engine.containers(project.platform.project)
    servers = {name: server_of(project.platform.service(name), containers) for name in services}
    timeout = project.settings.gate_timeout
    for server in servers.values():
        if not to_end(poll(server.answers, bool, every=_POLL, timeout=timeout, clock=clock)):
            raise VerificationError(
                f"{server.service} does not accept connections",
                seen=f"no connection within {timeout:.0f} s",
                expected="a database server that accepts connections",
                next_step=f"inv logs {server.service}",
            )
    return servers

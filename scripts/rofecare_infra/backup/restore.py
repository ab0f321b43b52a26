"""Restores a backup: beside what is there, compared, then swapped in; the old state is back if anything fails.

The platform serves while the data is brought in. Then what lets requests in and what uses the databases is stopped, a
safety backup is taken of the state that is about to go, names are swapped, and all is started behind the gates. Every
step is in the journal before it is taken.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace

from rofecare_infra.backup import integrity, load, surroundings, swap, unit
from rofecare_infra.backup.extras import key_of
from rofecare_infra.backup.journal import Entry, Step, begun, journal_of
from rofecare_infra.backup.records import Backup, DatabaseRecord
from rofecare_infra.backup.recover import put_back, recover_locked
from rofecare_infra.backup.room import check_room
from rofecare_infra.backup.server import Server, database_services, server_of
from rofecare_infra.backup.store import Store, store_of
from rofecare_infra.backup.take import take_locked
from rofecare_infra.errors import RofecareError, UsageError, VerificationError
from rofecare_infra.platform import resolve
from rofecare_infra.process import to_end
from rofecare_infra.progress import Event, Note, Working, listed
from rofecare_infra.project import Project
from rofecare_infra.state import SYSTEM_CLOCK, Clock


@dataclass(frozen=True)
class Restored:
    """What is there now, and where what was there before is kept."""

    backup: Backup
    databases: tuple[DatabaseRecord, ...]
    safety: Backup
    # How long requests were not let in, in seconds.
    closed: float


def restore(
    project: Project,
    word: str = "",
    *,
    only: Sequence[str] = (),
    from_project: str = "",
    kafka: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, Restored]:
    """Restore the backup of this id or folder (the newest unless given), of all its databases or of `only` some.

    Raises what went wrong after the old state is back; where that was not possible, too, the next command does it.
    """
    store = store_of(project.settings)
    with store.locked("a restore"):
        yield from recover_locked(project, clock=clock)
        folder = store.find(word)
        key = key_of(project, store.folder)
        backup = yield from integrity.check(folder, from_project or store.project, key)
        if kafka and backup.manifest.volumes is None:
            raise VerificationError(
                f"backup {backup.id} has no Kafka in it",
                seen="no volumes in its manifest",
                expected="a backup that was taken with --with-kafka",
                next_step="the same command without --with-kafka",
            )
        records = chosen(project, backup, only)
        services = tuple(dict.fromkeys(record.service for record in records))
        yield from surroundings.start_missing(project, (*services, *surroundings.caches_of(project.platform)))
        servers = servers_of(project, services)
        check_room(servers, records)
        first = begun(backup.id, records, _present(servers))
        run = _Run(project, store, backup, servers, first, clock)
        try:
            run.note(first.step)
            yield from run.load(records)
            safety, since = yield from run.replace(services, kafka=kafka)
        except (Exception, KeyboardInterrupt, GeneratorExit) as error:
            _back(project, run.entry, servers, error)
            raise
        run.note(Step.FINISHING)
        swap.drop(servers, run.entry.targets, old=True)
        journal_of(project.settings).clear()
        return Restored(backup, records, safety, clock.monotonic() - since)


class _Run:
    """The steps of one restore, and its journal as it stands."""

    def __init__(
        self,
        project: Project,
        store: Store,
        backup: Backup,
        servers: Mapping[str, Server],
        begun: Entry,
        clock: Clock,
    ) -> None:
        self._project = project
        self._store = store
        self._backup = backup
        self._servers = servers
        self._clock = clock
        self.entry = begun

    def note(self, step: Step, **changes: tuple[str, ...] | str) -> None:
        """Record the step in the journal before it is taken."""
        changed = replace(self.entry, step=step, **changes)  # type: ignore[arg-type]
        self.entry = journal_of(self._project.settings).write(changed)

    def load(self, records: Sequence[DatabaseRecord]) -> Generator[Event, None, None]:
        """Bring everything in beside what is there, and compare it."""
        swap.drop(self._servers, self.entry.targets, old=False)
        folder = self._backup.folder
        for service, server in self._servers.items():
            told = self._backup.manifest.servers[service]
            sql = (folder / told.roles_file).read_text(encoding="utf-8")
            for role in load.add_roles(server, sql, told.roles):
                yield Note(f"{service}: role {role} made, without its password")
        for record, target in zip(records, self.entry.targets, strict=True):
            server = self._servers[record.service]
            yield from load.load(server, record, folder, target.new)
            yield from load.compare(server, record, target.new, self._backup.id)
            yield Note(f"{record.service}: {record.name} is there beside, {_counted(record)} are equal")

    def replace(self, services: Sequence[str], *, kafka: bool) -> Generator[Event, None, tuple[Backup, float]]:
        """Stop what uses the databases, keep what is there in a backup, swap, and start what was stopped."""
        project = self._project
        brokers = [service.name for service in unit.services_of(project.platform)] if kafka else []
        containers, entries = surroundings.to_stop(project, [*services, *brokers])
        stopped = tuple(dict.fromkeys(one.service for one in containers))
        self.note(self.entry.step, stopped=(*brokers, *stopped), entries=tuple(entries))
        since = self._clock.monotonic()
        yield from surroundings.stop(project, containers)
        reason = f"before the restore of {self._backup.id}"
        safety = yield from take_locked(
            project,
            self._store,
            reason=reason,
            only=services,
            kafka=kafka,
            restart=False,
        )
        yield Note(f"safety backup {safety.id} taken of what is there now")
        yield Working("swapping")
        self.note(Step.SWAPPING, safety=str(safety.folder) if kafka else "")
        if kafka and self._backup.manifest.volumes is not None:
            yield from unit.put_in(project, self._backup.manifest.volumes, self._backup.folder)
        swap.swap(self._servers, self.entry.targets)
        self.note(Step.SWAPPED)
        swap.open_again(self._servers, self.entry.targets)
        yield Note(f"{len(self.entry.targets)} databases swapped")
        yield from surroundings.flush(project)
        # Nobody writes into the new state before all of it is up.
        wanted = [name for name in (*brokers, *stopped) if name not in entries]
        yield from surroundings.start(project, wanted, self._clock)
        yield from surroundings.start(project, entries, self._clock)
        return safety, since


def _back(project: Project, begun: Entry, servers: Mapping[str, Server], error: BaseException) -> None:
    """Put the old state back at once; what hinders that is told with the error, and the next command does it."""
    try:
        to_end(put_back(project, begun, servers))
    except RofecareError as second:
        if isinstance(error, RofecareError):
            error.details = (*error.details, f"the old state is not back yet: {second.what} ({second.seen})")
            error.next_step = "inv start-all  (it puts the old state back first)"
    else:
        if isinstance(error, RofecareError):
            error.details = (*error.details, "the old state is back")


def chosen(project: Project, backup: Backup, only: Sequence[str]) -> tuple[DatabaseRecord, ...]:
    """The databases that are meant: of these services, or of the databases that these services use."""
    records = backup.manifest.databases
    there = {service.name for service in database_services(project.platform)}
    if only:
        known = [service.name for service in project.platform.services]
        wanted: set[str] = set()
        for name in resolve(only, known):
            service = project.platform.service(name)
            found = {name} if name in there else {one for one in there if surroundings.uses(service, one)}
            if not found & {record.service for record in records}:
                raise UsageError(
                    f"{name} has no database in this backup",
                    seen=name,
                    expected=f"one of {', '.join(sorted({record.service for record in records}))}, or what uses it",
                    next_step="inv backups",
                )
            wanted |= found
        records = tuple(record for record in records if record.service in wanted)
    strange = sorted({record.service for record in records} - there)
    if strange:
        raise VerificationError(
            f"backup {backup.id} does not fit this platform",
            seen=f"it has databases of {listed(strange)}, which the compose files do not",
            expected="the services that were backed up; configuration.tar has their compose files",
            next_step="--only with those that are wanted",
        )
    return records


def servers_of(project: Project, services: Sequence[str]) -> dict[str, Server]:
    """The running servers of these services."""
    containers = project.engine.containers(project.platform.project)
    return {name: server_of(project.platform.service(name), containers) for name in services}


def _present(servers: Mapping[str, Server]) -> set[tuple[str, str]]:
    found = set()
    for service, server in servers.items():
        with server.session("template1") as session:
            found |= {(service, name) for name in swap.names(session)}
    return found


def _counted(record: DatabaseRecord) -> str:
    tables = record.facts.tables.values()
    return f"{len(tables)} tables with {sum(table.rows for table in tables)} rows"

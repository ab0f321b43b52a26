"""Restores a backup: into new databases beside the existing ones, compared, then swapped; rolled back on failure.

The platform stays available while data is restored. Then the ingress is closed and the users of the databases stop,
databases are swapped by name, and the services start behind the gates. Only then is the restore decided, and the
ingress opened. After that the previous databases are backed up, and dropped. A safety backup with Kafka is taken before
its volumes are replaced. Every step is written to the journal before it is done.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from rofecare_infra import lifecycle
from rofecare_infra.backup import (
    completeness,
    database,
    dependents,
    encryption,
    existing,
    integrity,
    kafka_volumes,
    roles,
    saving,
    swap,
)
from rofecare_infra.backup.journal import Entry, Step, Target, begun, journal_of
from rofecare_infra.backup.key import Key
from rofecare_infra.backup.manifest import Backup, DatabaseRecord
from rofecare_infra.backup.recover import recover, roll_back
from rofecare_infra.backup.server import Server, database_services, server_of
from rofecare_infra.backup.store import Store, store_of
from rofecare_infra.backup.take import take_unchecked
from rofecare_infra.errors import RofecareError, ServiceFailedError, UsageError, VerificationError
from rofecare_infra.platform import resolve
from rofecare_infra.process import complete, to_end, together, uninterrupted
from rofecare_infra.progress import Event, Note, Working, listed
from rofecare_infra.project import Project
from rofecare_infra.state import SYSTEM_CLOCK, Clock


@dataclass(frozen=True)
class Restored:
    """The restored databases, and the safety backup of the previous state, if there was one."""

    backup: Backup
    databases: tuple[DatabaseRecord, ...]
    safety: Backup | None
    # How long the ingress was stopped, in seconds.
    downtime: float


def restore(
    project: Project,
    word: str = "",
    *,
    only: Sequence[str] = (),
    from_project: str = "",
    kafka: bool = False,
    unencrypted: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, Restored]:
    """Restore the backup with this id or folder (by default the newest): all its databases, or those of `only`.

    Raises the error after the rollback; if the rollback fails as well, the next command recovers. An error after the
    decision is raised at once: nothing is rolled back then.
    """
    store = store_of(project)
    yield from recover(project, restart=True, clock=clock)
    folder = store.find(word)
    key = yield from store.usable_key(project.settings)
    backup = yield from integrity.check(folder, from_project or store.project, key, unencrypted=unencrypted)
    if kafka and backup.manifest.volumes is None:
        raise VerificationError(
            f"backup {backup.id} does not contain Kafka",
            seen="no volumes in its manifest",
            expected="a backup that was taken with --with-kafka",
            next_step="the same command without --with-kafka",
        )
    records = _chosen(project, backup, only)
    services = tuple(dict.fromkeys(record.service for record in records))
    yield from dependents.start_missing(project, (*services, *dependents.caches_of(project.platform)))
    servers = _servers_of(project, services)
    present = existing.sizes(servers)
    existing.require_room(store, servers, records, present)
    first = begun(backup.id, records, {*present})
    run = _Run(project, store, backup, key, servers, first, clock)
    try:
        run.note(first.step)
        yield from run.load(records)
        yield from run.replace(services, kafka=kafka)
        run.note(Step.FINISHING)
        complete()
    except (Exception, KeyboardInterrupt, GeneratorExit) as error:
        # The entry on the disk decides: its last write may have been interrupted.
        recorded = journal_of(project.settings).read() or run.entry
        with uninterrupted():
            if not recorded.decided:
                _roll_back_now(project, recorded, servers, error)
                raise
            if isinstance(error, RofecareError):
                raise _not_finished(backup.id, error) from error
            to_end(run.finish())
            raise
    yield from run.finish()
    return Restored(backup, records, run.safety, run.downtime)


class _Run:
    """The steps of one restore, and the current entry of its journal."""

    def __init__(
        self,
        project: Project,
        store: Store,
        backup: Backup,
        key: Key,
        servers: Mapping[str, Server],
        begun: Entry,
        clock: Clock,
    ) -> None:
        self._project = project
        self._store = store
        self._backup = backup
        self._key = key
        self._servers = servers
        self._clock = clock
        self.entry = begun
        self.safety: Backup | None = None
        self.downtime = 0.0

    def note(self, step: Step, **changes: tuple[str, ...] | str | float | bool) -> None:
        """Record the step in the journal before it is taken."""
        changed = replace(self.entry, step=step, **changes)  # type: ignore[arg-type]
        self.entry = journal_of(self._project.settings).write(changed)

    def load(self, records: Sequence[DatabaseRecord]) -> Generator[Event, None, None]:
        """Restore everything beside the existing databases, and compare it."""
        swap.drop(self._servers, self.entry.targets, old=False)
        folder = self._backup.folder
        for service, server in self._servers.items():
            server_record = self._backup.manifest.servers[service]
            sql = encryption.read(folder / server_record.roles_file, self._key).decode()
            for role in roles.add_roles(server, sql, server_record.roles):
                yield Note(f"{service}: role {role} created")
        yield from together([partial(self._load_one, *one) for one in zip(records, self.entry.targets, strict=True)])

    def _load_one(self, record: DatabaseRecord, target: Target) -> Generator[Event, None, None]:
        server = self._servers[record.service]
        yield from database.load(server, record, self._backup.folder, self._key, target.new)
        yield from database.compare(server, record, target.new, self._backup.id)
        yield Note(f"{record.service}: {record.name} restored beside the existing one, {_counted(record)} are equal")

    def replace(self, services: Sequence[str], *, kafka: bool) -> Generator[Event, None, None]:
        """Close the ingress, stop the users, swap, and start the users again behind the gates."""
        project, clock = self._project, self._clock
        brokers = [service.name for service in kafka_volumes.services_of(project.platform)] if kafka else []
        users = dependents.running_users(project, [*services, *brokers])
        ingress = lifecycle.open_services(project)
        behind = tuple(dict.fromkeys((*brokers, *(one.service for one in users))))
        self.note(self.entry.step, stopped=(*behind, *ingress), entries=ingress, closed=clock.now())
        yield from lifecycle.close_ingress(project, clock)
        yield from dependents.stop(project, users)
        if kafka:
            self.safety = yield from self._save_with_kafka(services)
        yield Working("swapping databases")
        self.note(Step.SWAPPING, safety=str(self.safety.folder) if self.safety else "", saved=self.safety is not None)
        if kafka and self._backup.manifest.volumes is not None:
            yield from kafka_volumes.restore(project, self._backup.manifest.volumes, self._backup.folder, self._key)
        swap.swap(self._servers, self.entry.targets)
        swap.allow_connections(self._servers, self.entry.targets)
        yield Note(f"{len(self.entry.targets)} databases swapped")
        yield from dependents.flush(project)
        yield from dependents.start(project, behind, clock)
        yield from lifecycle.probe(project, behind, clock)

    def _save_with_kafka(self, services: Sequence[str]) -> Generator[Event, None, Backup]:
        """The safety backup before volumes are replaced, which are not kept beside the restored ones."""
        safety = yield from take_unchecked(
            self._project,
            self._store,
            reason=saving.reason_of(self._backup.id),
            only=services,
            kafka=True,
        )
        names = [completeness.key_of_database(one.service, one.name) for one in self.entry.targets if one.existed]
        completeness.require_saved(safety, names)
        yield Note(f"safety backup {safety.id} taken of the current state")
        return safety

    def finish(self) -> Generator[Event, None, None]:
        """After the decision: open the ingress, back up the old state, and remove it.

        Raises ServiceFailedError, or VerificationError where the old state could not be backed up; it stays then.
        """
        try:
            if self.entry.entries:
                yield from lifecycle.open_ingress(self._project, self._clock)
            self.downtime = self._clock.now() - self.entry.closed
        except RofecareError as error:
            raise _not_finished(self._backup.id, error) from error
        taken = yield from saving.save(self._project, self._store, self.entry, self._servers)
        self.safety = taken or self.safety
        try:
            swap.drop(self._servers, self.entry.targets, old=True)
            journal_of(self._project.settings).clear()
        except RofecareError as error:
            raise _not_finished(self._backup.id, error) from error


def _not_finished(backup: str, error: RofecareError) -> ServiceFailedError:
    return ServiceFailedError(
        f"the restore of {backup} is decided, but it is not finished",
        seen=f"{error.what}: {error.seen}",
        expected="an open ingress in front of the restored data, which stays",
        next_step="correct the cause, then inv start-all: it completes the restore; nothing is rolled back",
        details=error.details,
    )


def _roll_back_now(project: Project, begun: Entry, servers: Mapping[str, Server], error: BaseException) -> None:
    """Roll back at once; if that fails, add the reason to the error, and leave it to the next command."""
    try:
        to_end(roll_back(project, begun, servers))
    except RofecareError as second:
        if isinstance(error, RofecareError):
            error.details = (*error.details, f"not rolled back yet: {second.what} ({second.seen})")
            error.next_step = "inv start-all  (it rolls back first)"
    else:
        if isinstance(error, RofecareError):
            error.details = (*error.details, "rolled back to the old state")


def _chosen(project: Project, backup: Backup, only: Sequence[str]) -> tuple[DatabaseRecord, ...]:
    """Select databases by the names of their services, or of services that use them."""
    records = backup.manifest.databases
    servers = {service.name for service in database_services(project.platform)}
    if only:
        known = [service.name for service in project.platform.services]
        wanted: set[str] = set()
        for name in resolve(only, known):
            service = project.platform.service(name)
            found = {name} if name in servers else {one for one in servers if dependents.uses(service, one)}
            if not found & {record.service for record in records}:
                raise UsageError(
                    f"{name} has no database in this backup",
                    seen=name,
                    expected=f"one of {', '.join(sorted({record.service for record in records}))}, or a user of one",
                    next_step="inv backups",
                )
            wanted |= found
        records = tuple(record for record in records if record.service in wanted)
    unknown = sorted({record.service for record in records} - servers)
    if unknown:
        raise VerificationError(
            f"backup {backup.id} does not match this platform",
            seen=f"it contains databases of {listed(unknown)}, which the compose files do not have",
            expected="the services that were backed up; configuration.tar contains their compose files",
            next_step="the same command with --only and the services that exist",
        )
    return records


def _servers_of(project: Project, services: Sequence[str]) -> dict[str, Server]:
    """The servers of these services."""
    containers = project.engine.containers(project.platform.project)
    return {name: server_of(project.platform.service(name), containers) for name in services}


def _counted(record: DatabaseRecord) -> str:
    tables = record.facts.tables.values()
    return f"{len(tables)} tables with {sum(table.rows for table in tables)} rows"

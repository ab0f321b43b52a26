"""Restores a backup: into new databases beside the existing ones, compared, then swapped; rolled back on failure.

The platform stays available while data is restored. Then the ingress is closed and the users of the databases stop,
databases are swapped by name, and the services start behind the gates. Only then is the restore decided, and the
ingress opened. After that the previous databases are backed up, and dropped. A safety backup with volumes is
taken before these are replaced. Every step is written to the journal before it is done.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
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
    roles,
    saving,
    swap,
    volumes,
)
from rofecare_infra.backup.choice import choose, require_parts
from rofecare_infra.backup.extent import Extent
from rofecare_infra.backup.handover import hand_over
from rofecare_infra.backup.journal import Entry, Step, Target, begun, journal_of
from rofecare_infra.backup.key import Key
from rofecare_infra.backup.manifest import Backup, DatabaseRecord
from rofecare_infra.backup.parts import services_of
from rofecare_infra.backup.recover import recover, refuse_if_ambiguous, roll_back
from rofecare_infra.backup.server import Server, server_of
from rofecare_infra.backup.store import Store, store_of
from rofecare_infra.backup.take import take_unchecked
from rofecare_infra.errors import RofecareError, ServiceFailedError
from rofecare_infra.platform import is_ingress
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
    parts: Collection[str] = (),
    unencrypted: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, Restored]:
    """Restore the backup with this id or folder (by default the newest): all its databases, or those of `only`.

    Of its volumes those of `parts` are restored, and without `only` those that hold nothing here.

    Raises the error after the rollback; if the rollback fails as well, the next command recovers. An error after the
    decision is raised at once: nothing is rolled back then.
    """
    store = store_of(project)
    yield from recover(project, restart=True, clock=clock)
    if project.stack:
        # Before anything is changed: a node whose engine does not answer has an ingress that cannot be closed.
        lifecycle.open_services(project)
    folder = store.find(word)
    key = yield from store.usable_key(project.settings)
    backup = yield from integrity.check(folder, from_project or store.project, key, unencrypted=unencrypted)
    require_parts(project, backup, parts)
    records = choose(project, backup, only)
    services = tuple(dict.fromkeys(record.service for record in records))
    yield from dependents.start_missing(project, (*services, *dependents.caches_of(project.platform)))
    servers = _servers_of(project, services)
    present = existing.sizes(servers)
    existing.require_room(store, servers, records, present)
    image = next(iter(servers.values())).image_id
    others = {*backup.manifest.volumes} - {*parts}
    restored = (*parts, *(volumes.empty_parts(project, image, others) if not only else ()))
    if others - {*restored}:
        yield Note(f"not restored, as there is data: {listed(sorted(others - {*restored}))} (--part restores it)")
    first = begun(backup.id, records, {*present})
    run = _Run(project, store, backup, key, servers, first, clock)
    try:
        run.note(first.step)
        yield from run.load(records)
        yield from run.replace(services, restored, asked=parts)
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
                raise _not_finished(project, backup.id, error) from error
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
        # After the comparison: what was backed up may have had other owners.
        for service, server in self._servers.items():
            hand_over(server, [one for one in self.entry.targets if one.service == service])

    def _load_one(self, record: DatabaseRecord, target: Target) -> Generator[Event, None, None]:
        server = self._servers[record.service]
        yield from database.load(server, record, self._backup.folder, self._key, target.new)
        yield from database.compare(server, record, target.new, self._backup.id)
        yield Note(f"{record.service}: {record.name} restored beside the existing one, {_counted(record)} are equal")

    def replace(
        self, services: Sequence[str], parts: Collection[str], *, asked: Collection[str]
    ) -> Generator[Event, None, None]:
        """Close the ingress, stop the users, swap, and start the users again behind the gates.

        The services of the parts stop, too. Those that were asked for are started, whether they ran or not.
        """
        project, clock = self._project, self._clock
        running = [one for one in project.engine.containers(project.platform.project) if one.is_up]
        archived = {one.name for one in services_of(project.platform, parts) if not is_ingress(one.labels)}
        asked_for = {one.name for one in services_of(project.platform, asked)}
        brokers = [name for name in archived if name in asked_for or name in {one.service for one in running}]
        users = dependents.running_users(project, [*services, *brokers])
        ingress = lifecycle.open_services(project)
        behind = tuple(dict.fromkeys((*brokers, *(one.service for one in users))))
        self.note(self.entry.step, stopped=(*behind, *ingress), entries=ingress, closed=clock.now())
        yield from lifecycle.close_ingress(project, clock)
        yield from dependents.stop(project, (*users, *(one for one in running if one.service in archived)))
        if parts:
            self.safety = yield from self._save_with(parts, services)
        yield Working("swapping databases")
        self.note(Step.SWAPPING, safety=str(self.safety.folder) if self.safety else "", saved=self.safety is not None)
        if parts:
            archives = {name: self._backup.manifest.volumes[name] for name in parts}
            image = next(iter(self._servers.values())).image_id
            yield from volumes.restore(project, image, archives, self._backup.folder, self._key)
        swap.swap(self._servers, self.entry.targets)
        swap.allow_connections(self._servers, self.entry.targets)
        yield Note(f"{len(self.entry.targets)} databases swapped")
        yield from dependents.flush(project)
        yield from dependents.start(project, behind, clock)
        yield from lifecycle.probe(project, behind, clock)

    def _save_with(self, parts: Collection[str], services: Sequence[str]) -> Generator[Event, None, Backup]:
        """The safety backup before volumes are replaced, which are not kept beside the restored ones."""
        safety = yield from take_unchecked(
            self._project,
            self._store,
            reason=saving.reason_of(self._backup.id),
            extent=Extent(services, parts=parts),
        )
        names = [completeness.key_of_database(one.service, one.name) for one in self.entry.targets if one.existed]
        completeness.require_saved(safety, [*names, *parts])
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
            raise _not_finished(self._project, self._backup.id, error) from error
        taken = yield from saving.save(self._project, self._store, self.entry, self._servers)
        self.safety = taken or self.safety
        try:
            swap.drop(self._servers, self.entry.targets, old=True)
            journal_of(self._project.settings).clear()
        except RofecareError as error:
            raise _not_finished(self._project, self._backup.id, error) from error


def _not_finished(project: Project, backup: str, error: RofecareError) -> ServiceFailedError:
    return ServiceFailedError(
        f"the restore of {backup} is decided, but it is not finished",
        seen=f"{error.what}: {error.seen}",
        expected="an open ingress in front of the restored data, which stays",
        next_step=f"correct the cause, then {project.start_command}: it completes the restore; nothing is rolled back",
        details=error.details,
    )


def _roll_back_now(project: Project, begun: Entry, servers: Mapping[str, Server], error: BaseException) -> None:
    """Roll back at once; if that fails, add the reason to the error, and leave it to the next command."""
    try:
        if project.stack:
            # A front that a node has started meanwhile may have passed requests on.
            refuse_if_ambiguous(project, begun)
        to_end(roll_back(project, begun, servers))
    except RofecareError as second:
        if isinstance(error, RofecareError):
            error.details = (*error.details, f"not rolled back yet: {second.what} ({second.seen})")
            error.next_step = f"{project.start_command}  (it rolls back first)"
    else:
        if isinstance(error, RofecareError):
            error.details = (*error.details, "rolled back to the old state")


def _servers_of(project: Project, services: Sequence[str]) -> dict[str, Server]:
    """The servers of these services."""
    containers = project.engine.containers(project.platform.project)
    return {name: server_of(project.platform.service(name), containers) for name in services}


def _counted(record: DatabaseRecord) -> str:
    tables = record.facts.tables.values()
    return f"{len(tables)} tables with {sum(table.rows for table in tables)} rows"

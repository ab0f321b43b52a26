"""Takes a backup: a dump of each database from a snapshot, roles, configuration, secrets, and archives of volumes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

from rofecare_infra.backup import (
    archives,
    clock,
    completeness,
    copies,
    database,
    encryption,
    extras,
    files,
    room,
    volumes,
)
from rofecare_infra.backup.extent import EVERYTHING, NOTHING, Accepted, Extent
from rofecare_infra.backup.identity import last_sequence, made_platform_id, next_sequence
from rofecare_infra.backup.inventory import Inventory
from rofecare_infra.backup.journal import is_interrupted
from rofecare_infra.backup.key import Key
from rofecare_infra.backup.manifest import Backup, DatabaseRecord, FileRecord, Manifest, ServerRecord
from rofecare_infra.backup.parts import KAFKA
from rofecare_infra.backup.server import database_services, server_of
from rofecare_infra.backup.snapshots import Opened, Snapshot, inventory, open_all
from rofecare_infra.backup.store import PARTIAL, Entry, Store, store_of
from rofecare_infra.backup.undumped import undumped
from rofecare_infra.errors import CommandError, VerificationError
from rofecare_infra.process import together
from rofecare_infra.progress import Event, Note, Working, listed, mebibytes
from rofecare_infra.project import Project, mode
from rofecare_infra.settings import Settings

# Space for manifest, roles, configuration, and the file system itself, in bytes.
_MARGIN = 16 << 20


def _now() -> datetime:
    return datetime.now(UTC)


def take(
    project: Project,
    *,
    reason: str = "asked for",
    kafka: bool | None = None,
    accepted: Accepted = NOTHING,
    now: Callable[[], datetime] = _now,
) -> Generator[Event, None, Backup]:
    """Take a backup of all databases of the platform, and of the volumes that belong to it.

    Kafka is left out if `kafka` is False, and must be there if it is True.
    The backup is marked if the clock is absurd. Databases of the last complete backup that are gone count as missing.
    Raises VerificationError if it cannot be completed; nothing is left of it then.
    """
    store = store_of(project)
    if is_interrupted(project.settings):
        raise VerificationError(
            "no backup was taken: a restore was interrupted",
            seen="it is not complete",
            expected="databases in the same state, and a safety backup of those that were replaced",
            next_step=f"{project.start_command}  (it completes the restore, or rolls it back), then inv backup again",
        )
    if kafka:
        volumes.require(project, KAFKA)
    for name in store.clean():
        yield Note(f"removed an incomplete backup: {name}")
    extent = Extent(without=(KAFKA,)) if kafka is False else EVERYTHING
    return (yield from take_unchecked(project, store, reason=reason, extent=extent, accepted=accepted, now=now))


def take_unchecked(
    project: Project,
    store: Store,
    *,
    reason: str,
    extent: Extent = EVERYTHING,
    accepted: Accepted = NOTHING,
    now: Callable[[], datetime] = _now,
) -> Generator[Event, None, Backup]:
    """Take a backup, also during a restore. Databases that cannot be read, or are gone, are named in its manifest."""
    only, replaced = extent.services, extent.replaced
    store.make_folder()
    key = yield from store.usable_key(project.settings)
    services = [one for one in database_services(project.platform) if not only or one.name in only]
    with _as_verification_error(store.folder):
        if not services:
            raise VerificationError(
                "there is nothing to back up",
                seen="no service with POSTGRES_DB in its environment",
                expected="a PostgreSQL database in the compose files",
                next_step="inv status",
            )
        containers = project.engine.containers(project.platform.project)
        servers = [server_of(service, containers) for service in services]
        store = replace(store, key=key, platform=made_platform_id(project))
        started, own = now(), store.own()
        identity = store.free_id(started)
        why = "" if accepted.clock else clock.absurdity(clock.read(store.folder, own, project.engine, started))
        if why:
            yield Note(f"{why}: the backup is marked, and does not count for the age of backups")
        with ExitStack() as stack:
            # Open all snapshots first, so that the databases are read at nearly the same time.
            if replaced is None:
                found = yield from together([partial(inventory, *one) for one in zip(servers, services, strict=True)])
            else:
                found = [Inventory(tuple(replaced[server.service])) for server in servers]
            opened = open_all(stack, servers, found, replaced or {})
            omitted = {name: cause for one in opened for name, cause in one.inventory.omitted.items()}
            missing = {name: cause for one in opened for name, cause in one.missing.items()}
            snapshots = [snapshot for one in opened for snapshot in one.snapshots]
            for snapshot in snapshots:
                omitted |= undumped(snapshot.session)
            source = stack.enter_context(
                archives.readable(project, servers[0].image_id, only=extent.parts, without=extent.without)
            )
            yield from _require_room(store.folder, snapshots, source.size)
            draft = stack.enter_context(files.folder_removed_on_failure(store.folder / f"{PARTIAL}{identity}"))
            (records, written, failed), archived = yield from _dumps(snapshots, source, draft, key)
            missing |= {**failed, **archived.missing}
            present = {completeness.key_of_database(one.service, one.name) for one in records}
            if not only and not accepted.missing:
                known = {*present, *archived.parts, *omitted, *missing, *extent.without}
                missing |= completeness.gone(store.entries(), known)
            for name, cause in (*omitted.items(), *missing.items()):
                yield Note(f"without {name}: {cause}")
            left_out = {name: why for name, why in source.omitted.items() if name not in missing}
            if left_out:
                yield Note("not part of a backup: " + "; ".join(f"{name} ({why})" for name, why in left_out.items()))
            if only:
                # Known, and no reason for a message: but it is not a complete backup of the platform.
                others = [one.name for one in database_services(project.platform) if one.name not in only]
                missing |= dict.fromkeys(others, "not affected by the restore that this backup precedes")
            yield Working("writing roles, configuration and secrets")
            server_records, more = yield from _write_extras(project, opened, present, key, draft)
            manifest = Manifest(
                id=identity,
                project=project.platform.project,
                created=now().isoformat(timespec="seconds"),
                reason=reason,
                versions={"rofecare-infra": version("rofecare-infra")},
                servers=server_records,
                databases=tuple(records),
                files={**written, **more, **archived.files},
                volumes=archived.parts,
                mode=mode.name(production=project.production),
                platform=store.platform,
                sequence=next_sequence(project.settings, _known_sequence(project.settings, store, own)),
                clock=why,
                recipient=key.recipient,
                omitted={**omitted, **left_out},
                missing=missing,
            )
            return store.publish(draft, manifest, key)


_Dumped = tuple[DatabaseRecord, dict[str, FileRecord]]


_Databases = tuple[list[DatabaseRecord], dict[str, FileRecord], dict[str, str]]


def _dumps(
    snapshots: Sequence[Snapshot], volumes: archives.Readable, draft: Path, key: Key
) -> Generator[Event, None, tuple[_Databases, archives.Archived]]:
    """Dump all databases, and archive the volumes; a failure of one does not prevent the others.

    Raises CommandError if no database can be dumped.
    """
    # The largest first: a large one at the end would be dumped alone.
    ordered = sorted(snapshots, key=lambda one: -one.size)
    tasks: list[Callable[[], Generator[Event, None, _Dumped | CommandError | archives.Archived]]] = [
        partial(volumes.archive, draft, key),
        *(partial(_dump, one, draft, key) for one in ordered),
    ]
    results = yield from together(tasks)
    archived = next(one for one in results if isinstance(one, archives.Archived))
    dumps = [one for one in results if not isinstance(one, archives.Archived)]
    found = dict(zip(ordered, dumps, strict=True))
    failed = {one.key: result for one, result in found.items() if isinstance(result, CommandError)}
    dumped = [result for one in snapshots if not isinstance(result := found[one], CommandError)]
    if failed and not dumped:
        raise next(iter(failed.values()))
    databases = (
        [record for record, _ in dumped],
        {name: record for _, written in dumped for name, record in written.items()},
        {name: completeness.reason(error) for name, error in failed.items()},
    )
    return databases, archived


def _dump(snapshot: Snapshot, draft: Path, key: Key) -> Generator[Event, None, _Dumped | CommandError]:
    try:
        record, written = yield from database.dump(snapshot.session, snapshot.database, snapshot.name, draft, key)
        snapshot.session.execute("COMMIT")
    except CommandError as error:
        return error
    rows = sum(table.rows for table in record.facts.tables.values())
    yield Note(
        f"{record.service}: {record.name}, {len(record.facts.tables)} tables with {rows} rows, "
        f"{mebibytes(written[record.file].size)}"
    )
    return record, written


def _write_extras(
    project: Project, opened: Sequence[Opened], dumped: Collection[str], key: Key, draft: Path
) -> Generator[Event, None, tuple[dict[str, ServerRecord], dict[str, FileRecord]]]:
    found = yield from together([partial(_describe, one, dumped, draft, key) for one in opened])
    records = {one.server.service: record for one, (record, _) in zip(opened, found, strict=True)}
    written = {record.roles_file: file for record, file in found}
    for archive, contents in ((extras.CONFIGURATION, extras.configuration), (extras.SECRETS, extras.secret_files)):
        written[archive] = encryption.write(draft / archive, encryption.pack(contents(project)), key)
    return records, written


def _describe(
    opened: Opened, dumped: Collection[str], draft: Path, key: Key
) -> Generator[Event, None, tuple[ServerRecord, FileRecord]]:
    """Write the roles of a server, after its databases: whatever these name is there."""
    yield from ()
    server = opened.server
    sessions = [one.session for one in opened.snapshots if one.key in dumped]
    name = f"{server.service}.roles.sql{encryption.SUFFIX}"
    written = encryption.write(draft / name, extras.roles_of(server), key)
    # A session less: each takes as long to start as a small database takes to be dumped.
    with nullcontext(sessions[0]) if sessions else server.session("template1") as session:
        settings = session.rows(
            "SELECT current_setting('server_version') AS version,"
            " current_setting('shared_preload_libraries') AS preload"
        )[0]
        names = extras.role_names(session)
    record = ServerRecord(
        version=settings["version"],
        image=server.image,
        image_id=server.image_id,
        preload=settings["preload"],
        roles=names,
        roles_file=name,
    )
    return record, written


def _known_sequence(settings: Settings, store: Store, own: Sequence[Entry]) -> int:
    """The largest sequence number of this platform; that in the second place counts where everything here is lost."""
    known = max((last_sequence(settings), *(one.sequence for one in own)))
    return known or copies.largest_sequence(settings.backup_copy_to, store)


def _require_room(folder: Path, snapshots: Sequence[Snapshot], volumes: int) -> Iterator[Event]:
    where = room.of_folder(folder)
    planned = [
        room.Planned("the dumps, which are at most as large as the tables", where, sum(one.size for one in snapshots)),
        room.Planned("the archives of volumes, which are compressed", where, volumes),
        room.Planned("manifest, roles, configuration", where, _MARGIN),
    ]
    room.require(planned, "there is no disk space for a backup")
    yield Note(f"{mebibytes(sum(one.size for one in planned))} needed in {folder}: {mebibytes(where.free)} free")


@contextmanager
def _as_verification_error(folder: Path) -> Iterator[None]:
    """Raise every failure of a command or file as the VerificationError that no backup was taken."""
    try:
        yield
    except CommandError as error:
        raise VerificationError(
            f"no backup was taken: {error.what}",
            seen=error.seen,
            expected=error.expected,
            next_step=error.next_step,
            details=error.details,
        ) from error
    except OSError as error:
        raise VerificationError(
            "no backup was taken: a file cannot be written or read",
            seen=f"{error.filename or folder}: {error.strerror}",
            expected=f"a disk with free space that accepts what is written to {folder}",
            next_step="fix this, then the same command again",
        ) from error


def describe(backup: Backup) -> str:
    """Describe a backup in one sentence."""
    names = listed([f"{one.service}/{one.name}" for one in backup.manifest.databases])
    return (
        f"backup {backup.id}: {len(backup.manifest.databases)} databases ({names}), "
        f"{mebibytes(backup.manifest.size)}, in {backup.folder}"
    )

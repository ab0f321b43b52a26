"""Takes a backup: a dump of each database from a snapshot, roles, configuration, secrets, volumes of Kafka."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rofecare_infra.backup import clock, completeness, database, encryption, extras, files, kafka_volumes
from rofecare_infra.backup.identity import made_platform_id, next_sequence
from rofecare_infra.backup.inventory import Inventory, inventory_of
from rofecare_infra.backup.journal import is_interrupted
from rofecare_infra.backup.key import Key
from rofecare_infra.backup.manifest import Backup, DatabaseRecord, FileRecord, Manifest, ServerRecord
from rofecare_infra.backup.server import Server, Session, database_services, server_of
from rofecare_infra.backup.store import PARTIAL, Store, store_of
from rofecare_infra.backup.undumped import undumped
from rofecare_infra.errors import CommandError, VerificationError
from rofecare_infra.progress import Event, Note, Working, listed, mebibytes
from rofecare_infra.project import Project, mode

# Space for manifest, roles, configuration, and the file system itself, in bytes.
_MARGIN = 16 << 20


@dataclass(frozen=True)
class Accepted:
    """What the user confirmed, although it looks wrong."""

    # The clock is right.
    clock: bool = False
    # Databases that are gone were dropped on purpose.
    missing: bool = False


NOTHING = Accepted()


def _now() -> datetime:
    return datetime.now(UTC)


def take(
    project: Project,
    *,
    reason: str = "asked for",
    kafka: bool = False,
    accepted: Accepted = NOTHING,
    now: Callable[[], datetime] = _now,
) -> Generator[Event, None, Backup]:
    """Take a backup of all databases of the platform; with `kafka` also of the Kafka volumes, which stops Kafka.

    It is marked if the clock is absurd. Databases of the last complete backup that are gone count as missing.
    Raises VerificationError if it cannot be completed; nothing is left of it then.
    """
    store = store_of(project)
    if is_interrupted(project.settings):
        raise VerificationError(
            "no backup was taken: a restore was interrupted",
            seen="databases are partly restored",
            expected="all databases in the same state",
            next_step="inv start-all  (it recovers the old state first), then the same command again",
        )
    for name in store.clean():
        yield Note(f"removed an incomplete backup: {name}")
    return (yield from take_unchecked(project, store, reason=reason, kafka=kafka, accepted=accepted, now=now))


def take_unchecked(
    project: Project,
    store: Store,
    *,
    reason: str,
    only: Collection[str] = (),
    kafka: bool = False,
    restart: bool = True,
    accepted: Accepted = NOTHING,
    now: Callable[[], datetime] = _now,
) -> Generator[Event, None, Backup]:
    """Take a backup, also during a restore. Databases that cannot be read, or are gone, are named in its manifest.

    `only` selects services, and then databases may be gone; without `restart` Kafka and ZooKeeper stay stopped.
    """
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
            found = [inventory_of(server, service) for server, service in zip(servers, services, strict=True)]
            omitted = {name: cause for one in found for name, cause in one.omitted.items()}
            missing = {name: cause for one in found for name, cause in one.missing.items()}
            # Open all snapshots first, so that the databases are read at nearly the same time.
            snapshots, unreadable = _snapshots(stack, servers, found)
            for session in snapshots:
                omitted |= undumped(session)
            yield from _require_space(store.folder, sum(map(database.size_of, snapshots)))
            draft = stack.enter_context(files.folder_removed_on_failure(store.folder / f"{PARTIAL}{identity}"))
            records, written, failed = yield from _dumps(snapshots, draft, key)
            missing |= unreadable | failed
            present = {completeness.key_of_database(one.service, one.name) for one in records}
            if not only and not accepted.missing:
                missing |= completeness.gone(store.entries(), {*present, *omitted, *missing})
            for name, cause in (*omitted.items(), *missing.items()):
                yield Note(f"not in the backup: {name}: {cause}")
            if only:
                # Known, and no reason for a message: but it is not a complete backup of the platform.
                others = [one.name for one in database_services(project.platform) if one.name not in only]
                missing |= dict.fromkeys(others, "not affected by the restore that this backup precedes")
            yield Working("writing roles, configuration and secrets")
            server_records, more = _write_extras(project, servers, key, draft)
            volumes = None
            if kafka:
                volumes, archives = yield from kafka_volumes.archive(project, draft, key, restart=restart)
                more |= archives
            manifest = Manifest(
                id=identity,
                project=project.platform.project,
                created=now().isoformat(timespec="seconds"),
                reason=reason,
                versions={"rofecare-infra": version("rofecare-infra")},
                servers=server_records,
                databases=tuple(records),
                files={**written, **more},
                volumes=volumes,
                mode=mode.name(production=project.production),
                platform=store.platform,
                sequence=next_sequence(project.settings, max((one.sequence for one in own), default=0)),
                clock=why,
                recipient=key.recipient,
                omitted=omitted,
                missing=missing,
            )
            return store.publish(draft, manifest, key)


def _snapshots(
    stack: ExitStack, servers: Sequence[Server], found: Sequence[Inventory]
) -> tuple[dict[Session, str], dict[str, str]]:
    """A session and the name of its snapshot for each database; and why databases cannot be read."""
    snapshots: dict[Session, str] = {}
    unreadable: dict[str, str] = {}
    for server, inventory in zip(servers, found, strict=True):
        for name in inventory.names:
            try:
                session = stack.enter_context(server.session(name))
                snapshots[session] = database.begin(session)
            except CommandError as error:
                unreadable[completeness.key_of_database(server.service, name)] = completeness.reason(error)
    return snapshots, unreadable


def _dumps(
    snapshots: Mapping[Session, str], draft: Path, key: Key
) -> Generator[Event, None, tuple[list[DatabaseRecord], dict[str, FileRecord], dict[str, str]]]:
    """Dump all databases; a failure of one does not prevent the others. Raises CommandError if all fail."""
    records: list[DatabaseRecord] = []
    written: dict[str, FileRecord] = {}
    failed: dict[str, CommandError] = {}
    for session, snapshot in snapshots.items():
        try:
            record, files_of_it = yield from _dump(session, snapshot, draft, key)
        except CommandError as error:
            failed[completeness.key_of_database(session.server.service, session.database)] = error
            continue
        records.append(record)
        written |= files_of_it
    if failed and not records:
        raise next(iter(failed.values()))
    return records, written, {name: completeness.reason(error) for name, error in failed.items()}


def _dump(
    session: Session, snapshot: str, draft: Path, key: Key
) -> Generator[Event, None, tuple[DatabaseRecord, dict[str, FileRecord]]]:
    record, written = yield from database.dump(session, snapshot, draft, key)
    session.execute("COMMIT")
    rows = sum(table.rows for table in record.facts.tables.values())
    yield Note(
        f"{record.service}: {record.name}, {len(record.facts.tables)} tables with {rows} rows, "
        f"{mebibytes(written[record.file].size)}"
    )
    return record, written


def _write_extras(
    project: Project, servers: Sequence[Server], key: Key, draft: Path
) -> tuple[dict[str, ServerRecord], dict[str, FileRecord]]:
    records: dict[str, ServerRecord] = {}
    written: dict[str, FileRecord] = {}
    for server in servers:
        name = f"{server.service}.roles.sql{encryption.SUFFIX}"
        written[name] = encryption.write(draft / name, extras.roles_of(server), key)
        with server.session("template1") as session:
            settings = session.rows(
                "SELECT current_setting('server_version') AS version,"
                " current_setting('shared_preload_libraries') AS preload"
            )[0]
        records[server.service] = ServerRecord(
            version=settings["version"],
            image=server.image,
            image_id=server.image_id,
            preload=settings["preload"],
            roles=extras.role_names(server),
            roles_file=name,
        )
    for archive, contents in ((extras.CONFIGURATION, extras.configuration), (extras.SECRETS, extras.secret_files)):
        written[archive] = encryption.write(draft / archive, encryption.pack(contents(project)), key)
    return records, written


def _require_space(folder: Path, size: int) -> Iterator[Event]:
    needed, free = size + _MARGIN, shutil.disk_usage(folder).free
    if free < needed:
        raise VerificationError(
            "there is no disk space for a backup",
            seen=f"{mebibytes(free)} free in {folder}",
            expected=f"{mebibytes(needed)}: the size of the tables, and a margin",
            next_step="free space there, or set BACKUP_DIR to a folder on another disk",
        )
    yield Note(f"{mebibytes(needed)} needed in {folder}: {mebibytes(free)} free")


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

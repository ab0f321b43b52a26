"""Takes a backup: databases from a snapshot each, roles, configuration, secrets. It has a name when it is whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rofecare_infra.backup import database, disk, extras, sealed, unit
from rofecare_infra.backup.journal import is_interrupted
from rofecare_infra.backup.records import Backup, DatabaseRecord, FileRecord, Manifest, ServerRecord
from rofecare_infra.backup.server import Server, Session, database_services, server_of
from rofecare_infra.backup.store import PARTIAL, Store, store_of
from rofecare_infra.errors import CommandError, VerificationError
from rofecare_infra.progress import Event, Note, Working, listed, mebibytes
from rofecare_infra.project import Project

# Room for the manifest, roles, configuration, and what the file system itself takes, in bytes.
_MARGIN = 16 << 20


def _now() -> datetime:
    return datetime.now(UTC)


def take(
    project: Project,
    *,
    reason: str = "asked for",
    kafka: bool = False,
    now: Callable[[], datetime] = _now,
) -> Generator[Event, None, Backup]:
    """Take a backup of all databases of the platform; with `kafka` of Kafka and Zookeeper, too, which stop for it.

    Raises VerificationError when it cannot be taken whole; nothing is left of it then.
    """
    store = store_of(project.settings)
    with store.locked("a backup"):
        if is_interrupted(project.settings):
            raise VerificationError(
                "no backup was taken: a restore was interrupted",
                seen="the databases are neither in the old state nor in the new one",
                expected="one of them",
                next_step="inv start-all  (it puts the old state back first), then the same command again",
            )
        for name in store.clean():
            yield Note(f"removed what an interrupted backup left: {name}")
        return (yield from take_locked(project, store, reason=reason, kafka=kafka, now=now))


def take_locked(
    project: Project,
    store: Store,
    *,
    reason: str,
    only: Collection[str] = (),
    kafka: bool = False,
    restart: bool = True,
    now: Callable[[], datetime] = _now,
) -> Generator[Event, None, Backup]:
    """The same for who holds the store's lock already.

    Of `only` some services, where that is said; without `restart` Kafka and Zookeeper stay stopped afterwards.
    """
    key = extras.key_of(project, store.folder)
    services = [one for one in database_services(project.platform) if not only or one.name in only]
    with _whole_or_not_at_all(store.folder):
        if not services:
            raise VerificationError(
                "there is nothing to back up",
                seen="no service with POSTGRES_DB in its environment",
                expected="a PostgreSQL database in the compose files",
                next_step="inv status",
            )
        containers = project.engine.containers(project.platform.project)
        servers = [server_of(service, containers) for service in services]
        identity = store.free_id(now())
        with ExitStack() as stack:
            sessions: list[Session] = []
            for server, service in zip(servers, services, strict=True):
                names = database.databases_of(server, service)
                sessions += [stack.enter_context(server.session(name)) for name in names]
            # All together first: the databases are seen at nearly the same moment.
            snapshots = [database.begin(session) for session in sessions]
            yield from _check_room(store.folder, sum(map(database.size_of, sessions)))
            draft = stack.enter_context(disk.folder_removed_on_failure(store.folder / f"{PARTIAL}{identity}"))
            records, files = yield from _dumps(sessions, snapshots, draft)
            yield Working("writing roles, configuration and secrets")
            rolls, more = _beside(project, servers, key, draft)
            volumes = None
            if kafka:
                volumes, archives = yield from unit.write_out(project, draft, restart=restart)
                more |= archives
            manifest = Manifest(
                id=identity,
                project=project.platform.project,
                created=now().isoformat(timespec="seconds"),
                reason=reason,
                versions={"rofecare-infra": version("rofecare-infra")},
                secrets=extras.ENCRYPTED if key is not None else extras.LEFT_OUT,
                servers=rolls,
                databases=tuple(records),
                files={**files, **more},
                volumes=volumes,
            )
            return store.publish(draft, manifest)


def _dumps(
    sessions: Sequence[Session], snapshots: Sequence[str], draft: Path
) -> Generator[Event, None, tuple[list[DatabaseRecord], dict[str, FileRecord]]]:
    records: list[DatabaseRecord] = []
    files: dict[str, FileRecord] = {}
    for session, snapshot in zip(sessions, snapshots, strict=True):
        record, files[record.file] = yield from _dump(session, snapshot, draft)
        records.append(record)
    return records, files


def _dump(session: Session, snapshot: str, draft: Path) -> Generator[Event, None, tuple[DatabaseRecord, FileRecord]]:
    record, file = yield from database.dump(session, snapshot, draft)
    session.execute("COMMIT")
    rows = sum(table.rows for table in record.facts.tables.values())
    yield Note(
        f"{record.service}: {record.name}, {len(record.facts.tables)} tables with {rows} rows, {mebibytes(file.size)}"
    )
    return record, file


def _beside(
    project: Project, servers: Sequence[Server], key: bytes | None, draft: Path
) -> tuple[dict[str, ServerRecord], dict[str, FileRecord]]:
    records: dict[str, ServerRecord] = {}
    files: dict[str, FileRecord] = {}
    for server in servers:
        name = f"{server.service}.roles.sql"
        files[name] = disk.write(draft / name, extras.roles_of(server, passwords=False))
        with server.session("template1") as session:
            told = session.rows(
                "SELECT current_setting('server_version') AS version,"
                " current_setting('shared_preload_libraries') AS preload"
            )[0]
        records[server.service] = ServerRecord(
            version=told["version"],
            image=server.image,
            image_id=server.image_id,
            preload=told["preload"],
            roles=extras.role_names(server),
            roles_file=name,
        )
    archive = sealed.packed(extras.configuration(project))
    files[extras.CONFIGURATION] = disk.write(draft / extras.CONFIGURATION, archive)
    if key is not None:
        files[extras.SECRETS] = disk.write(draft / extras.SECRETS, extras.secrets_of(project, servers, key))
    return records, files


def _check_room(folder: Path, size: int) -> Iterator[Event]:
    needed, free = size + _MARGIN, shutil.disk_usage(folder).free
    if free < needed:
        raise VerificationError(
            "there is no room for a backup",
            seen=f"{mebibytes(free)} free in {folder}",
            expected=f"{mebibytes(needed)}: what the tables take, and a margin",
            next_step="make room there, or give BACKUP_DIR a folder on another disk",
        )
    yield Note(f"room for {mebibytes(needed)} in {folder}: {mebibytes(free)} free")


@contextmanager
def _whole_or_not_at_all(folder: Path) -> Iterator[None]:
    """Whatever stands in the way of a whole backup is that: no backup."""
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
            expected=f"a disk with room that takes what is written to {folder}",
            next_step="mend what was seen, then the same command again",
        ) from error


def described(backup: Backup) -> str:
    """A backup in a sentence."""
    names = listed([f"{one.service}/{one.name}" for one in backup.manifest.databases])
    return (
        f"backup {backup.id}: {len(backup.manifest.databases)} databases ({names}), "
        f"{mebibytes(backup.manifest.size)}, secrets {backup.manifest.secrets}, in {backup.folder}"
    )

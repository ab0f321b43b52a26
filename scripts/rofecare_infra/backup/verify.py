"""Verifies a backup: every byte of its files, then a restore into scratch servers, and all content compared."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rofecare_infra.backup import extras, integrity, load, scratch, unit
from rofecare_infra.backup.records import Backup, DatabaseRecord, ServerRecord
from rofecare_infra.backup.server import Server
from rofecare_infra.backup.store import Store, damaged, mark_verified, store_of
from rofecare_infra.errors import CommandError, VerificationError
from rofecare_infra.progress import Event, Note
from rofecare_infra.project import Project
from rofecare_infra.state import SYSTEM_CLOCK, Clock


@dataclass(frozen=True)
class Verified:
    """What was found equal."""

    backup: Backup
    tables: int
    rows: int


def verify(
    project: Project,
    word: str = "",
    *,
    from_project: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, Verified]:
    """Verify the backup of this id or folder, the newest one unless given, and note that it was.

    Raises VerificationError with the file that is not what it should be.
    """
    store = store_of(project.settings)
    with store.locked("verifying a backup"):
        return (yield from verify_locked(project, store, store.find(word), from_project=from_project, clock=clock))


def verify_locked(
    project: Project,
    store: Store,
    folder: Path,
    *,
    from_project: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, Verified]:
    """The same for who holds the store's lock already."""
    for name in scratch.remove_leftovers(store.project):
        yield Note(f"removed the scratch server of an interrupted run: {name}")
    backup = yield from integrity.check(folder, from_project or store.project, extras.key_of(project, store.folder))
    yield Note(f"{len(backup.manifest.files)} files are what was written")
    if backup.manifest.volumes is not None:
        yield from unit.check(folder, backup.manifest.volumes.archives)
    for record, members in _alike(backup):
        with scratch.server(store.project, record, project.engine) as server:
            yield from scratch.wait(server, project.settings.gate_timeout, clock)
            for service in dict.fromkeys(member.service for member in members):
                told = backup.manifest.servers[service]
                load.add_roles(server, (folder / told.roles_file).read_text(encoding="utf-8"), told.roles)
            for number, member in enumerate(members):
                yield from _verify_one(server, member, backup, f"scratch_{number}")
    mark_verified(backup, datetime.now(UTC))
    contents = [content for one in backup.manifest.databases for content in one.facts.tables.values()]
    return Verified(backup, len(contents), sum(content.rows for content in contents))


def _verify_one(server: Server, member: DatabaseRecord, backup: Backup, name: str) -> Generator[Event, None, None]:
    try:
        yield from load.load(server, member, backup.folder, name)
        yield from load.compare(server, member, name, backup.id)
    except CommandError as error:
        raise VerificationError(
            f"backup {backup.id} does not verify: {member.file}",
            seen=error.seen,
            expected=f"a restore of {member.service}/{member.name} to its end",
            next_step="inv verify-backup with an older one, and take a new one: inv backup",
            details=error.details,
        ) from error
    # Room for the next one.
    server.execute("template1", [f"DROP DATABASE {name}"])
    tables = member.facts.tables.values()
    rows = sum(table.rows for table in tables)
    yield Note(f"{member.service}: {member.name} restored, {len(tables)} tables with {rows} rows are equal")


def _alike(backup: Backup) -> list[tuple[ServerRecord, Sequence[DatabaseRecord]]]:
    """The databases by what server they need: those of the same image and libraries share one."""
    found: dict[tuple[str, str], tuple[ServerRecord, list[DatabaseRecord]]] = {}
    for one in backup.manifest.databases:
        record = backup.manifest.servers.get(one.service)
        if record is None:
            raise damaged(backup.folder, "manifest.json", f"manifest.json says nothing of the server {one.service}")
        found.setdefault((record.image_id, record.preload), (record, []))[1].append(one)
    return list(found.values())

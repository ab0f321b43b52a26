"""Verifies a backup: checks all its files, restores it into scratch servers, and compares all content.

A scratch server is a container of the same image, without network, which is removed afterwards.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from rofecare_infra.backup import database, encryption, integrity, roles, room, volumes
from rofecare_infra.backup.helper import LABEL
from rofecare_infra.backup.integrity import damaged, mark_verified
from rofecare_infra.backup.key import Key, key_of
from rofecare_infra.backup.loading import remove
from rofecare_infra.backup.manifest import Backup, DatabaseRecord, ServerRecord
from rofecare_infra.backup.server import Server
from rofecare_infra.backup.store import store_of
from rofecare_infra.engine import Engine
from rofecare_infra.errors import CommandError, VerificationError
from rofecare_infra.process import run, side_by_side, to_end, together
from rofecare_infra.progress import Event, Note, Working
from rofecare_infra.project import Project
from rofecare_infra.state import SYSTEM_CLOCK, Clock, poll

_POLL = 0.3
# The data is thrown away: do not wait for disks.
_WITHOUT_DURABILITY = (
    "-c",
    "fsync=off",
    "-c",
    "full_page_writes=off",
    "-c",
    "synchronous_commit=off",
    "-c",
    "max_wal_size=4GB",
)
_TIMEOUT = 120.0


@dataclass(frozen=True)
class Verified:
    """The result of a verification: numbers of equal tables and rows."""

    backup: Backup
    tables: int
    rows: int


def verify(
    project: Project,
    word: str = "",
    *,
    from_project: str = "",
    unencrypted: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, Verified]:
    """Verify the backup with this id or folder (by default the newest), and record that it is verified.

    Raises VerificationError with the name of the file that differs.
    """
    store = store_of(project)
    folder = store.find(word)
    for name in _remove_scratch_servers(store.project):
        yield Note(f"removed a scratch server of an interrupted run: {name}")
    key = key_of(project.settings)
    backup = yield from integrity.check(folder, from_project or store.project, key, unencrypted=unencrypted)
    yield Note(f"{len(backup.manifest.files)} files match the manifest")
    for part in backup.manifest.volumes.values():
        yield from volumes.check(folder, part.archives, key)
    for record, members in _by_server(backup):
        with _scratch_server(store.project, record, project.engine) as server:
            yield from _wait(server, project.settings.gate_timeout, clock)
            for service in dict.fromkeys(member.service for member in members):
                wanted = backup.manifest.servers[service]
                roles.add_roles(server, encryption.read(folder / wanted.roles_file, key).decode(), wanted.roles)
            _require_room(server, members)
            yield from together(
                [
                    partial(_verify_one, server, member, backup, key, f"scratch_{number}")
                    for number, member in enumerate(members)
                ]
            )
    mark_verified(backup, datetime.now(UTC), key)
    contents = [content for one in backup.manifest.databases for content in one.facts.tables.values()]
    return Verified(backup, len(contents), sum(content.rows for content in contents))


def _verify_one(
    server: Server, member: DatabaseRecord, backup: Backup, key: Key, name: str
) -> Generator[Event, None, None]:
    try:
        yield from database.load(server, member, backup.folder, key, name)
        yield from database.compare(server, member, name, backup.id)
    except CommandError as error:
        raise VerificationError(
            f"backup {backup.id} does not verify: {member.file}",
            seen=error.seen,
            expected=f"a complete restore of {member.service}/{member.name}",
            next_step="inv verify-backup with an older one, and take a new one: inv backup",
            details=error.details,
        ) from error
    # Frees space for the next one.
    with server.session("template1") as session:
        remove(session, name)
    tables = member.facts.tables.values()
    rows = sum(table.rows for table in tables)
    yield Note(f"{member.service}: {member.name} restored, {len(tables)} tables with {rows} rows are equal")


def _require_room(server: Server, members: Sequence[DatabaseRecord]) -> None:
    """Raise VerificationError without room for the largest databases: so many are there at the same time."""
    largest = sorted((room.restored(one.size) for one in members), reverse=True)[: side_by_side()]
    planned = room.Planned("restored databases, which are compared and removed", room.of_server(server), sum(largest))
    room.require([planned], "there is no disk space for a scratch server")


def _by_server(backup: Backup) -> list[tuple[ServerRecord, Sequence[DatabaseRecord]]]:
    """Group the databases by the server they need: those with the same image and libraries share one."""
    found: dict[tuple[str, str], tuple[ServerRecord, list[DatabaseRecord]]] = {}
    for one in backup.manifest.databases:
        record = backup.manifest.servers.get(one.service)
        if record is None:
            raise damaged(backup.folder, "manifest.json", f"manifest.json has no entry for the server {one.service}")
        found.setdefault((record.image_id, record.preload), (record, []))[1].append(one)
    return list(found.values())


def _remove_scratch_servers(project: str) -> tuple[str, ...]:
    """Remove the scratch servers of interrupted runs: only one command at a time changes a project."""
    found = run(["docker", "ps", "--all", "--quiet", "--filter", f"label={LABEL}={project}"], timeout=_TIMEOUT)
    names = tuple(found.stdout.split())
    if names:
        run(["docker", "rm", "--force", "--volumes", *names], timeout=_TIMEOUT)
    return names


@contextmanager
def _scratch_server(project: str, record: ServerRecord, engine: Engine) -> Iterator[Server]:
    """Start a server like the recorded one, and remove it at the end."""
    # The same image if it still exists: its tag may refer to another one now.
    image = record.image_id if engine.image(record.image_id) is not None else record.image
    name = f"{project}-scratch-{uuid.uuid4().hex[:8]}"
    preload = ("-c", f"shared_preload_libraries={record.preload}") if record.preload else ()
    argv = [
        *("docker", "run", "--detach", "--init", "--name", name, "--label", f"{LABEL}={project}", "--network", "none"),
        *("--pull", "never", "--shm-size", "256m", "--security-opt", "no-new-privileges:true"),
        # Safe without a password: it has no network.
        *("--env", "POSTGRES_DB=scratch", "--env", "POSTGRES_USER=postgres"),
        *("--env", "POSTGRES_HOST_AUTH_METHOD=trust"),
        *(image, "postgres", *_WITHOUT_DURABILITY, *preload),
    ]
    try:
        run(argv, timeout=_TIMEOUT)
        yield Server(name, name, image)
    finally:
        run(["docker", "rm", "--force", "--volumes", name], check=False, timeout=_TIMEOUT)


def _wait(scratch: Server, timeout: float, clock: Clock) -> Generator[Event, None, None]:
    """Wait until the server accepts connections. Raises VerificationError if it does not in time."""
    yield Working("starting a scratch server")
    if not to_end(poll(scratch.answers, bool, every=_POLL, timeout=timeout, clock=clock)):
        logged = run(["docker", "logs", "--tail", "8", scratch.container], check=False, timeout=_TIMEOUT)
        raise VerificationError(
            "the scratch server does not accept connections",
            seen=f"no connection within {timeout:.0f} s",
            expected=f"a server of the image {scratch.image} within GATE_TIMEOUT",
            next_step="docker images; then the same command again",
            details=logged.tail(8),
        )

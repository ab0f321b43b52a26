"""The tasks that back up and restore data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rofecare_infra.boundary.command import command

if TYPE_CHECKING:
    from rofecare_infra.backup import Entry

_ID = "id or folder of the backup; default: the newest"
_FROM = "name of the project that the backup is of, if it is another one"
_UNENCRYPTED = "accept a backup of an earlier version, which is neither encrypted nor signed"


@command(
    changes=True,
    help={
        "with-kafka": "fail if there is no Kafka; it is part of every backup",
        "without-kafka": "leave Kafka out",
        "accept-clock": "the clock is right, although it contradicts the newest backup or another clock",
        "accept-missing": "expect from now on only the databases that exist: others were dropped on purpose",
        "json": "print one JSON object per line",
    },
)
def backup(
    root: Path,
    with_kafka: bool = False,
    without_kafka: bool = False,
    accept_clock: bool = False,
    accept_missing: bool = False,
    json: bool = False,
) -> None:
    """Back up all databases, Kafka, roles, configuration and secrets."""
    from rofecare_infra import backup as room
    from rofecare_infra.boundary.results import backups as results
    from rofecare_infra.errors import UsageError
    from rofecare_infra.progress import Scope, renderer_for
    from rofecare_infra.project import open_project, take_over

    with Scope(renderer_for(as_json=json)) as scope:
        project = scope.follow(take_over(open_project(root, secrets_checked=False, mode_required=True, stack=None)))
        if with_kafka and without_kafka:
            raise UsageError(
                "--with-kafka and --without-kafka exclude each other",
                seen="both",
                expected="one of them, or neither: Kafka is part of every backup",
                next_step="inv backup",
            )
        kafka = True if with_kafka else False if without_kafka else None
        accepted = room.Accepted(clock=accept_clock, missing=accept_missing)
        taken = scope.follow(room.take_reported(project, kafka=kafka, accepted=accepted))
        scope.say(room.describe(taken))
        scope.record(results.BackupTaken.of(taken))
        scope.follow(room.retain_and_copy(project, taken))
        room.require_complete(taken)


@command(help={"json": "print one JSON document"})
def backups(root: Path, json: bool = False) -> None:
    """List the backups with age, size and time of verification."""
    from datetime import UTC, datetime

    from rofecare_infra import backup as room
    from rofecare_infra.boundary.results import backups as results
    from rofecare_infra.progress import duration, mebibytes, renderer_for, table
    from rofecare_infra.project import open_project

    store = room.store_of(open_project(root, secrets_checked=False, stack=None))
    entries = store.entries()
    out = renderer_for(as_json=json)
    now = datetime.now(UTC)
    if json:
        out.record([results.Backup.of(entry, now) for entry in entries])
        return
    if not entries:
        out.say(f"no backup in {store.folder}: inv backup")
        return
    rows = [
        (
            entry.id,
            duration((now - entry.moment).total_seconds()),
            mebibytes(entry.manifest.size) if entry.manifest else "",
            f"{duration((now - datetime.fromisoformat(entry.verified)).total_seconds())} ago"
            if entry.verified
            else "never",
            _remark(entry),
        )
        for entry in entries
    ]
    out.say(table(("BACKUP", "AGE", "SIZE", "VERIFIED", ""), rows))
    foreign = sum(bool(entry.foreign) for entry in entries)
    more = f", and {foreign} foreign ones, which are never removed" if foreign else ""
    out.say(f"\n{len(entries) - foreign} backups in {store.folder}{more}")


def after_interruption(root: Path) -> str:
    """What to print after ^C in a restore."""
    from rofecare_infra import backup as room
    from rofecare_infra.project import open_for_stop

    project = open_for_stop(root)
    if room.is_interrupted(project.settings):
        return f"the restore is not rolled back yet; {project.start_command} rolls it back first"
    return "the restore is rolled back; inv status shows what is running"


@command(
    changes=True,
    iterable=["only", "part"],
    words="id",
    help={
        "id": _ID,
        "only": "restore only the database of this service, by its full or short name; may be repeated",
        "from-project": _FROM,
        "with-kafka": "also replace Kafka and ZooKeeper",
        "part": "also replace these volumes: kafka, or certificates for those of the front; may be repeated",
        "unencrypted": _UNENCRYPTED,
        "json": "print one JSON object per line",
    },
    interrupted=after_interruption,
)
def restore(  # noqa: PLR0917 - flags of the task
    root: Path,
    only: Sequence[str],
    part: Sequence[str],
    id: str = "",
    from_project: str = "",
    with_kafka: bool = False,
    unencrypted: bool = False,
    json: bool = False,
) -> None:
    """Replace the data with that of a backup; roll back if anything fails."""
    from rofecare_infra import backup as room
    from rofecare_infra.boundary.results import backups as results
    from rofecare_infra.progress import Scope, renderer_for
    from rofecare_infra.project import open_project, prepare, take_over
    from rofecare_infra.recovery import recover

    with Scope(renderer_for(as_json=json)) as scope:
        parts = tuple(dict.fromkeys([*part, *(["kafka"] if with_kafka else [])]))
        project = open_project(root, stack=None)
        project = scope.follow(recover(project))
        project = room.in_mode_of_backup(project, id, lambda: open_project(root, production=True))
        project = scope.follow(take_over(project))
        room.refresh_metrics(project)
        project = scope.follow(prepare(project))
        done = scope.follow(
            room.restore(project, id, only=only, from_project=from_project, parts=parts, unencrypted=unencrypted)
        )
        scope.say(
            f"restored: backup {done.backup.id}, {len(done.databases)} databases came out equal; "
            f"downtime {done.downtime:.0f} s"
            + (f"; the previous data is in backup {done.safety.id}" if done.safety else "")
        )
        scope.record(results.Restored.of(done))


@command(
    words="id",
    help={
        "id": _ID,
        "to": "a folder that does not exist yet",
        "from-project": _FROM,
        "unencrypted": _UNENCRYPTED,
    },
)
def unpack_backup(root: Path, id: str = "", to: str = "", from_project: str = "", unencrypted: bool = False) -> None:
    """Write the configuration, secrets and roles of a backup into a new folder."""
    from rofecare_infra import backup as room
    from rofecare_infra.errors import UsageError
    from rofecare_infra.progress import Scope, renderer_for
    from rofecare_infra.project import open_project

    if not to:
        raise UsageError(
            "the target folder is missing",
            seen="no --to",
            expected="--to with a folder that does not exist yet",
            next_step="inv unpack-backup --to /root/unpacked",
        )
    with Scope(renderer_for()) as scope:
        project = open_project(root, secrets_checked=False, stack=None)
        target = Path(to).expanduser().absolute()
        count = scope.follow(room.unpack(project, id, target, from_project=from_project, unencrypted=unencrypted))
        scope.say(f"{count} files written to {target}; copy what you need, then: rm -r {target}")


@command(
    changes=True,
    words="id",
    help={
        "id": _ID,
        "from-project": _FROM,
        "unencrypted": _UNENCRYPTED,
        "json": "print one JSON object per line",
    },
)
def verify_backup(
    root: Path, id: str = "", from_project: str = "", unencrypted: bool = False, json: bool = False
) -> None:
    """Restore a backup into scratch containers and compare all of its content."""
    from rofecare_infra import backup as room
    from rofecare_infra.boundary.results import backups as results
    from rofecare_infra.progress import Scope, renderer_for
    from rofecare_infra.project import open_project

    with Scope(renderer_for(as_json=json)) as scope:
        project = open_project(root, secrets_checked=False, stack=None)
        verified = scope.follow(room.verify_reported(project, id, from_project=from_project, unencrypted=unencrypted))
        scope.say(
            f"verified: backup {verified.backup.id}, {verified.tables} tables with {verified.rows} rows came out equal"
        )
        scope.record(results.BackupVerified(verified.backup.id, verified.tables, verified.rows))


def _remark(entry: Entry) -> str:
    """What is special about a backup, else why it was taken."""
    if entry.damage:
        return f"DAMAGED: {entry.damage}"
    if entry.foreign:
        return f"FOREIGN: {entry.foreign}"
    if entry.manifest is None:
        return ""
    missing, clock = entry.manifest.missing, entry.manifest.clock
    return f"INCOMPLETE: {', '.join(missing)}" if missing else (f"CLOCK: {clock}" if clock else entry.manifest.reason)

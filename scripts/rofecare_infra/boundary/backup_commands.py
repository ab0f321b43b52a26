"""The bodies of the tasks that keep and bring back data."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rofecare_infra import backup, hosting
from rofecare_infra import project as project_room
from rofecare_infra.backup import Entry, metrics
from rofecare_infra.boundary.commands import prepare
from rofecare_infra.errors import RofecareError, UsageError, VerificationError
from rofecare_infra.progress import Scope, duration, mebibytes, renderer_for, table
from rofecare_infra.project import open_for_stop, open_project


def take_backup(root: Path, *, kafka: bool, as_json: bool) -> None:
    """Take a backup; say where it is; let the old ones go and copy it to the second place."""
    with Scope(renderer_for(as_json=as_json)) as scope:
        project = open_project(root, secrets_checked=False)
        # Kafka is stopped and started for it: that takes what a start takes.
        project = scope.follow(project_room.prepare(project)) if kafka else project
        try:
            taken = scope.follow(backup.take(project, kafka=kafka))
        except RofecareError:
            metrics.tell(project.settings, {metrics.FAILURE: metrics.now()})
            raise
        metrics.tell(project.settings)
        scope.say(backup.described(taken))
        scope.follow(backup.keep(project.settings, taken))


def schedule_backups(root: Path, *, time: str, remove: bool) -> None:
    """Write, or remove, what takes a backup every day; show it."""
    settings = open_project(root, secrets_checked=False).settings
    out = renderer_for()
    if remove:
        gone = hosting.schedule.remove(settings).files
        out.say(f"removed: {', '.join(map(str, gone))}" if gone else "nothing was scheduled")
        return
    inv = Path(sys.executable).with_name("inv")
    done = hosting.schedule.schedule(settings, [str(inv), "--search-root", str(root), "backup"], time)
    for path, text in zip(done.files, done.texts, strict=True):
        out.say(f"{path}:\n\n{text}")
    out.say(f"scheduled: a backup of {settings.project} every day at {time}")


def unpack_backup(root: Path, word: str, to: str, *, from_project: str) -> None:
    """Lay configuration and secrets of one open in a new folder."""
    if not to:
        raise UsageError(
            "it is not said where to",
            seen="no --to",
            expected="--to with a folder that does not exist yet",
            next_step="inv unpack-backup --to /root/unpacked",
        )
    with Scope(renderer_for()) as scope:
        project = open_project(root, secrets_checked=False)
        target = Path(to).expanduser().absolute()
        count = scope.follow(backup.unpack(project, word, target, from_project=from_project))
        scope.say(f"{count} files written to {target}; take what you need, then: rm -r {target}")


def verify_backup(root: Path, word: str, *, from_project: str, as_json: bool) -> None:
    """Verify one; say what was found equal."""
    with Scope(renderer_for(as_json=as_json)) as scope:
        project = open_project(root, secrets_checked=False)
        try:
            verified = scope.follow(backup.verify(project, word, from_project=from_project))
        except VerificationError:
            if not from_project:
                metrics.tell(project.settings, {metrics.VERIFICATION: 0})
            raise
        if not from_project:
            metrics.tell(project.settings, {metrics.VERIFICATION: 1})
        scope.say(
            f"verified: backup {verified.backup.id}, {verified.tables} tables with {verified.rows} rows came out equal"
        )


def restore_backup(
    root: Path, word: str, only: Sequence[str], *, from_project: str, kafka: bool, as_json: bool
) -> None:
    """Restore one; say what is there now and where what was there before is kept."""
    with Scope(renderer_for(as_json=as_json)) as scope:
        project = prepare(root, scope)
        done = scope.follow(backup.restore(project, word, only=only, from_project=from_project, kafka=kafka))
        scope.say(
            f"restored: backup {done.backup.id}, {len(done.databases)} databases came out equal; "
            f"requests were held for {done.closed:.0f} s; what was there before is backup {done.safety.id}"
        )


def after_interrupt(root: Path) -> Callable[[], str]:
    """What to say after ^C."""

    def say() -> str:
        settings = open_for_stop(root).settings
        if backup.is_interrupted(settings):
            return "the old state is not back yet; inv start-all puts it back before anything else"
        return "the state is what it was before; inv status shows what runs"

    return say


def list_backups(root: Path, *, as_json: bool) -> None:
    """All backups with age, size, and when they were verified."""
    project = open_project(root, secrets_checked=False)
    store = backup.store_of(project.settings)
    entries = store.entries()
    out = renderer_for()
    now = datetime.now(UTC)
    if as_json:
        out.say(json.dumps([_fields(entry, now) for entry in entries], indent=2))
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
            entry.manifest.secrets.partition(":")[0] if entry.manifest else "",
            f"DAMAGED: {entry.damage}" if entry.damage else (entry.manifest.reason if entry.manifest else ""),
        )
        for entry in entries
    ]
    out.say(table(("BACKUP", "AGE", "SIZE", "VERIFIED", "SECRETS", ""), rows))
    out.say(f"\n{len(entries)} backups in {store.folder}")


def _fields(entry: Entry, now: datetime) -> dict[str, object]:
    return {
        "id": entry.id,
        "folder": str(entry.folder),
        "age_seconds": int((now - entry.moment).total_seconds()),
        "bytes": entry.manifest.size if entry.manifest else None,
        "verified": entry.verified or None,
        "reason": entry.manifest.reason if entry.manifest else None,
        "secrets": entry.manifest.secrets if entry.manifest else None,
        "damage": entry.damage or None,
    }

"""The bodies of the tasks that keep and bring back data."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rofecare_infra import backup, phases
from rofecare_infra.backup import Entry
from rofecare_infra.boundary.commands import prepare
from rofecare_infra.engine import connect
from rofecare_infra.progress import Scope, duration, mebibytes, renderer_for, table


def take_backup(root: Path, *, as_json: bool) -> None:
    """Take a backup; say where it is."""
    with Scope(renderer_for(as_json=as_json)) as scope:
        project = phases.open_project(root, secrets_checked=False)
        taken = scope.follow(backup.take(project, connect()))
        scope.say(backup.described(taken))


def verify_backup(root: Path, word: str, *, from_project: str, as_json: bool) -> None:
    """Verify one; say what was found equal."""
    with Scope(renderer_for(as_json=as_json)) as scope:
        project = phases.open_project(root, secrets_checked=False)
        verified = scope.follow(backup.verify(project, connect(), word, from_project=from_project))
        scope.say(
            f"verified: backup {verified.backup.id}, {verified.tables} tables with {verified.rows} rows came out equal"
        )


def restore_backup(root: Path, word: str, only: Sequence[str], *, from_project: str, as_json: bool) -> None:
    """Restore one; say what is there now and where what was there before is kept."""
    with Scope(renderer_for(as_json=as_json)) as scope:
        prepared = prepare(root, scope)
        done = scope.follow(backup.restore(prepared, word, only=only, from_project=from_project))
        scope.say(
            f"restored: backup {done.backup.id}, {len(done.databases)} databases came out equal; "
            f"requests were held for {done.closed:.0f} s; what was there before is backup {done.safety.id}"
        )


def after_interrupt(root: Path) -> Callable[[], str]:
    """What to say after ^C."""

    def say() -> str:
        settings = phases.open_for_stop(root).settings
        if backup.is_interrupted(settings):
            return "the old state is not back yet; inv start-all puts it back before anything else"
        return "the state is what it was before; inv status shows what runs"

    return say


def list_backups(root: Path, *, as_json: bool) -> None:
    """All backups with age, size, and when they were verified."""
    project = phases.open_project(root, secrets_checked=False)
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

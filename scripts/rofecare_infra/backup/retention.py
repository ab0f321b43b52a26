"""Which backups may go: those that are older than they are kept, and never the last good one."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from datetime import UTC, datetime, timedelta

from rofecare_infra.backup.records import MANIFEST
from rofecare_infra.backup.store import Entry, Store
from rofecare_infra.progress import Event, Note


def expired(entries: Sequence[Entry], days: int, now: datetime, project: str) -> tuple[Entry, ...]:
    """The backups of the project that are older than that, but for the newest verified one and the newest whole one.

    What cannot be read, or is another project's, is nobody's to remove.
    """
    ours = [entry for entry in entries if entry.manifest is not None and entry.manifest.project == project]
    whole = [entry for entry in ours if not entry.damage]
    verified = [entry for entry in whole if entry.verified]
    kept = {entry.id for entry in (*whole[-1:], *verified[-1:])}
    if not whole:
        return ()
    return tuple(entry for entry in ours if entry.moment < now - timedelta(days=days) and entry.id not in kept)


def apply(store: Store, days: int, now: datetime | None = None) -> Generator[Event, None, tuple[str, ...]]:
    """Remove what has expired; call it under the store's lock."""
    gone = expired(store.entries(), days, now or datetime.now(UTC), store.project)
    for entry in gone:
        # Without its manifest it is no backup: one whose removal is interrupted never looks whole.
        (entry.folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(entry.folder, ignore_errors=True)
        yield Note(f"backup {entry.id} removed: older than {days} days (BACKUP_KEEP_DAYS)")
    return tuple(entry.id for entry in gone)

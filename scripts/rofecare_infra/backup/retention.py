"""The retention: which backups are removed, by age and by count."""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from rofecare_infra import state
from rofecare_infra.backup import clock
from rofecare_infra.backup.store import PARTIAL, Entry, Store
from rofecare_infra.progress import Event, Note

# The largest sequence number when backups were last removed.
RECORD = ".retention.json"
# One run removes this many more than were added since the last one.
MARGIN = 2
# Fewer gaps between backups do not show what is usual.
_FEW = 3
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Keep:
    """How long and how many backups are kept."""

    # Older ones are removed,
    days: int
    # but so many good ones stay, whatever their age.
    count: int


def expired(entries: Sequence[Entry], keep: Keep, now: datetime, last: int | None = None) -> tuple[Entry, ...]:
    """The backups that are removed, oldest first; `last` is the largest sequence number at the last run.

    The newest good ones and the newest verified one stay. Nothing is removed without a good one, or while the clock is
    absurd. Foreign backups are neither counted nor removed.
    """
    own = sorted((one for one in entries if not one.foreign), key=lambda one: one.order)
    good = [one for one in own if one.is_good]
    unmarked = [one for one in own if not one.is_marked]
    if not good or own[-1].is_marked or clock.contradiction(now, unmarked[-1].moment):
        return ()
    verified = [one for one in good if one.verified]
    kept = {one.id for one in (*good[-keep.count :], *verified[-1:])}
    age = ages(own, now)
    old = [one for one in own if one.id not in kept and age.get(one.id, timedelta()) > keep.days * _DAY]
    added = 1 if last is None else sum(one.sequence > last for one in own)
    return tuple(old[: added + MARGIN])


def ages(own: Sequence[Entry], now: datetime) -> dict[str, timedelta]:
    """Backup -> the time since it was taken, of a platform whose clock may have been wrong for a while.

    A gap between two backups counts no more than the shorter ones usually are, or a day: whether the machine was off,
    or the clock is ahead, cannot be known. A backup that was taken while the clock was absurd has the age of the next
    one that was not.
    """
    moments = [one.moment for one in own if not one.is_marked]
    gaps = sorted(later - earlier for earlier, later in pairwise(moments))
    usual = max(gaps[len(gaps) // 4], _DAY) if len(gaps) >= _FEW else _DAY
    found: dict[str, timedelta] = {}
    age: timedelta | None = None
    later = now
    for one in reversed(own):
        if not one.is_marked:
            age = (age or timedelta()) + min(max(later - one.moment, timedelta()), usual)
            later = one.moment
        if age is not None:
            found[one.id] = age
    return found


def apply_retention(store: Store, keep: Keep, now: datetime | None = None) -> Generator[Event, None, tuple[str, ...]]:
    """Remove expired backups. Raises OSError; nothing is removed where it is not known which backups are own ones."""
    if store.key is None or not store.platform:
        return ()
    own = store.own()
    path = store.folder / RECORD
    removed = expired(own, keep, now or datetime.now(UTC), _recorded(store))
    # First of all: if the removal is interrupted, the next run does not count the same backups again.
    path.unlink(missing_ok=True)
    for entry in removed:
        # The rest of an interrupted removal is not taken for a backup.
        rest = entry.folder.with_name(f"{PARTIAL}{entry.id}")
        entry.folder.rename(rest)
        state.sync_folder(store.folder)
        shutil.rmtree(rest, ignore_errors=True)
        yield Note(f"backup {entry.id} removed: older than {keep.days} days (BACKUP_KEEP_DAYS)")
    # Without a record, the next run removes fewer.
    with suppress(OSError):
        largest = max((one.sequence for one in own), default=0)
        state.replace(path, json.dumps({"sequence": largest}) + "\n", mode=0o600)
    return tuple(entry.id for entry in removed)


def _recorded(store: Store) -> int | None:
    try:
        return int(json.loads((store.folder / RECORD).read_bytes())["sequence"])
    except (OSError, ValueError, LookupError, TypeError):
        return None

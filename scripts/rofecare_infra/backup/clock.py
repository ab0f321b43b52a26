"""Whether the clock can be right: it is compared with the newest backup, the engine and the file system."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rofecare_infra.backup.manifest import MANIFEST
from rofecare_infra.backup.store import Entry
from rofecare_infra.engine import Engine
from rofecare_infra.errors import VerificationError
from rofecare_infra.progress import duration

# Clocks that differ by less are taken for equal.
TOLERANCE = timedelta(hours=1)
# A platform may have been off for weeks.
LONGEST_GAP = timedelta(days=90)
_LIMIT = duration(TOLERANCE.total_seconds())
_FORMAT = "%Y-%m-%d %H:%M:%S UTC"


@dataclass(frozen=True)
class Readings:
    """The time of this program, and of everything that it is compared with; None for what is not there."""

    now: datetime
    engine: datetime | None = None
    # The time of a file that was just written to the folder of the backups.
    written: datetime | None = None
    # The newest backup that was taken with a plausible clock: when it was started, and the time of its manifest.
    newest: datetime | None = None
    newest_written: datetime | None = None


def absurdity(seen: Readings) -> str:
    """Why the clock cannot be right; empty if it can."""
    for other, whose in ((seen.engine, "that of the container engine"), (seen.written, "that of the file system")):
        if other is not None and abs(seen.now - other) > TOLERANCE:
            return f"the clock shows {seen.now:{_FORMAT}}, and {whose} {other:{_FORMAT}}"
    for other in (seen.newest, seen.newest_written):
        found = contradiction(seen.now, other) if other is not None else ""
        if found:
            return found
    return ""


def contradiction(now: datetime, newest: datetime) -> str:
    """Why the clock cannot be right, given the time of the newest backup; empty if it can."""
    if newest - now > TOLERANCE:
        return (
            f"the clock shows {now:{_FORMAT}}, {duration((newest - now).total_seconds())} before the newest backup "
            f"({newest:{_FORMAT}})"
        )
    if now - newest > LONGEST_GAP:
        return (
            f"the clock shows {now:{_FORMAT}}, {duration((now - newest).total_seconds())} after the newest backup "
            f"({newest:{_FORMAT}}), and more than {LONGEST_GAP.days} days are not plausible"
        )
    return ""


def refusal(backup: str, absurd: str) -> VerificationError:
    """The error after a backup that was taken while the clock was absurd."""
    return VerificationError(
        f"backup {backup} was taken, but the clock cannot be right: no old backup was removed",
        seen=absurd,
        expected=f"clocks of this machine, the engine and the file system that differ by less than {_LIMIT}, and a "
        f"newest backup of the last {LONGEST_GAP.days} days",
        next_step="correct the clock (timedatectl), then inv backup; if it is right: inv backup --accept-clock",
    )


def read(folder: Path, own: Sequence[Entry], engine: Engine, now: datetime) -> Readings:
    """What there is to compare `now` with; `own` are the backups in this folder, oldest first. Raises OSError."""
    newest = next((one for one in reversed(own) if not one.is_marked), None)
    readings = Readings(now, engine.time(), _written_now(folder))
    if newest is None:
        return readings
    return replace(readings, newest=newest.moment, newest_written=_time((newest.folder / MANIFEST).stat()))


def _written_now(folder: Path) -> datetime | None:
    # A file without a name: nothing of it is left, whatever happens.
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"\n")
        file.flush()
        return _time(os.fstat(file.fileno()))


def _time(file: os.stat_result) -> datetime | None:
    """When a file was written; None if Python cannot represent that."""
    try:
        return datetime.fromtimestamp(file.st_mtime, UTC)
    except (OverflowError, ValueError):
        return None

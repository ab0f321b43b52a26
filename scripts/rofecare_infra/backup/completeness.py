"""Whether a backup contains every database that it should: those that are there, and those of the backup before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rofecare_infra.backup.manifest import Backup
from rofecare_infra.backup.store import Entry
from rofecare_infra.errors import RofecareError, VerificationError


def key_of_database(service: str, name: str) -> str:
    """How a manifest calls a database."""
    return f"{service}/{name}"


def gone(entries: Sequence[Entry], present: Collection[str]) -> dict[str, str]:
    """The databases and volumes of the newest complete backup that are gone, and why they are expected."""
    for entry in reversed(entries):
        if entry.is_good and entry.manifest is not None:
            known = {key_of_database(one.service, one.name) for one in entry.manifest.databases}
            known |= {*entry.manifest.volumes}
            return dict.fromkeys(sorted(known - {*present}), f"backup {entry.id} contains it, and it is gone")
    return {}


def reason(error: RofecareError) -> str:
    """Why a database could not be read, in one line."""
    return next((line for line in error.details if "error" in line.lower() or "FATAL" in line), error.seen)


def require_complete(backup: Backup) -> Backup:
    """Raise VerificationError for a backup that lacks something."""
    missing: Mapping[str, str] = backup.manifest.missing
    if not missing:
        return backup
    lines = [f"{name}: {why}" for name, why in missing.items()]
    raise VerificationError(
        f"backup {backup.id} is incomplete: without {', '.join(missing)}",
        seen=lines[0],
        expected="every database, and every volume that belongs to it; all others are in this backup",
        next_step="correct this, then inv backup; for one that was removed on purpose: inv backup --accept-missing",
        details=lines[1:],
    )


def require_saved(safety: Backup, replaced: Collection[str]) -> None:
    """Raise VerificationError if a database or a part that a restore replaces is missing in the backup before it."""
    lost = {name: why for name, why in safety.manifest.missing.items() if name in replaced}
    if lost:
        name = next(iter(lost))
        raise VerificationError(
            f"{name} cannot be saved before it is replaced",
            seen=lost[name],
            expected=f"a backup of the present data, which the restore removes; {safety.id} does not contain it",
            next_step="correct this, then the same command again; a database that is damaged can be kept under another "
            "name: ALTER DATABASE ... RENAME TO ...",
            details=[f"{one}: {why}" for one, why in lost.items()][1:],
        )

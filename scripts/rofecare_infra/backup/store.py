"""The folder of a project's backups: its entries, and the retention of old backups.

A backup gets its name when it is complete; an interrupted one is never listed.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.backup import files
from rofecare_infra.backup.integrity import read, verified_at
from rofecare_infra.backup.key import Key, file_of, key_of, make
from rofecare_infra.backup.manifest import MAC, MANIFEST, Backup, Manifest, to_text
from rofecare_infra.errors import SettingsError, UsageError, VerificationError
from rofecare_infra.progress import Event, Note
from rofecare_infra.settings import Settings

PARTIAL = ".partial-"
_ID = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Entry:
    """A folder with the name of a backup, after a quick check."""

    id: str
    folder: Path
    # Why it is damaged; empty if all its files exist and have the recorded sizes.
    damage: str
    manifest: Manifest | None = None
    # When it was last verified (ISO 8601); empty for never, or if it was changed since.
    verified: str = ""

    @property
    def moment(self) -> datetime:
        """When it was started."""
        return datetime.strptime(self.id, _ID).replace(tzinfo=UTC)


@dataclass(frozen=True)
class Store:
    """The backups of one project."""

    folder: Path
    project: str
    # A further folder of backups, which are only read: of a production platform that was removed, or is yet to come.
    also: Path | None = None
    # None where this user has no key: then the origin of a backup is unknown, and none can be taken or used.
    key: Key | None = None

    def entries(self) -> tuple[Entry, ...]:
        """All folders with the name of a backup, oldest first."""
        found = self.own()
        if self.also is not None and os.access(self.also, os.R_OK | os.X_OK):
            found += _ids(self.also)
        return tuple(self.entry(path) for path in sorted(found, key=lambda path: path.name))

    def own(self) -> tuple[Path, ...]:
        """The folders of its own backups, oldest first."""
        return _ids(self.folder)

    def entry(self, folder: Path) -> Entry:
        """Check the manifest of a backup, and the existence and sizes of its files."""
        try:
            backup = read(folder, self.key)
            if backup.manifest.project != self.project:
                return Entry(folder.name, folder, f"a backup of {backup.manifest.project}", backup.manifest)
            for name, record in backup.manifest.files.items():
                size = (folder / name).stat().st_size
                if size != record.size:
                    return Entry(folder.name, folder, f"{name} has {size} bytes of {record.size}", backup.manifest)
        except VerificationError as error:
            return Entry(folder.name, folder, error.seen)
        except OSError as error:
            return Entry(folder.name, folder, f"{Path(error.filename or '').name}: {error.strerror}", backup.manifest)
        return Entry(folder.name, folder, "", backup.manifest, verified_at(folder, self.key))

    def find(self, word: str) -> Path:
        """The folder of a backup, given its id or path; of the newest one if `word` is empty."""
        if word and ("/" in word or Path(word).is_dir()):
            return Path(word).expanduser().absolute()
        entries = self.entries()
        if word:
            found = [entry.folder for entry in entries if entry.id == word]
            if not found:
                raise UsageError(
                    f"there is no backup {word!r}",
                    seen=word,
                    expected=f"a folder, or one of {', '.join(one.id for one in entries[-5:]) or 'none'}",
                    next_step="inv backups  (lists them all)",
                )
            return found[0]
        if not entries:
            raise VerificationError(
                "there is no backup",
                seen=f"none in {self.folder}",
                expected="a backup of this project",
                next_step="inv backup",
            )
        return entries[-1].folder

    def usable_key(self, settings: Settings) -> Generator[Event, None, Key]:
        """The key for a backup; created if there is none, and no backup that was made with one.

        Raises SettingsError where it is missing or cannot be used.
        """
        path = file_of(settings)
        if not path.exists() and not any((folder / MAC).exists() for folder in self.own()):
            make(path)
            yield Note(
                f"created the key of the backups: {path}; without it none can be restored: keep a copy elsewhere"
            )
        return key_of(settings)

    def free_id(self, now: datetime) -> str:
        """An id that no backup has."""
        while (self.folder / f"{now:{_ID}}").exists():
            now += timedelta(seconds=1)
        return f"{now:{_ID}}"

    def publish(self, draft: Path, manifest: Manifest, key: Key) -> Backup:
        """Write the manifest and its MAC, and rename the folder: from now on it is a backup."""
        text = to_text(manifest).encode()
        files.write(draft / MANIFEST, text)
        files.write(draft / MAC, f"{key.mac(text)}\n".encode())
        state.sync_folder(draft)
        final = self.folder / manifest.id
        draft.rename(final)
        state.sync_folder(self.folder)
        return Backup(final, manifest)

    def make_folder(self) -> None:
        """Create the folder if it is missing. Raises SettingsError where it cannot be created or written to."""
        try:
            state.make_folder(self.folder, mode=0o700)
        except OSError as error:
            raise _unusable(self.folder, error) from error
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise _unusable(self.folder, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))

    def clean(self) -> tuple[str, ...]:
        """Remove incomplete backups of interrupted runs: only one command at a time changes a project."""
        left = list(self.folder.glob(f"{PARTIAL}*"))
        for path in left:
            shutil.rmtree(path, ignore_errors=True)
        return tuple(path.name for path in left)


def store_of(settings: Settings) -> Store:
    """The store of this project's backups."""
    mine, site = settings.backup_folder / settings.project, settings.site_folder / "backups" / settings.project
    key = key_of(settings) if os.access(file_of(settings), os.R_OK) else None
    return Store(mine, settings.project, None if settings.is_release else site, key)


def expired(entries: Sequence[Entry], days: int, now: datetime, project: str) -> tuple[Entry, ...]:
    """The backups that retention removes: older than `days`, except the newest intact and the newest verified one.

    Backups of other projects and those whose manifest cannot be read are kept.
    """
    own = [entry for entry in entries if entry.manifest is not None and entry.manifest.project == project]
    intact = [entry for entry in own if not entry.damage]
    verified = [entry for entry in intact if entry.verified]
    kept = {entry.id for entry in (*intact[-1:], *verified[-1:])}
    if not intact:
        return ()
    return tuple(entry for entry in own if entry.moment < now - timedelta(days=days) and entry.id not in kept)


def apply_retention(store: Store, days: int, now: datetime | None = None) -> Generator[Event, None, tuple[str, ...]]:
    """Remove expired backups."""
    removed = expired([store.entry(path) for path in store.own()], days, now or datetime.now(UTC), store.project)
    for entry in removed:
        # First the manifest: if the removal is interrupted, the rest is not taken for an intact backup.
        (entry.folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(entry.folder, ignore_errors=True)
        yield Note(f"backup {entry.id} removed: older than {days} days (BACKUP_KEEP_DAYS)")
    return tuple(entry.id for entry in removed)


def _ids(folder: Path) -> tuple[Path, ...]:
    try:
        return tuple(sorted(path for path in folder.iterdir() if _is_id(path.name)))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise _unusable(folder, error) from error


def _is_id(name: str) -> bool:
    try:
        return f"{datetime.strptime(name, _ID).replace(tzinfo=UTC):{_ID}}" == name
    except ValueError:
        return False


def _unusable(folder: Path, error: OSError) -> SettingsError:
    return SettingsError(
        "the folder of the backups cannot be used",
        seen=f"{folder}: {error.strerror}",
        expected="a folder that this user can write to (BACKUP_DIR)",
        next_step="fix this, or set BACKUP_DIR to another folder",
    )

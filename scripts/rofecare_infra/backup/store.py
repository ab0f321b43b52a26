"""The folder of a project's backups, and which of them belong to this platform.

A backup gets its name when it is complete; an interrupted one is never listed.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.backup import files, identity
from rofecare_infra.backup.integrity import read, verified_at
from rofecare_infra.backup.key import Key, file_of, key_of, make
from rofecare_infra.backup.manifest import MAC, MANIFEST, Backup, Manifest, to_text
from rofecare_infra.errors import SettingsError, UsageError, VerificationError
from rofecare_infra.progress import Event, Note
from rofecare_infra.project import Project
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
    # Why it does not count as a backup of this platform; empty if it does.
    foreign: str = ""

    @property
    def moment(self) -> datetime:
        """When it was started, by the clock of that time."""
        return datetime.fromisoformat(self.id)

    @property
    def sequence(self) -> int:
        """Its sequence number; 0 in format 1, and where the manifest cannot be read."""
        return self.manifest.sequence if self.manifest is not None else 0

    @property
    def order(self) -> tuple[int, str]:
        """What the backups of one platform are sorted by."""
        return self.sequence, self.id

    @property
    def is_marked(self) -> bool:
        """Whether the clock was absurd when it was taken."""
        return self.manifest is not None and bool(self.manifest.clock)

    @property
    def is_good(self) -> bool:
        """Whether it is a complete backup of this platform, as far as that is known without reading all of it."""
        return not self.damage and not self.foreign and self.manifest is not None and not self.manifest.missing


@dataclass(frozen=True)
class Store:
    """The backups of one project."""

    folder: Path
    project: str
    # A further folder of backups, which are only read: of a production platform that was removed, or is yet to come.
    also: Path | None = None
    # None where this user has no key: then the origin of a backup is unknown, and none can be taken or used.
    key: Key | None = None
    # The id of this platform; empty if it has none yet: then all backups of the project count as its own.
    platform: str = ""

    def entries(self) -> tuple[Entry, ...]:
        """All folders with the name of a backup, foreign ones first, then oldest first."""
        found = self.folders()
        if self.also is not None and os.access(self.also, os.R_OK | os.X_OK):
            found += _ids(self.also)
        return tuple(sorted(map(self.entry, found), key=lambda one: (not one.foreign, one.order)))

    def own(self) -> tuple[Entry, ...]:
        """The backups of this platform in its own folder, oldest first."""
        found = (self.entry(path) for path in self.folders())
        return tuple(sorted((one for one in found if not one.foreign), key=lambda one: one.order))

    def folders(self) -> tuple[Path, ...]:
        """The folders with the name of a backup in its own folder."""
        return _ids(self.folder)

    def entry(self, folder: Path) -> Entry:
        """Check the manifest of a backup, and the existence and sizes of its files."""
        try:
            manifest = read(folder, self.key).manifest
        except VerificationError as error:
            return Entry(folder.name, folder, error.seen, foreign="its manifest cannot be used")
        damage = _damage(folder, manifest)
        verified = "" if damage else verified_at(folder, self.key)
        return Entry(folder.name, folder, damage, manifest, verified, self._foreign(folder, manifest))

    def _foreign(self, folder: Path, manifest: Manifest) -> str:
        if manifest.id != folder.name:
            return f"a copy of {manifest.id}"
        if manifest.project != self.project:
            return f"of project {manifest.project}"
        if self.platform and manifest.platform not in {self.platform, ""}:
            return f"of another platform, {manifest.platform}"
        return ""

    def newest(self) -> Entry:
        """The newest backup of this platform; if there is none, that of the only other one.

        Raises VerificationError where there is none, or where it is not known which one is the newest.
        """
        entries = self.entries()
        known = [
            (one.manifest.platform, one)
            for one in entries
            if one.manifest is not None and (one.manifest.project, one.manifest.id) == (self.project, one.id)
        ]
        # Beside those of this platform, backups of earlier versions, which have no platform id, are older.
        found = [(platform, one) for platform, one in known if platform and platform == self.platform] or known
        if not found:
            raise VerificationError(
                "there is no backup",
                seen=f"none in {self.folder}",
                expected="a backup of this project",
                next_step="inv backup",
            )
        newest = max((one for _, one in found), key=lambda one: one.order)
        platforms = {platform for platform, _ in found}
        later = [one for one in entries if one.manifest is None and one.id > newest.id]
        if len(platforms) > 1 or later:
            raise VerificationError(
                "it is not known which backup is the newest",
                seen=f"{later[-1].id}: {later[-1].damage}"
                if later
                else f"backups of {len(platforms)} platforms, or of an earlier version",
                expected="backups of one platform, with manifests that can be read",
                next_step=f"inv backups; then the same command with an id, such as {newest.id}",
            )
        return newest

    def find(self, word: str) -> Path:
        """The folder of a backup, given its id or path; of the newest one if `word` is empty."""
        if word and ("/" in word or Path(word).is_dir()):
            return Path(word).expanduser().absolute()
        if not word:
            return self.newest().folder
        entries = self.entries()
        # A backup of this platform, if a foreign one has the same id.
        found = [entry.folder for entry in reversed(entries) if entry.id == word]
        if not found:
            raise UsageError(
                f"there is no backup {word!r}",
                seen=word,
                expected=f"a folder, or one of {', '.join(one.id for one in entries[-5:]) or 'none'}",
                next_step="inv backups  (lists them all)",
            )
        return found[0]

    def usable_key(self, settings: Settings) -> Generator[Event, None, Key]:
        """The key for a backup; created if there is none, and no backup that was made with one.

        Raises SettingsError where it is missing or cannot be used.
        """
        path = file_of(settings)
        if not path.exists() and not any((folder / MAC).exists() for folder in self.folders()):
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


def store_of(project: Project) -> Store:
    """The store of this project's backups."""
    settings = project.settings
    mine, site = settings.backup_folder / settings.project, settings.site_folder / "backups" / settings.project
    also = None if settings.is_release else site
    return Store(mine, settings.project, also, readable_key(settings), identity.platform_id(project))


def readable_key(settings: Settings) -> Key | None:
    """The key, if this user can read it."""
    return key_of(settings) if os.access(file_of(settings), os.R_OK) else None


def _damage(folder: Path, manifest: Manifest) -> str:
    try:
        for name, record in manifest.files.items():
            size = (folder / name).stat().st_size
            if size != record.size:
                return f"{name} has {size} bytes of {record.size}"
    except OSError as error:
        return f"{Path(error.filename or '').name}: {error.strerror}"
    return ""


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

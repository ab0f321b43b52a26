"""The folder of a project's backups: what is in it, one writer at a time, and nothing half that looks whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.backup import disk
from rofecare_infra.backup.records import CHECKSUM, MANIFEST, VERIFIED, Backup, Manifest, from_text, to_text
from rofecare_infra.errors import SettingsError, UsageError, VerificationError
from rofecare_infra.settings import Settings
from rofecare_infra.state import Lock

PARTIAL = ".partial-"
_LOCK = ".lock"
_ID = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Entry:
    """A folder that is called like a backup, as far as a quick look tells."""

    id: str
    folder: Path
    # What is wrong with it; empty when all its files are there with their sizes.
    damage: str
    manifest: Manifest | None = None
    # When it was verified last, as it is now (ISO 8601); empty for never.
    verified: str = ""

    @property
    def moment(self) -> datetime:
        """When it was begun."""
        return datetime.strptime(self.id, _ID).replace(tzinfo=UTC)


@dataclass(frozen=True)
class Store:
    """The backups of one project."""

    folder: Path
    project: str

    def entries(self) -> tuple[Entry, ...]:
        """Everything that is called like a backup, the oldest first."""
        try:
            names = sorted(path.name for path in self.folder.iterdir())
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _unusable(self.folder, error) from error
        return tuple(self.entry(self.folder / name) for name in names if _is_id(name))

    def entry(self, folder: Path) -> Entry:
        """A quick look at one: its manifest, and whether its files are there."""
        try:
            backup = read(folder)
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
        return Entry(folder.name, folder, "", backup.manifest, verified_at(folder))

    def find(self, word: str) -> Path:
        """The folder of a backup by its id, a path, or (for an empty word) of the newest one."""
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

    def free_id(self, now: datetime) -> str:
        """An id that no backup has yet."""
        while (self.folder / f"{now:{_ID}}").exists():
            now += timedelta(seconds=1)
        return f"{now:{_ID}}"

    def publish(self, draft: Path, manifest: Manifest) -> Backup:
        """Write the manifest and give the folder its name: from here on it is a backup."""
        text = to_text(manifest).encode()
        record = disk.write(draft / MANIFEST, text)
        disk.write(draft / CHECKSUM, f"{record.sha256}  {MANIFEST}\n".encode())
        state.sync_folder(draft)
        final = self.folder / manifest.id
        draft.rename(final)
        state.sync_folder(self.folder)
        return Backup(final, manifest)

    @contextmanager
    def locked(self, purpose: str) -> Iterator[None]:
        """Hold the lock of these backups. Raises CommandError while another command does."""
        with ExitStack() as held:
            try:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                lock = Lock(self.folder / _LOCK, "one command at a time with a project's backups")
                held.enter_context(lock.held(purpose))
            except OSError as error:
                raise _unusable(self.folder, error) from error
            yield

    def clean(self) -> tuple[str, ...]:
        """Remove what killed runs left half done; call it under the lock."""
        left = [path for path in self.folder.iterdir() if path.name.startswith(PARTIAL)]
        for path in left:
            shutil.rmtree(path, ignore_errors=True)
        return tuple(path.name for path in left)


def store_of(settings: Settings) -> Store:
    """Where this project's backups are."""
    return Store(settings.backup_folder / settings.project, settings.project)


def read(folder: Path) -> Backup:
    """The backup in a folder. Raises VerificationError when its manifest is not what was written."""
    try:
        content = (folder / MANIFEST).read_bytes()
        checksum = (folder / CHECKSUM).read_bytes().decode("ascii", "replace")
    except OSError as error:
        name = Path(error.filename or MANIFEST).name
        raise damaged(folder, name, f"{name}: {error.strerror}") from error
    if checksum != f"{manifest_digest(content)}  {MANIFEST}\n":
        raise damaged(folder, MANIFEST, f"{MANIFEST} and {CHECKSUM} do not belong together")
    try:
        manifest = from_text(content.decode())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(folder, MANIFEST, f"{MANIFEST} cannot be read: {error}") from error
    return Backup(folder, manifest)


def damaged(folder: Path, name: str, seen: str) -> VerificationError:
    """The error for a file that is not what it was."""
    return VerificationError(
        f"backup {folder.name} is damaged: {name}",
        seen=seen,
        expected="every file as it was written",
        next_step="inv backups, then take another one; look at the disk that this one is on",
    )


def manifest_digest(content: bytes) -> str:
    """The checksum of a manifest."""
    import hashlib

    return hashlib.sha256(content).hexdigest()


def mark_verified(backup: Backup, now: datetime) -> None:
    """Note that this very backup was verified."""
    digest = manifest_digest((backup.folder / MANIFEST).read_bytes())
    said = {"manifest": digest, "verified": now.isoformat(timespec="seconds")}
    state.replace(backup.folder / VERIFIED, json.dumps(said) + "\n", mode=0o600)


def verified_at(folder: Path) -> str:
    """When the backup was verified as it is now; empty when it never was, or when the note is not to be trusted."""
    try:
        said = json.loads((folder / VERIFIED).read_bytes())
        moment = datetime.fromisoformat(said["verified"])
        same = said["manifest"] == manifest_digest((folder / MANIFEST).read_bytes())
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return moment.isoformat() if same and moment.tzinfo is not None else ""


def _is_id(name: str) -> bool:
    try:
        return f"{datetime.strptime(name, _ID).replace(tzinfo=UTC):{_ID}}" == name
    except ValueError:
        return False


def _unusable(folder: Path, error: OSError) -> SettingsError:
    return SettingsError(
        "the folder of the backups cannot be used",
        seen=f"{folder}: {error.strerror}",
        expected="a folder that this user may write to (BACKUP_DIR)",
        next_step="mend what was seen, or give BACKUP_DIR another folder",
    )

"""Reads a backup and checks it: every file has the recorded size and digest, and the backup is of this project."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from datetime import datetime
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.backup import encryption, files
from rofecare_infra.backup.manifest import CHECKSUM, MANIFEST, VERIFIED, Backup, from_text
from rofecare_infra.errors import VerificationError
from rofecare_infra.progress import Event, Note, Working, mebibytes


def read(folder: Path) -> Backup:
    """The backup in a folder. Raises VerificationError if its manifest was changed or cannot be read."""
    try:
        content = (folder / MANIFEST).read_bytes()
        checksum = (folder / CHECKSUM).read_bytes().decode("ascii", "replace")
    except OSError as error:
        name = Path(error.filename or MANIFEST).name
        raise damaged(folder, name, f"{name}: {error.strerror}") from error
    if checksum != f"{_digest(content)}  {MANIFEST}\n":
        raise damaged(folder, MANIFEST, f"{MANIFEST} and {CHECKSUM} do not match")
    try:
        manifest = from_text(content.decode())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(folder, MANIFEST, f"{MANIFEST} cannot be read: {error}") from error
    return Backup(folder, manifest)


def check(folder: Path, project: str, key: bytes | None) -> Generator[Event, None, Backup]:
    """Read all files of a backup and compare them with its manifest.

    Raises VerificationError that names the first file that differs, or the other project.
    """
    backup = read(folder)
    manifest = backup.manifest
    if manifest.project != project:
        raise VerificationError(
            f"backup {folder.name} does not belong to {project}",
            seen=f"{MANIFEST} has project {manifest.project}",
            expected=f"project {project}",
            next_step=f"--from-project {manifest.project}, if you want that project's backup",
        )
    yield Working(f"reading {mebibytes(manifest.size)} in {folder}")
    for name, expected in manifest.files.items():
        try:
            found = files.record_of(folder / name)
        except OSError as error:
            raise damaged(folder, name, f"{name}: {error.strerror}") from error
        if found.size != expected.size:
            raise damaged(folder, name, f"{name} has {found.size} bytes of {expected.size}")
        if found.sha256 != expected.sha256:
            raise damaged(folder, name, f"{name} has sha256 {found.sha256[:16]}..., expected {expected.sha256[:16]}...")
    mentioned = [one.file for one in manifest.databases] + [one.roles_file for one in manifest.servers.values()]
    mentioned += list(manifest.volumes.archives.values()) if manifest.volumes else []
    for name in mentioned:
        if name not in manifest.files:
            raise damaged(folder, MANIFEST, f"{MANIFEST} mentions {name} without its size and digest")
    unknown = {path.name for path in folder.iterdir()} - {*manifest.files, MANIFEST, CHECKSUM, VERIFIED}
    unknown = {name for name in unknown if not state.is_draft(name, VERIFIED)}
    if unknown:
        # For example hidden files that a file browser creates: no reason to refuse a restore.
        yield Note(f"ignoring files that are not part of the backup: {', '.join(sorted(unknown))}")
    if key is not None and encryption.SECRETS in manifest.files:
        _check_secrets(folder, key)
    return backup


def damaged(folder: Path, name: str, seen: str) -> VerificationError:
    """The error for a file that differs from what was written."""
    return VerificationError(
        f"backup {folder.name} is damaged: {name}",
        seen=seen,
        expected="every file as it was written",
        next_step="inv backups, then use another backup; check the disk that this one is on",
    )


def mark_verified(backup: Backup, now: datetime) -> None:
    """Record that the backup was verified with its current manifest."""
    digest = _digest((backup.folder / MANIFEST).read_bytes())
    note = {"manifest": digest, "verified": now.isoformat(timespec="seconds")}
    try:
        state.replace(backup.folder / VERIFIED, json.dumps(note) + "\n", mode=0o600)
    except OSError as error:
        raise VerificationError(
            f"the verification of backup {backup.folder.name} cannot be recorded",
            seen=f"{backup.folder / VERIFIED}: {error.strerror}",
            expected="a folder with free space that this user can write to",
            next_step="correct the cause, then the same command again",
        ) from error


def verified_at(folder: Path) -> str:
    """When the backup was verified; empty if it was not, or not with its current manifest."""
    try:
        note = json.loads((folder / VERIFIED).read_bytes())
        moment = datetime.fromisoformat(note["verified"])
        same = note["manifest"] == _digest((folder / MANIFEST).read_bytes())
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return moment.isoformat() if same and moment.tzinfo is not None else ""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _check_secrets(folder: Path, key: bytes) -> None:
    if encryption.decrypt((folder / encryption.SECRETS).read_bytes(), key) is None:
        raise VerificationError(
            f"the secrets of backup {folder.name} cannot be decrypted",
            seen=f"{encryption.SECRETS} was encrypted with another key than the one in BACKUP_KEY_FILE",
            expected="the key that it was encrypted with",
            next_step="set BACKUP_KEY_FILE to the key of that time; without it the secrets of this backup are lost",
        )

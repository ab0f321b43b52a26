"""Reads a backup, and checks MAC, project, and the size and digest of every file before anything in it is used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.backup import encryption, files
from rofecare_infra.backup.key import Key
from rofecare_infra.backup.manifest import (
    CHECKSUM,
    MAC,
    MANIFEST,
    UNENCRYPTED,
    VERIFIED,
    Backup,
    DatabaseRecord,
    Manifest,
    described,
    from_text,
)
from rofecare_infra.errors import VerificationError
from rofecare_infra.progress import Event, Note, Working, mebibytes


def read(folder: Path, key: Key | None) -> Backup:
    """The backup in a folder. Raises VerificationError if its manifest was changed or cannot be read.

    Without a key its origin is unknown: that is enough for a list, and for nothing else.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
        signed = not (folder / CHECKSUM).exists()
        proof = (folder / (MAC if signed else CHECKSUM)).read_bytes().decode("ascii", "replace")
    except OSError as error:
        name = Path(error.filename or MANIFEST).name
        raise damaged(folder, name, f"{name}: {error.strerror}") from error
    if signed and not proof.endswith("\n"):
        raise damaged(folder, MAC, f"{MAC} is not complete")
    if signed and key is not None and not key.is_mac_of(content, proof.strip()):
        raise _not_authentic(folder, key, content)
    if not signed and proof != f"{_digest(content)}  {MANIFEST}\n":
        raise damaged(folder, MANIFEST, f"{MANIFEST} and {CHECKSUM} do not match")
    try:
        manifest = from_text(content.decode())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(folder, MANIFEST, f"{MANIFEST} cannot be read: {error}") from error
    if signed != (manifest.format != UNENCRYPTED):
        raise damaged(folder, MAC, f"format {manifest.format} {'with' if signed else 'without'} {MAC}")
    return Backup(folder, manifest)


def check(folder: Path, project: str, key: Key, *, unencrypted: bool = False) -> Generator[Event, None, Backup]:
    """Read all files of a backup and compare them with its manifest; the databases of the result have descriptions.

    `unencrypted` accepts a backup of a version that did not encrypt: its origin is unknown.
    Raises VerificationError that names the first file that differs, or the other project. Nothing of the backup is
    decrypted or executed before.
    """
    backup = read(folder, key)
    manifest = backup.manifest
    if manifest.format == UNENCRYPTED and not unencrypted:
        raise VerificationError(
            f"backup {folder.name} is neither encrypted nor signed",
            seen="a backup of an earlier version, which anybody who can write to its folder may have changed",
            expected="a backup that was signed with the key of this platform",
            next_step="the same command with --unencrypted, if only trusted people could write to its folder",
        )
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
    for name in _mentioned(manifest):
        if name not in manifest.files:
            raise damaged(folder, MANIFEST, f"{MANIFEST} mentions {name} without its size and digest")
    unknown = {path.name for path in folder.iterdir()} - {*manifest.files, MANIFEST, MAC, CHECKSUM, VERIFIED}
    unknown = {name for name in unknown if not state.is_draft(name, VERIFIED)}
    if unknown:
        # For example hidden files that a file browser creates: no reason to refuse a restore.
        yield Note(f"ignoring files that are not part of the backup: {', '.join(sorted(unknown))}")
    databases = tuple(_described(folder, one, key) for one in manifest.databases)
    return Backup(folder, replace(manifest, databases=databases))


def _mentioned(manifest: Manifest) -> list[str]:
    found = [name for one in manifest.databases for name in (one.file, one.description) if name]
    found += [one.roles_file for one in manifest.servers.values()]
    return found + [name for one in manifest.volumes.values() for name in one.archives.values()]


def _described(folder: Path, record: DatabaseRecord, key: Key) -> DatabaseRecord:
    if not record.description:
        return record
    try:
        return described(record, encryption.read(folder / record.description, key).decode())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(folder, record.description, f"{record.description} cannot be read: {error}") from error


def _not_authentic(folder: Path, key: Key, content: bytes) -> VerificationError:
    try:
        recipient = from_text(content.decode()).recipient
    except (ValueError, KeyError, TypeError, AttributeError):
        recipient = ""
    other = recipient and recipient not in key.recipients
    return VerificationError(
        f"backup {folder.name} was not made with the key of this platform, or was changed: {MANIFEST}",
        seen=f"{MAC} does not match; the manifest names the key {recipient or 'none'}",
        expected=f"a backup made with a key in {key.path}: {', '.join(key.recipients)}",
        next_step="put the key of that backup into the key file, in a line of its own; then the same command again"
        if other
        else "inv backups, then use another backup; nothing of this one was decrypted or executed",
    )


def damaged(folder: Path, name: str, seen: str) -> VerificationError:
    """The error for a file that differs from what was written."""
    return VerificationError(
        f"backup {folder.name} is damaged: {name}",
        seen=seen,
        expected="every file as it was written",
        next_step="inv backups, then use another backup; check the disk that this one is on",
    )


def mark_verified(backup: Backup, now: datetime, key: Key) -> None:
    """Record that the backup was verified with its current manifest."""
    moment = now.isoformat(timespec="seconds")
    note = {"verified": moment, "mac": key.mac(_verification(backup.folder, moment))}
    try:
        state.replace(backup.folder / VERIFIED, json.dumps(note) + "\n", mode=0o600)
    except OSError as error:
        raise VerificationError(
            f"the verification of backup {backup.folder.name} cannot be recorded",
            seen=f"{backup.folder / VERIFIED}: {error.strerror}",
            expected="a folder with free space that this user can write to",
            next_step="correct the cause, then the same command again",
        ) from error


def verified_at(folder: Path, key: Key | None) -> str:
    """When the backup was verified; empty if it was not, or not with its current manifest and this key."""
    try:
        note = json.loads((folder / VERIFIED).read_bytes())
        moment = datetime.fromisoformat(note["verified"])
        same = key is None or key.is_mac_of(_verification(folder, note["verified"]), str(note["mac"]))
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return moment.isoformat() if same and moment.tzinfo is not None else ""


def _verification(folder: Path, moment: str) -> bytes:
    return f"verified {moment} {_digest((folder / MANIFEST).read_bytes())}".encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

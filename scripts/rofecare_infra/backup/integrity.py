"""Whether a backup is what was written, to the byte, and this platform's."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from rofecare_infra.backup import disk, extras, sealed
from rofecare_infra.backup.records import CHECKSUM, MANIFEST, VERIFIED, Backup
from rofecare_infra.backup.store import damaged, read
from rofecare_infra.errors import VerificationError
from rofecare_infra.progress import Event, Note, Working, mebibytes


def check(folder: Path, project: str, key: bytes | None) -> Generator[Event, None, Backup]:
    """Read everything in the folder and compare it with the manifest.

    Raises VerificationError that names the first file which is not what it was, or not ours.
    """
    backup = read(folder)
    manifest = backup.manifest
    if manifest.project != project:
        raise VerificationError(
            f"backup {folder.name} is not one of {project}",
            seen=f"{MANIFEST} says: project {manifest.project}",
            expected=f"project {project}",
            next_step=f"--from-project {manifest.project}, if that is the one that you mean",
        )
    yield Working(f"reading {mebibytes(manifest.size)} in {folder}")
    for name, expected in manifest.files.items():
        try:
            found = disk.record_of(folder / name)
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
            raise damaged(folder, MANIFEST, f"{MANIFEST} mentions {name} and does not say what it is")
    strange = {path.name for path in folder.iterdir()} - {*manifest.files, MANIFEST, CHECKSUM, VERIFIED}
    strange -= {f".{VERIFIED}.new"}
    if strange:
        # What a file browser leaves on a stick is no reason to refuse a restore.
        yield Note(f"not of this backup, and left alone: {', '.join(sorted(strange))}")
    if key is not None and extras.SECRETS in manifest.files:
        _check_secrets(folder, key)
    return backup


def _check_secrets(folder: Path, key: bytes) -> None:
    if sealed.unseal((folder / extras.SECRETS).read_bytes(), key) is None:
        raise VerificationError(
            f"the secrets of backup {folder.name} cannot be opened",
            seen=f"{extras.SECRETS} was sealed with another key than that of BACKUP_KEY_FILE",
            expected="the key that it was sealed with",
            next_step="give BACKUP_KEY_FILE the key of that time; without it the secrets of this backup are lost",
        )

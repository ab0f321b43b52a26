"""Copies a backup to a second place, where it gets its name when the copy is complete.

Several platforms may share a place: each has a folder of its own there, `<place>/<project>/<platform id>`.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from rofecare_infra import state
from rofecare_infra.backup import files, remote
from rofecare_infra.backup.manifest import MAC, MANIFEST, UNENCRYPTED, Backup
from rofecare_infra.backup.retention import Keep, apply_retention
from rofecare_infra.backup.store import PARTIAL, Store
from rofecare_infra.errors import CommandError, SettingsError, VerificationError
from rofecare_infra.progress import Event, Note, Working, mebibytes
from rofecare_infra.settings import Place


def send(backup: Backup, place: Place, local: Store, keep: Keep | None) -> Generator[Event, None, None]:
    """Copy the backup of the store `local` to `place`; a complete copy that is there already counts.

    Expired copies in a folder are removed, unless `keep` is None.

    Raises VerificationError if that fails; the backup itself is not affected.
    """
    yield Working(f"copying {mebibytes(backup.manifest.size)} to {place.text}")
    below = _below(backup)
    try:
        if place.folder is not None:
            store = replace(local, folder=place.folder / below, also=None)
            _to_folder(backup, store, place.folder)
            if keep is not None:
                yield from apply_retention(store, keep)
        elif place.is_module:
            _check_encrypted(backup, place)
            remote.to_module(backup, f"{place.text}/{below}")
        else:
            remote.by_ssh(backup, place, below)
    except remote.NameTakenError as error:
        raise _other_backup(backup, error) from error
    except (OSError, CommandError) as error:
        raise VerificationError(
            f"backup {backup.id} was taken, but not copied",
            seen=f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error),
            expected=f"access to {place.text}, and disk space there (BACKUP_COPY_TO)",
            next_step=f"fix this, then inv backup again; the backup itself is intact: {backup.folder}",
            details=error.details if isinstance(error, CommandError) else (),
        ) from error
    yield Note(f"backup {backup.id} copied to {place.text}")


def largest_sequence(place: Place | None, local: Store) -> int:
    """The largest sequence number of this platform's copies in a folder; 0 for none, or where they cannot be read."""
    if place is None or place.folder is None or not local.platform:
        return 0
    try:
        copies = replace(local, folder=place.folder / local.project / local.platform, also=None).own()
    except SettingsError:
        return 0
    return max((one.sequence for one in copies), default=0)


def _below(backup: Backup) -> PurePosixPath:
    """The folder of a platform below the second place; that of its project without an id of the platform."""
    return PurePosixPath(backup.manifest.project, backup.manifest.platform)


def _to_folder(backup: Backup, store: Store, place: Path) -> None:
    if not place.is_dir():
        # Creating it would put the copy on the local disk if the other one is not mounted.
        raise FileNotFoundError(2, "no such folder: is it mounted?", str(place))
    state.make_folder(store.folder.parent, mode=0o700)
    state.make_folder(store.folder, mode=0o700)
    if backup.manifest.platform:
        # Otherwise they may be copies of another platform, in progress.
        store.clean()
    final = store.folder / backup.id
    if final.exists():
        _check_same(backup, store, final)
        return
    with files.folder_removed_on_failure(store.folder / f"{PARTIAL}{backup.id}") as draft:
        for name, expected in backup.manifest.files.items():
            with files.Written(draft / name) as out:
                for chunk in files.chunks(backup.folder / name):
                    out.write(chunk)
            # Read back: a faulty disk must not remain undetected.
            if files.record_of(draft / name) != expected:
                raise OSError(5, "the content read back differs from what was written", str(draft / name))
        for name in (MANIFEST, MAC):
            files.write(draft / name, (backup.folder / name).read_bytes())
        state.sync_folder(draft)
        draft.rename(final)
    state.sync_folder(store.folder)


def _check_same(backup: Backup, store: Store, final: Path) -> None:
    """Raise NameTakenError if another backup, or a damaged copy of this one, has the name."""
    for name in (MANIFEST, MAC):
        try:
            same = (final / name).read_bytes() == (backup.folder / name).read_bytes()
        except FileNotFoundError:
            same = False
        if not same:
            raise remote.taken(str(final), name)
    damage = store.entry(final).damage
    if damage:
        raise OSError(5, f"the copy that is there is damaged: {damage}; remove it", str(final))


def _check_encrypted(backup: Backup, place: Place) -> None:
    if backup.manifest.format == UNENCRYPTED:
        raise OSError(1, "rsync's own protocol is not encrypted, and neither is this backup", place.text)


def _other_backup(backup: Backup, error: remote.NameTakenError) -> VerificationError:
    return VerificationError(
        f"backup {backup.id} was taken, but not copied: its name is taken by another backup",
        seen=f"{error.filename}: {error.strerror}",
        expected="one platform for each platform id: two have the same one after a copy of the whole machine",
        next_step="give one of them another second place (BACKUP_COPY_TO), then inv backup again; "
        f"the backup itself is intact: {backup.folder}",
    )

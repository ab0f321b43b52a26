"""Copies a backup to a second place, where it gets its name when the copy is complete."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.backup import files
from rofecare_infra.backup.manifest import MAC, MANIFEST, VERIFIED, Backup
from rofecare_infra.backup.retention import Keep, apply_retention
from rofecare_infra.backup.store import PARTIAL, Store
from rofecare_infra.errors import CommandError, VerificationError
from rofecare_infra.process import run
from rofecare_infra.progress import Event, Note, Working, mebibytes

# user@host:path, or rsync://host/module/path.
_REMOTE = re.compile(r"^(rsync://.+|[^/:]+:[^:].*)$")
_LONG = 6 * 3600.0


def send(backup: Backup, place: str, local: Store, keep: Keep | None) -> Generator[Event, None, None]:
    """Copy the backup of the store `local` to `place`: a folder, or a destination of rsync.

    Expired copies in a folder are removed, unless `keep` is None.

    Raises VerificationError if that fails; the backup itself is not affected.
    """
    yield Working(f"copying {mebibytes(backup.manifest.size)} to {place}")
    try:
        if _REMOTE.match(place):
            _by_rsync(backup, place.rstrip("/"))
        else:
            store = replace(local, folder=Path(place).expanduser() / backup.manifest.project, also=None)
            _to_folder(backup, store)
            if keep is not None:
                yield from apply_retention(store, keep)
    except (OSError, CommandError) as error:
        raise VerificationError(
            f"backup {backup.id} was taken, but not copied",
            seen=f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error),
            expected=f"access to {place}, and disk space there (BACKUP_COPY_TO)",
            next_step=f"fix this, then inv backup again; the backup itself is intact: {backup.folder}",
            details=error.details if isinstance(error, CommandError) else (),
        ) from error
    yield Note(f"backup {backup.id} copied to {place}")


def _to_folder(backup: Backup, store: Store) -> None:
    if not store.folder.parent.is_dir():
        # Creating it would put the copy on the local disk if the other one is not mounted.
        raise FileNotFoundError(2, "no such folder: is it mounted?", str(store.folder.parent))
    state.make_folder(store.folder, mode=0o700)
    store.clean()
    final = store.folder / backup.id
    if final.exists():
        return
    with files.folder_removed_on_failure(store.folder / f"{PARTIAL}{backup.id}") as draft:
        for name, expected in backup.manifest.files.items():
            with files.Written(draft / name) as out:
                for chunk in files.chunks(backup.folder / name):
                    out.write(chunk)
            # Read it back to detect a faulty files.
            if files.record_of(draft / name) != expected:
                raise OSError(5, "the content read back differs from what was written", str(draft / name))
        for name in (MANIFEST, MAC):
            files.write(draft / name, (backup.folder / name).read_bytes())
        state.sync_folder(draft)
        draft.rename(final)
    state.sync_folder(store.folder)


def _by_rsync(backup: Backup, place: str) -> None:
    if shutil.which("rsync") is None:
        raise FileNotFoundError(2, "rsync is not installed: apt-get install rsync", "rsync")
    base = f"{place}/{backup.manifest.project}"
    # The manifest is copied last: a folder without one is not a backup.
    first = ["--exclude", f"/{MANIFEST}", "--exclude", f"/{MAC}", "--exclude", "/.*", "--exclude", f"/{VERIFIED}"]
    flags = ["rsync", "--archive", "--mkpath", "--checksum", "--fsync", "--timeout=120"]
    aside = f"{base}/{backup.id}" if place.startswith("rsync://") else f"{base}/{PARTIAL}{backup.id}"
    run([*flags, *first, f"{backup.folder}/", f"{aside}/"], timeout=_LONG)
    last = [str(backup.folder / name) for name in (MAC, MANIFEST)]
    run([*flags, *last, f"{aside}/"], timeout=_LONG)
    if aside != f"{base}/{backup.id}":
        host, _, path = base.partition(":")
        folder = shlex.quote(path)
        final, draft = shlex.quote(backup.id), shlex.quote(f"{PARTIAL}{backup.id}")
        words = f"cd {folder} && {{ [ -e {final} ] || mv -T -- {draft} {final}; }} && rm -rf -- {draft}"
        run(["ssh", "-o", "BatchMode=yes", "--", host, words], timeout=600)

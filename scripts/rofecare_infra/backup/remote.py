"""Copies a backup to another machine with rsync: over ssh as a folder, and by rsync's own protocol as one file.

A name appears there by a rename when all is there. rsync itself renames files only: the server of a module gets the
backup as a tar file.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shlex
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath

from rofecare_infra.backup.manifest import MAC, MANIFEST, VERIFIED, Backup
from rofecare_infra.backup.store import PARTIAL
from rofecare_infra.process import run
from rofecare_infra.settings import Place

_LONG = 6 * 3600.0
_SHORT = 600.0
# After so many seconds without any data, a transfer has failed.
_SILENCE = "--timeout=120"
_SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30")
_ABSENT = "absent"
# For headers of a tar file: two blocks a file, and the end.
_BLOCK = 512
_END = 10240


class NameTakenError(OSError):
    """The name of the copy belongs to another backup."""


def by_ssh(backup: Backup, place: Place, below: PurePosixPath) -> None:
    """Copy it into a partial folder, which is renamed at the end. Raises CommandError and NameTakenError."""
    _require_rsync()
    folder = shlex.quote(str(PurePosixPath(place.path) / below))
    final, draft = shlex.quote(backup.id), shlex.quote(f"{PARTIAL}{backup.id}")
    # Without an id of the platform, other partial folders may be copies of another one, in progress.
    left = f"{PARTIAL}*" if backup.manifest.platform else draft
    words = (
        f"cd {folder} 2>/dev/null || {{ echo {_ABSENT}; exit 0; }}; "
        f"[ -e {final} ] || {{ rm -rf -- {left}; echo {_ABSENT}; exit 0; }}; "
        f"sha256sum {final}/{MANIFEST} {final}/{MAC} 2>/dev/null || :"
    )
    answer = _ssh(place, words)
    if answer.strip() != _ABSENT:
        found = [line.split()[0] for line in answer.splitlines() if line.strip()]
        for name, digest in zip((MANIFEST, MAC), [*found, "", ""], strict=False):
            if digest != hashlib.sha256((backup.folder / name).read_bytes()).hexdigest():
                raise taken(f"{place.text}/{below}/{backup.id}", name)
        return
    aside = f"{place.text}/{below}/{PARTIAL}{backup.id}/"
    # The manifest is copied last: a folder without one is not a backup.
    later = ["--exclude", f"/{MANIFEST}", "--exclude", f"/{MAC}", "--exclude", "/.*", "--exclude", f"/{VERIFIED}"]
    flags = ["rsync", "--archive", "--mkpath", "--fsync", "--protect-args", "--rsh", shlex.join(_SSH), _SILENCE]
    run([*flags, *later, f"{backup.folder}/", aside], timeout=_LONG)
    run([*flags, *(str(backup.folder / name) for name in (MAC, MANIFEST)), aside], timeout=_LONG)
    # Refused if the name was taken meanwhile.
    _ssh(place, f"cd {folder} && mv -T -- {draft} {final}")


def to_module(backup: Backup, folder: str) -> None:
    """Copy it as `<id>.tar`. Raises OSError, CommandError, and NameTakenError if another file has that name."""
    _require_rsync()
    with _archive(backup) as path:
        if _transferred(path, folder, _SILENCE, "--dry-run", "--existing"):
            raise taken(f"{folder}/{path.name}", "its size or time")
        if _transferred(path, folder, _SILENCE, "--ignore-existing"):
            return
        # Without a limit: over a large file neither side sends anything for a long time.
        if _transferred(path, folder, "--dry-run", "--checksum"):
            raise taken(f"{folder}/{path.name}", "its content")


def _transferred(path: Path, folder: str, *flags: str) -> bool:
    """Whether rsync copies the file into the folder with these flags, or would copy it."""
    argv = ["rsync", "--times", "--mkpath", "--fsync", "--out-format=%i", *flags, str(path), f"{folder}/"]
    return any(line.startswith("<f") for line in run(argv, timeout=_LONG).stdout.splitlines())


def taken(name: str, what: str) -> NameTakenError:
    """The error for a name that something else has."""
    return NameTakenError(errno.EEXIST, f"there is another backup with this name: {what} differs", name)


@contextmanager
def _archive(backup: Backup) -> Iterator[Path]:
    """A tar file of the backup, always the same for the same backup; removed at the end."""
    names = (MANIFEST, MAC, *backup.manifest.files)
    needed = sum(os.path.getsize(backup.folder / name) + 2 * _BLOCK for name in names) + _END  # noqa: PTH202
    if shutil.disk_usage(backup.folder).free < needed:
        seen = f"no room for a file of {needed >> 20} MiB, which is made for a copy to an rsync module"
        raise OSError(errno.ENOSPC, seen, str(backup.folder.parent))
    # An interrupted one is removed with the incomplete backups.
    folder = backup.folder.with_name(f"{PARTIAL}copy-{backup.id}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        path = folder / f"{backup.id}.tar"
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as out:
            for name in names:
                with (backup.folder / name).open("rb") as file:
                    out.addfile(_member(backup, name, os.fstat(file.fileno()).st_size), file)
        moment = datetime.fromisoformat(backup.manifest.created).timestamp()
        os.utime(path, (moment, moment))
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _member(backup: Backup, name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(f"{backup.id}/{name}")
    member.size, member.mode = size, 0o600
    member.mtime = int(datetime.fromisoformat(backup.manifest.created).timestamp())
    return member


def _ssh(place: Place, words: str) -> str:
    return run([*_SSH, "--", place.host, words], timeout=_SHORT).stdout


def _require_rsync() -> None:
    if shutil.which("rsync") is None:
        raise FileNotFoundError(errno.ENOENT, "rsync is not installed: apt-get install rsync", "rsync")

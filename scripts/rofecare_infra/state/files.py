"""Durable files: on the disk when the call returns; readers see the old content or the new content, never a mixture.

What root writes below a folder of another user belongs to that user, so that both can take turns.
"""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

# The mode that a program requests when it leaves the rest to the user's umask.
_DEFAULT_MODE = 0o666
_DEFAULT_FOLDER_MODE = 0o777
# A draft that is older was left by a power cut, in seconds.
_ABANDONED = 3600.0


def write(path: Path, content: str, *, mode: int | None = None) -> None:
    """Write a new file to the disk, with exactly `mode` or what the umask leaves.

    Raises OSError, also where the file exists.
    """
    write_bytes(path, content.encode("utf-8"), mode=mode)


def write_bytes(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """The same for bytes."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _DEFAULT_MODE if mode is None else mode)
    with os.fdopen(descriptor, "wb") as file:
        if mode is not None:
            os.fchmod(descriptor, mode)
        give(path)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def replace(path: Path, content: str | bytes, *, mode: int | None = None) -> None:
    """Replace a file atomically, also during a power cut. Raises OSError; then nothing has changed."""
    encoded = content.encode("utf-8") if isinstance(content, str) else content
    _remove_abandoned(path)
    # A name of its own for each writer: two at the same time never write into one draft.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        write_bytes(draft, encoded, mode=mode)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def is_draft(name: str, of: str) -> bool:
    """Whether a file of this name is a draft of the file `of`."""
    return name.startswith(f".{of}.") and name.endswith(".new")


def make_folder(folder: Path, *, mode: int | None = None) -> Path:
    """Create a folder and its parents where they are missing; `mode` is that of the last one. Raises OSError."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=_DEFAULT_FOLDER_MODE if mode is None else mode, exist_ok=True)
        give(folder)
    return folder


def give(path: Path) -> None:
    """Give what root has created to the owner of the folder that contains it."""
    if os.geteuid() != 0:
        return
    owner = path.parent.stat()
    if owner.st_uid != 0:
        # Where a file system refuses it, such as a network share, root's file is as good as it can be.
        with suppress(OSError):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def sync_folder(folder: Path) -> None:
    """Write the names in a folder to the disk: only then does a rename or a removal survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_abandoned(path: Path) -> None:
    with suppress(OSError):
        for one in path.parent.iterdir():
            if is_draft(one.name, path.name) and one.stat().st_mtime < time.time() - _ABANDONED:
                one.unlink(missing_ok=True)

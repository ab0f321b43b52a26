"""Durable files: on the disk when the call returns; readers see the old content or the new content, never a mixture."""

from __future__ import annotations

import os
from pathlib import Path

# The mode that a program requests when it leaves the rest to the user's umask.
_DEFAULT_MODE = 0o666


def write(path: Path, content: str, *, mode: int | None = None) -> None:
    """Write a new file to the disk, with exactly `mode` or what the umask leaves.

    Raises OSError, also where the file exists.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _DEFAULT_MODE if mode is None else mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if mode is not None:
            os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def replace(path: Path, content: str, *, mode: int | None = None) -> None:
    """Replace a file atomically, also during a power cut. Raises OSError; then nothing has changed."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    try:
        write(draft, content, mode=mode)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Write the names in a folder to the disk: only then does a rename or a removal survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

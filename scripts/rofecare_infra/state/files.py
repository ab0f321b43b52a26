"""Files that are on the disk when they are called written: whoever reads sees the old one or the new one, whole."""

from __future__ import annotations

import os
from pathlib import Path

# What a program asks for that leaves it to the user's umask.
_USUAL = 0o666


def write(path: Path, content: str, *, mode: int | None = None) -> None:
    """Write a new file, to the disk; exactly `mode`, or what the umask leaves. Raises OSError, also for one that is."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _USUAL if mode is None else mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if mode is not None:
            os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def replace(path: Path, content: str, *, mode: int | None = None) -> None:
    """Write a file in place of what is there, also through a power cut. Raises OSError; then nothing has changed."""
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
    """Let the names in a folder be on the disk: a rename is only then safe from a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Files that are on the disk when they are called written, and digests of what is read back from there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from rofecare_infra.backup.records import FileRecord

_PIECE = 1 << 20
_MODE = 0o600


class Written:
    """A file that is being written: takes bytes, digests them on the way, and is synced to disk at its end."""

    def __init__(self, path: Path) -> None:
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb")
        self._digest = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        else:
            # What is still buffered may not fit any more: that is known already.
            with suppress(OSError):
                self._file.close()

    def write(self, piece: bytes) -> int:
        """Take a piece."""
        self._digest.update(piece)
        self._size += len(piece)
        return self._file.write(piece)

    @property
    def record(self) -> FileRecord:
        """What was written so far."""
        return FileRecord(self._size, self._digest.hexdigest())


def write(path: Path, content: bytes) -> FileRecord:
    """Write a whole new file, to the disk."""
    with Written(path) as file:
        file.write(content)
    return file.record


def record_of(path: Path) -> FileRecord:
    """What a file is, to the byte. Raises OSError when it cannot be read to its end."""
    digest = hashlib.sha256()
    size = 0
    for piece in pieces(path):
        digest.update(piece)
        size += len(piece)
    return FileRecord(size, digest.hexdigest())


def pieces(path: Path) -> Iterator[bytes]:
    """The content of a file, however large."""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


@contextmanager
def folder_removed_on_failure(folder: Path) -> Iterator[Path]:
    """Make a folder that is gone again unless the body comes to its end."""
    import shutil

    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise

"""Files of a backup: synced to disk when they are written, and compared by size and digest when they are read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from rofecare_infra import state
from rofecare_infra.backup.manifest import FileRecord

_CHUNK = 1 << 20
_MODE = 0o600


class Written:
    """A new file; computes its digest while it is written, and syncs it to disk at the end."""

    def __init__(self, path: Path) -> None:
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb")
        state.give(path)
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
            # Flushing the buffer may fail again on a full disk; that error is already being raised.
            with suppress(OSError):
                self._file.close()

    def write(self, chunk: bytes) -> int:
        """Append a chunk."""
        self._digest.update(chunk)
        self._size += len(chunk)
        return self._file.write(chunk)

    @property
    def record(self) -> FileRecord:
        """Size and digest of what has been written so far."""
        return FileRecord(self._size, self._digest.hexdigest())


def write(path: Path, content: bytes) -> FileRecord:
    """Write a new file and sync it to disk."""
    with Written(path) as file:
        file.write(content)
    return file.record


def record_of(path: Path) -> FileRecord:
    """Compute size and digest of a file. Raises OSError if it cannot be read to its end."""
    digest = hashlib.sha256()
    size = 0
    for chunk in chunks(path):
        digest.update(chunk)
        size += len(chunk)
    return FileRecord(size, digest.hexdigest())


def chunks(path: Path) -> Iterator[bytes]:
    """Read a file of any size in chunks."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


@contextmanager
def folder_removed_on_failure(folder: Path) -> Iterator[Path]:
    """Create a folder, and remove it again if the body raises."""
    import shutil

    state.make_folder(folder.parent)
    folder.mkdir(mode=0o700)
    state.give(folder)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise

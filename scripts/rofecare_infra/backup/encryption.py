"""The files of a backup: encrypted with age while they are written, and decrypted while they are read.

No plaintext reaches a disk. age detects every change of a file, but not who wrote it: that is what the MAC of the
manifest is for.
"""

from __future__ import annotations

import io
import os
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from rofecare_infra.backup import files
from rofecare_infra.backup.key import Key
from rofecare_infra.backup.manifest import FileRecord
from rofecare_infra.errors import VerificationError

SUFFIX = ".age"


class Encrypted:
    """A new encrypted file: what is written to it reaches the disk as ciphertext only, and is synced at the end.

    A thread encrypts what comes through a pipe. An OSError of the file is raised by `write` or at the end.
    """

    def __init__(self, path: Path, key: Key) -> None:
        self._file = files.Written(path)
        self._error: BaseException | None = None
        source, sink = os.pipe()
        self._source = os.fdopen(source, "rb")
        self._sink = os.fdopen(sink, "wb", buffering=0)
        self._thread = threading.Thread(target=self._encrypt, args=(key.recipient,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._sink.close()
        self._thread.join()
        failed = kind is None and self._error is not None
        self._file.__exit__(OSError if failed else kind, error, trace)
        if failed and self._error is not None:
            raise self._error

    def write(self, chunk: bytes) -> int:
        """Append a chunk. Raises OSError when the file can no longer be written."""
        try:
            rest = memoryview(chunk)
            while rest:
                rest = rest[self._sink.write(rest) or 0 :]
        except BrokenPipeError:
            self._thread.join()
            raise (self._error or OSError(5, "the encryption ended")) from None
        return len(chunk)

    @property
    def record(self) -> FileRecord:
        """Size and digest of the ciphertext; complete after the end."""
        return self._file.record

    def _encrypt(self, recipient: str) -> None:
        from pyrage import encrypt_io, x25519

        with self._source:
            try:
                encrypt_io(self._source, _Caught(self._file, self), [x25519.Recipient.from_str(recipient)])
            except Exception as error:  # noqa: BLE001 - raised by the other thread
                self._error = self._error or error

    def failed(self, error: OSError) -> None:
        """Remember why the file could not be written: the library replaces the error."""
        self._error = error


class _Caught:
    """The file for the encrypting library."""

    def __init__(self, file: files.Written, owner: Encrypted) -> None:
        self._file = file
        self._owner = owner

    def write(self, chunk: bytes) -> int:
        try:
            return self._file.write(chunk)
        except OSError as error:
            self._owner.failed(error)
            raise

    def flush(self) -> None:
        """Nothing to do: the file is synced at its end."""


def write(path: Path, content: bytes, key: Key) -> FileRecord:
    """Write a new encrypted file and sync it to disk."""
    with Encrypted(path, key) as out:
        out.write(content)
    return out.record


@contextmanager
def decrypted(path: Path, key: Key | None) -> Iterator[IO[bytes]]:
    """The content of a file, through a pipe. Files of earlier versions are not encrypted: they are opened as they are.

    Raises VerificationError, at the end at the latest, if the file cannot be decrypted.
    """
    if path.suffix != SUFFIX:
        with path.open("rb") as file:
            yield file
        return
    if key is None:
        raise _not_decrypted(path, "there is no key")
    errors: list[Exception] = []
    source, sink = os.pipe()
    thread = threading.Thread(target=_decrypt, args=(path, key, sink, errors), daemon=True)
    with os.fdopen(source, "rb") as pipe:
        thread.start()
        try:
            yield pipe
        except Exception:
            pipe.close()
            thread.join()
            # A reader that got half of the content fails for that reason.
            _raise_first(path, errors)
            raise
    thread.join()
    _raise_first(path, errors)


def read(path: Path, key: Key | None) -> bytes:
    """The whole content of a file."""
    with decrypted(path, key) as pipe:
        return pipe.read()


def pack(contents: Mapping[str, bytes]) -> bytes:
    """Pack files into a tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o600
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def unpack(archive: bytes) -> dict[str, bytes]:
    """The files of a tar archive."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for member in opened:
            file = opened.extractfile(member)
            if file is not None:
                found[member.name] = file.read()
    return found


def _decrypt(path: Path, key: Key, sink: int, errors: list[Exception]) -> None:
    from pyrage import decrypt_io, x25519

    try:
        with os.fdopen(sink, "wb") as out, path.open("rb") as file:
            decrypt_io(file, out, [x25519.Identity.from_str(one) for one in key.identities])
    except Exception as error:  # noqa: BLE001 - raised by the other thread
        errors.append(error)


def _raise_first(path: Path, errors: list[Exception]) -> None:
    # A reader that ends early is no fault of the file.
    if errors and "Broken pipe" not in str(errors[0]):
        raise _not_decrypted(path, str(errors[0])) from errors[0]


def _not_decrypted(path: Path, seen: str) -> VerificationError:
    return VerificationError(
        f"{path.name} cannot be decrypted",
        seen=seen,
        expected="the key that it was encrypted with (BACKUP_KEY_FILE)",
        next_step="put the key of that time into the key file, in a line of its own; then the same command again",
    )

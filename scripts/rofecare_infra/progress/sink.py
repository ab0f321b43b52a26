"""Writes to streams that may fail at any moment: the reader exits, the terminal is gone, the disk is full.

A command that changes something continues to its result without output; one that only prints ends.
"""

from __future__ import annotations

import errno
import os
import select
import sys
import threading
from contextlib import suppress
from typing import IO, Any, TextIO, cast

from rofecare_infra.errors import CommandError

_STDERR = 2
# The reader has exited; the terminal is gone.
_NO_READER = frozenset({errno.EPIPE, errno.EIO})

_lost = threading.Event()


class OutputClosedError(Exception):
    """The reader of the output has exited, and the command does nothing but print."""


class _Watched:
    """A stream whose errors either are no errors (`lasting`) or end the command."""

    def __init__(self, stream: IO[str], *, lasting: bool) -> None:
        self._stream = stream
        self._lasting = lasting

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - everything else is that of the stream
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or discard."""
        if not self._stream.closed:
            try:
                return self._stream.write(text)
            except OSError as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Flush, or discard."""
        if not self._stream.closed:
            try:
                self._stream.flush()
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        _silence(self._stream)
        if self._lasting:
            _lost.set()
            return
        if error.errno in _NO_READER:
            raise OutputClosedError from error
        raise CommandError(
            "the output cannot be written",
            seen=error.strerror or str(error),
            expected="an output that accepts all lines",
            next_step="the same command with another output",
        ) from error


def watched(stream: IO[str], *, lasting: bool) -> TextIO:
    """The stream, with errors that do not leave the command halfway.

    With `lasting`, all output is discarded after the first error, and the command continues. Otherwise the error is
    OutputClosedError if the reader has exited (`| head -1`), which ends a command that only prints, or CommandError.
    """
    return cast("TextIO", stream if isinstance(stream, _Watched) else _Watched(stream, lasting=lasting))


def output_is_lost() -> bool:
    """Whether output of this command could not be written."""
    return _lost.is_set()


def is_gone(stream: IO[str]) -> bool:
    """Whether this stream has no reader any longer: the other end of its pipe or its terminal is closed."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return False  # not a file of the system
    poller = select.poll()
    poller.register(descriptor, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poller.poll(0))


class Sink:
    """Writes and flushes lines."""

    def __init__(self, stream: IO[str], *, lasting: bool) -> None:
        self._stream = watched(stream, lasting=lasting)

    def line(self, text: str) -> None:
        """Write one line."""
        self._stream.write(f"{text}\n")
        self._stream.flush()


def open_missing_streams() -> None:
    """Open the standard streams that the caller has closed (`>&-`), on nothing.

    Otherwise the next file that is opened would get the number of one of them.
    """
    for descriptor in range(_STDERR + 1):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # Open until the process ends, as the others are.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def _silence(stream: IO[str]) -> None:
    """Discard buffered and further output, so that Python does not report the same error again at exit."""
    with suppress(OSError, ValueError):  # a stream that is not a file of the system
        gone = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        # Standard error may be the same pipe (`2>&1 | head`).
        also = [_STDERR] if os.path.sameopenfile(gone, _STDERR) else []
        for descriptor in (gone, *also):
            os.dup2(nowhere, descriptor)
        os.close(nowhere)

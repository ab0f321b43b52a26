"""Writes lines, even if the reader has exited."""

from __future__ import annotations

import os
import select
from typing import IO

_STDERR = 2


class Sink:
    """Writes and flushes lines.

    If the reader exits (`| head -1`), a command that only prints, such as logs, ends. A command that changes something
    continues to its result (`lasting`).
    """

    def __init__(self, stream: IO[str], *, lasting: bool) -> None:
        self._stream = stream
        self._lasting = lasting

    def line(self, text: str) -> None:
        """Write one line. Raises BrokenPipeError if the reader has exited and this sink is not lasting."""
        try:
            self._stream.write(f"{text}\n")
            self._stream.flush()
        except BrokenPipeError:
            _silence(self._stream.fileno())
            if not self._lasting:
                raise


def discard_if_closed(stream: IO[str]) -> None:
    """Discard what is written to a stream whose reader has exited: the failed write would change the exit code."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return  # not a file of the system
    poller = select.poll()
    poller.register(descriptor, 0)
    if any(event & select.POLLERR for _, event in poller.poll(0)):
        _silence(descriptor)


def _silence(gone: int) -> None:
    """Discard buffered and further output, so that Python does not report the broken pipe again at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    # Standard error may be the same pipe (`2>&1 | head`).
    also = [_STDERR] if os.path.sameopenfile(gone, _STDERR) else []
    for descriptor in (gone, *also):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)

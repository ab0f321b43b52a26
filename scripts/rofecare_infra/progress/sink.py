"""Where lines go, also when nobody reads them any more."""

from __future__ import annotations

import os
from typing import IO

_STDERR = 2


class Sink:
    """Writes lines at once.

    A reader that goes away (`| head -1`) ends what only shows something, such as logs; what changes something goes on
    to its verdict without it (`lasting`).
    """

    def __init__(self, stream: IO[str], *, lasting: bool) -> None:
        self._stream = stream
        self._lasting = lasting

    def line(self, text: str) -> None:
        """Write one line. Raises BrokenPipeError when the reader is gone and this sink is not lasting."""
        try:
            self._stream.write(f"{text}\n")
            self._stream.flush()
        except BrokenPipeError:
            _silence(self._stream.fileno())
            if not self._lasting:
                raise


def _silence(gone: int) -> None:
    """Let what is still buffered, and all that follows, go nowhere: no second complaint when Python ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    # Standard error may be the same pipe (`2>&1 | head`).
    also = [_STDERR] if os.path.sameopenfile(gone, _STDERR) else []
    for descriptor in (gone, *also):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)

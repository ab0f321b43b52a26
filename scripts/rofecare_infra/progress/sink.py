"""Where lines go, also when nobody reads them any more."""

from __future__ import annotations

import os
from typing import IO


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
            # What is still buffered, and all that follows, goes nowhere: no second complaint when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            if not self._lasting:
                raise

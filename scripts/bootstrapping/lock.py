"""One bootstrap at a time works on a checkout."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from contextlib import contextmanager

from bootstrapping.errors import COMMAND, Refusal
from bootstrapping.run import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds that a second bootstrap waits for the first: as long as an install over a slow link may take.
PATIENCE = 1800.0
_POLL = 0.2


@contextmanager
def lock(folder: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock on `folder` (the folder itself is locked: no file is left behind).

    Raises Refusal when another one holds it for longer than `patience` seconds. A process that ends, however,
    gives it back.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        if not _taken(handle):
            say("bootstrap: another one works on this checkout; waiting for it")
            deadline = time.monotonic() + patience
            pause = threading.Event()
            while not _taken(handle):
                if time.monotonic() > deadline:
                    raise Refusal(
                        "another bootstrap works on this checkout",
                        seen=f"{folder} is locked",
                        expected=f"it to be through within {patience:.0f} s",
                        then=f"see what it does: fuser -v {folder}",
                        code=COMMAND,
                    )
                pause.wait(_POLL)
        yield
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""A lock for work that must not run twice at once: a file that the kernel unlocks when its holder ends or dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rofecare_infra.errors import CommandError


@dataclass(frozen=True)
class Lock:
    """A lock file; its content names the holder for the error message of others."""

    path: Path
    # What the lock guarantees, for the error message.
    rule: str

    @contextmanager
    def held(self, purpose: str) -> Iterator[None]:
        """Hold the lock. Raises CommandError while another process holds it, OSError where the file cannot be opened.

        `purpose` names the work as a noun phrase: "a restore".
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(descriptor, 200, 0).decode(errors="replace")
                raise CommandError(
                    f"{purpose} cannot start yet",
                    seen=f"{self.path} is held by {holder or 'another command'}",
                    expected=self.rule,
                    next_step="run the same command again when the other one has ended",
                ) from None
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{purpose} (pid {os.getpid()})".encode(), 0)
            yield
        finally:
            os.close(descriptor)

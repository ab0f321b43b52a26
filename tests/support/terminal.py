"""`inv` on a terminal of its own, which can be taken away from it, as by an ssh connection that drops."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.support.project import INV, Project

# As `nohup` does, which would also send the output elsewhere.
_IGNORE_HANGUP = ("sh", "-c", 'trap "" HUP; exec "$@"', "sh")


class Terminal:
    """A running command, the leader of the session of its terminal."""

    def __init__(self, project: Project, *words: str, ignore_hangup: bool = False) -> None:
        self._master, terminal = pty.openpty()
        self.output = b""
        self.process = subprocess.Popen(
            [
                *("setsid", "--ctty"),
                *(_IGNORE_HANGUP if ignore_hangup else ()),
                *(str(INV), "--search-root", str(project.root), *words),
            ],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=project.root,
            env={**project._environment(), "TERM": "xterm"},
        )
        os.close(terminal)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()
        self.process.kill()
        self.process.wait()

    def read_until(self, done: Callable[[], bool], timeout: float = 120) -> None:
        """Read what the command prints until `done`."""
        end = time.monotonic() + timeout
        while not done():
            assert time.monotonic() < end, self.output
            assert self.process.poll() is None, self.output
            if select.select([self._master], [], [], 0.02)[0]:
                with suppress(OSError):
                    self.output += os.read(self._master, 4096)

    def hang_up(self) -> None:
        """Take the terminal away: the kernel sends SIGHUP, and every write to it fails."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

"""Locks between the processes of one test run, and between test runs on the same machine."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold an advisory lock on a file, created if missing; wait for it. The kernel releases it if the process dies."""
    with path.open("a", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


@contextmanager
def turn(folder: Path, *, alone: bool) -> Iterator[None]:
    """Hold the right to run one test: together with other tests, or `alone` with none beside it.

    `turnstile` is passed one process at a time. A test that must run alone keeps it closed while it waits for the
    tests that are running, so that no new one starts and the wait is bounded.
    """
    with ExitStack() as until_running, ExitStack() as until_done:
        until_running.enter_context(locked(folder / "turnstile"))
        until_done.enter_context(locked(folder / "running", shared=not alone))
        if not alone:
            until_running.close()
        yield

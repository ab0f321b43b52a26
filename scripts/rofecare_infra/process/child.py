"""Child processes: they end when this process asks them to, and when it dies."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache

from rofecare_infra.errors import CommandError

# A child that was asked to stop gets this long before it is killed, in seconds.
GRACE = 15.0

Child = subprocess.Popen[str] | subprocess.Popen[bytes]


class GroupEndedError(BaseException):
    """Another member of the group failed: no error of its own, so that nothing handles it."""


class Group:
    """The commands that the threads of a group wait for: they end together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._children: list[Child] = []
        self.ended = False

    def add(self, child: Child) -> None:
        """Add a command that is waited for. Raises GroupEndedError, and stops the command, after the end."""
        with self._lock:
            if not self.ended:
                self._children.append(child)
                return
        stop(child)
        raise GroupEndedError

    def remove(self, child: Child) -> None:
        """Remove a command that is no longer waited for."""
        with self._lock:
            self._children.remove(child)

    def end(self) -> None:
        """Stop the commands that are waited for, and those that are added later."""
        with self._lock:
            self.ended, children = True, [*self._children]
        for child in children:
            stop(child)


_this_thread = threading.local()


@contextmanager
def member_of(group: Group) -> Iterator[None]:
    """Add the commands that this thread waits for to the group."""
    _this_thread.group = group
    try:
        yield
    finally:
        del _this_thread.group


@contextmanager
def awaited(child: Child) -> Iterator[None]:
    """Let the group of this thread, if there is one, end the command while it is waited for."""
    group: Group | None = getattr(_this_thread, "group", None)
    if group is None:
        yield
        return
    group.add(child)
    try:
        yield
    finally:
        group.remove(child)


def bound(words: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, ...]:
    """The command, killed by the kernel if this process dies, where the machine supports it.

    After `kill -9` the next command may roll back at once: an older `docker compose up` that still replaces containers
    would undo that. Raises CommandError when the program is missing.
    """
    if shutil.which(words[0], path=environment.get("PATH")) is None:
        raise missing(words, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
    return (*_binding(), *words)


@cache
def _binding() -> tuple[str, ...]:
    program = shutil.which("setpriv")
    if program is None:
        return ()
    binding = (program, "--pdeathsig", "KILL", "--")
    try:
        # That of busybox does not know the flag.
        tried = subprocess.run((*binding, "true"), stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603 - an argv list
    except OSError:
        return ()
    return binding if tried.returncode == 0 else ()


def missing(words: Sequence[str], error: OSError) -> CommandError:
    """The error for a program that cannot be run at all."""
    return CommandError(
        f"cannot run {words[0]}",
        seen=error.strerror or str(error),
        expected=f"{words[0]} on PATH, executable",
        next_step="python3 scripts/bootstrap.py --help",
    )


def stop(child: Child) -> None:
    """Ask the child and its children to stop as ^C would; kill them when they do not."""
    for sign in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(child.pid, sign)
        except ProcessLookupError:
            return
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            continue
        return

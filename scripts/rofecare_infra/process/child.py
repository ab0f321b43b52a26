"""Child processes: they end when this process asks them to, and when it dies."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache

from rofecare_infra.errors import CommandError

# A child that was asked to stop gets this long before it is killed, in seconds.
GRACE = 15.0


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


def stop(child: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
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

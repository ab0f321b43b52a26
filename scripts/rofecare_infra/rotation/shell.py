"""Asks a program inside a container. What it is told in confidence goes by standard input, never by its arguments."""

from __future__ import annotations

from typing import Protocol

from rofecare_infra.process import Result, run

# A login or one statement takes milliseconds; what hangs is broken, in seconds.
_QUICK = 30.0


class Shell(Protocol):
    """How we ask; unit tests have one of their own."""

    def __call__(self, container: str, script: str, *arguments: str, stdin: str) -> Result:
        """Run a shell script with these arguments in the container; its end, whatever it is."""


def in_container(container: str, script: str, *arguments: str, stdin: str) -> Result:
    """By `docker exec`: needs no published port, and works on networks without a way in."""
    argv = ["docker", "exec", "--interactive", container, "sh", "-c", script, "sh", *arguments]
    return run(argv, stdin=stdin, timeout=_QUICK, check=False)

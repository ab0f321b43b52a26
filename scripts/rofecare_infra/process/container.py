"""Runs a script in a container by `docker exec`: it needs no published port, and works on internal networks."""

from __future__ import annotations

from typing import Protocol

from rofecare_infra.process.run import Result, run

# A login or a statement takes milliseconds; beyond this limit, in seconds, the server hangs.
_QUICK = 30.0


class Shell(Protocol):
    """Runs a script in a container; unit tests pass their own."""

    def __call__(self, container: str, script: str, *arguments: str, stdin: str) -> Result:
        """Run a shell script with these arguments; the result, whatever the exit code. Secrets go to `stdin`."""


def in_container(container: str, script: str, *arguments: str, stdin: str) -> Result:
    """Run it with `sh`."""
    argv = ["docker", "exec", "--interactive", container, "sh", "-c", script, "sh", *arguments]
    return run(argv, stdin=stdin, timeout=_QUICK, check=False)

"""Runs programs in a container by `docker exec`: it needs no published port, and works on internal networks."""

from __future__ import annotations

from typing import Protocol

from rofecare_infra.process.run import Result, run

# A login or a statement takes milliseconds; beyond this limit, in seconds, the server hangs.
_QUICK = 30.0


class Reachable(Protocol):
    """A container on the engine of this machine or of another one."""

    @property
    def name(self) -> str:
        """Its name on its engine."""

    @property
    def docker(self) -> tuple[str, ...]:
        """How a docker command for its engine begins."""


class Shell(Protocol):
    """Runs a script in a container; unit tests pass their own."""

    def __call__(self, container: Reachable, script: str, *arguments: str, stdin: str) -> Result:
        """Run a shell script with these arguments; the result, whatever the exit code. Secrets go to `stdin`."""


def inside(container: Reachable, *words: str, interactive: bool = False) -> list[str]:
    """The command that runs a program in a container."""
    return [*container.docker, "exec", *(("--interactive",) if interactive else ()), container.name, *words]


def in_container(container: Reachable, script: str, *arguments: str, stdin: str) -> Result:
    """Run it with `sh`."""
    argv = inside(container, "sh", "-c", script, "sh", *arguments, interactive=True)
    return run(argv, stdin=stdin, timeout=_QUICK, check=False)

"""The virtual environment: whether `.venv` is what the lock files say, and how it is made so.

A stamp inside it is written when a step is done and removed before one begins. No stamp means that a run was
cut off in the middle; what is there is then thrown away, since pip does not notice every half-made package.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import NamedTuple

from bootstrapping.errors import COMMAND, Refusal
from bootstrapping.plan import quoted
from bootstrapping.run import change, say
from bootstrapping.survey import base_python, certificates

RUNTIME_LOCK = "requirements.lock"
DEV_LOCK = "requirements-dev.lock"
_PROJECT = "pyproject.toml"


class Environment(NamedTuple):
    """The `.venv` of the checkout at `root`, with the tools for tests and linting if `dev`."""

    root: str
    dev: bool

    @property
    def path(self) -> str:
        """Where it is."""
        return f"{self.root}/.venv"

    @property
    def programs(self) -> str:
        """The folder of its programs."""
        return f"{self.path}/bin"

    @property
    def _stamp(self) -> str:
        return f"{self.path}/bootstrap.stamp"

    def is_ready(self) -> bool:
        """Whether nothing has to be done."""
        return not self._steps_left(self._read())

    def make(self) -> None:
        """Do the steps that are left, from nothing if a former run was cut off or what it locked has changed.

        Raises Refusal when a step fails.
        """
        done = self._read()
        left = self._steps_left(done)
        if "python" in left:
            if os.path.lexists(self.path):
                self._run(("rm", "-rf", self.path), "the old virtual environment cannot be removed")
            self._run((base_python(), "-m", "venv", self.path), "the virtual environment cannot be made")
            done = {}
        for step in left:
            if step in (RUNTIME_LOCK, DEV_LOCK):
                self._begin()
                self._pip("--require-hashes", "-r", step)
            elif step == _PROJECT:
                self._begin()
                self._pip("--no-deps", "--no-build-isolation", "-e", ".")
                # Invoke writes no compiled code: every command would compile the tasks again. Nothing else needs it.
                change((f"{self.programs}/python", "-m", "compileall", "-q", "scripts"))
            done[step] = self._wanted()[step]
            self._write(done)

    def _wanted(self) -> dict[str, str]:
        """Map each step, in order, to what it depends on."""
        steps = {
            # A moved checkout or another Python behind the same link breaks the programs' first lines and paths.
            "python": f"{self.root} {os.path.realpath(self.programs + '/python')}",
            RUNTIME_LOCK: _digest(f"{self.root}/{RUNTIME_LOCK}"),
            _PROJECT: _digest(f"{self.root}/{_PROJECT}"),
        }
        if self.dev:
            steps[DEV_LOCK] = _digest(f"{self.root}/{DEV_LOCK}")
        return steps

    def _steps_left(self, done: dict[str, str]) -> list[str]:
        wanted = self._wanted()
        python_there = os.path.exists(f"{self.programs}/python")
        locks_changed = any(done.get(step, wanted[step]) != wanted[step] for step in wanted if step != _PROJECT)
        if not done or not python_there or locks_changed:
            return list(wanted)
        return [step for step in wanted if done.get(step) != wanted[step]]

    def _read(self) -> dict[str, str]:
        try:
            with open(self._stamp, encoding="utf-8") as file:
                return dict(line.rstrip("\n").split("\t", 1) for line in file if "\t" in line)
        except OSError:
            return {}

    def _begin(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._stamp)

    def _write(self, done: dict[str, str]) -> None:
        new = f"{self._stamp}.new"
        with open(new, "w", encoding="utf-8") as file:
            file.writelines(f"{step}\t{value}\n" for step, value in done.items())
        os.replace(new, self._stamp)

    def _pip(self, *arguments: str) -> None:
        argv = (f"{self.programs}/python", "-m", "pip", "install", "--quiet", "--no-input", *arguments)
        self._run(argv, "the Python packages cannot be installed")

    def _run(self, argv: tuple[str, ...], what: str) -> None:
        say("+ " + quoted(argv))
        answer = change(argv, extra=pip_environment(dict(os.environ), certificates()))
        if answer.code:
            raise Refusal(
                what,
                seen=f"{quoted(argv)}: exit code {answer.code}\n{answer.err}".rstrip(),
                expected="exit code 0; pip reaches a package index, directly or through HTTPS_PROXY, trusts its\n"
                "certificate (PIP_CERT names a bundle of authorities), and there is space left on the disk",
                then="the same command again, which repeats incomplete steps",
                code=COMMAND,
            )


def pip_environment(given: dict[str, str], bundle: str) -> dict[str, str]:
    """Return what pip's environment needs on top of `given`, the user's own.

    A proxy that re-signs TLS is trusted by the system's bundle and not by pip's: use it, unless one is named
    (REQUESTS_CA_BUNDLE rather than PIP_CERT, which would override pip.conf's `cert`).
    """
    # `user = true` in a pip.conf, sensible outside of environments, is an error inside one.
    extra = {"PIP_USER": "no", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if bundle and not any(given.get(name) for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")):
        extra["REQUESTS_CA_BUNDLE"] = bundle
    return extra


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()

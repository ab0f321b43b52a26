"""The test suites and tiers, and how pytest runs what is selected of them."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rofecare_infra import process
from rofecare_infra.errors import UsageError

# Folders below tests/, the fast ones first.
SUITES = ("unit", "contract", "engine", "e2e")
# Suites whose tests mostly wait for containers: they gain from several workers, the others lose.
_PARALLEL = {"", "engine"}
# One worker has the platform, the others have the small containers. More would slow down the platform.
_WORKERS = range(2, 5)


@dataclass(frozen=True)
class Selection:
    """Which tests to run, and in which order."""

    only: str = ""
    named: str = ""
    full: bool = False
    soak: bool = False
    # The order of the files; None: the usual one.
    seed: int | None = None

    @property
    def markers(self) -> str:
        """The tiers as pytest selects them. A suite or a name without a tier selects from all but the soak."""
        if self.soak:
            return "soak"
        return "not soak" if self.full or self.only or self.named else "not full and not soak"

    @property
    def is_parallel(self) -> bool:
        """Whether to run in several workers. The soak needs a quiet machine, and few tests need no workers."""
        return self.only in _PARALLEL and not self.named and not self.soak


def seed_of(word: object) -> int | None:
    """The seed for `--random`, which is None without the flag and True without a value. Raises UsageError."""
    if word is None:
        return None
    if word is True:
        return random.randrange(10_000)  # noqa: S311 - no secret
    if not str(word).isdecimal():
        raise UsageError(
            f"{word!r} is not a seed",
            seen=f"--random={word}",
            expected="a whole number, or no value for a new seed",
            next_step="inv test --random, or inv test --random=7",
        )
    return int(str(word))


def run_tests(root: Path, selection: Selection, environ: Mapping[str, str]) -> int:
    """Run the selected tests on the terminal; return pytest's exit code.

    In CI (`CI` is set) a missing engine is a failure; elsewhere the tests that need one are skipped.
    Raises UsageError for a suite that does not exist, and for two tiers at once.
    """
    if selection.only and selection.only not in SUITES:
        raise UsageError(
            f"there is no suite {selection.only!r}",
            seen=f"--only {selection.only}",
            expected=f"one of {', '.join(SUITES)}",
            next_step="inv test --only unit, or inv test for all suites",
        )
    if selection.full and selection.soak:
        raise UsageError(
            "--full and --soak exclude each other",
            seen="--full --soak",
            expected="one of them: --full is everything but the soak",
            next_step="inv test --full, then inv test --soak",
        )
    return process.run_attached(command(root, selection, environ, os.cpu_count() or 1), cwd=root)


def command(root: Path, selection: Selection, environ: Mapping[str, str], cores: int) -> list[str]:
    """The command line of pytest for a selection."""
    wanted = (root / "tests" / suite for suite in ([selection.only] if selection.only else SUITES))
    folders = [str(folder.relative_to(root)) for folder in wanted if folder.is_dir()]
    # As a module, because pytest is not on PATH if the environment is not activated.
    argv = [sys.executable, "-m", "pytest", *folders, "-m", selection.markers, "--durations=10"]
    if selection.named:
        argv += ["-k", selection.named]
    if selection.seed is not None:
        argv.append(f"--random-files={selection.seed}")
    if selection.is_parallel:
        workers = min(max(cores, _WORKERS.start), _WORKERS.stop - 1)
        argv += [f"--numprocesses={workers}", "--no-loadscope-reorder"]
    if environ.get("CI"):
        argv.append("--require-engine")
    return argv

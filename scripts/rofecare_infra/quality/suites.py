"""The test suites, the fast ones first."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from rofecare_infra import process
from rofecare_infra.errors import UsageError

# Folders below tests/: each needs more of the machine than the one before it.
SUITES = ("unit", "contract", "engine", "e2e")


def run_tests(root: Path, only: str, environ: Mapping[str, str]) -> int:
    """Run the suite named by `only` (all when empty) on our own terminal; return pytest's exit code.

    In CI (`CI` is set) a missing engine is a failure, where a laptop skips what needs one.
    Raises UsageError for a suite that does not exist.
    """
    if only and only not in SUITES:
        raise UsageError(
            f"no suite is called {only!r}",
            seen=f"--only {only}",
            expected=f"one of {', '.join(SUITES)}",
            next_step="inv test --only unit, or inv test for all",
        )
    wanted = (root / "tests" / suite for suite in ([only] if only else SUITES))
    folders = [str(folder.relative_to(root)) for folder in wanted if folder.is_dir()]
    # Python's own switch, because pytest is not on PATH when the environment is not activated.
    argv = [sys.executable, "-m", "pytest", *folders]
    if environ.get("CI"):
        argv.append("--require-engine")
    return process.run_attached(argv, cwd=root)

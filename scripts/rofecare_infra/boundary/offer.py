"""Offers to run the next command of an error, in a terminal, if it only starts or resumes services."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from rofecare_infra.process import run_attached

# A start leaves alone what is ready, and removes nothing.
_SAFE = re.compile(r"(?:inv (?P<task>start-all|start-infra)|(?P<resume>docker unpause [\w.-]+))(?![\w-])")


def is_possible(next_step: str) -> bool:
    """Whether `next_step` begins with a safe command, and somebody is at a terminal."""
    return _SAFE.match(next_step) is not None and sys.stdin.isatty() and sys.stdout.isatty()


def accepted(
    next_step: str, root: Path, *, ask: Callable[[str], str] = input, run: Callable[[list[str]], int] = run_attached
) -> int | None:
    """Ask whether to run the command that `next_step` begins with; return its exit code.

    None if that is not possible, or the answer is no.
    """
    found = _SAFE.match(next_step)
    if found is None or not is_possible(next_step):
        return None
    try:
        answer = ask(f"run it now: {found[0]}? [y/N] ")
    except (EOFError, OSError):
        return None
    if answer.strip().lower() not in {"y", "yes"}:
        return None
    # The same Python, and the tasks of the same folder: a release has its own.
    tasks = [sys.executable, "-m", "invoke", "--search-root", str(root)]
    return run([*tasks, found["task"]] if found["task"] else found["resume"].split())

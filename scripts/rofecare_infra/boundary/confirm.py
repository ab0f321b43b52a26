"""Asks for confirmation before data is removed."""

from __future__ import annotations

import sys
from collections.abc import Callable

from rofecare_infra.errors import UsageError


def ask_beside(question: str) -> str:
    """Ask on standard error: a program may read standard output."""
    sys.stderr.write(question)
    sys.stderr.flush()
    return input()


def by_name(name: str, what: str, *, yes: bool, ask: Callable[[str], str] = ask_beside) -> None:
    """Return if the name is typed or `--yes` was given. Raises UsageError otherwise, also without a terminal."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f"{what}: no confirmation",
            seen="no terminal to ask in, and no --yes",
            expected=f"{name} typed in a terminal, or --yes",
            next_step="run the same command in a terminal, or with --yes",
        )
    try:
        typed = ask(f"{what}. Type the name of the project to continue ({name}): ")
    except (EOFError, OSError):
        # The terminal is closed, or gone.
        typed = ""
    if typed.strip() != name:
        raise UsageError(
            f"{what}: not confirmed, nothing was changed",
            seen=typed.strip() or "nothing",
            expected=name,
            next_step="run the same command again",
        )

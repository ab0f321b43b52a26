"""In production a command runs in the release in use: a checkout that was updated, or is broken, changes nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from invoke.main import program

# Flags of invoke that select the tasks; the launcher of a release has its own.
_SELECTING = frozenset({"--search-root", "-r", "--collection", "-c"})
# Set for the command of the release: it does not hand over again.
_HANDED_OVER = "ROFECARE_HANDED_OVER"


def hand_over(root: Path) -> None:
    """Continue as the same command of the release, if this is a checkout of a production platform that has one.

    Returns otherwise, and where the Python of the release is no longer on this machine.
    """
    if _HANDED_OVER in os.environ or getattr(program, "core", None) is None:
        return  # not loaded by the command line
    from rofecare_infra.engine import connect
    from rofecare_infra.project import release
    from rofecare_infra.project.home import load_home

    settings, _ = load_home(root, connect)
    if not settings.is_release or settings.root == root:
        return
    if not release.is_runnable(settings.root):
        return
    launcher = str(release.launcher(settings.state_folder))
    sys.stdout.flush()
    sys.stderr.flush()
    environment = {**os.environ, _HANDED_OVER: "1"}
    os.execve(launcher, [launcher, *own_words(sys.argv[1:])], environment)  # noqa: S606 - no shell


def own_words(words: Sequence[str]) -> list[str]:
    """The words of a command line without the flags that select the tasks."""
    waiting, kept = list(words), []
    # After its first word that is no flag, all others belong to a task.
    while waiting and waiting[0].startswith("-"):
        word = waiting.pop(0)
        if word in _SELECTING:
            del waiting[:1]
        elif word.partition("=")[0] not in _SELECTING:
            kept.append(word)
    return [*kept, *waiting]

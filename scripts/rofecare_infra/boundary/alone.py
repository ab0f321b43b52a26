"""Runs one changing command of a project at a time; all others are refused."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(root: Path, command: str, *, as_json: bool = False) -> Iterator[None]:
    """Hold the lock of this checkout's project. Raises CommandError while another command holds it.

    Only the name of the project is read before: what the command reads afterwards, no other command changes.
    """
    from rofecare_infra.engine import connect, locked, this_command
    from rofecare_infra.progress import Note, renderer_for
    from rofecare_infra.settings import load

    settings, _ = load(root, os.environ)
    with locked(connect(), settings.project, this_command(command)) as ended:
        if ended is not None:
            note = Note(f"the lock of a command that ended without releasing it is replaced: {ended}")
            renderer_for(as_json=as_json).show(note)
        yield


def spoken(task: str, flags: Mapping[str, object]) -> str:
    """The command as a user types it, for the messages of other commands. No flag of a task contains a secret."""
    words = ["inv", task.replace("_", "-")]
    for name, value in flags.items():
        flag = f"--{name.replace('_', '-')}"
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is True:
                words.append(flag)
            elif one not in {False, None, ""}:
                words.append(f"{flag}={one}")
    return shlex.join(words)

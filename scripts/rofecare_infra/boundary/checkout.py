"""Which checkout a task works on: the folder of the tasks.py that was loaded, whatever the current folder is."""

from __future__ import annotations

from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context

_KEY = "checkout"


def bind(namespace: Collection, root: Path) -> None:
    """Let every task of the namespace work on this checkout."""
    namespace.configure({_KEY: str(root)})


def root_of(context: Context) -> Path:
    """The checkout of a running task."""
    return Path(str(context.config[_KEY]))

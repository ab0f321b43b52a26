"""Announces which project a command has opened: the report of the command is kept with the state of the project."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rofecare_infra.settings import Settings

Watcher = Callable[[Settings], None]

_watchers: list[Watcher] = []


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Call the watcher with the settings of every project that is opened in the block."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def announce(settings: Settings) -> None:
    """Call the watchers; `settings` name the state folder of the project."""
    for watcher in _watchers:
        watcher(settings)

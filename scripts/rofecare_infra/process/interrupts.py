"""Interruptions: ^C, SIGTERM, and SIGHUP, which arrives when the terminal or the connection to it is gone.

The first one is raised as KeyboardInterrupt, which ends the command through its rollback. From then on, and inside
`uninterrupted`, a signal is only remembered: a rollback that is left halfway would be worse than a late end.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class _Interrupts:
    """The state of this process: signals belong to processes."""

    # The first signal that arrived; 0: none.
    first: int = 0
    # Whether one was raised: no other one is.
    raised: bool = False
    # Whether one is to be raised at the end of what is to be completed first.
    pending: bool = False
    # Whether the rest of the command is.
    completing: bool = False
    # How many such blocks there are.
    depth: int = 0


_state = _Interrupts()


@contextmanager
def interruptible(postponed: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Handle the three signals; `postponed` is called for one that is only remembered.

    A signal that was ignored before stays ignored: `nohup` and background jobs of a shell rely on it.
    """
    _state.first, _state.depth = 0, 0
    _state.raised = _state.pending = _state.completing = False

    def handle(number: int, _frame: FrameType | None) -> None:
        _state.first = _state.first or number
        if _state.raised or _state.completing or _state.depth:
            _state.pending = not _state.raised
            postponed()
            return
        _state.raised = True
        raise KeyboardInterrupt

    before = {one: signal.getsignal(one) for one in SIGNALS}
    handled = [one for one, handler in before.items() if handler != signal.SIG_IGN]
    for one in handled:
        signal.signal(one, handle)
    try:
        yield
    finally:
        for one in handled:
            # None: a handler that Python did not install and cannot restore.
            signal.signal(one, before[one] or signal.SIG_DFL)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Complete the block before a signal that arrives in it is raised, as KeyboardInterrupt at the end of the block.

    If the block raises an error, the error is raised alone: it ends the command as well.
    """
    _state.depth += 1
    try:
        yield
    except BaseException:
        if _state.pending and _state.depth == 1:
            _state.raised, _state.pending = True, False
        raise
    finally:
        _state.depth -= 1
    _raise_pending()


def accept_again() -> None:
    """Raise the next signal again: what had to be completed is complete."""
    _state.raised = _state.pending = _state.completing = False


def complete() -> None:
    """From here on the command is completed: signals are only remembered."""
    _state.completing = True


def continue_after_completion() -> None:
    """For a part of a command that was completed: raise a signal that arrived meanwhile, and later ones again."""
    _state.completing = False
    _raise_pending()


def _raise_pending() -> None:
    if _state.pending and not _state.depth and not _state.completing:
        _state.raised, _state.pending = True, False
        raise KeyboardInterrupt


def interrupted_by() -> str:
    """The name of the first signal that this command received, such as SIGHUP; empty if there was none."""
    return signal.Signals(_state.first).name if _state.first else ""

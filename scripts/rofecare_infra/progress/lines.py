"""Prints events as plain lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rofecare_infra.progress.events import Event, Expected, Logged, Observed, Output
from rofecare_infra.progress.parts import Part, joined
from rofecare_infra.progress.sentences import sentence
from rofecare_infra.progress.sink import Sink

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Lines:
    """Plain lines, without output of external commands."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._unready: set[str] = set()

    def show(self, event: Event) -> None:
        """Print the event, unless it is a line of output or a poll without a change."""
        match event:
            case Output() | Expected() | Logged():
                return
            case Observed():
                unready = {name for name, reason in event.services.items() if reason}
                for name in event.services:
                    if name in self._unready and name not in unready:
                        self.say(f"  {name} ready after {event.waited:.1f} s")
                self._unready = unready
            case _:
                self._unready = set()
                self.say(sentence(event))

    def say(self, text: str = "") -> None:
        """Print a line and flush it."""
        self._sink.line(text)

    def say_parts(self, parts: Sequence[Part]) -> None:
        """Print the line without its styles."""
        self.say(joined(parts))

    def record(self, result: DataclassInstance | Sequence[DataclassInstance]) -> None:
        """Print nothing: the text of the result is for people."""

    def close(self) -> None:
        """Do nothing: this renderer holds no resource."""

"""Selects how events are printed: live on a terminal, plain lines in a pipe, JSON lines for programs."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from types import TracebackType
from typing import IO, TYPE_CHECKING, Protocol, Self, TypeVar

from rofecare_infra.progress.events import Event, Failed
from rofecare_infra.progress.json_lines import JsonLines
from rofecare_infra.progress.lines import Lines
from rofecare_infra.progress.live import Live
from rofecare_infra.progress.parts import Part
from rofecare_infra.progress.sink import Sink, watched

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


class Renderer(Protocol):
    """Prints events and results."""

    def show(self, event: Event) -> None:
        """Show one event."""

    def say(self, text: str = "") -> None:
        """Print a result."""

    def say_parts(self, parts: Sequence[Part]) -> None:
        """Print a line of a result, in colours where the output has them."""

    def record(self, result: DataclassInstance | Sequence[DataclassInstance]) -> None:
        """Print a result for programs, with its fields; for people, its text is printed."""

    def close(self) -> None:
        """Restore the terminal."""


class Scope:
    """Prints the events of a command with a renderer, and always closes the renderer at the end."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._renderer.close()

    def follow(self, events: Generator[Event, None, T]) -> T:
        """Print every event and return the result of the command; ^C while printing terminates the command."""
        try:
            while True:
                try:
                    event = next(events)
                except StopIteration as end:
                    result: T = end.value
                    return result
                self._renderer.show(event)
        finally:
            events.close()

    def say(self, text: str = "") -> None:
        """Print a result."""
        self._renderer.say(text)

    def record(self, result: DataclassInstance) -> None:
        """Print a result for programs, beside its text for people."""
        self._renderer.record(result)


def renderer_for(stream: IO[str] | None = None, *, as_json: bool = False, lasting: bool = True) -> Renderer:
    """The renderer for the stream (standard output by default): JSON on request, live on a terminal, else plain lines.

    With `lasting`, the command continues if the reader of its output exits.
    """
    out = stream or sys.stdout
    if as_json:
        return JsonLines(Sink(out, lasting=lasting))
    if not out.isatty():
        return Lines(Sink(out, lasting=lasting))
    from rich.console import Console

    console = Console(file=watched(out, lasting=lasting))
    return Live(console) if not console.is_dumb_terminal else Lines(Sink(out, lasting=lasting))


def show_failure(failed: Failed) -> None:
    """Print the end of a command that prints JSON as one object on standard output."""
    JsonLines(Sink(sys.stdout, lasting=True)).show(failed)

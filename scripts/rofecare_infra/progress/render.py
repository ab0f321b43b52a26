"""Renders events: live on a terminal, plain lines in a pipe, JSON lines for programs. The only writer."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Generator, Sequence
from types import TracebackType
from typing import IO, TYPE_CHECKING, Protocol, Self, TypeVar

from rofecare_infra.platform import short
from rofecare_infra.progress.events import Event, ImageDone, Note, Observed, Output, StageBegan, StageReady, Working
from rofecare_infra.progress.sink import Sink

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

T = TypeVar("T")


class Renderer(Protocol):
    """Shows events as they come, and results at the end."""

    def show(self, event: Event) -> None:
        """Show one event."""

    def say(self, text: str = "") -> None:
        """Print a result."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class Scope:
    """Follows the events of a use case with a renderer, which is closed at the end, whatever the end is."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._renderer.close()

    def follow(self, events: Generator[Event, None, T]) -> T:
        """Show every event and return the use case's result; ^C while one is shown ends the use case at once, too."""
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


class JsonLines:
    """One JSON object an event."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def show(self, event: Event) -> None:
        """Print the event's fields and its kind."""
        self._write({"event": type(event).__name__, **dataclasses.asdict(event)})

    def say(self, text: str = "") -> None:
        """Print a result as an event of its own."""
        if text:
            self._write({"event": "Result", "text": text})

    def close(self) -> None:
        """Nothing is held."""

    def _write(self, record: dict[str, object]) -> None:
        self._sink.line(json.dumps(record))


class Lines:
    """Plain lines: what is worth keeping in a file."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._unready: set[str] = set()

    def show(self, event: Event) -> None:
        """Print the event unless it only says that something goes on."""
        match event:
            case Output():
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
        """Print a line at once."""
        self._sink.line(text)

    def close(self) -> None:
        """Nothing is held."""


class Live:
    """A terminal: a spinner with what goes on now, above it what is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        # What stands before an observation: where the start is, as far as it is known.
        self._stage = ""

    def show(self, event: Event) -> None:
        """Keep what is done, replace what goes on."""
        match event:
            case StageBegan():
                self._stage = f"{event.phase} {event.number}/{event.total}: "
                self._spin(sentence(event))
            case Observed():
                waiting = [name for name, reason in event.services.items() if reason]
                reasons = [reason for reason in event.services.values() if reason]
                ready = len(event.services) - len(waiting)
                line = f"{self._stage}{ready} of {len(event.services)} ready, {event.waited:.0f} s"
                if waiting:
                    line += f"; waiting for {short(waiting[0])}" + (
                        f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
                    )
                    line += f" ({reasons[0]})"
                self._spin(line)
            case Working() | Output():
                self._spin(event.text)
            case StageReady() | ImageDone() | Note():
                from rich.text import Text

                if isinstance(event, StageReady):
                    # Of a stage in which nothing has to be started no beginning is told.
                    self._stage = f"stage {event.number + 1}/{event.total}: "
                failed = isinstance(event, ImageDone) and event.outcome == "failed"
                mark = ("✘", "red") if failed else ("✔", "green")
                # In one piece: the spinner redraws itself after every print.
                self._console.print(Text.assemble(mark, " ", sentence(event)), soft_wrap=True)

    def say(self, text: str = "") -> None:
        """Print a result above the spinner."""
        # The terminal itself breaks lines that are too long: a table stays one to whoever copies it.
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        """Stop the spinner."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _spin(self, text: str) -> None:
        from rich.text import Text

        line = Text(text.strip(), no_wrap=True, overflow="ellipsis")
        line.truncate(max(20, self._console.width - 4), overflow="ellipsis")
        if self._status is None:
            self._status = self._console.status(line)
            self._status.start()
        else:
            self._status.update(line)


def sentence(event: Event) -> str:
    """The event in words."""
    match event:
        case Note() | Working() | Output():
            return event.text
        case StageBegan():
            return f"{event.phase} {event.number}/{event.total}: {listed(event.services)}"
        case StageReady():
            found = len(event.services) - len(event.started)
            kept = f", {found} of them found ready" if event.started and found else ""
            how = f"{event.seconds:.1f} s"
            if not event.started:
                how = "found ready" if event.seconds < 1 else f"found running, ready after {how}"
            return f"{event.phase} {event.number}/{event.total} ready: {listed(event.services)} ({how}{kept})"
        case ImageDone():
            whose = "" if event.services == (event.image,) else f" for {listed(event.services)}"
            took = f" ({event.seconds:.1f} s)" if event.seconds else ""
            return f"image {event.image} {event.outcome}{took}{whose}"
        case Observed():
            return ", ".join(f"{name}: {reason}" for name, reason in event.services.items() if reason)


def listed(names: Sequence[str], most: int = 3) -> str:
    """A few names whole, many as the first and a count."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{names[0]} and {len(names) - 1} more"


def renderer_for(stream: IO[str] | None = None, *, as_json: bool = False, lasting: bool = True) -> Renderer:
    """What suits the stream (standard output unless given): JSON where asked, live on a terminal, else plain lines.

    With `lasting` a reader that goes away is no reason to end.
    """
    out = stream or sys.stdout
    if as_json:
        return JsonLines(Sink(out, lasting=lasting))
    if not out.isatty():
        return Lines(Sink(out, lasting=lasting))
    from rich.console import Console

    console = Console(file=out)
    return Live(console) if not console.is_dumb_terminal else Lines(Sink(out, lasting=lasting))

"""Prints events: live on a terminal, plain lines in a pipe, JSON lines for programs."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Generator, Mapping, Sequence
from types import TracebackType
from typing import IO, TYPE_CHECKING, Protocol, Self, TypeVar

from rofecare_infra.errors import RofecareError
from rofecare_infra.progress.events import (
    Event,
    Expected,
    Failed,
    ImageDone,
    Logged,
    Note,
    Observed,
    Output,
    Result,
    StageBegan,
    StageReady,
    Working,
)
from rofecare_infra.progress.parts import Part, joined
from rofecare_infra.progress.sink import Sink, watched
from rofecare_infra.progress.waiting import Waiting, lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status
    from rich.text import Text

T = TypeVar("T")


class Renderer(Protocol):
    """Prints events and results."""

    def show(self, event: Event) -> None:
        """Show one event."""

    def say(self, text: str = "") -> None:
        """Print a result."""

    def say_parts(self, parts: Sequence[Part]) -> None:
        """Print a line of a result, in colours where the output has them."""

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


# Of the JSON objects: a number that grows when a field is removed or gets another meaning.
SCHEMA = 1


class JsonLines:
    """One JSON object per event."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def show(self, event: Event | Result | Failed) -> None:
        """Print the kind and the fields of the event."""
        record = {"schema": SCHEMA, "event": type(event).__name__, **dataclasses.asdict(event)}
        self._sink.line(json.dumps(record))

    def say(self, text: str = "") -> None:
        """Print a result as a separate event."""
        if text:
            self.show(Result(text))

    def say_parts(self, parts: Sequence[Part]) -> None:
        """Print the line without its styles."""
        self.say(joined(parts))

    def close(self) -> None:
        """Do nothing: this renderer holds no resource."""


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

    def close(self) -> None:
        """Do nothing: this renderer holds no resource."""


class Live:
    """A terminal: a spinner with the current activity, below the completed ones."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        # The prefix of an observation: the current stage, if it is known.
        self._stage = ""
        self._waiting = Waiting()
        self._expected: Mapping[str, float] = {}
        self._logged: dict[str, str] = {}

    def show(self, event: Event) -> None:
        """Print a completed activity, or replace the current one."""
        match event:
            case StageBegan():
                self._stage = f"{event.phase} {event.number}/{event.total}: "
                self._spin(sentence(event))
            case Expected():
                self._expected = event.seconds
            case Logged():
                self._logged[event.service] = event.text
            case Observed():
                # The spinner is in front of the first line.
                width, height = self._console.width - 4, self._console.height
                elapsed = self._waiting.elapsed(event)
                self._spin("\n".join(lines(event, self._stage, elapsed, self._expected, self._logged, width, height)))
            case Working() | Output():
                self._spin(event.text)
            case StageReady() | ImageDone() | Note():
                from rich.text import Text

                if isinstance(event, StageReady):
                    # A stage in which nothing is started has no StageBegan event.
                    self._stage = f"stage {event.number + 1}/{event.total}: "
                failed = isinstance(event, ImageDone) and event.outcome == "failed"
                mark = ("✘", "red") if failed else ("✔", "green")
                # One call: the spinner is redrawn after every print.
                self._console.print(Text.assemble(mark, " ", sentence(event)), soft_wrap=True)

    def say(self, text: str = "") -> None:
        """Print a result above the spinner."""
        # The terminal wraps long lines, so a copied table stays intact.
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def say_parts(self, parts: Sequence[Part]) -> None:
        """Print the line with its styles; `NO_COLOR` in the environment removes them."""
        from rich.text import Text

        self._console.print(Text.assemble(*((part.text, part.style) for part in parts)), soft_wrap=True)

    def close(self) -> None:
        """Stop the spinner."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _spin(self, text: str) -> None:
        from rich.text import Text

        fitting = [self._fitting(one) for one in text.strip().split("\n")]
        line = Text("\n", no_wrap=True, overflow="ellipsis").join(fitting)
        if self._status is None:
            self._status = self._console.status(line)
            self._status.start()
        else:
            self._status.update(line)

    def _fitting(self, text: str) -> Text:
        from rich.text import Text

        line = Text(text, no_wrap=True, overflow="ellipsis")
        line.truncate(max(20, self._console.width - 4), overflow="ellipsis")
        return line


def sentence(event: Event) -> str:
    """The event as a sentence."""
    match event:
        case Note() | Working() | Output():
            return event.text
        case StageBegan():
            return f"{event.phase} {event.number}/{event.total}: {listed(event.services)}"
        case StageReady():
            found = len(event.services) - len(event.started)
            kept = f", {found} already ready" if event.started and found else ""
            how = f"{event.seconds:.1f} s"
            if not event.started:
                how = "already ready" if event.seconds < 1 else f"already running, ready after {how}"
            return f"{event.phase} {event.number}/{event.total} ready: {listed(event.services)} ({how}{kept})"
        case ImageDone():
            whose = "" if event.services == (event.image,) else f" for {listed(event.services)}"
            took = f" ({event.seconds:.1f} s)" if event.seconds else ""
            return f"image {event.image} {event.outcome}{took}{whose}"
        case Expected() | Logged():
            return ""
        case Observed():
            return ", ".join(f"{name}: {reason}" for name, reason in event.services.items() if reason)


def listed(names: Sequence[str], most: int = 3) -> str:
    """Up to `most` names in full; more as the first name and a count."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{names[0]} and {len(names) - 1} more"


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


def show_failure(error: RofecareError) -> None:
    """Print the error as one JSON object on standard output, for a command that prints JSON."""
    details = tuple(error.details)
    failed = Failed(error.what, error.seen, error.expected, error.next_step, details, error.exit_code)
    JsonLines(Sink(sys.stdout, lasting=True)).show(failed)

"""What happened, as values. Use cases yield them; renderers decide what becomes of them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Note:
    """A sentence worth keeping."""

    text: str


@dataclass(frozen=True)
class Working:
    """What is being done now: replaced by the next one on a terminal, a line in a pipe."""

    text: str


@dataclass(frozen=True)
class Output:
    """A line of a command that we run: shown passing by on a terminal, left out of a pipe."""

    text: str


@dataclass(frozen=True)
class StageBegan:
    """A stage is about to be started."""

    phase: str
    number: int
    total: int
    services: tuple[str, ...]


@dataclass(frozen=True)
class Observed:
    """One look at the stage: service -> why it is not ready yet (empty when it is)."""

    waited: float
    services: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StageReady:
    """Every service of the stage was seen ready."""

    phase: str
    number: int
    total: int
    services: tuple[str, ...]
    # Those that had to be started; the others were found ready.
    started: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class ImageDone:
    """An image was built or pulled, found up to date, or could not be had."""

    image: str
    services: tuple[str, ...]
    outcome: str
    seconds: float


Event = Note | Working | Output | StageBegan | Observed | StageReady | ImageDone


def output_of(lines: Generator[str, None, T]) -> Generator[Event, None, T]:
    """The lines of a running command as events; its result stays the result."""
    try:
        while True:
            yield Output(next(lines))
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        # A reader that stops early (^C) ends the command, too.
        lines.close()

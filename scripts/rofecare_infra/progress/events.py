"""Progress events: commands yield them, renderers print them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Note:
    """A message that stays on the screen."""

    text: str


@dataclass(frozen=True)
class Working:
    """The current activity: replaced by the next one on a terminal, a line in a pipe."""

    text: str


@dataclass(frozen=True)
class Output:
    """A line of output of an external command: shown for a moment on a terminal, omitted in a pipe."""

    text: str


@dataclass(frozen=True)
class StageBegan:
    """The start of a stage begins."""

    phase: str
    number: int
    total: int
    services: tuple[str, ...]


@dataclass(frozen=True)
class Expected:
    """How many seconds the services usually take until they are ready, from earlier starts on this machine."""

    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Logged:
    """The last line that a service logged which takes longer than usual: shown for a moment on a terminal only."""

    service: str
    text: str


@dataclass(frozen=True)
class Observed:
    """One poll of the stage: service -> why it is not ready yet (empty if it is)."""

    waited: float
    services: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StageReady:
    """Every service of the stage is ready."""

    phase: str
    number: int
    total: int
    services: tuple[str, ...]
    # The services that were started; the others were already running.
    started: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class ImageDone:
    """An image was built or pulled, is up to date, or failed."""

    image: str
    services: tuple[str, ...]
    outcome: str
    seconds: float


@dataclass(frozen=True)
class Result:
    """A result of the command, as text for people; only printed as JSON."""

    text: str


@dataclass(frozen=True)
class Failed:
    """The error, ^C or bug that ended the command; only printed as JSON, beside the message for people."""

    what: str
    seen: str
    expected: str
    next_step: str
    details: tuple[str, ...]
    exit_code: int


Event = Note | Working | Output | StageBegan | Expected | Logged | Observed | StageReady | ImageDone


def output_of(lines: Generator[str, None, T]) -> Generator[Event, None, T]:
    """The lines of a running command as events, with the same result."""
    try:
        while True:
            yield Output(next(lines))
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        # If the consumer stops early (^C), the command is terminated.
        lines.close()

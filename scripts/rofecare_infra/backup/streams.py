"""What comes out of a command in pieces: shown passing by, and refused when the command did not end well."""

from __future__ import annotations

from collections.abc import Callable, Generator

from rofecare_infra.errors import CommandError
from rofecare_infra.process import Result
from rofecare_infra.progress import Event, Output


def passing(
    pieces: Generator[int, None, Result], every: int, said: Callable[[int], str]
) -> Generator[Event, None, Result]:
    """Tell, about every so many bytes, how many there were; the command's result is the result."""
    shown = 0
    while True:
        try:
            count = next(pieces)
        except StopIteration as end:
            result: Result = end.value
            return result
        if count - shown > every:
            shown = count
            yield Output(said(count))


def insist(result: Result, program: str, what: str) -> None:
    """Raise CommandError, which says `what` could not be done, unless the program ended well."""
    if not result.ok:
        raise CommandError(
            what,
            seen=f"{program} ended with {result.returncode}",
            expected="exit code 0",
            next_step="mend the cause below, then the same command again",
            details=result.tail(8),
        )

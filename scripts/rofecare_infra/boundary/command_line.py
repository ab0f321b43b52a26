"""Two things that invoke's parser cannot do by itself: several names after a task, and our exit code for usage.

`inv build identity patient` reads `patient` as a task to invoke. While tasks.py is loaded the words have been split
but not parsed: there the names are turned into flags, `build --service=identity --service=patient`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from invoke.exceptions import Exit, ParseError
from invoke.main import program

from rofecare_infra.errors import UsageError

# What the names become unless a task calls them otherwise.
_FLAG = "--service"


def accept_lists(tasks: Mapping[str, Iterable[str]], flag: str = _FLAG) -> None:
    """Let these tasks take names, which become values of `flag`; for each, its other flags that a value follows."""
    core = getattr(program, "core", None)
    if core is None:
        return  # loaded by something else than the command line
    core.unparsed[:] = spread(
        core.unparsed, {task: frozenset((flag, flag[1:3], *flags)) for task, flags in tasks.items()}, flag
    )
    # This one instance: the program that is just loading tasks.py.
    program.parse_tasks = or_exit(program.parse_tasks)  # type: ignore[method-assign]


def or_exit(parse: Callable[[], None]) -> Callable[[], None]:
    """The same, but what cannot be parsed ends with our exit code and the next command."""

    def parse_or_exit() -> None:
        try:
            parse()
        except ParseError as error:
            what = f"error: {error}"
        except ValueError as error:
            # A flag whose default is a number takes numbers alone; the word is at the end of what Python says.
            seen = str(error).rpartition(": ")[2]
            what = f"error: a flag's value is no number\n  seen:     {seen[:80]}\n  expected: a whole number"
        else:
            return
        raise Exit(f"{what}\n  next:     inv --list, or inv --help <task>", code=UsageError.exit_code)

    return parse_or_exit


def spread(words: Sequence[str], tasks: Mapping[str, frozenset[str]], flag: str = _FLAG) -> list[str]:
    """The words with each bare one after such a task turned into `--service=word`, or what `flag` is."""
    out: list[str] = []
    valued: frozenset[str] | None = None
    expects_value = False
    for word in words:
        if valued is None:
            valued = tasks.get(word)
            out.append(word)
        elif expects_value or word.startswith("-"):
            expects_value = not expects_value and word in valued
            out.append(word)
        else:
            out.append(f"{flag}={word}")
    return out

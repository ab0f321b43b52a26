"""What invoke's parser lacks: several bare words after a task, and the exit code for wrong usage.

`inv build identity patient` reads `patient` as another task. While tasks.py is loaded, the words are split but not
parsed yet: there they become flags, `build --service=identity --service=patient`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from invoke.exceptions import Exit, ParseError
from invoke.main import program

from rofecare_infra.boundary.command import CHECKOUT, Command
from rofecare_infra.errors import UsageError

if TYPE_CHECKING:
    from invoke.collection import Collection


class Words(NamedTuple):
    """How the words after a task are read."""

    # The flag whose values bare words become; empty: a bare word is the next task.
    flag: str
    # The flags of the task that are followed by a value.
    valued: frozenset[str]


def bind(namespace: Collection, root: Path) -> None:
    """Make the tasks of the namespace work on this checkout, and accept their bare words."""
    namespace.configure({CHECKOUT: str(root)})
    core = getattr(program, "core", None)
    if core is None:
        return  # not loaded by the command line
    core.unparsed[:] = spread(core.unparsed, words_of(namespace))
    # This one instance: the program that is loading tasks.py.
    program.parse_tasks = or_exit(program.parse_tasks)  # type: ignore[method-assign]


def words_of(namespace: Collection) -> dict[str, Words]:
    """How the words after each task are read, from the signatures of the tasks."""
    tasks = {name: namespace[name] for name in namespace.task_names}
    return {
        name: Words(f"--{task.words}" if task.words else "", frozenset(_flags(task)))
        for name, task in tasks.items()
        if isinstance(task, Command)
    }


def _flags(task: Command) -> list[str]:
    return [
        f"--{name}" if name[1:] else f"-{name}"
        for argument in task.get_arguments()
        if argument.takes_value
        for name in argument.names
    ]


def or_exit(parse: Callable[[], None]) -> Callable[[], None]:
    """Wrap the parser: words that it cannot parse end with the exit code for usage and the next command."""

    def parse_or_exit() -> None:
        try:
            parse()
        except ParseError as error:
            what = f"error: {error}"
        except ValueError as error:
            # A flag whose default is a number takes only numbers; Python's message ends with the word.
            seen = str(error).rpartition(": ")[2]
            what = f"error: the value of a flag is not a number\n  seen:     {seen[:80]}\n  expected: a whole number"
        else:
            return
        raise Exit(f"{what}\n  next:     inv --list, or inv --help <task>", code=UsageError.exit_code)

    return parse_or_exit


def spread(words: Sequence[str], tasks: Mapping[str, Words]) -> list[str]:
    """Turn each bare word after such a task into a value of its flag: `--service=word`."""
    out: list[str] = []
    task: Words | None = None
    expects_value = False
    for word in words:
        if expects_value or word.startswith("-"):
            expects_value = not expects_value and task is not None and word in task.valued
            out.append(word)
        elif task is None or not task.flag:
            task = tasks.get(word)
            out.append(word)
        else:
            out.append(f"{task.flag}={word}")
    return out

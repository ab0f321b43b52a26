"""The decorator that makes a task of invoke from a function on a checkout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from invoke.tasks import Task

from rofecare_infra.boundary.alone import alone, spoken
from rofecare_infra.boundary.guard import guarded
from rofecare_infra.boundary.handover import hand_over
from rofecare_infra.boundary.report import Reporter

if TYPE_CHECKING:
    from invoke.context import Context
    from invoke.parser.argument import Argument

P = ParamSpec("P")
# Key of invoke's configuration: the folder of the tasks.py that was loaded, whatever the current folder is.
CHECKOUT = "checkout"


class Command(Task[Any]):
    """A task; bare words after its name are values of the flag `words` (none: they are tasks of their own)."""

    words: str = ""
    changes: bool = False

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:  # noqa: FBT001 - invoke's own
        """The flags. Invoke removes the help texts that it has read; here they can be read again."""
        texts = dict(self.help)
        try:
            return super().get_arguments(ignore_unknown_help)
        finally:
            self.help = texts


def command(
    *,
    help: Mapping[str, str] | None = None,  # noqa: A002 - as in invoke
    optional: Sequence[str] = (),
    iterable: Sequence[str] = (),
    words: str = "",
    changes: bool = False,
    shows_report: bool = False,
    of_checkout: bool = False,
    interrupted: Callable[[Path], str] | None = None,
) -> Callable[[Callable[Concatenate[Path, P], None]], Command]:
    """Make a task of a function whose parameters are the folder of the checkout and the flags of the task.

    What it raises becomes a message and an exit code; `interrupted` returns what to print after ^C. A task that
    `changes` the platform holds the lock of the project from before its settings are read until its end, and reports
    how it ended; the next command shows that once, and one that `shows_report` each time. In production it runs in the
    release in use, unless it is a task `of_checkout`. Tasks import the rooms that they use in their bodies:
    `inv --list` needs none of them.
    """

    def decorate(body: Callable[Concatenate[Path, P], None]) -> Command:
        @wraps(body)
        def run(context: Context, *args: P.args, **flags: P.kwargs) -> None:
            root = Path(str(context.config[CHECKOUT]))
            words = spoken(task.name, flags)
            report = Reporter(words, again=shows_report)
            lock = alone(root, words, as_json=bool(flags.get("json"))) if changes else nullcontext()
            changing = report.changing() if changes else nullcontext()
            left_behind = partial(interrupted, root) if interrupted is not None else None
            as_json = bool(flags.get("json"))
            with report.watching(), guarded(root, left_behind, report.ended, as_json=as_json):
                if not of_checkout:
                    hand_over(root)
                with lock, changing:
                    body(root, *args, **flags)

        task = Command(run, help=dict(help or {}), optional=optional, iterable=list(iterable))
        task.words = words
        task.changes = changes
        return task

    return decorate

"""Runs the body of a task: an error becomes one message and one exit code, never a traceback."""

from __future__ import annotations

import io
import platform
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from invoke.exceptions import Exit

from rofecare_infra.errors import RofecareError

INTERRUPTED = 130
BUG = 1


@contextmanager
def guarded(root: Path, left_behind: Callable[[], str] | None = None) -> Iterator[None]:
    """Turn what the body raises into `invoke.Exit`.

    `left_behind` returns the text to print after ^C: what is left running, and how to continue.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal without accented characters is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    # A service manager sends SIGTERM where a person presses ^C.
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except RofecareError as error:
        raise _exit(describe(error), error.exit_code) from None
    except KeyboardInterrupt:
        raise _exit(_farewell(left_behind), INTERRUPTED) from None
    except BrokenPipeError:
        # The reader of the output has closed it (`inv logs | head`).
        raise Exit(code=0) from None
    except Exit:
        raise
    except Exception as error:  # noqa: BLE001 - the last line of defence
        raise _exit(_report(root, error), BUG) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(message: str, code: int) -> Exit:
    """The end of the program; invoke prints the message, whether or not standard error is still read."""
    # Imported here: `inv --list` does not need it.
    from rofecare_infra.progress import discard_if_closed

    discard_if_closed(sys.stderr)
    return Exit(message, code=code)


def describe(error: RofecareError) -> str:
    """The message of an error: what failed, what was seen, what was expected, the next command, the evidence."""
    parts = [
        f"error: {error.what}",
        f"  seen:     {error.seen}" if error.seen else "",
        f"  expected: {error.expected}" if error.expected else "",
        f"  next:     {error.next_step}" if error.next_step else "",
        *(f"  {line}" for line in error.details),
        f"  (exit code {error.exit_code}; docs/exit-codes.md#{error.slug})",
    ]
    return "\n".join(part for part in parts if part)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _farewell(left_behind: Callable[[], str] | None) -> str:
    if left_behind is None:
        return "interrupted"
    try:
        return f"interrupted: {left_behind()}"
    except (RofecareError, KeyboardInterrupt):
        return "interrupted: the engine does not answer; inv status shows what is left running"


def _report(root: Path, error: Exception) -> str:
    """Write the details for maintainers to a file; return a message with its path."""
    moment = datetime.now(UTC)
    path = root / ".rofecare" / f"bug-{moment:%Y%m%dT%H%M%SZ}.txt"
    # No environment and no local variables: the report may be sent to others.
    text = [
        f"{moment.isoformat()}  {' '.join(sys.argv[1:])}",
        f"Python {platform.python_version()} on {platform.platform()}",
        "".join(traceback.format_exception(error)),
    ]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(text), encoding="utf-8")
        where = str(path)
    except OSError as problem:
        where = f"nowhere ({problem.strerror})"
    return (
        f"error: this is a bug in this project, not in what you did\n"
        f"  seen:     {type(error).__name__}: {error}\n"
        f"  expected: one of the errors in docs/exit-codes.md\n"
        f"  next:     run the same command again; if it fails again, send the report: {where}"
    )

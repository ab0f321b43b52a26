"""Runs the body of a task: an error becomes one message and one exit code, never a traceback."""

from __future__ import annotations

import io
import os
import platform
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.exceptions import Exit

from rofecare_infra.errors import RofecareError

if TYPE_CHECKING:
    from rofecare_infra.progress import Failed

INTERRUPTED = 130
BUG = 1


@contextmanager
def guarded(
    root: Path,
    left_behind: Callable[[], str] | None = None,
    ended: Callable[[int, str], None] = lambda _code, _message: None,
    *,
    as_json: bool = False,
) -> Iterator[None]:
    """Turn what the body raises into `invoke.Exit`; call `ended` with the exit code and the message.

    With `as_json` the end by an error, by ^C or by a bug is printed as an object on standard output, too.

    `left_behind` returns the text to print after ^C: what is left running, and how to continue. A service manager sends
    SIGTERM where a person presses ^C, and a terminal that is gone SIGHUP: all three end the command the same way.
    """
    # Imported here: `inv --list` does not need them.
    from rofecare_infra.process import complete, interruptible
    from rofecare_infra.progress import Failed, OutputClosedError, open_missing_streams, show_failure

    open_missing_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal without accented characters is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    with interruptible(_postponed):
        left: Exit | None = None
        failed: Failed | None = None
        try:
            yield
        except RofecareError as error:
            left, failed = _exit(describe(error), error.exit_code), _failed(error)
        except KeyboardInterrupt:
            seen = _left(left_behind)
            left = _exit(f"interrupted: {seen}" if seen else "interrupted", INTERRUPTED)
            failed = Failed("interrupted", seen, "", "inv status", (), INTERRUPTED)
        except OutputClosedError:
            # The reader of the output has closed it (`inv logs | head`).
            left = Exit(code=0)
        except Exit as error:
            left = error
        except Exception as error:  # noqa: BLE001 - the last line of defence
            bug = _bug(root, error)
            left, failed = _exit(describe(bug), BUG), _failed(bug)
        complete()
        if as_json and failed is not None:
            with suppress(OutputClosedError):
                show_failure(failed)
        ended(left.code if left is not None else 0, (left.message if left is not None else "") or "")
        if left is not None:
            raise left


def _exit(message: str, code: int) -> Exit:
    """The end of the program; invoke prints the message, whether or not standard error is still read."""
    from rofecare_infra.progress import watched

    sys.stderr = watched(sys.stderr, lasting=True)
    return Exit(message, code=code)


def _postponed() -> None:
    """Answer a signal that is only remembered. It may arrive while Python writes to the same stream."""
    with suppress(OSError):
        os.write(2, b"\ninterrupted: completing the current step first\n")


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


def _failed(error: RofecareError) -> Failed:
    from rofecare_infra.progress import Failed

    return Failed(error.what, error.seen, error.expected, error.next_step, tuple(error.details), error.exit_code)


def _left(left_behind: Callable[[], str] | None) -> str:
    """What is left after ^C, and how to continue; empty where the command changes nothing."""
    from rofecare_infra.process import accept_again

    if left_behind is None:
        return ""
    # An engine that does not answer is not waited for after another ^C.
    accept_again()
    try:
        return left_behind()
    except (RofecareError, KeyboardInterrupt):
        return "the engine does not answer; inv status shows what is left running"
    except Exception:  # noqa: BLE001 - the signal may have interrupted an import, which leaves half of a module
        return "inv status shows what is left running"


def _bug(root: Path, error: Exception) -> RofecareError:
    """Write the details for maintainers to a file; return an error with its path."""
    moment = datetime.now(UTC)
    path = root / ".rofecare" / f"bug-{moment:%Y%m%dT%H%M%SZ}.txt"
    # No environment and no local variables: the report may be sent to others.
    text = [
        f"{moment.isoformat()}  {' '.join(sys.argv[1:])}",
        f"Python {platform.python_version()} on {platform.platform()}",
        "".join(traceback.format_exception(error)),
    ]
    try:
        from rofecare_infra import state

        state.make_folder(path.parent)
        state.write(path, "\n".join(text))
        where = str(path)
    except OSError as problem:
        where = f"nowhere ({problem.strerror})"
    return RofecareError(
        "this is a bug in this project, not in what you did",
        seen=f"{type(error).__name__}: {error}",
        expected="one of the errors in docs/exit-codes.md",
        next_step=f"run the same command again; if it fails again, send the report: {where}",
    )

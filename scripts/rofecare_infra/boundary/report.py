"""How the last command that changed a project ended: written to its state folder, and shown by the next command.

A command that runs over ssh is completed or rolled back after the connection has dropped: the next login finds how it
ended.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rofecare_infra.settings import Settings


@dataclass(frozen=True)
class Report:
    """How one command ended. It contains no secret: neither does any flag or message."""

    command: str
    user: str
    pid: int
    # ISO 8601, in UTC.
    started: str
    ended: str
    exit_code: int
    # What it left: completed, rolled back, or to be completed by the next command.
    outcome: str
    # Empty where the command printed no error.
    message: str = ""
    # The first signal that it received, such as SIGHUP; empty if there was none.
    signal: str = ""
    output_lost: bool = False
    # Whether a later command has shown it.
    shown: bool = False

    @property
    def is_unexpected(self) -> bool:
        """Whether the user may not know how it ended."""
        return bool(self.signal) or self.output_lost

    @property
    def text(self) -> str:
        """Two lines."""
        what = f"was interrupted by {self.signal}" if self.signal else "could not write its output"
        when = f"{self.started[:19]} to {self.ended[:19]} UTC"
        return (
            f"note: {self.command} (user {self.user}, pid {self.pid}, {when}) {what}\n"
            f"  it ended with exit code {self.exit_code}: {self.outcome}"
            + (f"; {self.message.splitlines()[0]}" if self.message else "")
        )


def path_of(settings: Settings) -> Path:
    """The file of the project's last report."""
    return settings.state_folder / f"last-command-{settings.project}.json"


def last_of(settings: Settings) -> Report | None:
    """The last report of the project; None if there is none that can be read."""
    try:
        found = json.loads(path_of(settings).read_text(encoding="utf-8"))
        return Report(**{field.name: found[field.name] for field in fields(Report)})
    except (OSError, ValueError, LookupError, TypeError):
        return None


def write(settings: Settings, report: Report) -> None:
    """Write the report; it is on the disk when this returns. A folder that cannot be written to keeps the old one."""
    from rofecare_infra import state

    with suppress(OSError):
        state.make_folder(path_of(settings).parent)
        state.replace(path_of(settings), json.dumps(asdict(report), indent=2) + "\n", mode=0o644)


class Reporter:
    """Shows the last report when a project is opened, and writes that of this command when it has ended."""

    def __init__(self, command: str, *, again: bool = False) -> None:
        self._command = command
        # Whether a report that was shown before is shown, too.
        self._again = again
        self._settings: Settings | None = None
        self._began = ""
        self._looked = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Learn which project the command opens."""
        from rofecare_infra.project import watching

        with watching(self._opened):
            yield

    @contextmanager
    def changing(self) -> Iterator[None]:
        """The part of the command that may change the project: how it ends is written."""
        self._began = _now()
        yield

    def ended(self, code: int, message: str) -> None:
        """Write how the command ended, if it may have changed anything."""
        from rofecare_infra.process import interrupted_by, user_name
        from rofecare_infra.progress import is_gone, output_is_lost

        if not self._began or self._settings is None:
            return
        write(
            self._settings,
            Report(
                self._command,
                user_name(),
                os.getpid(),
                self._began,
                _now(),
                code,
                _outcome(self._settings, code),
                message.removeprefix("error: "),
                interrupted_by(),
                output_is_lost() or any(is_gone(one) for one in (sys.stdout, sys.stderr)),
            ),
        )

    def _opened(self, settings: Settings) -> None:
        self._settings = settings
        if self._looked:
            return
        self._looked = True
        report = last_of(settings)
        if report is not None and report.is_unexpected and (self._again or not report.shown):
            from rofecare_infra.progress import watched

            # Standard output may be read by a program.
            watched(sys.stderr, lasting=True).write(f"{report.text}\n")
            write(settings, replace(report, shown=True))


def _outcome(settings: Settings, code: int) -> str:
    from rofecare_infra.recovery import unfinished

    left = unfinished(settings)
    if left:
        return f"the {', '.join(left)} is unfinished: the next command that changes the platform recovers it first"
    return "completed" if code == 0 else "nothing is left unfinished"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

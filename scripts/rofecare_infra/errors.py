"""The tree of errors: each class has an exit code and a section in docs/exit-codes.md.

    RofecareError
    ├── UsageError           2  an invalid argument on the command line
    ├── SettingsError        3  .env, the environment, secrets, compose files
    ├── EngineError          4  the container engine is unreachable or too old
    ├── CommandError         5  an external command failed
    ├── GateTimeoutError     6  a service was not ready in time
    ├── ServiceFailedError   7  a service crashed, is missing or does not work
    └── VerificationError    8  a backup, a restore or a pulled image failed its verification

An interrupted command (^C) exits with 130, a bug of this project with 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class RofecareError(Exception):
    """An error that a user can act on: what failed, what was seen, what was expected, the next command.

    `details` are further lines, printed unchanged: log lines, the output of a health check.
    """

    exit_code: ClassVar[int] = 1
    slug: ClassVar[str] = "a-bug"

    def __init__(
        self,
        what: str,
        *,
        seen: str = "",
        expected: str = "",
        next_step: str = "",
        details: Sequence[str] = (),
    ) -> None:
        super().__init__(what)
        self.what = what
        self.seen = seen
        self.expected = expected
        self.next_step = next_step
        self.details = tuple(details)


class UsageError(RofecareError):
    """An invalid argument on the command line."""

    exit_code = 2
    slug = "usage"


class SettingsError(RofecareError):
    """Invalid settings, secrets or compose files; nothing was started."""

    exit_code = 3
    slug = "settings"


class EngineError(RofecareError):
    """The container engine does not answer, or is too old."""

    exit_code = 4
    slug = "engine"


class CommandError(RofecareError):
    """An external command failed."""

    exit_code = 5
    slug = "command"


class GateTimeoutError(RofecareError):
    """A service was not ready before the timeout of its stage."""

    exit_code = 6
    slug = "timeout"


class ServiceFailedError(RofecareError):
    """A service crashed, is missing, or does not work."""

    exit_code = 7
    slug = "service"


class VerificationError(RofecareError):
    """The verification of a backup, a restore or a pulled image failed."""

    exit_code = 8
    slug = "verification"

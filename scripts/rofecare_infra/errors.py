"""What can go wrong, as a tree: one exit code and one section of docs/exit-codes.md per class.

    RofecareError
    ├── UsageError           2  a word on the command line
    ├── SettingsError        3  .env, the environment, secrets, compose files
    ├── EngineError          4  the engine cannot be reached or is too old
    ├── CommandError         5  a command that we ran ended badly
    ├── GateTimeoutError     6  a service was not ready in time
    ├── ServiceFailedError   7  a service crashed, is missing, or does not do its work
    └── VerificationError    8  a backup or restore did not verify

An interrupted command (^C) ends with 130, a bug of this project with 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class RofecareError(Exception):
    """An error that a user can act on: what failed, what was seen, what was expected, what next.

    `details` are further lines, shown as they are: log lines, the output of a probe.
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
    """A word on the command line that means nothing here."""

    exit_code = 2
    slug = "usage"


class SettingsError(RofecareError):
    """Settings, secrets or compose files that cannot be used; nothing was started."""

    exit_code = 3
    slug = "settings"


class EngineError(RofecareError):
    """The container engine does not answer, or is older than what we need."""

    exit_code = 4
    slug = "engine"


class CommandError(RofecareError):
    """A command that we ran ended with an error."""

    exit_code = 5
    slug = "command"


class GateTimeoutError(RofecareError):
    """A service was still not ready when the time of its stage was over."""

    exit_code = 6
    slug = "timeout"


class ServiceFailedError(RofecareError):
    """A service crashed, vanished, or does not do what it is there for."""

    exit_code = 7
    slug = "service"


class VerificationError(RofecareError):
    """A backup or a restore that is not what it should be."""

    exit_code = 8
    slug = "verification"

"""What an examination finds: one line each, with the remedy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rofecare_infra.errors import CommandError, RofecareError

# Before each problem in the details of an error.
_NUMBER = re.compile(r"^\d+\. ")


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    # Worth knowing; the platform works.
    WARNING = "warning"
    # The platform does not start, or does not work.
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One point: what was examined, what was seen, and the remedy."""

    level: Level
    # What was examined, in a word or two.
    point: str
    seen: str
    remedy: str = ""
    # Decides about the exit code.
    error: type[RofecareError] = CommandError

    @property
    def line(self) -> str:
        """The finding as one line."""
        what = f"{self.seen}; {self.remedy}" if self.remedy else self.seen
        return f"{self.level:<8} {self.point:<9}  {what}"


def ok(point: str, seen: str) -> Finding:
    """A point without a fault."""
    return Finding(Level.OK, point, seen)


def warning(point: str, seen: str, remedy: str) -> Finding:
    """Something that is worth knowing."""
    return Finding(Level.WARNING, point, seen, remedy)


def problem(point: str, seen: str, remedy: str, error: type[RofecareError] = CommandError) -> Finding:
    """Something that prevents a start."""
    return Finding(Level.PROBLEM, point, seen, remedy, error)


def refusal(point: str, error: RofecareError) -> list[Finding]:
    """The problems that an error of a check names; each of its details contains what was expected."""
    if error.details:
        return [problem(point, _NUMBER.sub("", one), "", type(error)) for one in error.details]
    return [problem(point, f"{error.what}: {error.seen}", error.next_step, type(error))]


def error_of(findings: Sequence[Finding]) -> RofecareError | None:
    """The error with the exit code of the first problem; None where the platform can be started."""
    problems = [one for one in findings if one.level is Level.PROBLEM]
    if not problems:
        return None
    count = f"{len(problems)} problems" if len(problems) > 1 else "1 problem"
    return problems[0].error(
        "the platform cannot be started, or would not work",
        seen=f"{count}: {', '.join(dict.fromkeys(one.point for one in problems))}",
        expected="no line that starts with 'problem'",
        next_step="follow the remedies above, then inv doctor again",
    )

"""Reads `.env` with the line of each assignment, so that a problem can name it."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where it stands, and what was expected there."""

    where: str
    what: str
    expected: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; expected {self.expected}"


@dataclass(frozen=True)
class Assignment:
    """A value and where it was set: `.env line 12`, `the environment` or `a compose file's default`."""

    value: str
    where: str


def read(path: Path) -> tuple[dict[str, Assignment], list[Problem]]:
    """The assignments of the file, and its lines that are none. A missing file has none of either."""
    values: dict[str, Assignment] = {}
    problems: list[Problem] = []
    try:
        written = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return values, problems
    except OSError as error:
        seen = f"it cannot be read: {error.strerror}"
        return values, [Problem(path.name, seen, "a file of NAME=value lines that this user may read, or none")]
    for binding in parse_stream(StringIO(written)):
        # Blank lines and comments before an assignment belong to its text: count to the assignment itself.
        text = binding.original.string
        line = binding.original.line + len(text) - len(text.lstrip("\n"))
        where = f"{path.name} line {line}"
        if binding.error:
            problems.append(Problem(where, f"cannot read {text.strip()[:40]!r}", "NAME=value"))
        elif binding.key is not None and binding.key in values:
            first = values[binding.key].where
            problems.append(Problem(where, f"{binding.key} is set again, first at {first}", "one assignment a name"))
        elif binding.key is not None:
            values[binding.key] = Assignment(binding.value or "", where)
    return values, problems

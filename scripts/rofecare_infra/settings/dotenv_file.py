"""Reads `.env` with the line number of each assignment, for messages about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

# Where a value comes from that an environment variable sets.
ENVIRONMENT = "the environment"


@dataclass(frozen=True)
class Problem:
    """One problem: where it is, what was found, and what was expected."""

    where: str
    what: str
    expected: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; expected {self.expected}"


@dataclass(frozen=True)
class Assignment:
    """A value and where it was set: `.env line 12`, `the environment` or `its default`."""

    value: str
    where: str


def read(path: Path) -> tuple[dict[str, Assignment], list[Problem]]:
    """The assignments of the file, and its invalid lines. A missing file has neither."""
    values: dict[str, Assignment] = {}
    problems: list[Problem] = []
    try:
        written = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return values, problems
    except OSError as error:
        seen = f"the file cannot be read: {error.strerror}"
        return values, [Problem(path.name, seen, "a file with NAME=value lines that this user can read, or no file")]
    for binding in parse_stream(StringIO(written)):
        # The text of a binding includes the blank lines before it: count up to the assignment itself.
        text = binding.original.string
        line = binding.original.line + len(text) - len(text.lstrip("\n"))
        where = f"{path.name} line {line}"
        if binding.error:
            problems.append(Problem(where, f"cannot read {text.strip()[:40]!r}", "NAME=value"))
        elif binding.key is not None and binding.key in values:
            first = values[binding.key].where
            problems.append(Problem(where, f"{binding.key} is set again, first at {first}", "one assignment per name"))
        elif binding.key is not None:
            values[binding.key] = Assignment(binding.value or "", where)
    return values, problems


def published() -> dict[str, Assignment]:
    """The assignments of `.env` as this version publishes it, without the changes of a site."""
    return read(Path(__file__).with_name("defaults.env"))[0]


def as_text(values: Mapping[str, str]) -> str:
    """Assignments as lines that compose and this program read alike. Raises ValueError for a value of several lines."""
    return "".join(f"{name}={_quoted(name, value)}\n" for name, value in values.items())


def _quoted(name: str, value: str) -> str:
    if "\n" in value or "\r" in value:
        raise ValueError(f"{name} has several lines")
    if re.fullmatch(r"[\w./:@%+,=-]*", value):
        return value
    if "'" not in value:
        # Nothing has a meaning between single quotation marks.
        return f"'{value}'"
    escaped = re.sub(r'([\\"])', r"\\\1", value)
    return f'"{escaped}"'

"""Reads `.env` with the line number of each assignment, for messages about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

# Bytes that are not UTF-8 become lone surrogates: in comments they are of no importance.
_NOT_UTF8 = "surrogateescape"
_SURROGATES = ("\udc80", "\udcff")

# Between double quotation marks, where it is no reference to a variable.
_ESCAPED = re.compile(r"\\\$")

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
        content = path.read_bytes()
    except FileNotFoundError:
        return values, problems
    except OSError as error:
        seen = f"the file cannot be read: {error.strerror}"
        return values, [Problem(path.name, seen, "a file with NAME=value lines that this user can read, or no file")]
    if b"\0" in content:
        seen = "the file is not text in UTF-8 (it may be UTF-16, as some editors of Windows write it)"
        return values, [Problem(path.name, seen, "UTF-8: save it in that encoding, or iconv -f UTF-16 -t UTF-8")]
    for binding in parse_stream(StringIO(content.decode("utf-8-sig", errors=_NOT_UTF8))):
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
            problems += _misread(binding, where)
            values[binding.key] = Assignment(_value(binding), where)
    return values, problems


def _written(binding: Binding) -> str:
    return binding.original.string.partition("=")[2].lstrip()


def _value(binding: Binding) -> str:
    value = binding.value or ""
    return _ESCAPED.sub("$", value) if _written(binding).startswith('"') else value


def _misread(binding: Binding, where: str) -> Iterator[Problem]:
    """What compose would read as another value than this program does."""
    quotation_mark, value = _written(binding)[:1], binding.value or ""
    found = _ESCAPED.sub("", value) if quotation_mark == '"' else value
    if "$" in found and quotation_mark != "'":
        part = found[found.index("$") :][:20]
        seen = f"{binding.key} contains {part!r}, which compose replaces by the value of a variable"
        yield Problem(where, seen, f"the value between single quotation marks: {binding.key}='...$...'")
    if any(_SURROGATES[0] <= character <= _SURROGATES[1] for character in value):
        yield Problem(where, f"{binding.key} contains bytes that are not UTF-8", "a file in UTF-8")


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
    escaped = re.sub(r'([\\"$])', r"\\\1", value)
    return f'"{escaped}"'

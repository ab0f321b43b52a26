"""Selects log lines by level and by pattern; the lines of a stack trace are selected together."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rofecare_infra.diagnosis import LEVELS
from rofecare_infra.errors import UsageError
from rofecare_infra.logs.follow import Line
from rofecare_infra.logs.record import Record, parse

# The rank of a line whose level is not recognized.
_UNKNOWN = "info"
# Lines of one text that are kept until one of them matches.
_KEPT = 1000


@dataclass(frozen=True)
class Wanted:
    """Which lines are shown: those of a level (empty: every level) and above that match the pattern."""

    level: str = ""
    pattern: re.Pattern[str] | None = None

    def includes_level(self, record: Record) -> bool:
        """Whether the level of this line is high enough."""
        return not self.level or LEVELS.index(record.level or _UNKNOWN) >= LEVELS.index(self.level)

    def matches(self, record: Record) -> bool:
        """Whether the pattern matches the line as it was written, its message or its stack trace."""
        if self.pattern is None:
            return True
        texts = (record.raw, record.message, "\n".join(record.trace))
        return any(self.pattern.search(text) for text in texts)


def parse_wanted(level: str, grep: str) -> Wanted:
    """The selection of the command line. Raises UsageError for an unknown level and for an invalid pattern."""
    if level and level.lower() not in LEVELS:
        raise UsageError(
            "unknown log level",
            seen=f"--level {level}",
            expected=", ".join(LEVELS),
            next_step="inv logs <service> --level warn",
        )
    try:
        pattern = re.compile(grep) if grep else None
    except re.error as error:
        raise UsageError(
            "invalid pattern",
            seen=f"--grep {grep} ({error})",
            expected="a regular expression of Python; a backslash before a special character makes it literal",
            next_step="inv logs <service> --grep 'timeout|refused'",
        ) from None
    return Wanted(level.lower(), pattern)


@dataclass
class _Text:
    """The current text of one container: its first line, and how much of it is shown."""

    head: Record | None = None
    level_fits: bool = True
    shown: bool = False
    kept: deque[tuple[Line, Record]] = field(default_factory=lambda: deque(maxlen=_KEPT))


def select(lines: Iterable[Line], wanted: Wanted) -> Iterator[tuple[Line, Record]]:
    """The selected lines, parsed.

    A line of plain text that continues a stack trace has the level of its first line. If the pattern matches any of
    the lines of a text, all of them are selected.
    """
    texts: dict[str, _Text] = {}
    for line in lines:
        record = parse(line.text)
        # Without a time: a message about the log itself.
        if not line.time:
            yield line, record
            continue
        text = texts.setdefault(line.container, _Text())
        if not record.continues(text.head):
            text = texts[line.container] = _Text(record, wanted.includes_level(record))
        if not text.level_fits:
            continue
        if text.shown or wanted.matches(record):
            text.shown = True
            yield from text.kept
            text.kept.clear()
            yield line, record
        else:
            text.kept.append((line, record))

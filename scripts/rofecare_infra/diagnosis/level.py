"""The level of a log line of plain text, in the formats of the programs of the platform."""

from __future__ import annotations

import re
from dataclasses import dataclass

# From the least to the most severe.
LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
_NAMES = {
    **{level: level for level in LEVELS},
    **dict.fromkeys(("finest", "finer"), "trace"),
    **dict.fromkeys(("fine", "verbose", *(f"debug{number}" for number in range(1, 6))), "debug"),
    # PostgreSQL: LOG is for administrators, NOTICE for clients.
    **dict.fromkeys(("config", "log", "notice", "information"), "info"),
    "warning": "warn",
    **dict.fromkeys(("err", "severe"), "error"),
    **dict.fromkeys(("panic", "dpanic", "critical", "crit", "alert", "emerg"), "fatal"),
}
# A level is near the start of a line. What follows is the message.
_START = 300
_WORDS = "TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|SEVERE"
_FORMATS = tuple(
    re.compile(pattern)
    for pattern in (
        # PostgreSQL: 2026-01-31 08:00:00.000 UTC [7] LOG:  text
        r"\d{4}-\d\d-\d\d [^:]+:\d\d:[^:]*?\b(?P<level>DEBUG[1-5]|INFO|NOTICE|WARNING|ERROR|LOG|FATAL|PANIC):  ",
        # Redis: 1:M 31 Jan 2026 08:00:00.000 * text
        r"\d+:[A-Z] \d\d? \w{3} \d{4} [\d:.]+ (?P<level>[.*#-]) ",
        # Kafka, Logback, Log4j: a time, the thread or other parts in brackets, and the level, which may be in brackets.
        rf"(?:\[[^\]]*\]|[\d:.,TZ+\s-])*\[?(?P<level>{_WORDS})\b",
        # logfmt: ts=2026-01-31T08:00:00.000Z caller=main.go:1 level=info msg=text
        r"(?=[A-Za-z]\w*=)(?:.*?\s)??(?:level|lvl)=\"?(?P<level>\w+)",
        # Redis: *** FATAL CONFIG FILE ERROR ***
        r"\*{3} (?P<level>FATAL) ",
        # The JVM and other programs: Error: text, initdb: warning: text, psql:/file.sql:3: ERROR:  text
        r"(?:[\w/-]+:(?:\S+:)? )?(?P<level>(?i:error|fatal|warning|notice)): ",
        # The JVM, about an exception that nothing caught.
        r"(?P<level>Exception) in thread \"",
    )
)
_SIGNS = {".": "debug", "-": "debug", "*": "info", "#": "warn", "exception": "error"}


@dataclass(frozen=True)
class Level:
    """A level, and the part of the line that contains it."""

    name: str
    begin: int
    end: int


def level_named(word: str) -> str:
    """The level of LEVELS that has this name or one of its other names; empty for an unknown one."""
    return _NAMES.get(word.lower(), "")


def level_of(text: str) -> Level | None:
    """The level of a line of plain text; None if there is none that is recognized."""
    start = text[:_START]
    for pattern in _FORMATS:
        match = pattern.match(start)
        if match is not None:
            word = match["level"]
            name = level_named(word) or _SIGNS.get(word.lower(), "")
            if name:
                return Level(name, *match.span("level"))
    return None

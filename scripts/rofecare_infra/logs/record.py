"""Parses a log line: JSON in the format of ECS, of Elasticsearch, of Kibana and of Caddy, or plain text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from json import dumps
from typing import Any

from rofecare_infra.diagnosis import field, fields, level_named, level_of, stack_trace

_TIMES = ("@timestamp", "timestamp", "ts", "time")
_LEVELS = ("log.level", "level")
_LOGGERS = ("log.logger", "logger", "component")
# Loggers that write `msg` add the rest of what they report as further fields.
_KEY_VALUE = "msg"
_SHOWN = frozenset({*_TIMES, *_LEVELS, *_LOGGERS, _KEY_VALUE, "stacktrace"})
_SECONDS = re.compile(r"\d+(\.\d+)?")
_TIMED = re.compile(r"\[?\d{4}-\d\d-\d\d[ T]\d|\[?\d\d:\d\d:\d\d|[A-Z][a-z]{2} \d\d?, \d{4} ")
_TRACE = re.compile(
    r"\s|\.\.\. \d+ more|(?:Caused by|Wrapped by|Suppressed): |(?:[a-z_$][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error)\b"
)
# PostgreSQL writes these after the line that they belong to.
_ADDITION = re.compile(r"\d{4}-\d\d-\d\d [^:]+:\d\d:[^:]*?\b(?:DETAIL|HINT|QUERY|CONTEXT|STATEMENT|LOCATION):  ")


@dataclass(frozen=True)
class Record:
    """What is known about a log line. Of plain text this is the level and its part of the line."""

    raw: str
    # One of LEVELS; empty if there is none that is recognized.
    level: str = ""
    # Where `raw` contains the level, if it is plain text.
    span: tuple[int, int] = (0, 0)
    structured: bool = False
    # In the local zone.
    time: datetime | None = None
    # The level as it was written: a level that is not recognized is shown, too.
    word: str = ""
    logger: str = ""
    message: str = ""
    # The lines of the stack trace.
    trace: tuple[str, ...] = ()

    def continues(self, head: Record | None) -> bool:
        """Whether this is a line of a stack trace or of a text that began with the line `head`."""
        if self.structured or head is None:
            return False
        if _TRACE.match(self.raw) or _ADDITION.match(self.raw):
            return True
        # A text of several lines has its level and its time in the first one.
        return not head.structured and bool(head.level) and not self.level and not _TIMED.match(self.raw)


def parse(raw: str) -> Record:
    """The parts of a line."""
    source = fields(raw)
    if source is None or not ("message" in source or _KEY_VALUE in source):
        level = level_of(raw)
        return Record(raw) if level is None else Record(raw, level.name, (level.begin, level.end))
    word = _first(source, _LEVELS) or _tag(source)
    message = field(source, "message") or field(source, _KEY_VALUE)
    if "message" not in source:
        message = " ".join([message, *_rest(source)])
    return Record(
        raw,
        level=level_named(word),
        structured=True,
        time=parse_time(_first(source, _TIMES)),
        word=word.upper(),
        logger=_first(source, _LOGGERS),
        message=message,
        trace=_trace(source),
    )


def _first(source: Mapping[str, Any], paths: tuple[str, ...]) -> str:
    return next((found for path in paths if (found := field(source, path))), "")


def _tag(source: Mapping[str, Any]) -> str:
    """The level of a line of Kibana, which is one of its tags."""
    tags = source.get("tags")
    return next((str(tag) for tag in tags if level_named(str(tag))), "") if isinstance(tags, list) else ""


def _rest(source: Mapping[str, Any]) -> list[str]:
    """The fields with a simple value that are shown nowhere else."""
    simple = {key: value for key, value in source.items() if isinstance(value, str | int | float)}
    return [
        f"{key}={value if isinstance(value, str) else dumps(value)}"
        for key, value in simple.items()
        if key not in _SHOWN
    ]


def _trace(source: Mapping[str, Any]) -> tuple[str, ...]:
    """The stack trace: in the format of ECS, or as Elasticsearch (a list) and Caddy (a text) name it."""
    other = source.get("stacktrace")
    if isinstance(other, list):
        return tuple(line for part in other for line in str(part).splitlines())
    return tuple(stack_trace(source) or (other.splitlines() if isinstance(other, str) else ()))


def parse_time(text: str) -> datetime | None:
    """A time in ISO 8601 with a zone, or in seconds since 1970, in the local zone; None for every other text."""
    try:
        moment = datetime.fromtimestamp(float(text), UTC) if _SECONDS.fullmatch(text) else datetime.fromisoformat(text)
        return moment.astimezone() if moment.tzinfo else None
    except (ValueError, OverflowError, OSError):
        return None

"""From the store's answer to log lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LogLine:
    """One line as it was logged, with what is known of it."""

    # The engine's, ISO 8601 with nanoseconds.
    time: str
    service: str
    message: str
    level: str = ""
    logger: str = ""
    trace: str = ""
    stack_trace: str = ""
    # Why the store refused the line's own fields; it is kept as plain text then.
    refused: str = ""


def lines_of(answer: Mapping[str, Any]) -> tuple[LogLine, ...]:
    """The lines of an answer, the oldest first."""
    hits = (answer.get("hits") or {}).get("hits") or ()
    return tuple(_line(hit.get("_source") or {}) for hit in reversed(hits))


def total_of(answer: Mapping[str, Any]) -> int:
    """How many lines match, also where not all of them were asked for."""
    return int(((answer.get("hits") or {}).get("total") or {}).get("value", 0))


def _line(source: Mapping[str, Any]) -> LogLine:
    return LogLine(
        time=_text(source, "@timestamp"),
        service=_text(source, "compose.service") or _text(source, "service.name"),
        message=_text(source, "message"),
        level=_text(source, "log.level") or _text(source, "level"),
        logger=_text(source, "log.logger"),
        trace=_text(source, "trace.id"),
        stack_trace=_text(source, "error.stack_trace"),
        refused=_text(source, "refused.reason"),
    )


def _text(source: Mapping[str, Any], path: str) -> str:
    """The value at a path, whether the line spelt it with dots or nested it."""
    if path in source:
        return str(source[path])
    head, _, rest = path.partition(".")
    inner = source.get(head)
    return _text(inner, rest) if rest and isinstance(inner, Mapping) else ""

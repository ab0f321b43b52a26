"""The log of one run of a program as plain lines, whether it writes text or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

# The colours of a terminal, and other sequences that it does not print.
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
# Names of the same field in the formats of ECS, Logstash and GELF.
_MESSAGES = ("message", "short_message")
_LEVELS = ("log.level", "level", "severity")
_LOGGERS = ("log.logger", "logger_name", "logger", "_log_logger")
_TRACES = ("error.stack_trace", "stack_trace", "_error_stack_trace", "exception.stacktrace")
_TYPES = ("error.type", "_error_type")
_EXCEPTION_MESSAGES = ("error.message", "_error_message")


def plain(lines: Iterable[str]) -> list[str]:
    """The lines without colours, with JSON in a known format as level, logger, message and stack trace."""
    return [line for raw in lines for line in _plain(_SEQUENCE.sub("", raw))]


def headline(raw: str) -> str:
    """The first line of a log line that says something: of JSON in a known format, level, logger and message."""
    first, *others = plain([raw])
    return first + next((line for line in others if line.strip()), "") if first.endswith(": ") else first


def _plain(raw: str) -> list[str]:
    source = fields(raw)
    if source is None or not any(_has(source, name) for name in _MESSAGES):
        return [raw]
    level, logger = _first(source, _LEVELS), _first(source, _LOGGERS).rpartition(".")[2]
    message = _SEQUENCE.sub("", _first(source, _MESSAGES)).splitlines() or [""]
    # An empty line ends the last paragraph of a message.
    return [f"{level} {logger}: {message[0]}", *message[1:], *([""] if message[1:] else []), *stack_trace(source)]


def fields(raw: str) -> dict[str, Any] | None:
    """The fields of a line that is a JSON object; None for every other line."""
    if not raw.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def stack_trace(source: Mapping[str, Any]) -> list[str]:
    """The lines of the stack trace of a log event, or the exception alone if there is no trace."""
    trace = _first(source, _TRACES).splitlines()
    if not trace and _first(source, _TYPES):
        trace = [f"{_first(source, _TYPES)}: {_first(source, _EXCEPTION_MESSAGES)}"]
    return trace


def field(source: Mapping[str, Any], path: str) -> str:
    """The value at a path of a JSON object, written with dots or as nested objects; empty if it is absent or null."""
    if path in source:
        return "" if source[path] is None else str(source[path])
    # Any part of the path may be written with dots.
    for end in (position for position, letter in enumerate(path) if letter == "."):
        inner = source.get(path[:end])
        if isinstance(inner, Mapping):
            return field(inner, path[end + 1 :])
    return ""


def _has(source: Mapping[str, Any], name: str) -> bool:
    return source.get(name) is not None


def _first(source: Mapping[str, Any], names: Iterable[str]) -> str:
    """The first of several fields that is there and is not empty."""
    return next((found for name in names if (found := field(source, name))), "")

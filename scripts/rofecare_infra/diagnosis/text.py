"""The log of one run of a program as plain lines, whether it writes text or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def plain(lines: Iterable[str]) -> list[str]:
    """The lines, with JSON in the format of ECS as level, logger, message and stack trace."""
    return [line for raw in lines for line in _plain(raw)]


def _plain(raw: str) -> list[str]:
    source = fields(raw)
    if source is None or "message" not in source:
        return [raw]
    level, logger = field(source, "log.level"), field(source, "log.logger").rpartition(".")[2]
    message = field(source, "message").splitlines() or [""]
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
    """The lines of the stack trace in the format of ECS, or the exception alone if there is no trace."""
    trace = field(source, "error.stack_trace").splitlines()
    if not trace and field(source, "error.type"):
        trace = [f"{field(source, 'error.type')}: {field(source, 'error.message')}"]
    return trace


def field(source: Mapping[str, Any], path: str) -> str:
    """The value at a path of a JSON object, written with dots or as nested objects; empty if it is absent or null."""
    if path in source:
        return "" if source[path] is None else str(source[path])
    head, _, rest = path.partition(".")
    inner = source.get(head)
    return field(inner, rest) if rest and isinstance(inner, Mapping) else ""

"""The log of one run of a program as plain lines, whether it writes text or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def plain(lines: Iterable[str]) -> list[str]:
    """The lines, with JSON in the format of ECS as level, logger, message and stack trace."""
    return [line for raw in lines for line in _plain(raw)]


def _plain(raw: str) -> list[str]:
    fields = _fields(raw)
    if fields is None:
        return [raw]
    level, logger = field(fields, "log.level"), field(fields, "log.logger").rpartition(".")[2]
    message = field(fields, "message").splitlines() or [""]
    trace = field(fields, "error.stack_trace").splitlines()
    if not trace and field(fields, "error.type"):
        trace = [f"{field(fields, 'error.type')}: {field(fields, 'error.message')}"]
    # An empty line ends the last paragraph of a message.
    return [f"{level} {logger}: {message[0]}", *message[1:], *([""] if message[1:] else []), *trace]


def _fields(raw: str) -> dict[str, Any] | None:
    if not raw.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(raw)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "message" in found else None


def field(source: Mapping[str, Any], path: str) -> str:
    """The value at a path of a JSON object, written with dots or as nested objects; empty if there is none."""
    if path in source:
        return str(source[path])
    head, _, rest = path.partition(".")
    inner = source.get(head)
    return field(inner, rest) if rest and isinstance(inner, Mapping) else ""

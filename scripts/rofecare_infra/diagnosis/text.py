"""The log of one run of a program as plain lines, whether it writes text or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


def plain(lines: Iterable[str]) -> list[str]:
    """The lines, with JSON in the format of ECS as level, logger, message and stack trace."""
    return [line for raw in lines for line in _plain(raw)]


def _plain(raw: str) -> list[str]:
    fields = _fields(raw)
    if fields is None:
        return [raw]
    level, logger = _text(fields, "log.level"), _text(fields, "log.logger").rpartition(".")[2]
    message = _text(fields, "message").splitlines() or [""]
    trace = _text(fields, "error.stack_trace").splitlines()
    if not trace and _text(fields, "error.type"):
        trace = [f"{_text(fields, 'error.type')}: {_text(fields, 'error.message')}"]
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


def _text(fields: dict[str, Any], path: str) -> str:
    """A field by its name, written with dots or nested."""
    if path in fields:
        return str(fields[path])
    head, _, rest = path.partition(".")
    inner = fields.get(head)
    return _text(inner, rest) if rest and isinstance(inner, dict) else ""

"""Formats log lines for printing: time, level, logger and message of JSON, other lines unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rofecare_infra.logs.follow import Line
from rofecare_infra.logs.record import Record, parse_time
from rofecare_infra.platform import short
from rofecare_infra.progress import Part, escaped

# The longest logger that is shown in full, as in Logback's %logger{36}.
_LOGGER_LENGTH = 36
_LEVEL_WIDTH = 5
_INDENT = "    "
_LEVEL_STYLES = {"warn": "yellow", "error": "red", "fatal": "red"}
# The colours of services; those of levels are not among them.
_SERVICE_STYLES = ("cyan", "green", "magenta", "blue", "bright_cyan", "bright_green", "bright_magenta", "bright_blue")


@dataclass(frozen=True)
class View:
    """How lines are shown."""

    # All services of the platform in its order, which determines their colours.
    services: Sequence[str]
    # The width of the names of services; 0: without names.
    width: int
    # As the engine returns them, instead of formatted.
    raw: bool = False
    # With control characters as escape sequences of text.
    escape: bool = True


def shown(line: Line, record: Record, view: View) -> list[list[Part]]:
    """The lines to print, each in parts with their styles."""
    name = [Part(f"{short(line.service):<{view.width}} | ", _service_style(line.service, view))] if view.width else []
    body = _formatted(line, record) if record.structured and not view.raw else [_plain(record)]
    # The engine's bytes do not reach a terminal: they may move its cursor or change its title.
    return [[*name, *(_escaped(part) if view.escape else part for part in parts)] for parts in body]


def abbreviated(logger: str, length: int = _LOGGER_LENGTH) -> str:
    """A logger with its first packages as single letters, until it is short enough; its last part is kept."""
    parts = logger.split(".")
    for index in range(len(parts) - 1):
        if len(".".join(parts)) <= length:
            break
        parts[index] = parts[index][:1]
    return ".".join(parts)


def _formatted(line: Line, record: Record) -> list[list[Part]]:
    first, *rest = record.message.splitlines() or [""]
    # The time of the engine, if the line has none.
    moment = record.time or parse_time(line.time)
    head = [
        Part(f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d} " if moment is not None else ""),
        Part(f"{record.word:<{_LEVEL_WIDTH}}", _LEVEL_STYLES.get(record.level, "")),
        Part("".join(f" {text}" for text in (abbreviated(record.logger), first) if text)),
    ]
    return [head, *([Part(f"{_INDENT}{text}".expandtabs(4).rstrip())] for text in (*rest, *record.trace))]


def _plain(record: Record) -> list[Part]:
    text, (begin, end) = record.raw, record.span
    parts = (Part(text[:begin]), Part(text[begin:end], _LEVEL_STYLES.get(record.level, "")), Part(text[end:]))
    return [part for part in parts if part.text]


def _escaped(part: Part) -> Part:
    return Part(escaped(part.text), part.style)


def _service_style(service: str, view: View) -> str:
    return _SERVICE_STYLES[view.services.index(service) % len(_SERVICE_STYLES)] if service in view.services else ""

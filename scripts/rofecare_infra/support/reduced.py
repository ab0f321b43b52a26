"""Reduces log lines to what cannot name a patient: time, level, logger, classes of exceptions, frames of the stack.

Only what is known to be safe is kept: everything else, above all messages, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC

from rofecare_infra.diagnosis import LEVELS
from rofecare_infra.logs import Record, parse

_CLASS = r"(?:[a-z_$][\w$]*\.)+[A-Z][\w$]*"
_LOGGER = re.compile(r"(?:[a-z_$][\w$]*\.)+[A-Za-z_$][\w$]*", re.ASCII)
_THROWN = re.compile(
    rf"^\s*(?P<how>Caused by: |Wrapped by: |Suppressed: |Exception in thread \"[^\"]*\" )?"
    rf"(?P<what>{_CLASS}(?:Exception|Error|Throwable|Failure)\b)",
    re.ASCII,
)
_FRAME = re.compile(
    r"^\s*at (?:[\w.@/-]+/)?(?P<method>(?:[\w$]+\.)+[\w$<>]+)"
    r"\((?P<place>[\w$]+\.(?:java|kt|scala|groovy):\d+|Native Method|Unknown Source)\)",
    re.ASCII,
)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?", re.ASCII)
_THREAD = re.compile(r'"[^"]*" ')


def reduced(lines: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The safe part of each line; `lines` are (time of the engine, text)."""
    for moment, raw in lines:
        record = parse(raw)
        found = _MOMENT.match(moment)
        if record.structured:
            yield from _structured(record, found[0] if found else "")
            continue
        # Before the level: a line of a trace has none of its own.
        trace = [*_trace([raw])]
        if trace:
            yield from trace
        elif record.level:
            yield f"{found[0] if found else ''} {record.level.upper()}".strip()


def classes(text: str) -> tuple[str, ...]:
    """The classes of the exceptions that a text names."""
    return tuple(dict.fromkeys(re.findall(rf"{_CLASS}(?:Exception|Error)\b", text, re.ASCII)))


def _structured(record: Record, moment: str) -> Iterator[str]:
    time = record.time.astimezone(UTC).isoformat(timespec="milliseconds").partition("+")[0] if record.time else ""
    level = record.level.upper() if record.level in LEVELS else ""
    logger = record.logger if _LOGGER.fullmatch(record.logger) else ""
    yield " ".join(part for part in (time or moment, level, logger, *classes(record.message)) if part)
    yield from _trace(record.trace)


def _trace(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        frame, thrown = _FRAME.match(line), _THROWN.match(line)
        if frame is not None:
            yield f"    at {frame['method']}({frame['place']})"
        elif thrown is not None:
            yield f"  {_THREAD.sub('', thrown['how'] or '')}{thrown['what']}"

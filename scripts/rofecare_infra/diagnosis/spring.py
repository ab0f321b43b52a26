"""What a Spring application that ended, or does not become ready, says about the cause in its log."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rofecare_infra.diagnosis.level import level_of

_HEADLINE = "APPLICATION FAILED TO START"
_DESCRIPTION = "Description:"
_ACTION = "Action:"
_CAUSED_BY = re.compile(r"^\s*(?:Caused by|Wrapped by): (?P<what>.*)$")
_THROWN = re.compile(
    r"^(?:Exception in thread \"[^\"]*\" )?(?P<what>(?:[a-z_$][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error)\b.*)$"
)
# What was only a warning did not end a program.
_HARMLESS = frozenset({"trace", "debug", "info", "warn"})
_BEAN = re.compile(r"Error creating bean with name '(?P<bean>[^']+)'")


def failure(lines: Sequence[str]) -> tuple[str, str] | None:
    """Description and action of the last failure analysis, each in one line."""
    starts = [number for number, line in enumerate(lines) if _HEADLINE in line]
    if not starts:
        return None
    parts: dict[str, list[str]] = {_DESCRIPTION: [], _ACTION: []}
    part = ""
    for line in lines[starts[-1] + 1 :]:
        text = line.strip()
        if text in parts:
            part = text
        elif part and text:
            parts[part].append(text)
        elif parts[_ACTION]:
            break
    return (" ".join(parts[_DESCRIPTION]), " ".join(parts[_ACTION])) if parts[_DESCRIPTION] else None


def innermost(lines: Sequence[str]) -> str:
    """The innermost exception of the last stack trace, with the innermost bean that needed it; empty without one."""
    last, bean, level = "", "", ""
    for line in lines:
        begun = level_of(line)
        level = begun.name if begun is not None else level
        if level in _HARMLESS:
            continue
        thrown = _THROWN.match(line)
        caused = _CAUSED_BY.match(line)
        if thrown is not None:
            last, bean = thrown["what"], ""
        elif caused is not None:
            last = caused["what"]
        # The innermost bean is named last.
        for match in _BEAN.finditer(line):
            bean = match["bean"]
    return f"{_short(last)} (bean {bean})" if last and bean and bean not in last else _short(last)


def _short(exception: str) -> str:
    """An exception without the package of its class."""
    name, separator, message = exception.partition(": ")
    return f"{name.rpartition('.')[2]}{separator}{message}"

"""What a Spring application that ended, or does not become ready, says about the cause in its log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rofecare_infra.diagnosis.level import level_of

_HEADLINE = "APPLICATION FAILED TO START"
_FAILED = re.compile(rf"{_HEADLINE}|\bApplication run failed\b")
_DESCRIPTION = "Description:"
_ACTION = "Action:"
_CAUSED_BY = re.compile(r"^(?P<indent>\s*)Caused by: (?P<what>.*)$")
# Where the root cause is printed first: what follows only passed it on.
_WRAPPED_BY = re.compile(r"^\s*Wrapped by: (?P<what>.*)$")
_SUPPRESSED = re.compile(r"^(?P<indent>\s*)Suppressed: ")
_THROWN = re.compile(
    r"^[ \t]{0,4}(?:Exception in thread \"[^\"]*\" )?(?P<what>(?:[a-z_$][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error)\b.*)$"
)
# What was only a warning did not end a program.
_HARMLESS = frozenset({"trace", "debug", "info", "warn"})
_BEAN = re.compile(r"Error creating bean with name '(?P<bean>[^']+)'")
# The warning before a failed start, in a log without stack traces.
_CANCELLED = re.compile(r"cancelling refresh attempt: (?P<what>.*)$")
_NESTED = "nested exception is "
# A message that says what happened, and not to what.
_BARE = re.compile(
    r"^\w+(?:: (?:null|connection (?:refused|reset)|(?:connect|read) timed out|timeout)?)?\.?$", re.IGNORECASE
)


@dataclass
class _Trace:
    """One stack trace: its exceptions from the outermost to the innermost, and the innermost bean."""

    chain: list[str] = field(default_factory=list)
    bean: str = ""
    # The stack trace that the application logs when its start fails.
    decisive: bool = False
    root_first: bool = False
    # The indent of suppressed exceptions, whose causes are not that of the trace.
    _aside: int | None = None

    def read(self, line: str) -> None:
        """Take from a line of the trace what it says about causes and beans."""
        caused, wrapped, suppressed = _CAUSED_BY.match(line), _WRAPPED_BY.match(line), _SUPPRESSED.match(line)
        if suppressed is not None:
            self._aside = min(len(suppressed["indent"]), self._aside or len(suppressed["indent"]))
        elif caused is not None:
            if self._aside is not None and len(caused["indent"]) >= max(self._aside, 1):
                return
            self._aside = None
            self.chain.append(caused["what"])
        elif wrapped is not None:
            self.chain.insert(0, wrapped["what"])
            self.root_first = True
        # The innermost bean is named last, or first where the root cause is.
        for match in _BEAN.finditer(line):
            if not self.root_first or not self.bean:
                self.bean = match["bean"]


def failed_at(lines: Sequence[str]) -> int:
    """The number of the line in which the last run reports its failure; 0 without one."""
    return max((number for number, line in enumerate(lines) if _FAILED.search(line)), default=0)


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
    """The innermost exception of the decisive stack trace, with the innermost bean that needed it; empty without one.

    It is the stack trace that the application logs when its start fails; otherwise the last one.
    """
    traces = _traces(lines)
    if not traces:
        return ""
    trace = next((one for one in reversed(traces) if one.decisive), traces[-1])
    reported = _inner(trace.chain)
    return f"{reported} (bean {trace.bean})" if trace.bean and trace.bean not in reported else reported


def cancelled(lines: Sequence[str]) -> str:
    """What the warning before the end of a start says, for a log without stack traces; empty without one."""
    found = [match["what"] for line in lines if (match := _CANCELLED.search(line)) is not None]
    return _short(found[-1].rpartition(_NESTED)[2]) if found else ""


def _traces(lines: Sequence[str]) -> list[_Trace]:
    traces: list[_Trace] = []
    level, decisive, fresh = "", False, False
    for line in lines:
        begun = level_of(line)
        if begun is not None:
            level, decisive = begun.name, _FAILED.search(line) is not None
            fresh = decisive
        if level in _HARMLESS:
            continue
        thrown = _THROWN.match(line)
        if thrown is not None:
            traces.append(_Trace([thrown["what"]], decisive=decisive))
        elif fresh and begun is None and line.strip():
            # What follows "Application run failed" is an exception, even where its class does not print its name.
            traces.append(_Trace([line.strip()], decisive=decisive))
        elif not traces and _CAUSED_BY.match(line):
            # The beginning of the log is not there.
            traces.append(_Trace(decisive=decisive))
        fresh = fresh and begun is not None
        if traces:
            traces[-1].read(line)
    return [one for one in traces if one.chain]


def _inner(chain: Sequence[str]) -> str:
    """The innermost exception, with the one around it where it does not say what it is about."""
    reported = _short(chain[-1])
    around = next((_short(one) for one in reversed(chain[:-1]) if not _BARE.match(_short(one))), "")
    return f"{reported} [{around}]" if around and _BARE.match(reported) else reported


def _short(exception: str) -> str:
    """An exception without the package of its class."""
    name, separator, message = exception.partition(": ")
    return f"{name.rpartition('.')[2]}{separator}{message}"

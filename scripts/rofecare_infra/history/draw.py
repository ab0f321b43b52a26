"""Draws a start in the characters of a terminal, and its comparison as a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from rofecare_infra.history.compare import Comparison
from rofecare_infra.history.path import Step, critical_path
from rofecare_infra.history.record import Outcome, ServiceStart, StartRecord
from rofecare_infra.platform import short
from rofecare_infra.progress import table

# From its creation to its start; from its start until it is ready, off and on the critical path; never ready.
CREATED, STARTED, CRITICAL, UNREADY = "-", "=", "#", "?"
_LEGEND = f"{CREATED} created  {STARTED} started  {CRITICAL} started, on the critical path (*)"
_NEVER = f"  {UNREADY} never ready"
_NARROWEST = 10


@dataclass(frozen=True)
class Line:
    """A line of the drawing, and whether its service is on the critical path."""

    text: str
    critical: bool = False


@dataclass(frozen=True)
class Span:
    """The bar of a service: created, started, and its end, where it was ready; in seconds since the start of all."""

    service: ServiceStart
    created: float
    started: float
    until: float


def span_of(service: ServiceStart, record: StartRecord) -> Span:
    """The bar of a service. A moment before the start of all becomes this start; an unknown one, the next known one."""
    moments = [service.created, service.started, service.ready]
    end = record.seconds
    if service.ready is not None:
        end = max(0.0, service.ready - record.began)
    times: list[float] = [end]
    for moment in reversed(moments[:2]):
        known = times[0] if moment is None else moment - record.began
        times.insert(0, min(max(0.0, known), times[0]))
    return Span(service, *times)


def length_of(record: StartRecord) -> float:
    """The seconds that a drawing covers; never 0."""
    return max(record.seconds, *(span_of(one, record).until for one in record.services), 0.1)


def in_order(record: StartRecord) -> list[Span]:
    """The bars in the order of the stages, and in each stage of the time of the start."""
    spans = [span_of(one, record) for one in record.services]
    return sorted(spans, key=lambda one: (one.service.stage, one.started, one.service.name))


def heading(record: StartRecord) -> str:
    """What was started when, and how it ended."""
    how = {Outcome.READY: "ready", Outcome.FAILED: "failed", Outcome.TIMEOUT: "timed out"}[record.outcome]
    cause = f": {printable(record.cause)}" if record.cause else ""
    moment = f"{datetime.fromtimestamp(record.began, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return f"{printable(record.project)}, start of {moment}: {how} after {record.seconds:.1f} s{cause}"


def took(service: ServiceStart) -> str:
    """The time of a service from its start until it was ready."""
    if service.ready is None:
        return "not ready"
    return f"{service.seconds:.1f} s" if service.seconds is not None else ""


def draw(record: StartRecord, width: int) -> list[Line]:
    """The whole drawing, no line longer than `width` where that leaves room for the bars."""
    path = critical_path(record.services, record.began)
    critical = {step.service.name for step in path}
    spans, length = in_order(record), length_of(record)
    names = {one.service.name: printable(short(one.service.name)) for one in spans}
    first = max(len(name) for name in names.values())
    last = max(len(took(one.service)) for one in spans)
    bars = max(_NARROWEST, width - first - last - 4)
    end = f"{length:.1f} s"
    lines = [Line(heading(record)), Line(f"{'':{first + 2}} 0 s{end:>{bars - 3}}")]
    for one in spans:
        name = one.service.name
        mark = "*" if name in critical else " "
        bar = _bar(one, length, bars, critical=name in critical)
        text = f"{mark} {names[name]:<{first}} {bar:<{bars}} {took(one.service):>{last}}"
        lines.append(Line(text.rstrip(), name in critical))
    legend = _LEGEND + (_NEVER if any(one.service.ready is None for one in spans) else "")
    return [*lines, Line(legend), *(Line(text) for text in _steps(path, width))]


def tabulate(comparison: Comparison) -> str:
    """The services in the order of their growth, and which ones became slower."""
    rows = [
        (
            printable(short(one.service)),
            f"{one.seconds:.1f} s" if one.seconds is not None else "not ready",
            f"{one.usual:.1f} s",
            f"{one.growth:+.1f} s" if one.growth is not None else "",
        )
        for one in comparison.differences
    ]
    usual = f"{comparison.seconds - comparison.usual:+.1f} s"
    rows.append(("(the start)", f"{comparison.seconds:.1f} s", f"{comparison.usual:.1f} s", usual))
    slower = [f"{printable(short(one.service))} ({one.growth:+.1f} s)" for one in comparison.slower]
    verdict = f"slower than usual: {', '.join(slower)}" if slower else "no service was slower than usual"
    return table(("SERVICE", "THIS START", f"MEDIAN OF {comparison.starts}", "DIFFERENCE"), rows) + f"\n\n{verdict}"


def printable(text: str) -> str:
    """A text of a record without control characters: the file may have been changed."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _bar(one: Span, length: float, width: int, *, critical: bool) -> str:
    created, started, until = (round(moment / length * width) for moment in (one.created, one.started, one.until))
    # Every service is visible.
    created = min(created, width - 1)
    started = min(max(created, started), width - 1)
    until = max(until, started + 1)
    fill = UNREADY if one.service.ready is None else CRITICAL if critical else STARTED
    return " " * created + CREATED * (started - created) + fill * (until - started)


def _steps(path: tuple[Step, ...], width: int) -> list[str]:
    """The critical path with the seconds of each step, wrapped."""
    lines = ["critical path:"]
    for number, step in enumerate(path):
        word = f"{printable(short(step.service.name))} {step.seconds:.1f} s"
        word += "," if number < len(path) - 1 else ""
        if len(lines[-1]) + 1 + len(word) > width:
            lines.append(" ")
        lines[-1] += f" {word}"
    return lines if path else []

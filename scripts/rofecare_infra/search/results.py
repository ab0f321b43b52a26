"""Parses log lines and the spans of traces, and formats them for printing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rofecare_infra.diagnosis import field
from rofecare_infra.platform import short
from rofecare_infra.progress import escaped, table

# Length of a time stamp up to milliseconds: 2026-12-31T23:59:59.123
_MOMENT = 23


@dataclass(frozen=True)
class LogLine:
    """One log line and its fields."""

    # From the engine, ISO 8601 with nanoseconds.
    time: str
    service: str
    message: str
    level: str = ""
    logger: str = ""
    trace: str = ""
    stack_trace: str = ""
    # Why the store refused the fields of the line, which is then stored as plain text.
    refused: str = ""


def lines_of(answer: Mapping[str, Any]) -> tuple[LogLine, ...]:
    """The lines of an answer, oldest first."""
    hits = (answer.get("hits") or {}).get("hits") or ()
    return tuple(_line(hit.get("_source") or {}) for hit in reversed(hits))


def total_of(answer: Mapping[str, Any]) -> int:
    """The number of matching lines, including those beyond the limit."""
    return int(((answer.get("hits") or {}).get("total") or {}).get("value", 0))


def _line(source: Mapping[str, Any]) -> LogLine:
    return LogLine(
        time=field(source, "@timestamp"),
        service=field(source, "compose.service") or field(source, "service.name"),
        message=field(source, "message"),
        level=field(source, "log.level") or field(source, "level"),
        logger=field(source, "log.logger"),
        trace=field(source, "trace.id"),
        stack_trace=field(source, "error.stack_trace"),
        refused=field(source, "refused.reason"),
    )


@dataclass(frozen=True)
class Span:
    """One operation of a trace."""

    service: str
    name: str
    # CLIENT, SERVER, PRODUCER, CONSUMER; empty for an operation inside a service.
    kind: str
    # Microseconds: start in Unix time, and duration.
    began: int
    took: int
    # The number of its ancestors.
    depth: int
    # The called system, if the caller reports it: a database, a broker.
    remote: str = ""
    failed: bool = False


def spans_of(answer: Sequence[Mapping[str, Any]]) -> tuple[Span, ...]:
    """The spans, each after its parent; the children of a parent in order of their start."""
    # Caller and called service may report the same span, with the same identifier.
    known = {str(one.get("id")) for one in answer}
    children: dict[str, list[Mapping[str, Any]]] = {}
    for one in answer:
        parent = str(one.get("parentId") or "")
        shared = one.get("kind") == "SERVER" and any(
            other.get("id") == one.get("id") and other.get("kind") == "CLIENT" for other in answer
        )
        cause = f"{one.get('id')} asked" if shared else (parent if parent in known else "")
        children.setdefault(cause, []).append(one)
    found: list[Span] = []
    seen: set[int] = set()

    def walk(cause: str, depth: int) -> None:
        for one in sorted(children.get(cause, ()), key=lambda span: int(span.get("timestamp") or 0)):
            if id(one) in seen:
                continue
            seen.add(id(one))
            found.append(_span(one, depth))
            identifier = str(one.get("id"))
            walk(f"{identifier} asked", depth + 1)
            walk(identifier, depth + 1)

    walk("", 0)
    return tuple(found)


def _span(one: Mapping[str, Any], depth: int) -> Span:
    tags = one.get("tags") or {}
    return Span(
        service=str((one.get("localEndpoint") or {}).get("serviceName") or ""),
        name=str(one.get("name") or ""),
        kind=str(one.get("kind") or ""),
        began=int(one.get("timestamp") or 0),
        took=int(one.get("duration") or 0),
        depth=depth,
        remote=str((one.get("remoteEndpoint") or {}).get("serviceName") or ""),
        failed="error" in tags,
    )


def shown_line(line: LogLine, width: int) -> str:
    """A line with its time (UTC), service and level, and its stack trace below."""
    level = f"{line.level:<5} " if line.level else ""
    first, *more = line.message.splitlines() or [""]
    text = f"{line.time[:_MOMENT]}Z {short(line.service):<{width}} | {level}{first}"
    below = [*line.stack_trace.splitlines(), *([f"refused by the store: {line.refused}"] if line.refused else [])]
    return "\n".join(escaped(one) for one in (text, *more, *(f"    {one}" for one in below)))


def shown_spans(spans: Sequence[Span]) -> str:
    """A trace as a table: child spans are below their parent, indented."""
    begin = min((span.began for span in spans), default=0)
    rows = [
        (
            f"+{(span.began - begin) / 1000:.1f} ms",
            f"{span.took / 1000:.1f} ms",
            "  " * span.depth + short(span.service),
            " ".join(part for part in (span.kind.lower(), span.name, f"-> {span.remote}" * bool(span.remote)) if part),
            "FAILED" if span.failed else "",
        )
        for span in spans
    ]
    return table(("BEGAN", "TOOK", "SERVICE", "WORK", ""), rows)

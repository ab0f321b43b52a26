"""Log lines and spans for people."""

from __future__ import annotations

from collections.abc import Sequence

from rofecare_infra.platform import short
from rofecare_infra.progress import table
from rofecare_infra.search.lines import LogLine
from rofecare_infra.search.spans import Span

# To the millisecond: 2026-12-31T23:59:59.123
_MOMENT = 23


def shown_line(line: LogLine, width: int) -> str:
    """A line with its time (UTC), service and level; a stack trace stands below it."""
    level = f"{line.level:<5} " if line.level else ""
    text = f"{line.time[:_MOMENT]}Z {short(line.service):<{width}} | {level}{line.message}"
    below = [*line.stack_trace.splitlines(), *([f"refused by the store: {line.refused}"] if line.refused else [])]
    return "\n".join([text, *(f"    {one}" for one in below)])


def shown_spans(spans: Sequence[Span]) -> str:
    """A trace as a table: what was caused by a span stands below it, further in."""
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

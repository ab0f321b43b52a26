"""From Zipkin's answer to the spans of a trace, in the order in which they called each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Span:
    """One piece of work of a trace."""

    service: str
    name: str
    # CLIENT, SERVER, PRODUCER, CONSUMER; empty for work inside a service.
    kind: str
    # Microseconds: of the Unix time, and how long it took.
    began: int
    took: int
    # How many spans stand above it.
    depth: int
    # Who was asked, where the asking side says so: a database, a broker.
    remote: str = ""
    failed: bool = False


def spans_of(answer: Sequence[Mapping[str, Any]]) -> tuple[Span, ...]:
    """The spans, each after the one that caused it, those of one cause by the time when they began."""
    # Both sides of a call may tell of one span: they share its identifier.
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

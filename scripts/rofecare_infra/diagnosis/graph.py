"""Which of several services that are not ready is the first cause: the others need it, directly or not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Root:
    """A service that is not ready although everything that it needs is, and the services that wait for it."""

    service: str
    waiting: tuple[str, ...] = ()


def first_cause(name: str, unready: Collection[str], needs: Mapping[str, Collection[str]]) -> Root:
    """The first cause of a service that is not ready: itself, or something that it needs and whose needs are ready.

    `needs` maps each service to those in its `depends_on`. Of several causes the first in `unready` counts, and among
    services that need each other in a circle, which compose refuses, the service itself.
    """
    found = [one for one in unready if one in needed(name, needs) and not needed(one, needs) & {*unready}]
    cause = found[0] if found else name
    return Root(cause, tuple(one for one in unready if one != cause and cause in needed(one, needs)))


def needed(name: str, needs: Mapping[str, Collection[str]]) -> set[str]:
    """All services that a service needs, directly or not."""
    seen: set[str] = set()
    left = [*needs.get(name, ())]
    while left:
        one = left.pop()
        if one not in seen:
            seen.add(one)
            left += needs.get(one, ())
    return seen

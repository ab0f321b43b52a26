"""Which of several services that are not ready is the first cause: the others need it, directly or not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rofecare_infra.platform import reach


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
    reached = reach({one: needs.get(one, ()) for one in {*needs, *unready}})
    found = [one for one in unready if one in reached[name] and not reached[one] & {*unready}]
    cause = found[0] if found else name
    return Root(cause, tuple(one for one in unready if one != cause and cause in reached[one]))

"""How long the services of a start have been waited for, and which of them are slow."""

from __future__ import annotations

from collections.abc import Mapping

from rofecare_infra.progress.events import Observed

# A service is slow if it takes so many times as long as usual, and so many seconds more; without earlier starts, if it
# takes longer than this (seconds).
_FACTOR, _MORE, _UNKNOWN = 1.5, 5.0, 30.0


def first_seen(known: Mapping[str, float], event: Observed) -> dict[str, float]:
    """Service -> the time of the poll that saw it first, after this poll; `known` are those of the earlier ones."""
    return {**dict.fromkeys(event.services, event.waited), **known}


def elapsed(since: Mapping[str, float], event: Observed) -> dict[str, float]:
    """Service -> seconds since it was first seen, of those that are not ready; the longest come first."""
    # A new phase counts from zero again.
    unready = {name: event.waited - since[name] for name, reason in event.services.items() if reason}
    return dict(sorted(unready.items(), key=lambda one: -one[1]))


def is_slow(seconds: float, expected: float | None) -> bool:
    """Whether a service takes much longer than usual."""
    return seconds > (_UNKNOWN if expected is None else expected * _FACTOR + _MORE)

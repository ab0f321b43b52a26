"""What a terminal shows of the services that a start waits for: a line each, and a log line of those that are slow."""

from __future__ import annotations

from collections.abc import Mapping

from rofecare_infra.platform import short
from rofecare_infra.progress.events import Observed
from rofecare_infra.progress.parts import escaped

# A service is slow if it takes so many times as long as usual, and so many seconds more; without earlier starts, if it
# takes longer than this (seconds).
_FACTOR, _MORE, _UNKNOWN = 1.5, 5.0, 30.0
# The spinner, and an empty line below.
_RESERVED = 2
_NARROWEST = 20


class Waiting:
    """How long each service of a start has been waited for."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def elapsed(self, event: Observed) -> dict[str, float]:
        """Service -> seconds since it was first seen, of those that are not ready; the longest come first."""
        for name in event.services:
            self._since.setdefault(name, event.waited)
        # A new phase counts from zero again.
        unready = {name: event.waited - self._since[name] for name, reason in event.services.items() if reason}
        return dict(sorted(unready.items(), key=lambda one: -one[1]))


def is_slow(elapsed: float, expected: float | None) -> bool:
    """Whether a service takes much longer than usual."""
    return elapsed > (_UNKNOWN if expected is None else expected * _FACTOR + _MORE)


def lines(
    event: Observed,
    stage: str,
    elapsed: Mapping[str, float],
    expected: Mapping[str, float],
    logged: Mapping[str, str],
    width: int,
    height: int,
) -> list[str]:
    """The frame: what is ready, and each service that is not, cut to the width; never more lines than the height."""
    ready = len(event.services) - len(elapsed)
    head = f"{stage}{ready} of {len(event.services)} ready, {event.waited:.0f} s"
    most = max(height - _RESERVED, 1)
    shown: list[list[str]] = []
    name_width = max((len(short(name)) for name in elapsed), default=0)
    for name, seconds in elapsed.items():
        usual = f" of about {expected[name]:.0f} s" if name in expected else ""
        mine = [f"  {short(name):<{name_width}}  {seconds:.0f} s{usual}  {event.services[name]}"]
        if name in logged and is_slow(seconds, expected.get(name)):
            mine.append(f"    | {logged[name]}")
        shown.append(mine)
    kept: list[str] = []
    for number, mine in enumerate(shown):
        # One line is left for the number of those that do not fit.
        left = len(shown) - number - 1
        if len(kept) + len(mine) + (1 if left else 0) > most - 1:
            kept.append(f"  and {left + 1} more")
            break
        kept += mine
    return [_cut(escaped(line), max(width, _NARROWEST)) for line in ([head, *kept] if most > 1 else [head])]


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 1]}…"

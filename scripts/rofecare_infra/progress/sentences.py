"""Events as sentences."""

from __future__ import annotations

from collections.abc import Sequence

from rofecare_infra.progress.events import (
    Event,
    Expected,
    ImageDone,
    Logged,
    Note,
    Observed,
    Output,
    StageBegan,
    StageReady,
    Working,
)


def sentence(event: Event) -> str:
    """The event as a sentence."""
    match event:
        case Note() | Working() | Output():
            return event.text
        case StageBegan():
            return f"{event.phase} {event.number}/{event.total}: {listed(event.services)}"
        case StageReady():
            found = len(event.services) - len(event.started)
            kept = f", {found} already ready" if event.started and found else ""
            how = f"{event.seconds:.1f} s"
            if not event.started:
                how = "already ready" if event.seconds < 1 else f"already running, ready after {how}"
            return f"{event.phase} {event.number}/{event.total} ready: {listed(event.services)} ({how}{kept})"
        case ImageDone():
            whose = "" if event.services == (event.image,) else f" for {listed(event.services)}"
            took = f" ({event.seconds:.1f} s)" if event.seconds else ""
            return f"image {event.image} {event.outcome}{took}{whose}"
        case Expected() | Logged():
            return ""
        case Observed():
            return ", ".join(f"{name}: {reason}" for name, reason in event.services.items() if reason)


def listed(names: Sequence[str], most: int = 3) -> str:
    """Up to `most` names in full; more as the first name and a count."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{names[0]} and {len(names) - 1} more"

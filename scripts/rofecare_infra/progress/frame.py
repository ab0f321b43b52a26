"""What a terminal shows below the completed activities: a function from the events so far to the lines of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rofecare_infra.platform import short
from rofecare_infra.progress.cells import cut, width_of
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
from rofecare_infra.progress.sentences import sentence
from rofecare_infra.progress.waiting import elapsed, first_seen, is_slow

# The last column stays empty: some terminals begin a new line when it is used.
_MARGIN = 1
# The line below the frame: the cursor is there when the frame is erased.
_BELOW = 1


@dataclass(frozen=True)
class State:
    """What is known from the events so far."""

    # The current activity; shown where nothing is waited for.
    activity: str = ""
    # The last poll of the current wait; None outside of a wait.
    observed: Observed | None = None
    # The prefix of a poll: the current stage, if it is known.
    stage: str = ""
    # Service -> the time of the poll that saw it first.
    since: Mapping[str, float] = field(default_factory=dict)
    expected: Mapping[str, float] = field(default_factory=dict)
    # Service -> its last log line.
    logged: Mapping[str, str] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """Whether services are waited for."""
        return self.observed is not None and any(self.observed.services.values())


def after(state: State, event: Event) -> State:
    """The state after an event. A wait is replaced by the next activity, but not by the output of a command."""
    match event:
        case Working():
            return replace(state, activity=event.text, observed=None)
        case Output():
            return state if state.waits else replace(state, activity=event.text, observed=None)
        case StageBegan():
            begun = replace(state, stage=f"{event.phase} {event.number}/{event.total}: ")
            return begun if state.waits else replace(begun, activity=sentence(event), observed=None)
        case StageReady():
            # A stage in which nothing is started has no StageBegan event.
            return replace(state, stage=f"stage {event.number + 1}/{event.total}: ")
        case Expected():
            return replace(state, expected=event.seconds)
        case Logged():
            return replace(state, logged={**state.logged, event.service: event.text})
        case Observed():
            return replace(state, observed=event, since=first_seen(state.since, event))
        case ImageDone() | Note():
            return state


def frame(state: State, width: int, height: int) -> list[str]:
    """The lines for a terminal of this size: none is wider than it, and there are never more than fit."""
    lines = _activity(state) if state.observed is None else _wait(state, state.observed, max(height - _BELOW, 1))
    return [cut(line, max(width - _MARGIN, 1)) for line in lines]


def _activity(state: State) -> list[str]:
    return [line for line in state.activity.splitlines() if line.strip()][:1]


def _wait(state: State, event: Observed, most: int) -> list[str]:
    """What is ready, each service that is not, and the last log line of those that are slow, as far as they fit."""
    waited = elapsed(state.since, event)
    head = f"{state.stage}{len(event.services) - len(waited)} of {len(event.services)} ready, {event.waited:.0f} s"
    room = most - 1
    # One line is left for the number of those that do not fit.
    shown = len(waited) if len(waited) <= room else max(room - 1, 0)
    slow = [name for name in waited if name in state.logged and is_slow(waited[name], state.expected.get(name))]
    with_log = {*slow[: room - len(waited)]} if len(waited) < room else set()
    names = {name: short(name) for name in waited}
    column = max(map(width_of, names.values()), default=0)
    lines = [head]
    for name, seconds in [*waited.items()][:shown]:
        usual = f" of about {state.expected[name]:.0f} s" if name in state.expected else ""
        padding = " " * (column - width_of(names[name]))
        lines.append(f"  {names[name]}{padding}  {seconds:.0f} s{usual}  {event.services[name]}")
        if name in with_log:
            lines.append(f"    | {state.logged[name]}")
    if shown < len(waited) and room:
        lines.append(f"  and {len(waited) - shown} more")
    return lines

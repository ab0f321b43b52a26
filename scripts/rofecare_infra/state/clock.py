"""The clock that use cases receive, and the one function that waits with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Clock:
    """Time as one value: unit tests pass a clock that only moves when the code under test sleeps."""

    # Seconds that never jump; only differences have a meaning.
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    # Unix time.
    now: Callable[[], float]


SYSTEM_CLOCK = Clock(time.monotonic, time.sleep, time.time)


def poll(
    look: Callable[[], T], done: Callable[[T], bool], *, every: float, timeout: float, clock: Clock = SYSTEM_CLOCK
) -> Generator[T, None, T]:
    """Look every `every` seconds until `done`; yield what each look returns, and return the last.

    `timeout` is measured on the clock, including the time that a look takes. The wait ends before a sleep that would
    exceed it; the caller asks `done` again to know which end it was. An error of `look` ends the wait and is raised.
    """
    # Slow to import, and most commands never wait.
    import tenacity

    began = clock.monotonic()
    policy = tenacity.Retrying(
        stop=lambda _state: clock.monotonic() - began + every >= timeout,
        wait=tenacity.wait_fixed(every),
        sleep=clock.sleep,
        retry=tenacity.retry_if_result(lambda seen: not done(seen)),
        # At the end of the time the last result is returned, not raised as an error.
        retry_error_callback=lambda state: state.outcome,
    )
    for attempt in policy:
        # Outside of `with attempt`: an error is the caller's, with its own traceback.
        seen = look()
        attempt.retry_state.set_result(seen)
        yield seen
    return seen

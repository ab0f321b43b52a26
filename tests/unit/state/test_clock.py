"""The polling function on a clock that moves only when something sleeps or looks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rofecare_infra.state import poll
from tests.support.fakes import FakeClock, drain


def counting(clock: FakeClock, *, cost: float = 0.0) -> Callable[[], int]:
    """A look that returns 1, 2, 3, ... and takes `cost` seconds each time."""
    looks = 0

    def look() -> int:
        nonlocal looks
        looks += 1
        clock.time += cost
        return looks

    return look


def test_a_condition_that_holds_at_once_costs_no_sleep() -> None:
    clock = FakeClock()
    assert drain(poll(counting(clock), lambda _: True, every=0.5, timeout=10, clock=clock.clock)) == ([1], 1)
    assert clock.slept == []


def test_it_yields_every_look_and_returns_the_last() -> None:
    clock = FakeClock()
    assert drain(poll(counting(clock), lambda n: n == 3, every=0.5, timeout=10, clock=clock.clock)) == ([1, 2, 3], 3)
    assert clock.slept == [0.5, 0.5]


def test_the_timeout_returns_the_last_look_and_never_sleeps_beyond_the_end() -> None:
    clock = FakeClock()
    seen, last = drain(poll(counting(clock), lambda _: False, every=1, timeout=3.5, clock=clock.clock))
    assert seen == [1, 2, 3, 4]
    assert last == 4
    assert clock.slept == [1, 1, 1]


def test_the_timeout_includes_the_time_that_a_look_takes() -> None:
    clock = FakeClock()
    seen, _ = drain(poll(counting(clock, cost=20), lambda _: False, every=0.3, timeout=30, clock=clock.clock))
    assert seen == [1, 2]
    assert clock.time == pytest.approx(100 + 2 * 20 + 0.3)


def test_without_time_it_still_looks_once() -> None:
    clock = FakeClock()
    assert drain(poll(counting(clock), lambda _: False, every=1, timeout=0, clock=clock.clock)) == ([1], 1)


def test_an_error_of_the_look_ends_the_wait() -> None:
    def look() -> int:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        drain(poll(look, bool, every=1, timeout=10, clock=FakeClock().clock))

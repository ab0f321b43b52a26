"""The wait loop on a clock of its own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

import pytest

from rofecare_infra.engine import Container
from rofecare_infra.errors import EngineError
from rofecare_infra.gates import Observation, wait
from rofecare_infra.gates.wait import POLL
from tests.support.fakes import FakeClock, container, drain, service

STARTING = container(health="starting")
HEALTHY = container()
CRASHED = container(status="exited", exit_code=1)


def looking_at(*states: Container) -> Callable[[], Sequence[Container]]:
    """One state a look; the last one stays."""
    left: Iterator[Container] = iter(states)
    last = [states[-1]]

    def look() -> Sequence[Container]:
        return [next(left, last[0])]

    return look


def waiting(
    look: Callable[[], Sequence[Container]], clock: FakeClock, timeout: float = 10.0
) -> Generator[Observation, None, Observation]:
    return wait([service()], look, restarts_before={}, timeout=timeout, clock=clock.clock)


def test_what_is_ready_at_once_costs_no_sleep() -> None:
    clock = FakeClock()
    seen, last = drain(waiting(looking_at(HEALTHY), clock))
    assert last.ready == ("db",)
    assert last.final
    assert len(seen) == 1
    assert clock.slept == []


def test_it_ends_as_soon_as_it_settles() -> None:
    clock = FakeClock()
    seen, last = drain(waiting(looking_at(STARTING, STARTING, HEALTHY), clock))
    assert [list(one.pending) for one in seen] == [["db"], ["db"], []]
    assert clock.slept == [POLL, POLL]
    assert last.waited == pytest.approx(2 * POLL)


def test_unhealthy_may_become_healthy() -> None:
    states = (STARTING, container(health="unhealthy"), container(health="unhealthy"), HEALTHY)
    _, last = drain(waiting(looking_at(*states), FakeClock()))
    assert last.ready == ("db",)


def test_a_failure_ends_it_at_once() -> None:
    clock = FakeClock()
    _, last = drain(waiting(looking_at(STARTING, CRASHED, HEALTHY), clock))
    assert list(last.failed) == ["db"]
    assert clock.slept == [POLL]


def test_one_failure_is_enough() -> None:
    clock = FakeClock()
    services = [service("a"), service("b")]
    seen = [container("a", health="starting"), container("b", status="exited", exit_code=1)]
    loop = wait(services, lambda: seen, restarts_before={}, timeout=10, clock=clock.clock)
    _, last = drain(loop)
    assert (list(last.pending), list(last.failed)) == (["a"], ["b"])
    assert clock.slept == []


@pytest.mark.parametrize("timeout", [1.0, 2.5, 10.0, 300.0])
def test_the_deadline_is_kept_not_passed(timeout: float) -> None:
    clock = FakeClock()
    began = clock()
    _, last = drain(waiting(looking_at(STARTING), clock, timeout))
    assert list(last.pending) == ["db"]
    assert timeout - 2 * POLL <= clock() - began < timeout


def test_a_slow_look_counts_as_waiting() -> None:
    clock = FakeClock()

    def look() -> Sequence[Container]:
        clock.time += 6
        return [STARTING]

    seen, last = drain(waiting(look, clock, timeout=10.0))
    assert last.pending
    assert len(seen) == 2


def test_a_look_that_fails_ends_the_wait_with_its_own_error() -> None:
    clock = FakeClock()
    looks = iter([[STARTING]])

    def look() -> Sequence[Container]:
        for seen in looks:
            return seen
        raise EngineError("the container engine does not answer")

    with pytest.raises(EngineError, match="does not answer"):
        drain(waiting(look, clock))
    assert clock.slept == [POLL]


def test_interrupting_the_wait_is_not_swallowed() -> None:
    def look() -> Sequence[Container]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drain(waiting(look, FakeClock()))

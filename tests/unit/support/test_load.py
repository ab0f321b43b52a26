"""The client that judges others must not be wrong itself."""

from __future__ import annotations

from tests.support.load import Ask, Load, Shot


def load_with(*shots: tuple[float, float, bool]) -> Load:
    load = Load("http://127.0.0.1:1", [Ask("a", "GET", "/a")])
    load.shots = [Shot("a", began, 0.0, seconds, 200 if ok else 503, "", ok, 1, ok) for began, seconds, ok in shots]
    return load


def test_nothing_failed() -> None:
    assert load_with((0, 0.1, True), (1, 0.1, True)).failing_span("a") == 0


def test_from_the_first_failure_to_the_next_success() -> None:
    load = load_with((0, 0.1, True), (1, 0.1, False), (2, 0.1, False), (4, 0.1, True), (5, 0.1, False), (6, 0.1, True))
    assert load.failing_span("a") == 3


def test_by_when_it_was_sent_and_not_by_when_it_ended() -> None:
    assert load_with((3, 0.1, True), (1, 9.0, False), (0, 0.1, True)).failing_span("a") == 2


def test_what_never_worked_again_counts_to_its_end() -> None:
    assert load_with((0, 0.1, True), (1, 0.1, False), (2, 5.0, False)).failing_span("a") == 6


def test_a_route_is_judged_by_its_own_requests() -> None:
    load = load_with((0, 0.1, False), (1, 0.1, True))
    assert load.failing_span("b") == 0
    assert [one.status for one in load.failed("a")] == [503]

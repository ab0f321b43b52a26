"""The frame that a terminal shows while a start waits: inside the terminal, whatever it contains."""

from __future__ import annotations

import pytest

from rofecare_infra.progress import Observed, Waiting, is_slow
from rofecare_infra.progress.waiting import lines

MANY = {f"rofecare-service-{number:02d}": f"starting: {'HTTP/1.1 503 ' * 20}" for number in range(22)}


def frame(services: dict[str, str], width: int = 80, height: int = 24, **more: dict[str, float]) -> list[str]:
    event = Observed(40.0, services)
    elapsed = {name: 40.0 - number for number, name in enumerate(name for name, why in services.items() if why)}
    logged = dict.fromkeys(services, f"a line \x1b[31m {'x' * 300}")
    return lines(event, "business 6/6: ", elapsed, more.get("expected", {}), logged, width, height)


@pytest.mark.parametrize("width", [10, 20, 39, 80, 200])
@pytest.mark.parametrize("height", [1, 2, 3, 5, 24, 60])
def test_it_never_exceeds_the_terminal(width: int, height: int) -> None:
    found = frame(MANY, width, height)
    assert len(found) <= max(height - 1, 1)
    assert max(map(len, found)) <= max(width, 20)
    assert not any("\x1b" in line for line in found)


def test_what_does_not_fit_is_counted() -> None:
    found = frame(MANY)
    shown = [line for line in found if line.startswith("  ") and "| " not in line and "more" not in line]
    assert found[-1] == f"  and {22 - len(shown)} more"
    assert found[0] == "business 6/6: 0 of 22 ready, 40 s"


def test_only_a_slow_service_shows_its_log() -> None:
    found = frame({"a": "starting", "b": "starting", "c": ""}, expected={"a": 39.0, "b": 20.0})
    assert found[0] == "business 6/6: 1 of 3 ready, 40 s"
    assert found[1] == "  a  40 s of about 39 s  starting"
    assert found[2] == "  b  39 s of about 20 s  starting"
    assert found[3].startswith("    | a line \\x1b[31m xxx")
    assert len(found) == 4


@pytest.mark.parametrize(
    ("elapsed", "expected", "slow"),
    [
        (29.0, None, False),
        (31.0, None, True),
        (19.0, 10.0, False),
        (21.0, 10.0, True),
        (6.0, 1.0, False),
        (7.0, 1.0, True),
    ],
)
def test_slow_is_much_longer_than_usual(elapsed: float, expected: float | None, slow: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert is_slow(elapsed, expected) is slow


def test_a_service_that_starts_later_counts_from_then() -> None:
    waiting = Waiting()
    assert waiting.elapsed(Observed(1.0, {"db": "starting"})) == {"db": 0.0}
    seen = waiting.elapsed(Observed(9.0, {"db": "starting", "kafka": "starting"}))
    assert list(seen.items()) == [("db", 8.0), ("kafka", 0.0)]
    assert waiting.elapsed(Observed(12.0, {"db": "", "kafka": "starting"})) == {"kafka": 3.0}

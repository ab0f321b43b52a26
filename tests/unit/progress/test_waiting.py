"""How long services are waited for, and which of them are slow."""

from __future__ import annotations

import pytest

from rofecare_infra.progress import Observed, elapsed, first_seen, is_slow


@pytest.mark.parametrize(
    ("seconds", "expected", "slow"),
    [
        (29.0, None, False),
        (31.0, None, True),
        (19.0, 10.0, False),
        (21.0, 10.0, True),
        (6.0, 1.0, False),
        (7.0, 1.0, True),
    ],
)
def test_slow_is_much_longer_than_usual(seconds: float, expected: float | None, slow: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert is_slow(seconds, expected) is slow


def test_a_service_that_starts_later_counts_from_then() -> None:
    since: dict[str, float] = {}
    found = []
    for event in (
        Observed(1.0, {"db": "starting"}),
        Observed(9.0, {"db": "starting", "kafka": "starting"}),
        Observed(12.0, {"db": "", "kafka": "starting"}),
    ):
        since = first_seen(since, event)
        found.append([*elapsed(since, event).items()])
    assert found == [[("db", 0.0)], [("db", 8.0), ("kafka", 0.0)], [("kafka", 3.0)]]

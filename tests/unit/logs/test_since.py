"""What people write for "since"."""

from __future__ import annotations

import pytest

from rofecare_infra.errors import UsageError
from rofecare_infra.logs import parse_since

NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("", None),
        ("30s", NOW - 30),
        ("10m", NOW - 600),
        ("2h", NOW - 7200),
        ("1d", NOW - 86400),
        ("1h30m", NOW - 5400),
        ("0s", NOW),
        ("2026-01-01T00:00:00Z", NOW),
        ("2026-01-01T01:00:00+01:00", NOW),
    ],
)
def test_moments(text: str, moment: float | None) -> None:
    assert parse_since(text, NOW) == moment


def test_a_moment_without_a_zone_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Africa/Lagos")  # one hour ahead
    time.tzset()
    try:
        assert parse_since("2026-01-01T01:00:00", NOW) == NOW
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("text", ["10", "m", "10x", "-5m", "yesterday", "10 m", "1h 30m"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_since(text, NOW)
    assert text in caught.value.seen


@pytest.mark.parametrize(
    "text",
    [
        *("99999d", "9" * 400 + "d", "9" * 5000 + "s", "1970-01-01", "1970-01-01T00:00:00Z", "1969-12-31T23:00:00Z"),
        *("0001-01-01", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_before_there_was_a_clock_means_the_beginning(text: str) -> None:
    # Local midnight of the first day is an hour of the first day west of Greenwich.
    moment = parse_since(text, NOW)
    assert moment is not None
    assert 1.0 <= moment <= 86400.0


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59"])
def test_the_end_of_the_calendar_is_later_than_now(text: str) -> None:
    moment = parse_since(text, NOW)
    assert moment is not None
    assert moment > NOW

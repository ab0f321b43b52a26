"""Tables, time spans and sizes for people."""

from __future__ import annotations

import pytest

from rofecare_infra.progress import duration, listed, mebibytes, table


def test_columns_are_as_wide_as_their_widest_cell_and_lines_end_clean() -> None:
    text = table(("SERVICE", "PORT", ""), [("redis", "6379", ""), ("a-long-name-of-a-service", "1", "why")])
    assert text.splitlines() == [
        "SERVICE                   PORT",
        "redis                     6379",
        "a-long-name-of-a-service  1     why",
    ]


def test_a_table_without_rows_is_its_header() -> None:
    assert table(("A", "B"), []) == "A  B"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.9, "0s"),
        (42, "42s"),
        (60, "1m00s"),
        (190, "3m10s"),
        (3599.9, "59m59s"),
        (3600, "1h00m"),
        (7500, "2h05m"),
        (86400, "1d00h"),
        (356400, "4d03h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("size", "text"), [(None, ""), (0, "0 MiB"), (2**20, "1 MiB"), (300 * 2**20, "300 MiB")])
def test_sizes(size: int | None, text: str) -> None:
    assert mebibytes(size) == text


@pytest.mark.parametrize(
    ("names", "text"), [((), ""), (("a",), "a"), (("a", "b", "c"), "a, b, c"), (("a", "b", "c", "d"), "a and 3 more")]
)
def test_lists(names: tuple[str, ...], text: str) -> None:
    assert listed(names) == text

"""Text in the cells of a terminal."""

from __future__ import annotations

import sys

import pytest
from rich.cells import cell_len

from rofecare_infra.progress.cells import cut, width_of


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("redis", 5, "redis"),
        ("redis", 4, "red…"),
        ("redis", 1, "…"),
        ("redis", 0, ""),
        ("", 0, ""),
        # Wide characters use two cells.
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("日本語", 2, "…"),
        ("a😀b", 4, "a😀b"),
        ("a😀bc", 4, "a😀…"),
        # A combining character uses none, and stays with its letter.
        ("e\u0301te\u0301", 3, "e\u0301te\u0301"),
        ("e\u0301te\u0301s", 3, "e\u0301t…"),
        ("a\tb", 3, "a b"),
        ("a\x1b[2Jb\r\n", 40, r"a\x1b[2Jb\r\n"),
        ("a\x1b[2Jb", 4, r"a\x…"),
    ],
)
def test_a_line_is_cut_to_cells(text: str, width: int, expected: str) -> None:
    assert cut(text, width) == expected
    assert width_of(expected) <= max(width, 0)


def test_no_character_is_wider_than_it_counts() -> None:
    """By the tables of rich, which would cut the line again."""
    characters = (chr(number) for number in range(sys.maxunicode + 1))
    printable = (one for one in characters if one.isprintable())
    assert [one for one in printable if cell_len(one) > width_of(one)] == []


def test_an_emoji_presentation_is_not_wider_than_it_counts() -> None:
    assert cell_len("☎\ufe0f") <= width_of("☎\ufe0f")

"""Text from outside, and parts of a line with their styles."""

from __future__ import annotations

import pytest

from rofecare_infra.progress import escaped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text\twith a tab", "plain text\twith a tab"),
        ("arrivé\u00a0: 5\u202f000 €", "arrivé\u00a0: 5\u202f000 €"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\rb\x00\x07\x7f\x9b", r"a\rb\x00\x07\x7f\x9b"),
        # Reverses the direction of the text.
        ("a\u202eb", r"a\u202eb"),
        (r"a \x1b of the log", r"a \x1b of the log"),
    ],
)
def test_control_characters_become_text(text: str, expected: str) -> None:
    assert escaped(text) == expected

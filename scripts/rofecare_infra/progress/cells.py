"""The width of text in the cells of a terminal, and text that is cut to a width."""

from __future__ import annotations

import unicodedata

from rofecare_infra.progress.parts import escaped

_ELLIPSIS = "…"
# A log line may have millions of characters; no terminal has so many columns.
_LONGEST = 4096
# Makes the character before it an emoji, which may be a cell wider.
_EMOJI = "\ufe0f"


def width_of(text: str) -> int:
    """How many cells a terminal uses at most for a text without control characters."""
    return sum(map(_width, text))


def cut(text: str, width: int) -> str:
    """One line of at most `width` cells: control characters become text, a tab one space, the rest an ellipsis."""
    line = escaped(text[:_LONGEST]).replace("\t", " ")
    if width_of(line) <= width:
        return line
    # The characters that fit beside the ellipsis; a combining character stays with the one that it belongs to.
    left, end = width - 1, 0
    for character in line:
        left -= _width(character)
        if left < 0:
            break
        end += 1
    return f"{line[:end]}{_ELLIPSIS}" if width > 0 else ""


def _width(character: str) -> int:
    if character.isascii() or character == _EMOJI:
        return 1
    from rich.cells import cell_len

    if unicodedata.category(character) in {"Mn", "Me"}:
        least = 0
    else:
        least = 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
    # The two know different versions of Unicode.
    return max(cell_len(character), least)

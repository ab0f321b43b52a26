"""Text for a terminal: parts of a line with their styles, and text from outside without control characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A part of a line, and its style: the name of a colour, or empty."""

    text: str
    style: str = ""


def joined(parts: Sequence[Part]) -> str:
    """The text of the parts, without their styles."""
    return "".join(part.text for part in parts)


def escaped(text: str) -> str:
    r"""The text with its control characters as in a literal of Python, such as \x1b; tabs and spaces are kept."""
    if text.isprintable():
        return text
    return "".join(character if _harmless(character) else ascii(character)[1:-1] for character in text)


def _harmless(character: str) -> bool:
    # Only the space is printable for Python, not the other spaces, such as the one before a French colon.
    return character.isprintable() or character == "\t" or unicodedata.category(character) == "Zs"

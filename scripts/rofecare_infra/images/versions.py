"""Compares tags: which of them is a newer version of the same form."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# v2.53.5, 17.11-trixie, 21.0.12.1_1-jre-noble: a version, perhaps the number of its build, and a suffix.
_FORM = re.compile(r"(v?)([0-9]{1,9}(?:\.[0-9]{1,9})*)(?:_([0-9]{1,9}))?(.*)")


@dataclass(frozen=True)
class Newer:
    """The newest versions of a tag's form; empty where none is newer."""

    # Of the same major version, and of all later major versions.
    same_major: str = ""
    later_major: str = ""


@dataclass(frozen=True)
class _Version:
    """A tag in its parts."""

    prefix: str
    numbers: tuple[int, ...]
    build: int | None
    suffix: str

    @property
    def form(self) -> tuple[str, str, int]:
        """What two tags have in common if one is a version of the other; `17-trixie` is no version but a series."""
        # Versions with a build have as many numbers as they need: 21.0.12_7, 21.0.12.1_1.
        return self.prefix, self.suffix, len(self.numbers) if self.build is None else 0

    @property
    def order(self) -> tuple[tuple[int, ...], int]:
        """The key to sort by."""
        return self.numbers, self.build or 0


def newer(tag: str, others: Iterable[str]) -> Newer:
    """The newest of the other tags. A tag without a version, such as `trixie-slim`, has no newer ones."""
    present = _parse(tag)
    if present is None:
        return Newer()
    later = {
        version.order: other
        for other in others
        if (version := _parse(other)) is not None and version.form == present.form and version.order > present.order
    }
    major = present.numbers[0]
    same = [order for order in later if order[0][0] == major]
    rest = [order for order in later if order[0][0] > major]
    return Newer(later[max(same)] if same else "", later[max(rest)] if rest else "")


def _parse(tag: str) -> _Version | None:
    found = _FORM.fullmatch(tag)
    if found is None:
        return None
    prefix, version, build, suffix = found.groups()
    numbers = tuple(int(one) for one in version.split("."))
    return _Version(prefix, numbers, int(build) if build is not None else None, suffix)

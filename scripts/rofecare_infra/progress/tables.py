"""Tables: aligned, without a frame, never truncated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The rows under their header, each column as wide as its widest cell."""
    everything = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(row[column]) for row in everything) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in everything
    )


def duration(seconds: float) -> str:
    """A duration in its two largest units: 42s, 3m10s, 2h05m, 4d03h."""
    whole = int(seconds)
    for unit, below, size, small in (("d", "h", 86400, 3600), ("h", "m", 3600, 60), ("m", "s", 60, 1)):
        if whole >= size:
            return f"{whole // size}{unit}{whole % size // small:02d}{below}"
    return f"{whole}s"


def mebibytes(size: int | None) -> str:
    """A size in MiB; empty if it is unknown."""
    return "" if size is None else f"{size / 2**20:.0f} MiB"

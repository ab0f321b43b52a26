"""What a backup contains, and what the user confirmed although it looks wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Accepted:
    """What the user confirmed, although it looks wrong."""

    # The clock is right.
    clock: bool = False
    # Databases that are gone were dropped on purpose.
    missing: bool = False


NOTHING = Accepted()


@dataclass(frozen=True)
class Extent:
    """What of the platform a backup contains."""

    # The databases of these services, which may be gone; all by default, and then what is gone is missing.
    services: Collection[str] = ()
    # Instead of the databases of a service those that a restore replaced, and the names that they had.
    replaced: Mapping[str, Mapping[str, str]] | None = None
    # These archives of volumes; by default those of all services that have data, but not those of `without`.
    parts: Collection[str] | None = None
    without: Collection[str] = ()


EVERYTHING = Extent()

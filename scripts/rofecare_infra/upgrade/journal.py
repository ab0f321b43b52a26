"""What an upgrade that was cut off needs to be undone: written before each step, gone at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rofecare_infra.settings import Settings
from rofecare_infra.state import Journal, JournalKind


@dataclass(frozen=True)
class Entry:
    """The state before, and how far the upgrade went."""

    # Service -> the name of the image that it ran.
    services: Mapping[str, str] = field(default_factory=dict)
    # That name -> the id that it meant.
    images: Mapping[str, str] = field(default_factory=dict)
    # The id of the backup; empty until it is taken.
    backup: str = ""
    # Services that were, or are just being, started with what is new.
    touched: tuple[str, ...] = ()
    # Unix time at which the entry was closed; 0 before.
    closed: float = 0.0


def _entry(known: Mapping[str, Any]) -> Entry:
    return Entry(
        {str(name): str(image) for name, image in known["services"].items()},
        {str(name): str(image) for name, image in known["images"].items()},
        str(known["backup"]),
        tuple(map(str, known["touched"])),
        float(known["closed"]),
    )


_KIND = JournalKind("upgrade", _entry, writer="inv upgrade", remedy="inv backups; inv restore; then rm {path}")


def journal_of(settings: Settings) -> Journal[Entry]:
    """The journal of this project's upgrades."""
    return Journal(settings, _KIND)

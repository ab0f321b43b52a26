"""The journal of an upgrade: the state before it, how far it is, and the decision for the new state or the old one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rofecare_infra.settings import Settings
from rofecare_infra.state import Journal, JournalKind


@dataclass(frozen=True)
class Entry:
    """The state before, and how far the upgrade is.

    The ingress opens only after `decided` or `undone` is on the disk: what clients write then is never rolled back.
    """

    # Service -> the name of the image that it ran.
    services: Mapping[str, str] = field(default_factory=dict)
    # That name -> the id of its image.
    images: Mapping[str, str] = field(default_factory=dict)
    # The id of the backup; empty until it is taken.
    backup: str = ""
    # The services that were, or are just being, started with the new images.
    touched: tuple[str, ...] = ()
    # When the ingress was closed (Unix time); 0 before.
    closed: float = 0.0
    # The tag that is written to the settings, and the line that it replaces; empty where there is none.
    tag: str = ""
    tag_before: str = ""
    # The id of the release in use before; empty in development.
    release: str = ""
    # The new images and their data stay: from here on every path goes forward.
    decided: bool = False
    # The old images and data are restored: only the ingress is left to open.
    undone: bool = False
    # Written by a version that recorded no decision, and opened the ingress without one.
    earlier: bool = False


def _entry(known: Mapping[str, Any]) -> Entry:
    return Entry(
        {str(name): str(image) for name, image in known["services"].items()},
        {str(name): str(image) for name, image in known["images"].items()},
        str(known["backup"]),
        tuple(map(str, known["touched"])),
        float(known["closed"]),
        str(known.get("tag", "")),
        str(known.get("tag_before", "")),
        str(known.get("release", "")),
        decided=bool(known.get("decided", False)),
        undone=bool(known.get("undone", False)),
        earlier="decided" not in known or bool(known.get("earlier", False)),
    )


_KIND = JournalKind("upgrade", _entry, writer="inv upgrade", remedy="inv backups; inv restore; then rm {path}")


def journal_of(settings: Settings) -> Journal[Entry]:
    """The journal of this project's upgrades."""
    return Journal(settings, _KIND)


def is_interrupted(settings: Settings) -> bool:
    """Whether an upgrade is in progress or was interrupted."""
    return journal_of(settings).exists()

"""What a change that was cut off leaves behind, so that the next command can end it. It holds no secret."""

from __future__ import annotations

from dataclasses import dataclass

from rofecare_infra.settings import Settings
from rofecare_infra.state import Journal, JournalKind


@dataclass(frozen=True)
class Entry:
    """Which secret was being changed, and whether the new one was proven already."""

    secret: str
    proven: bool = False


_KIND = JournalKind(
    "rotation",
    lambda known: Entry(str(known["secret"]), bool(known["proven"])),
    writer="inv rotate",
    remedy="look for .*.old in the secrets folder; where there is none, rm {path}",
)


def journal_of(settings: Settings) -> Journal[Entry]:
    """The journal of this project's rotations."""
    return Journal(settings, _KIND)

"""What a change that was cut off leaves behind, so that the next command can end it. It holds no secret."""

from __future__ import annotations

from dataclasses import dataclass

from rofecare_infra import state
from rofecare_infra.settings import Settings


@dataclass(frozen=True)
class Entry:
    """Which secret was being changed, and whether the new one was proven already."""

    secret: str
    proven: bool = False


class Journal(state.Journal[Entry]):
    """One file a project, below .rofecare/."""

    unreadable = "the journal of a changed secret cannot be read"
    written_by = "what an earlier inv rotate wrote"
    remedy = "look for .*.old in the secrets folder; where there is none, rm {path}"
    busy = "a secret is being changed by another command"
    alone_expected = "one change at a time"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "rotation", lambda known: Entry(str(known["secret"]), bool(known["proven"])))

"""State that outlives a command (durable files, journals), and time: the clock and the one polling function."""

from rofecare_infra.state.clock import SYSTEM_CLOCK, Clock, poll
from rofecare_infra.state.files import give, is_draft, make_folder, replace, sync_folder, write, write_bytes
from rofecare_infra.state.journal import Journal, JournalKind

__all__ = [
    "SYSTEM_CLOCK",
    "Clock",
    "Journal",
    "JournalKind",
    "give",
    "is_draft",
    "make_folder",
    "poll",
    "replace",
    "sync_folder",
    "write",
    "write_bytes",
]

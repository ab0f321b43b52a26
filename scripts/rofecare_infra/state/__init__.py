"""State that outlives a command (durable files, journals, locks), and time: the clock and the one polling function."""

from rofecare_infra.state.clock import SYSTEM_CLOCK, Clock, poll
from rofecare_infra.state.files import replace, sync_folder, write
from rofecare_infra.state.journal import Journal, JournalKind
from rofecare_infra.state.lock import Lock

__all__ = ["SYSTEM_CLOCK", "Clock", "Journal", "JournalKind", "Lock", "poll", "replace", "sync_folder", "write"]

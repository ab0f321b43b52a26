"""The only room that starts other programs; signals, which process this is, and which one uses a port."""

from rofecare_infra.process.container import Reachable, Shell, in_container, inside
from rofecare_infra.process.identity import Fate, Identity, fate_of, this_process, user_name
from rofecare_infra.process.interrupts import (
    accept_again,
    complete,
    continue_after_completion,
    interrupted_by,
    interruptible,
    uninterrupted,
)
from rofecare_infra.process.ports import holder_of, is_free
from rofecare_infra.process.run import Result, redact, run, run_attached, stream, to_end
from rofecare_infra.process.together import side_by_side, together
from rofecare_infra.process.transfer import Conversation, piped, reading, transfer

__all__ = [
    "Conversation",
    "Fate",
    "Identity",
    "Reachable",
    "Result",
    "Shell",
    "accept_again",
    "complete",
    "continue_after_completion",
    "fate_of",
    "holder_of",
    "in_container",
    "inside",
    "interrupted_by",
    "interruptible",
    "is_free",
    "piped",
    "reading",
    "redact",
    "run",
    "run_attached",
    "side_by_side",
    "stream",
    "this_process",
    "to_end",
    "together",
    "transfer",
    "uninterrupted",
    "user_name",
]

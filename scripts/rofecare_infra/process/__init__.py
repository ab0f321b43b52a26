"""The only room that starts other programs; and who uses a port of this machine."""

from rofecare_infra.process.ports import holder_of, is_free
from rofecare_infra.process.run import Result, redact, run, run_attached, stream, to_end
from rofecare_infra.process.transfer import Conversation, transfer

__all__ = [
    "Conversation",
    "Result",
    "holder_of",
    "is_free",
    "redact",
    "run",
    "run_attached",
    "stream",
    "to_end",
    "transfer",
]

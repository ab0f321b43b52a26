"""The history of starts: each start is recorded, drawn as a timeline, and compared with earlier ones."""

from rofecare_infra.history.compare import Comparison, Difference, compare, require_comparison, slowness
from rofecare_infra.history.cpu import cpu_seconds
from rofecare_infra.history.draw import Line, draw, heading, tabulate
from rofecare_infra.history.output import Timeline, save
from rofecare_infra.history.path import Step, critical_path
from rofecare_infra.history.picture import picture
from rofecare_infra.history.record import Outcome, ServiceStart, StartRecord, from_json, to_json
from rofecare_infra.history.start import start
from rofecare_infra.history.store import History, folder_of, newest, read, write

__all__ = [
    "Comparison",
    "Difference",
    "History",
    "Line",
    "Outcome",
    "ServiceStart",
    "StartRecord",
    "Step",
    "Timeline",
    "compare",
    "cpu_seconds",
    "critical_path",
    "draw",
    "folder_of",
    "from_json",
    "heading",
    "newest",
    "picture",
    "read",
    "require_comparison",
    "save",
    "slowness",
    "start",
    "tabulate",
    "to_json",
    "write",
]

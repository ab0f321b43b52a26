"""Progress events, and the only code that prints."""

from rofecare_infra.progress.events import (
    Event,
    Expected,
    Failed,
    ImageDone,
    Logged,
    Note,
    Observed,
    Output,
    Result,
    StageBegan,
    StageReady,
    Working,
    output_of,
)
from rofecare_infra.progress.json_lines import SCHEMA
from rofecare_infra.progress.parts import Part, escaped
from rofecare_infra.progress.render import Renderer, Scope, renderer_for, show_failure
from rofecare_infra.progress.sentences import listed
from rofecare_infra.progress.sink import OutputClosedError, is_gone, open_missing_streams, output_is_lost, watched
from rofecare_infra.progress.tables import duration, mebibytes, table
from rofecare_infra.progress.waiting import elapsed, first_seen, is_slow

__all__ = [
    "SCHEMA",
    "Event",
    "Expected",
    "Failed",
    "ImageDone",
    "Logged",
    "Note",
    "Observed",
    "Output",
    "OutputClosedError",
    "Part",
    "Renderer",
    "Result",
    "Scope",
    "StageBegan",
    "StageReady",
    "Working",
    "duration",
    "elapsed",
    "escaped",
    "first_seen",
    "is_gone",
    "is_slow",
    "listed",
    "mebibytes",
    "open_missing_streams",
    "output_is_lost",
    "output_of",
    "renderer_for",
    "show_failure",
    "table",
    "watched",
]

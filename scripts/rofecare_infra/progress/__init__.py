"""Progress events, and the only code that prints."""

from rofecare_infra.progress.events import (
    Event,
    ImageDone,
    Note,
    Observed,
    Output,
    StageBegan,
    StageReady,
    Working,
    output_of,
)
from rofecare_infra.progress.render import Renderer, Scope, listed, renderer_for
from rofecare_infra.progress.sink import discard_if_closed
from rofecare_infra.progress.tables import duration, mebibytes, table

__all__ = [
    "Event",
    "ImageDone",
    "Note",
    "Observed",
    "Output",
    "Renderer",
    "Scope",
    "StageBegan",
    "StageReady",
    "Working",
    "discard_if_closed",
    "duration",
    "listed",
    "mebibytes",
    "output_of",
    "renderer_for",
    "table",
]

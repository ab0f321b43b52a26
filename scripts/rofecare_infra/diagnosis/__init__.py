"""Why a service is not ready: the first cause among services that need each other, and the cause in a log."""

from rofecare_infra.diagnosis.cause import Cause, cause_of, filled
from rofecare_infra.diagnosis.graph import Root, first_cause
from rofecare_infra.diagnosis.level import LEVELS, Level, level_named, level_of
from rofecare_infra.diagnosis.text import field, fields, headline, stack_trace

__all__ = [
    "LEVELS",
    "Cause",
    "Level",
    "Root",
    "cause_of",
    "field",
    "fields",
    "filled",
    "first_cause",
    "headline",
    "level_named",
    "level_of",
    "stack_trace",
]

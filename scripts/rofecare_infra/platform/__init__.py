"""The platform as frozen records: services, phases, stages. How they were obtained is not its business."""

from rofecare_infra.platform.model import (
    LABEL_ENTRY,
    LABEL_MODE,
    LABEL_PHASE,
    LABEL_TOKENS,
    LABEL_VOLUME_OF,
    LAST_PHASE,
    MONITORING,
    PHASES,
    Platform,
    Port,
    Service,
    Stage,
    lets_in,
    levels_of,
)
from rofecare_infra.platform.names import resolve, short
from rofecare_infra.platform.parse import Defect, defects, parse

__all__ = [
    "LABEL_ENTRY",
    "LABEL_MODE",
    "LABEL_PHASE",
    "LABEL_TOKENS",
    "LABEL_VOLUME_OF",
    "LAST_PHASE",
    "MONITORING",
    "PHASES",
    "Defect",
    "Platform",
    "Port",
    "Service",
    "Stage",
    "defects",
    "lets_in",
    "levels_of",
    "parse",
    "resolve",
    "short",
]

"""The platform as frozen records: services, phases and stages, parsed from the compose model."""

from rofecare_infra.platform.model import (
    LABEL_HOLD,
    LABEL_INGRESS,
    LABEL_MODE,
    LABEL_OUTSIDE,
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
    checks_tokens,
    is_ingress,
    levels_of,
)
from rofecare_infra.platform.names import resolve, short
from rofecare_infra.platform.parse import Defect, defects, parse

__all__ = [
    "LABEL_HOLD",
    "LABEL_INGRESS",
    "LABEL_MODE",
    "LABEL_OUTSIDE",
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
    "checks_tokens",
    "defects",
    "is_ingress",
    "levels_of",
    "parse",
    "resolve",
    "short",
]

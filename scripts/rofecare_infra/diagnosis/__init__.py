"""Why a service is not ready: the first cause among services that need each other, and the cause in a log."""

from rofecare_infra.diagnosis.cause import Cause, cause_of, filled
from rofecare_infra.diagnosis.graph import Root, first_cause
from rofecare_infra.diagnosis.text import field

__all__ = ["Cause", "Root", "cause_of", "field", "filled", "first_cause"]

"""The gate: a pure function that judges readiness, and a loop that polls until the verdict is final."""

from rofecare_infra.gates.judge import HOPELESS, Failed, Pending, Ready, Verdict, has_completed, judge
from rofecare_infra.gates.wait import Observation, observe, wait

__all__ = [
    "HOPELESS",
    "Failed",
    "Observation",
    "Pending",
    "Ready",
    "Verdict",
    "has_completed",
    "judge",
    "observe",
    "wait",
]

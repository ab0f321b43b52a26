"""The gate: is what was started ready? One pure judge, and one loop that asks it until the answer is final."""

from rofecare_infra.gates.judge import Failed, Pending, Ready, Verdict, has_done_its_work, judge
from rofecare_infra.gates.wait import Observation, observe, wait

__all__ = ["Failed", "Observation", "Pending", "Ready", "Verdict", "has_done_its_work", "judge", "observe", "wait"]

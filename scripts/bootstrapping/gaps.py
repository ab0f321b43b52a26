"""What a task needs and the machine lacks."""

from __future__ import annotations

from bootstrapping.needs import TASKS_WITHOUT_ENGINE, Gap
from bootstrapping.survey import engine_gaps, python_gaps, tool_gaps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bootstrapping.environment import Environment


def find_gaps(task: str, environment: Environment) -> list[Gap]:
    """Find what `task` needs and the machine lacks."""
    gaps = [] if environment.is_ready() else python_gaps()
    if task not in TASKS_WITHOUT_ENGINE:
        gaps += engine_gaps()
    return gaps + tool_gaps(task, environment.programs)

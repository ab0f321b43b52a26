"""Settings: `.env` and the environment, as one frozen record, with every problem reported at once."""

from rofecare_infra.settings.dotenv_file import Assignment, Problem
from rofecare_infra.settings.load import load
from rofecare_infra.settings.record import Settings

__all__ = ["Assignment", "Problem", "Settings", "load"]

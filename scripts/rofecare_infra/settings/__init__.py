"""Settings from `.env` and the environment, as one frozen record; all problems are reported together."""

from rofecare_infra.settings.dotenv_file import Assignment, Problem
from rofecare_infra.settings.load import load
from rofecare_infra.settings.record import Settings

__all__ = ["Assignment", "Problem", "Settings", "load"]

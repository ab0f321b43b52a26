"""Examines the machine, the engine and the settings before anything is changed, and lists what it finds."""

from rofecare_infra.doctor.examine import examine
from rofecare_infra.doctor.finding import Finding, Level, error_of

__all__ = ["Finding", "Level", "error_of", "examine"]

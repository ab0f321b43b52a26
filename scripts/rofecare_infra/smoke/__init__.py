"""Proof by traffic: the platform does what it is there for, or this one link is why not."""

from rofecare_infra.smoke.report import Report, error_of, shown
from rofecare_infra.smoke.run import run

__all__ = ["Report", "error_of", "run", "shown"]

"""The tests and the linters of this repository."""

from rofecare_infra.quality.linters import Finding, Linter, lint, linters, run
from rofecare_infra.quality.suites import SUITES, run_tests

__all__ = ["SUITES", "Finding", "Linter", "lint", "linters", "run", "run_tests"]

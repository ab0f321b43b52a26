"""The tests and the linters of this repository."""

from rofecare_infra.quality.linters import Finding, Linter, lint, linters, run
from rofecare_infra.quality.suites import SUITES, Selection, run_tests, seed_of

__all__ = ["SUITES", "Finding", "Linter", "Selection", "lint", "linters", "run", "run_tests", "seed_of"]

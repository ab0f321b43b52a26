"""The bodies of the tasks for those who change this repository: test, lint, dashboards."""

from __future__ import annotations

import os
from pathlib import Path

from invoke.exceptions import Exit

from rofecare_infra import quality
from rofecare_infra.errors import CommandError
from rofecare_infra.progress import renderer_for


def run_tests(root: Path, selection: quality.Selection) -> None:
    """Run the tests. pytest's own summary stays the last thing that is printed, also if tests fail."""
    if quality.run_tests(root, selection, os.environ) != 0:
        raise Exit(code=CommandError.exit_code)


def lint(root: Path) -> None:
    """Run every linter, one line each; what the failed ones printed comes last."""
    out = renderer_for()
    failed = []
    for finding in quality.lint(root, quality.linters(root)):
        out.say(str(finding))
        failed += [] if finding.passed else [finding]
    for finding in failed:
        out.say(f"\n{finding.linter}:")
        for line in finding.output:
            out.say(f"  {line}")
    if failed:
        out.say()
        raise CommandError(
            f"{', '.join(finding.linter for finding in failed)} found something",
            seen=f"{len(failed)} linters failed",
            expected="none",
            next_step="mend what is listed above, then inv lint again (ruff format . does the formatting)",
        )


def write_dashboards(root: Path) -> None:
    """Write those files of dashboards that are not as they are drawn; name them."""
    try:
        from rofecare_infra import dashboards
    except ModuleNotFoundError as error:
        raise CommandError(
            "the dashboards cannot be drawn",
            seen=f"no Python package {error.name}",
            expected="the packages of requirements-dev.lock",
            next_step="python3 scripts/bootstrap.py dashboards  (installs them)",
        ) from error
    changed = dashboards.write(root / "docker" / "config" / "grafana" / "dashboards")
    out = renderer_for()
    out.say(
        f"changed: {', '.join(path.name for path in changed)}" if changed else "all dashboards are as they are drawn"
    )

"""The tasks for those who change this repository."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from rofecare_infra.boundary.checkout import root_of
from rofecare_infra.boundary.guard import guarded


@task(help={"only": "unit, contract, engine or e2e; none: all of them"})
def test(context: Context, only: str = "") -> None:
    """Run the tests, the fast ones first."""
    from rofecare_infra.boundary import quality_commands

    with guarded(root_of(context)):
        quality_commands.run_tests(root_of(context), only)


@task
def lint(context: Context) -> None:
    """Run every linter: ruff, mypy, import-linter, yamllint, shellcheck, hadolint, compose config, compose-lint."""
    from rofecare_infra.boundary import quality_commands

    with guarded(root_of(context)):
        quality_commands.lint(root_of(context))


@task
def dashboards(context: Context) -> None:
    """Write the dashboards of Grafana from what draws them: monitoring/grafana/dashboards/."""
    from rofecare_infra.boundary import quality_commands

    with guarded(root_of(context)):
        quality_commands.write_dashboards(root_of(context))

"""The tasks for those who change this repository."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from rofecare_infra.boundary.checkout import root_of
from rofecare_infra.boundary.guard import guarded


@task(
    optional=["random"],
    help={
        "only": "one suite: unit, contract, engine or e2e (all tiers except the soak)",
        "k": "tests by name, as pytest -k selects them (all tiers except the soak)",
        "full": "everything except the soak",
        "soak": "the soak alone: many rounds, random moments",
        "random": "run the files in random order; with a number, in the order of that seed",
    },
)
def test(
    context: Context,
    only: str = "",
    k: str = "",
    full: bool = False,
    soak: bool = False,
    random: str | None = None,
) -> None:
    """Run the tests; without a flag, the default tier."""
    from rofecare_infra import quality
    from rofecare_infra.boundary import quality_commands

    with guarded(root_of(context)):
        selection = quality.Selection(only, k, full=full, soak=soak, seed=quality.seed_of(random))
        quality_commands.run_tests(root_of(context), selection)


@task
def lint(context: Context) -> None:
    """Run every linter: ruff, mypy, import-linter, yamllint, shellcheck, hadolint, compose config, compose-lint."""
    from rofecare_infra.boundary import quality_commands

    with guarded(root_of(context)):
        quality_commands.lint(root_of(context))


@task
def dashboards(context: Context) -> None:
    """Write the dashboards of Grafana from what draws them: docker/config/grafana/dashboards/."""
    from rofecare_infra.boundary import quality_commands

    with guarded(root_of(context)):
        quality_commands.write_dashboards(root_of(context))

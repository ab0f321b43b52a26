"""The tasks for developers of this repository."""

from __future__ import annotations

from pathlib import Path

from rofecare_infra.boundary import command


@command(
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
    root: Path,
    only: str = "",
    k: str = "",
    full: bool = False,
    soak: bool = False,
    random: str | None = None,
) -> None:
    """Run the tests; without a flag, the default tier."""
    import os

    from invoke.exceptions import Exit

    from rofecare_dev import suites
    from rofecare_infra.errors import CommandError

    selection = suites.Selection(only, k, full=full, soak=soak, seed=suites.seed_of(random))
    # pytest's own summary stays the last thing that is printed, also if tests fail.
    if suites.run_tests(root, selection, os.environ) != 0:
        raise Exit(code=CommandError.exit_code)


@command()
def lint(root: Path) -> None:
    """Run every linter: ruff, mypy, import-linter, yamllint, shellcheck, hadolint, compose config, compose-lint."""
    from rofecare_dev import linters
    from rofecare_infra.errors import CommandError
    from rofecare_infra.progress import renderer_for

    out = renderer_for()
    failed = []
    for finding in linters.lint(root, linters.linters(root)):
        out.say(str(finding))
        failed += [] if finding.passed else [finding]
    for finding in failed:
        out.say(f"\n{finding.linter}:")
        for line in finding.output:
            out.say(f"  {line}")
    if failed:
        out.say()
        raise CommandError(
            f"{', '.join(finding.linter for finding in failed)} failed",
            seen=f"{len(failed)} linters failed",
            expected="all linters pass",
            next_step="fix the findings above, then run inv lint again (ruff format . fixes the formatting)",
        )


@command()
def dashboards(root: Path) -> None:
    """Write Grafana's dashboards from their Python modules: docker/config/grafana/dashboards/."""
    from rofecare_infra.errors import CommandError
    from rofecare_infra.progress import renderer_for

    try:
        from rofecare_dev import dashboards as modules
    except ModuleNotFoundError as error:
        raise CommandError(
            "the dashboards cannot be written",
            seen=f"no Python package {error.name}",
            expected="the packages of requirements-dev.lock",
            next_step="python3 scripts/bootstrap.py dashboards  (installs them)",
        ) from error
    changed = modules.write(root / "docker" / "config" / "grafana" / "dashboards")
    names = ", ".join(path.name for path in changed)
    renderer_for().say(f"changed: {names}" if changed else "all dashboards are up to date")


@command(
    help={
        "against": "the commit to compare with; without it, only docker compose",
        "runs": "how often each command is timed",
        "only": "some measures, with commas: cold, floor, no-op, idle, backup, stop, warm, full-backup, restore",
        "size": "how much content each database gets for full-backup and restore, in MiB",
        "whole": "the whole platform instead of its infrastructure",
        "prod": "the whole platform as production, against another commit",
        "json": "one document with every sample, for programs",
    }
)
def bench(  # noqa: PLR0917 - each is a flag of the command line
    root: Path,
    against: str = "",
    runs: int = 5,
    only: str = "",
    whole: bool = False,
    prod: bool = False,
    size: int = 10,
    json: bool = False,
) -> None:
    """Time start, stop, backup, restore of this commit against another one and docker compose, in alternating runs."""
    from rofecare_dev import bench as benchmark
    from rofecare_infra.progress import renderer_for

    out = renderer_for(as_json=json)
    samples = []
    names = [name for name in only.split(",") if name]
    for sample in benchmark.measure(root, against, runs=runs, whole=whole, only=names, size=size, production=prod):
        samples.append(sample)
        if not json:
            out.say(f"{sample.measure}: {sample.seconds:.1f} s ({sample.contender})")
    commits = {"this": "HEAD"} | ({"against": against} if against else {})
    if json:
        out.record(benchmark.Benchmark.of(samples, commits))
    else:
        out.say(f"\n{benchmark.as_table(samples)}")

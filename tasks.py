"""The tasks of the Rofecare platform: `inv --list` shows them, `inv --help <task>` explains one.

Each task is one call; what it does is in the package `rofecare_infra`. Imports stand in the tasks because the list of
tasks must not wait for them.
"""

from __future__ import annotations

from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from rofecare_infra.boundary import accept_lists, guarded

ROOT = Path(__file__).resolve().parent


@task(help={"json": "one JSON object a line, for programs"})
def start_all(_: Context, json: bool = False) -> None:
    """Start the whole platform, phase by phase, and say when it is up."""
    from rofecare_infra.boundary import commands

    with guarded(ROOT, commands.interrupted(ROOT)):
        commands.start_all(ROOT, as_json=json)


@task(help={"json": "one JSON object a line, for programs"})
def start_infra(_: Context, json: bool = False) -> None:
    """Start databases, Redis, Zookeeper and Kafka; say where to connect from the IDE."""
    from rofecare_infra.boundary import commands

    with guarded(ROOT, commands.interrupted(ROOT)):
        commands.start_infra(ROOT, as_json=json)


@task(iterable=["service"], help={"service": "full or short name; none: all (inv build identity patient)"})
def build(_: Context, service: list[str]) -> None:
    """Build the images of the applications, and whatever they stand on."""
    from rofecare_infra.boundary import commands

    with guarded(ROOT):
        commands.build(ROOT, service)


@task(help={"volumes": "remove all data and secrets, too", "json": "one JSON object a line, for programs"})
def stop_all(_: Context, volumes: bool = False, json: bool = False) -> None:
    """Stop the platform in the reverse order; data stays unless --volumes is given."""
    from rofecare_infra.boundary import commands

    with guarded(ROOT, commands.interrupted(ROOT)):
        commands.stop_all(ROOT, volumes=volumes, as_json=json)


@task(
    iterable=["service"],
    help={
        "service": "full or short name (inv logs gateway identity); none: all",
        "tail": "how many earlier lines to show; -1: all",
        "since": "30s, 10m, 2h, 1d, or a moment",
        "follow": "go on until ^C (--no-follow: end with what is there)",
    },
)
def logs(_: Context, service: list[str], tail: int = 100, since: str = "", follow: bool = True) -> None:
    """Show the logs of services, live, through their restarts."""
    from rofecare_infra.boundary import commands

    with guarded(ROOT):
        commands.follow_logs(ROOT, service, tail=tail, since=since, follow=follow)


@task
def init(_: Context) -> None:
    """Make the secrets that are missing (start-all does it by itself on the first run)."""
    from rofecare_infra.boundary import commands

    with guarded(ROOT):
        commands.initialise(ROOT)


@task(help={"json": "one JSON document, for programs"})
def status(_: Context, json: bool = False) -> None:
    """Show every service: state, health, uptime, restarts, memory, port. Ends with 0 when all are ready."""
    from rofecare_infra.boundary import commands

    with guarded(ROOT):
        commands.show_status(ROOT, as_json=json)


@task(help={"json": "one JSON object a line, for programs"})
def smoke(_: Context, json: bool = False) -> None:
    """Prove by traffic that every link of the started platform works, or name the broken one."""
    from rofecare_infra.boundary import commands

    with guarded(ROOT):
        commands.run_smoke(ROOT, as_json=json)


@task(help={"only": "unit, contract, engine or e2e; none: all of them"})
def test(_: Context, only: str = "") -> None:
    """Run the tests, the fast ones first."""
    from rofecare_infra.boundary import quality_commands

    with guarded(ROOT):
        quality_commands.run_tests(ROOT, only)


@task
def lint(_: Context) -> None:
    """Run every linter: ruff, mypy, import-linter, yamllint, shellcheck, hadolint, docker compose config."""
    from rofecare_infra.boundary import quality_commands

    with guarded(ROOT):
        quality_commands.lint(ROOT)


namespace = Collection(start_all, start_infra, build, stop_all, logs, init, status, smoke, test, lint)
accept_lists({"build": (), "logs": ("--tail", "-t", "--since", "-i")})

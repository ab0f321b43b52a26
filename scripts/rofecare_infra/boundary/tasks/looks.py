"""The tasks that look at what runs and change nothing."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from rofecare_infra.boundary.checkout import root_of
from rofecare_infra.boundary.guard import guarded


@task(help={"json": "one JSON document, for programs"})
def status(context: Context, json: bool = False) -> None:
    """Show every service: state, health, uptime, restarts, memory, port. Ends with 0 when all are ready."""
    from rofecare_infra.boundary import commands

    with guarded(root_of(context)):
        commands.show_status(root_of(context), as_json=json)


@task(
    iterable=["service"],
    help={
        "service": "full or short name (inv logs gateway identity); none: all",
        "tail": "how many earlier lines to show; -1: all",
        "since": "30s, 10m, 2h, 1d, or a moment",
        "follow": "go on until ^C (--no-follow: end with what is there)",
    },
)
def logs(context: Context, service: list[str], tail: int = 100, since: str = "", follow: bool = True) -> None:
    """Show the logs of services, live, through their restarts."""
    from rofecare_infra.boundary import commands

    with guarded(root_of(context)):
        commands.follow_logs(root_of(context), service, tail=tail, since=since, follow=follow)


@task(help={"json": "one JSON object a line, for programs"})
def smoke(context: Context, json: bool = False) -> None:
    """Prove by traffic that every link of the started platform works, or name the broken one."""
    from rofecare_infra.boundary import commands

    with guarded(root_of(context)):
        commands.run_smoke(root_of(context), as_json=json)

"""The tasks that watch the platform."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from rofecare_infra.boundary.checkout import root_of
from rofecare_infra.boundary.guard import guarded


@task(help={"json": "one JSON object a line, for programs"})
def start_monitoring(context: Context, json: bool = False) -> None:
    """Start what watches the platform: metrics, alerts, dashboards, logs, traces."""
    from rofecare_infra.boundary import commands, monitoring_commands

    with guarded(root_of(context), commands.interrupted(root_of(context))):
        monitoring_commands.start_monitoring(root_of(context), as_json=json)


@task(help={"json": "one JSON object a line, for programs"})
def stop_monitoring(context: Context, json: bool = False) -> None:
    """Stop what watches the platform, and nothing else; what it has recorded stays."""
    from rofecare_infra.boundary import commands, monitoring_commands

    with guarded(root_of(context), commands.interrupted(root_of(context))):
        monitoring_commands.stop_monitoring(root_of(context), as_json=json)


@task(help={"json": "one document, for programs"})
def alerts(context: Context, json: bool = False) -> None:
    """Show what fires now and what to do about it; ends with 7 when something critical does."""
    from rofecare_infra.boundary import monitoring_commands

    with guarded(root_of(context)):
        monitoring_commands.show_alerts(root_of(context), as_json=json)

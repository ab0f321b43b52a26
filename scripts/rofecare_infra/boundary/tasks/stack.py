"""The task that deploys the platform on a Swarm."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rofecare_infra.boundary.command import command
from rofecare_infra.boundary.tasks.platform import left_running

if TYPE_CHECKING:
    from rofecare_infra.swarm import Plan


@command(
    changes=True,
    of_checkout=True,
    help={"yes": "accept the proposed places of services with data", "json": "print one JSON object per line"},
    interrupted=left_running,
)
def deploy(root: Path, yes: bool = False, json: bool = False) -> None:
    """Start or update the platform on the Swarm of this manager, phase by phase, and wait until it is ready."""
    import time

    from rofecare_infra import lifecycle, swarm
    from rofecare_infra.boundary import confirm
    from rofecare_infra.boundary.results import platform as results
    from rofecare_infra.progress import Scope, renderer_for
    from rofecare_infra.project import of_checkout, open_project, prepare, publish, take_over
    from rofecare_infra.recovery import recover

    began = time.monotonic()
    with Scope(renderer_for(as_json=json)) as scope:
        project = open_project(root, stack=True, monitoring=False)
        # Before anything is written.
        plan = swarm.plan(project)
        if len(plan.nodes) > 1 and plan.proposed:
            scope.say(_places(plan))
            name = project.platform.project
            confirm.by_name(name, f"data of {name} is about to be placed on these nodes", yes=yes)
        project = scope.follow(take_over(project))
        project = scope.follow(recover(project, restart=False))
        project = scope.follow(of_checkout(project, root))
        project = scope.follow(prepare(project))
        started: list[str] = []
        containers = scope.follow(results.noting(swarm.deploy(project, plan), started))
        scope.follow(lifecycle.reopen(project))
        publish(project)
        seconds = time.monotonic() - began
        where = swarm.answers_on(project, plan)
        count = f"{len(containers)} of {len(containers)} replicas ready on {len(plan.nodes)} nodes"
        scope.say(f"up: {count} after {seconds:.1f} s, front at {', '.join(where)}")
        services = results.services_of(containers)
        scope.record(results.Started(services, len(containers), tuple(started), seconds, where[0] if where else ""))


def _places(plan: Plan) -> str:
    from rofecare_infra.progress import table

    rows = [(service, node, "proposed" if service in plan.proposed else "") for service, node in plan.placement.items()]
    return table(("SERVICE WITH DATA", "NODE", ""), rows)

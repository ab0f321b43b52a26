"""The body of the task that upgrades the platform, or rehearses it."""

from __future__ import annotations

from pathlib import Path

from rofecare_infra import rotation, upgrade
from rofecare_infra.progress import Scope, renderer_for, table
from rofecare_infra.project import open_project
from rofecare_infra.upgrade import Plan


def run_upgrade(root: Path, tag: str, *, rehearse: bool, as_json: bool) -> None:
    """Show what changes, do it (or do it on a copy), say for how long nobody was let in."""
    with Scope(renderer_for(as_json=as_json)) as scope:
        project = open_project(root)
        scope.follow(upgrade.settle(project))
        scope.follow(rotation.recover(project))

        def tell(plan: Plan) -> None:
            differing = [one for one in plan.changes if one.differs]
            scope.say(table(("SERVICE", "NOW", "THEN", "CONFIGURATION"), [one.row for one in differing]))
            scope.say(f"{len(differing)} of {len(plan.changes)} services are replaced")

        if rehearse:
            rehearsed = scope.follow(upgrade.rehearse(project, tag, tell=tell))
            scope.say(
                f"rehearsed: {len(rehearsed.plan.differing)} services would be replaced; on the copy everything was "
                f"ready after {rehearsed.seconds:.1f} s; the running platform was not touched"
            )
            return
        done = scope.follow(upgrade.upgrade(project, tag, tell=tell))
        if not done.plan.differing:
            scope.say("nothing to upgrade: everything runs as the settings describe it")
            return
        scope.say(
            f"upgraded: {len(done.plan.differing)} services replaced, backup {done.backup or 'none: no database'}"
        )
        scope.say(f"no request was let in for {done.window}")

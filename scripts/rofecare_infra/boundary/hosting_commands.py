"""The bodies of the tasks that make a machine a host of the platform."""

from __future__ import annotations

import shlex
from pathlib import Path

from rofecare_infra import hosting
from rofecare_infra.compose import PRODUCTION
from rofecare_infra.progress import Scope, renderer_for
from rofecare_infra.project import open_project


def install_service(root: Path, *, production: bool, remove: bool) -> None:
    """Let this machine start the platform when it boots; with `remove` no longer."""
    project = open_project(root, secrets_checked=False, production=production or None)
    # Also where it was said to an earlier command.
    production = PRODUCTION in project.compose.files
    # The platform runs as whoever owns the checkout, also where sudo installs the unit.
    unit = hosting.unit_of(project.settings, project.platform, user=root.owner(), production=production)
    again = shlex.join([str(root / ".venv/bin/inv"), "install-service", *(["--remove"] if remove else [])])
    systemd = hosting.Systemd()
    with Scope(renderer_for()) as scope:
        if remove:
            there = scope.follow(hosting.remove(unit.name, systemd, again))
            scope.say("what runs goes on running; inv stop-all stops it" if there else f"there is no {unit.name}")
            return
        path = scope.follow(hosting.install(unit, systemd, again + (" --prod" if production else "")))
        scope.say(f"--- {path}\n{unit.text}---")
        scope.say(f"next: sudo systemctl start {unit.name} (what runs already is left as it is)")

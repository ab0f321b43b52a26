"""The tasks that set up a machine as a host of the platform."""

from __future__ import annotations

from pathlib import Path

from rofecare_infra.boundary.command import command


@command(help={"prod": "start it as the production platform", "remove": "remove the unit"})
def install_service(root: Path, prod: bool = False, remove: bool = False) -> None:
    """Write a systemd unit that starts the platform at boot and stops it at shutdown."""
    import shlex

    from rofecare_infra import hosting
    from rofecare_infra.progress import Scope, renderer_for
    from rofecare_infra.project import open_project, require_release

    project = open_project(root, secrets_checked=False, production=prod or None)
    systemd = hosting.Systemd()
    with Scope(renderer_for()) as scope:
        if not remove:
            require_release(project)
        settings = project.settings
        # The platform runs as the owner of its state folder or of the checkout, also where sudo installs the unit.
        user = hosting.home_of(settings).owner()
        given = hosting.inherited(settings)
        unit = hosting.unit_of(settings, project.platform, given, user=user, production=project.production)
        inv = str(hosting.launcher_of(settings))
        again = shlex.join([inv, "install-service", *(["--remove"] if remove else [])])
        if remove:
            if scope.follow(hosting.loopback.reopen(project.platform.project, systemd, again)):
                scope.say("the rules for ports on 127.0.0.1 are removed; the next start of production installs them")
            there = scope.follow(hosting.remove(unit.name, systemd, again))
            scope.say(
                "running containers keep running; inv stop-all stops them" if there else f"there is no {unit.name}"
            )
            return
        path = scope.follow(hosting.install(unit, systemd, again + (" --prod" if project.production else "")))
        scope.say(f"--- {path}\n{unit.text}---")
        if str(given):
            scope.say(str(given))
        scope.say(f"next: sudo systemctl start {unit.name} (running containers are left as they are)")


@command(help={"time": "time of day, HH:MM", "remove": "remove the schedule"})
def schedule_backups(root: Path, time: str = "02:30", remove: bool = False) -> None:
    """Schedule a daily backup with a systemd timer or cron."""
    import sys

    from rofecare_infra import hosting
    from rofecare_infra.progress import Scope, renderer_for
    from rofecare_infra.project import open_project, require_release

    project = open_project(root, secrets_checked=False, stack=None)
    with Scope(renderer_for()) as scope:
        if remove:
            gone = hosting.schedule.remove(project.settings).files
            scope.say(f"removed: {', '.join(map(str, gone))}" if gone else "nothing was scheduled")
            return
        require_release(project)
        settings = project.settings
        inv = [str(Path(sys.executable).with_name("inv")), "--search-root", str(root)]
        command = [str(hosting.launcher_of(settings))] if settings.is_release else inv
        # As the owner, like the platform itself: also where sudo writes the files.
        user, given = hosting.home_of(settings).owner(), hosting.inherited(settings)
        job = hosting.schedule.Job([*command, "backup"], time, user, given)
        done = hosting.schedule.schedule(settings, job)
        for path, text in zip(done.files, done.texts, strict=True):
            scope.say(f"{path}:\n\n{text}")
        details = f"as {user}, {given}" if str(given) else f"as {user}"
        scope.say(f"scheduled: a backup of {settings.project} every day at {time}, {details}")

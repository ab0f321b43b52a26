"""The tasks that start and stop the platform."""

from __future__ import annotations

from pathlib import Path

from rofecare_infra.boundary.command import command


def left_running(root: Path) -> str:
    """What to print after ^C."""
    from rofecare_infra import lifecycle
    from rofecare_infra.project import open_for_stop

    project = open_for_stop(root)
    left = lifecycle.left_running(project.engine, project.platform.project)
    return f"{left}; run the same command again to continue, or inv stop-all to stop them"


@command(
    changes=True,
    help={
        "prod": "for production: limits, isolated networks, persistent volumes (until the data is removed)",
        "monitoring": "include the monitoring",
        "json": "print one JSON object per line",
    },
    interrupted=left_running,
)
def start_all(root: Path, prod: bool = False, monitoring: bool = False, json: bool = False) -> None:
    """Start the whole platform, phase by phase, and wait until it is ready."""
    import time

    from rofecare_infra import backup, history, lifecycle
    from rofecare_infra.boundary import loopback
    from rofecare_infra.boundary.results import platform as results
    from rofecare_infra.progress import Scope, renderer_for
    from rofecare_infra.project import open_project, prepare, publish
    from rofecare_infra.recovery import recover

    began = time.monotonic()
    with Scope(renderer_for(as_json=json)) as scope:
        # Without the flags, both stay as they were.
        project = open_project(root, monitoring=monitoring or None, production=prod or None)
        project = scope.follow(recover(project, restart=False))
        backup.refresh_metrics(project)
        project = scope.follow(prepare(project))
        publish(project)
        started: list[str] = []
        with loopback.closed(scope, project):
            containers = scope.follow(results.noting(history.start(project), started))
        scope.follow(lifecycle.reopen(project))
        gateway = lifecycle.gateway_url(project.platform)
        where = f", gateway at {gateway}" if gateway else ""
        count = f"{len(containers)} of {len(containers)} containers ready"
        seconds = time.monotonic() - began
        scope.say(f"up: {count} after {seconds:.1f} s{where}")
        services = results.services_of(containers)
        scope.record(results.Started(services, len(containers), tuple(started), seconds, gateway))


@command(changes=True, help={"json": "print one JSON object per line"}, interrupted=left_running)
def start_infra(root: Path, json: bool = False) -> None:
    """Start databases, Redis, ZooKeeper and Kafka, and show how to connect to them from an IDE."""
    import time

    from rofecare_infra import backup, history, lifecycle
    from rofecare_infra.boundary import loopback
    from rofecare_infra.boundary.results import platform as results
    from rofecare_infra.progress import Scope, renderer_for, table
    from rofecare_infra.project import open_project, prepare, publish
    from rofecare_infra.recovery import recover

    began = time.monotonic()
    with Scope(renderer_for(as_json=json)) as scope:
        project = open_project(root)
        project = scope.follow(recover(project, restart=False))
        backup.refresh_metrics(project)
        project = scope.follow(prepare(project))
        publish(project)
        started: list[str] = []
        with loopback.closed(scope, project):
            containers = scope.follow(results.noting(history.start(project, phases=["infrastructure"]), started))
        scope.say(f"up: {len(containers)} of {len(containers)} containers ready\n")
        rows = lifecycle.connections(project.platform)
        scope.say(table(("SERVICE", "ADDRESS"), [(row.service, row.address) for row in rows]))
        protected = [(row.service, row.user, Path(row.password_file).name) for row in rows if row.password_file]
        scope.say("\n" + table(("SERVICE", "USER", "PASSWORD FILE"), protected))
        scope.say(f"\npassword files are in {project.settings.secrets_folder}; for psql:")
        first = next((row for row in rows if row.user), None)
        scope.say(f"  export PGPASSWORD=$(cat {first.password_file})" if first else "  (no database here)")
        services, seconds = results.services_of(containers), time.monotonic() - began
        scope.record(results.InfrastructureStarted(services, len(containers), tuple(started), seconds, rows))


@command(
    changes=True,
    help={
        "volumes": "also remove all data and secrets; in production after a confirmation and a verified backup",
        "yes": "confirm the removal",
        "json": "print one JSON object per line",
    },
    interrupted=left_running,
)
def stop_all(root: Path, volumes: bool = False, yes: bool = False, json: bool = False) -> None:
    """Stop the platform in reverse order; data is kept unless --volumes is given."""
    from rofecare_infra import backup, lifecycle, swarm
    from rofecare_infra.boundary import confirm, loopback
    from rofecare_infra.boundary.results import platform as results
    from rofecare_infra.progress import Scope, renderer_for
    from rofecare_infra.project import open_for_stop, prepare, require_own
    from rofecare_infra.recovery import recover, unfinished

    with Scope(renderer_for(as_json=json)) as scope:
        project = open_for_stop(root, volumes=volumes)
        if project.unusable is not None:
            seen = project.unusable.seen
            scope.say(f"the settings cannot be used ({seen}): stopping the containers with the label of the project")
        if not project.stack:
            # Before anything is confirmed, stopped or backed up.
            require_own(project.platform, project.engine, project.settings.docker_folder, removes_volumes=volumes)
        taken = ""
        if volumes and backup.is_needed_before_removal(project):
            name = project.platform.project
            confirm.by_name(name, f"all data of {name} is about to be removed", yes=yes)
            project = scope.follow(recover(project, restart=False))
            prepared = scope.follow(prepare(project))
            saved = scope.follow(backup.take_before_removal(prepared))
            scope.say(f"verified backup before anything is removed: {backup.describe(saved.backup)}")
            taken = saved.backup.id
        elif project.stack and unfinished(project.settings):
            # Its services are needed for that, and a stop removes them.
            project = scope.follow(recover(project, restart=False))
        stop, units = (swarm.stop, "replicas") if project.stack else (lifecycle.stop, "containers")
        report = scope.follow(stop(project, volumes=volumes))
        scope.say(f"stopped: {len(report.stopped)} {units}" if report.stopped else "nothing was running")
        if volumes:
            backup.forget(project.settings)
            scope.say(f"removed {len(report.volumes)} volumes: {', '.join(report.volumes) or 'none'}")
            if report.secrets_kept_for:
                scope.say(f"secrets kept: they are also those of {', '.join(report.secrets_kept_for)}")
            else:
                secrets = ", ".join(path.name for path in report.secrets)
                scope.say(f"removed {len(report.secrets)} secrets: {secrets or 'none'}")
            if not project.stack:
                loopback.forget(scope, project)
        scope.record(results.Stopped.of(report, taken))
        report.raise_if_killed()


@command(changes=True, help={"prod": "also create the volumes of a production platform, and mark it as one"})
def init(root: Path, prod: bool = False) -> None:
    """Create the secrets that are missing (start-all does this on the first run), and the key of the backups."""
    from rofecare_infra import backup
    from rofecare_infra.progress import Scope, renderer_for
    from rofecare_infra.project import initialise, open_for_init, publish, take_over

    with Scope(renderer_for()) as scope:
        project = scope.follow(take_over(open_for_init(root, production=prod)))
        made = initialise(project)
        publish(project)
        folder = project.settings.secrets_folder
        scope.say(
            f"created {len(made)} secrets in {folder}: {', '.join(path.name for path in made)}"
            if made
            else f"all secrets are in {folder}: nothing to do"
        )
        key = backup.key_file_of(project.settings, production=project.production)
        made_key = "created the key of the backups" if backup.make_key(key) else "the key of the backups"
        scope.say(f"{made_key}: {key}; without it no backup can be restored: keep a copy far from this machine")
        if project.production:
            scope.say(f"{project.platform.project} is a production platform: its volumes exist")


@command(help={"force": "remove the lock of a command that can no longer release it"})
def unlock(root: Path, force: bool = False) -> None:
    """Show which command is changing the platform now; --force removes the lock that it left on another machine."""
    import os

    from rofecare_infra.engine import connect, held_by_another, lock_of, release
    from rofecare_infra.errors import CommandError
    from rofecare_infra.process import Fate
    from rofecare_infra.progress import renderer_for
    from rofecare_infra.settings import load

    project, engine = load(root, os.environ)[0].project, connect()
    found = lock_of(engine, project)
    if found is None:
        renderer_for().say(f"no command is changing {project}")
        return
    if not force:
        raise held_by_another(project, found)
    if found.fate is Fate.RUNNING:
        raise CommandError(
            f"the lock of {project} is not removed",
            seen=f"its holder runs on this machine: {found.holder}",
            expected="a command that has ended",
            next_step=f"wait for its end, or kill {found.holder.process.pid}; the next command replaces the lock",
        )
    release(engine, found)
    renderer_for().say(f"removed the lock of {found.holder}")

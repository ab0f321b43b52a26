"""The tasks' bodies: read the settings, run the use case, show its result, choose the exit code."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from invoke.exceptions import Exit

from rofecare_infra import backup, images, lifecycle, rotation, secrets, upgrade
from rofecare_infra import project as project_room
from rofecare_infra.boundary import confirm
from rofecare_infra.compose import PRODUCTION
from rofecare_infra.errors import CommandError, ServiceFailedError
from rofecare_infra.images import BuildReport
from rofecare_infra.lifecycle import ServiceStatus, connections
from rofecare_infra.platform import MONITORING, resolve, short
from rofecare_infra.progress import Scope, duration, mebibytes, renderer_for, table
from rofecare_infra.project import Project, forget_production, open_for_stop, open_project


def start_all(root: Path, *, as_json: bool, monitoring: bool, production: bool) -> None:
    """Start every phase; say how to go on. Monitoring and production are kept, with or without their flags."""
    began = time.monotonic()
    with Scope(renderer_for(as_json=as_json)) as scope:
        project = prepare(root, scope, monitoring=monitoring or None, production=production or None)
        scope.follow(backup.recover(project))
        containers = scope.follow(lifecycle.start(project))
        gateway = [
            port.published
            for service in project.platform.services
            if "gateway" in service.name
            for port in service.ports
        ]
        where = f", gateway at http://localhost:{gateway[0]}" if gateway else ""
        count = f"{len(containers)} of {len(containers)} containers ready"
        scope.say(f"up: {count} after {time.monotonic() - began:.1f} s{where}")


def start_infra(root: Path, *, as_json: bool) -> None:
    """Start phase 1; say where to connect."""
    with Scope(renderer_for(as_json=as_json)) as scope:
        project = prepare(root, scope)
        scope.follow(backup.recover(project))
        containers = scope.follow(lifecycle.start(project, phases=["infrastructure"]))
        scope.say(f"up: {len(containers)} of {len(containers)} containers ready\n")
        rows = connections(project.platform)
        scope.say(table(("SERVICE", "ADDRESS"), [(row.service, row.address) for row in rows]))
        locked = [(row.service, row.user, Path(row.password_file).name) for row in rows if row.password_file]
        scope.say("\n" + table(("SERVICE", "USER", "PASSWORD FILE"), locked))
        scope.say(f"\npassword files are in {project.settings.secrets_folder}; for psql:")
        first = next((row for row in rows if row.user), None)
        scope.say(f"  export PGPASSWORD=$(cat {first.password_file})" if first else "  (no database here)")


def build(root: Path, names: Sequence[str]) -> None:
    """Build the named images, or all that this machine builds."""
    with Scope(renderer_for()) as scope:
        # A name may be one of the monitoring's; nobody waits for those images who does not use it.
        project = open_project(root, secrets_checked=False, monitoring=True if names else None)
        known = [service.name for service in project.platform.services]
        chosen = resolve(names, known)
        sources = images.resolve(project.settings, project.sources, project.engine)
        for reason in sources.reasons:
            scope.say(reason)
        wanted = chosen or [service.name for service in sources.platform.services if sources.is_built(service)]
        pulled = [name for name in chosen if not sources.is_built(sources.platform.service(name))]
        if pulled:
            scope.say(f"not built here, their images are pulled: {', '.join(pulled)} (SERVICES, IMAGES in .env)")
        report = scope.follow(images.build(project.settings, sources, project.engine, wanted))
        scope.say(report.summary or "nothing to build")
        if report.failed:
            raise _failed_builds(report)


def stop_all(root: Path, *, volumes: bool, yes: bool, as_json: bool) -> None:
    """Stop everything, in reverse; with `volumes` remove the data, too."""
    with Scope(renderer_for(as_json=as_json)) as scope:
        project = open_for_stop(root, volumes=volumes)
        if project.unusable is not None:
            scope.say(
                f"the settings cannot be used ({project.unusable.seen}): stopping what carries the project's name"
            )
        if volumes and project.production and project.engine.volumes(project.platform.project):
            _save_before_removal(project, scope, yes=yes)
        inventory = secrets.inventory(project.platform, project.settings.secrets_folder)
        report = scope.follow(
            lifecycle.stop(project.engine, project.compose, project.platform, volumes=volumes, inventory=inventory)
        )
        scope.say(f"stopped: {len(report.stopped)} containers" if report.stopped else "nothing was running")
        if volumes:
            forget_production(project.settings)
            backup.forget(project.settings)
            scope.say(f"removed {len(report.volumes)} volumes: {', '.join(report.volumes) or 'none'}")
            scope.say(
                f"removed {len(report.secrets)} secrets: {', '.join(path.name for path in report.secrets) or 'none'}"
            )
        if report.killed:
            raise ServiceFailedError(
                f"{', '.join(report.killed)} did not stop by itself",
                seen="killed when its grace period was over (exit code 137)",
                expected="an end by itself within stop_grace_period",
                next_step="data may need a recovery at the next start; look at it: inv start-all",
            )


def _save_before_removal(project: Project, scope: Scope, *, yes: bool) -> None:
    """Ask, and take a backup that was verified; whatever stands in its way keeps the data where it is."""
    name = project.platform.project
    confirm.by_name(name, f"all data of {name} is about to be removed", yes=yes)
    project = scope.follow(project_room.prepare(project))
    saved = scope.follow(backup.take_verified(project, "before all data was removed"))
    scope.say(f"verified backup before anything is removed: {backup.described(saved.backup)}")


def show_status(root: Path, *, as_json: bool) -> None:
    """The table of all services; exit code 7 unless all are ready."""
    project = open_project(root, secrets_checked=False)
    rows = lifecycle.status(lifecycle.as_started(project), project.engine)
    ready = sum(row.ready for row in rows)
    out = renderer_for()
    if as_json:
        text = json.dumps(
            {
                "project": project.platform.project,
                "ready": ready == len(rows),
                "services": [asdict(row) for row in rows],
            },
            indent=2,
        )
        out.say(text)
    else:
        out.say(_status_table(rows))
        out.say(f"\n{ready} of {len(rows)} ready")
    if ready < len(rows):
        raise Exit(code=ServiceFailedError.exit_code)


def run_smoke(root: Path, *, as_json: bool) -> None:
    """Send traffic over every link; show what carried it, or name the broken link."""
    from rofecare_infra import smoke

    with Scope(renderer_for(as_json=as_json)) as scope:
        project = open_project(root, secrets_checked=False)
        report = scope.follow(smoke.run(lifecycle.as_started(project), project.engine))
        if not report.ok:
            raise smoke.error_of(report)
        scope.say(smoke.shown(report))
        scope.say(f"\n{report.summary}")


def follow_logs(root: Path, names: Sequence[str], *, tail: int, since: str, follow: bool) -> None:
    """Logs of the named services (all unless some are named), live unless `follow` is off."""
    from rofecare_infra import logs

    project = open_project(root, secrets_checked=False)
    known = [service.name for service in project.platform.services]
    chosen = resolve(names, known) or tuple(known)
    begin = logs.parse_since(since, time.time())
    lines = None if tail < 0 else tail
    width = max((len(short(name)) for name in chosen), default=0)
    read = logs.follow if follow else logs.history
    out = renderer_for(lasting=False)
    for line in read(project.engine, project.platform.project, chosen, since=begin, tail=lines):
        out.say(f"{short(line.service):<{width}} | {line.text}" if len(chosen) > 1 else line.text)


def initialise(root: Path) -> None:
    """Make the missing secrets, those of the monitoring, too, and the volumes of production; close the folder."""
    # For whatever the compose files are then used by hand.
    production = (root / "docker" / PRODUCTION).exists() or None
    project = open_project(root, secrets_checked=False, monitoring=True, production=production)
    made = project_room.initialise(project)
    folder = project.settings.secrets_folder
    out = renderer_for()
    out.say(
        f"{len(made)} secrets made in {folder}: {', '.join(path.name for path in made)}"
        if made
        else f"all secrets are in {folder}: nothing to do"
    )


def interrupted(root: Path) -> Callable[[], str]:
    """What to say after ^C."""

    def say() -> str:
        project = open_for_stop(root)
        left = lifecycle.left_running(project.engine, project.platform.project)
        return f"{left}; the same command goes on from there, inv stop-all stops them"

    return say


def _failed_builds(report: BuildReport) -> CommandError:
    tails = [
        line
        for image, tail in report.failed.items()
        for line in (f"last lines of {image}:", *(f"| {one}" for one in tail))
    ]
    return CommandError(
        f"{', '.join(report.failed)} could not be built",
        seen=report.summary,
        expected="every image built",
        next_step="mend the cause below, then inv build again: what was built stays",
        details=tails,
    )


def prepare(root: Path, scope: Scope, *, monitoring: bool | None = None, production: bool | None = None) -> Project:
    """Look at everything that a start needs."""
    project = open_project(root, monitoring=monitoring, production=production)
    scope.follow(upgrade.settle(project))
    scope.follow(rotation.recover(project))
    if any(service.phase == MONITORING for service in project.platform.services):
        backup.metrics.tell(project.settings)
    return scope.follow(project_room.prepare(project))


def _status_table(rows: Sequence[ServiceStatus]) -> str:
    now = datetime.now(UTC)
    cells = []
    phase = ""
    for row in rows:
        if row.phase != phase:
            phase = row.phase
            cells.append((phase, "", "", "", "", "", ""))
        up = duration((now - datetime.fromisoformat(row.started_at)).total_seconds()) if row.started_at else ""
        state = f"{row.state} ({row.health})" if row.health else row.state
        ports = ",".join(map(str, row.ports))
        cells.append(
            (
                f"  {short(row.service)}",
                state,
                up,
                str(row.restarts),
                mebibytes(row.memory_bytes),
                ports,
                row.reason[:40],
            )
        )
    return table(("SERVICE", "STATE", "UP", "RESTARTS", "MEMORY", "PORT", ""), cells)

"""The tasks about images and secrets of the platform."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rofecare_infra.boundary.command import command


@command(
    changes=True,
    iterable=["service"],
    words="service",
    help={"service": "full or short name (inv build identity patient); default: all"},
)
def build(root: Path, service: Sequence[str]) -> None:
    """Build the images of the applications and their base images."""
    from rofecare_infra import images
    from rofecare_infra.platform import resolve
    from rofecare_infra.progress import Scope, renderer_for
    from rofecare_infra.project import open_project

    with Scope(renderer_for()) as scope:
        # Images of the monitoring are built where it is used, or where one is named.
        project = open_project(root, secrets_checked=False, monitoring=True if service else None, stack=None)
        chosen = resolve(service, [one.name for one in project.platform.services])
        sources = images.resolve(project.settings, project.sources, project.engine)
        for reason in sources.reasons:
            scope.say(reason)
        wanted = chosen or [one.name for one in sources.platform.services if sources.is_built(one)]
        pulled = [name for name in chosen if not sources.is_built(sources.platform.service(name))]
        if pulled:
            scope.say(f"not built here, their images are pulled: {', '.join(pulled)} (SERVICES, IMAGES in .env)")
        report = scope.follow(images.build(project.settings, sources, project.engine, wanted))
        scope.say(report.summary or "nothing to build")
        report.raise_if_failed()


@command(
    iterable=["image"],
    words="image",
    help={
        "image": "service (full or short name), or image (a name with / or :); default: all of the platform",
        "to": "folder of the files; default: sbom in the state folder",
        "json": "print one JSON object per line",
    },
)
def sbom(root: Path, image: Sequence[str], to: str = "", json: bool = False) -> None:
    """Write what images contain into one CycloneDX file each: packages of the distribution, and jars."""
    import time

    from rofecare_infra import images
    from rofecare_infra.boundary.results import maintenance as results
    from rofecare_infra.progress import Scope, renderer_for
    from rofecare_infra.project import open_project

    with Scope(renderer_for(as_json=json)) as scope:
        # Images of the monitoring are listed where it is used, or where something is named.
        project = open_project(root, secrets_checked=False, monitoring=True if image else None, stack=None)
        sources = images.local(project.settings, project.sources, project.engine, production=project.production)
        wanted = images.sbom.users(image, sources.platform)
        folder = Path(to).resolve() if to else project.settings.state_folder / "sbom"
        steps = images.sbom.write(project.settings.project, project.engine, wanted, folder, time.time())
        for one in scope.follow(steps):
            scope.record(results.SbomWritten.of(one))


def after_interruption(root: Path) -> str:
    """What to print after ^C in a change that is rolled back."""
    from rofecare_infra.project import open_for_stop
    from rofecare_infra.recovery import unfinished

    project = open_for_stop(root)
    left = unfinished(project.settings)
    if left:
        return f"the {', '.join(left)} is not rolled back yet; {project.start_command} recovers it first"
    return "nothing is left unfinished; inv status shows what is running"


@command(
    changes=True,
    help={
        "secret": "full or short name: identity-db, redis, jwt, ... (the files in the secrets folder)",
        "json": "print one JSON object per line",
    },
    interrupted=after_interruption,
)
def rotate(root: Path, secret: str, json: bool = False) -> None:
    """Replace a secret of the running platform; a login proves the new one, or the change is rolled back."""
    import time

    from rofecare_infra import rotation
    from rofecare_infra.boundary.results import maintenance as results
    from rofecare_infra.progress import Scope, renderer_for
    from rofecare_infra.project import open_project
    from rofecare_infra.recovery import recover

    began = time.monotonic()
    with Scope(renderer_for(as_json=json)) as scope:
        project = open_project(root, stack=None)
        project = scope.follow(recover(project))
        report = scope.follow(rotation.rotate(project, secret))
        restarted = ", ".join(f"{name} ({seconds:.1f} s)" for name, seconds in report.restarted.items())
        scope.say(f"{report.secret} is changed: the new secret is accepted, the old one is refused")
        seconds = time.monotonic() - began
        scope.say(f"restarted once each: {restarted or 'nothing'}; {seconds:.1f} s in total")
        scope.record(results.Rotated(report.secret, dict(report.restarted), seconds))


@command(
    changes=True,
    of_checkout=True,
    help={
        "to": "the tag of the applications (SERVICES_TAG), written to the settings",
        "rehearse": "upgrade a copy with restored data, report, and remove the copy",
        "json": "print one JSON object per line",
    },
    interrupted=after_interruption,
)
def upgrade(root: Path, to: str = "", rehearse: bool = False, json: bool = False) -> None:
    """Upgrade the platform to newer images, with a backup and health checks; roll back if one fails."""
    from rofecare_infra import upgrade as room
    from rofecare_infra.boundary.results import maintenance as results
    from rofecare_infra.errors import UsageError
    from rofecare_infra.progress import Scope, renderer_for, table
    from rofecare_infra.project import of_checkout, open_project
    from rofecare_infra.recovery import recover

    with Scope(renderer_for(as_json=json)) as scope:
        project = open_project(root, stack=None)
        if rehearse and project.stack:
            raise UsageError(
                "an upgrade of a stack cannot be rehearsed",
                seen="--rehearse, and a platform on several servers",
                expected="inv upgrade without it: it takes a backup, and rolls back if a service does not become ready",
                next_step="inv upgrade",
            )
        project = scope.follow(recover(project))
        wanted = scope.follow(of_checkout(project, root))

        def show(plan: room.Plan) -> None:
            differing = [one for one in plan.changes if one.differs]
            scope.say(table(("SERVICE", "NOW", "THEN", "CONFIGURATION"), [one.row for one in differing]))
            scope.say(f"{len(differing)} of {len(plan.changes)} services are replaced")
            scope.record(results.UpgradePlanned(len(plan.changes), tuple(differing)))

        if rehearse:
            rehearsed = scope.follow(room.rehearse(project, to, wanted=wanted, show=show))
            scope.say(
                f"rehearsed: {len(rehearsed.plan.differing)} services would be replaced; the copy was ready after "
                f"{rehearsed.downtime:.1f} s; the running platform was not touched"
            )
            scope.record(results.UpgradeRehearsed(rehearsed.plan.differing, rehearsed.downtime))
            return
        done = scope.follow(room.upgrade(project, to, wanted=wanted, show=show))
        if done.plan.differing:
            backup = done.backup or "none: no database"
            scope.say(f"upgraded: {len(done.plan.differing)} services replaced, backup {backup}")
            scope.say(f"downtime: {done.downtime}")
        else:
            scope.say("nothing to upgrade: everything runs as the settings describe it")
        scope.record(results.Upgraded.of(done))


@command(
    of_checkout=True,
    help={
        "write": "record the digests of the present tags; with IMAGE_PREFIX those of the mirror",
        "json": "print one JSON object per line",
    },
)
def outdated(root: Path, write: bool = False, json: bool = False) -> None:
    """Look for newer upstream images in their registries; --write records the digests of the present ones."""
    from rofecare_infra.boundary.results import maintenance as results
    from rofecare_infra.engine import connect
    from rofecare_infra.images import lockfile
    from rofecare_infra.images import outdated as room
    from rofecare_infra.progress import Scope, renderer_for, table
    from rofecare_infra.project import announce, load_home

    with Scope(renderer_for(as_json=json)) as scope:
        settings, _ = load_home(root, connect)
        announce(settings)
        # Of the checkout also in production, which gets it with the next release.
        folder = root / "docker"
        found = scope.follow(room.look_up(lockfile.read(settings, folder)))
        scope.say(table(room.HEADER, [one.row for one in found]))
        digests = {one.name: one.digest for one in found if one.digest is not None}
        written = lockfile.save(settings, folder, digests) if write else ()
        if write:
            scope.say(f"{len(written)} digests recorded; {len(digests) - len(written)} are unchanged")
        scope.record(results.Outdated(found, written))
        error = room.error_of(found)
        if error is not None:
            raise error

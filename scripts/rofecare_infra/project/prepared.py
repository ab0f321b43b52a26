"""What a start needs beside the compose files: a name and data of its own, secrets, volumes and images."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

from rofecare_infra import images, secrets
from rofecare_infra.engine import Engine
from rofecare_infra.errors import CommandError, SettingsError
from rofecare_infra.platform import Platform, Service
from rofecare_infra.progress import Event, Note
from rofecare_infra.project import certificate, marker, mode, mounts
from rofecare_infra.project.opened import Project, refusal
from rofecare_infra.project.ownership import require_own
from rofecare_infra.state import SYSTEM_CLOCK, Clock


def require_startable(project: Project) -> None:
    """Raise SettingsError, before anything is created, where the name or the data belongs to another platform."""
    settings, platform, engine = project.settings, project.platform, project.engine
    mode.require_meant(settings, engine)
    require_own(platform, engine, settings.docker_folder, starts=True)
    if project.production:
        mode.require_one_set(platform, engine)


def initialise(project: Project) -> tuple[Path, ...]:
    """Create the secrets and, in production, the persistent volumes that are missing; return the files of the secrets.

    Raises SettingsError where existing data was created with a missing secret: a new one would not give access to it.
    """
    settings, platform, engine = project.settings, project.platform, project.engine
    require_startable(project)
    found = secrets.inventory(platform, settings.secrets_folder)
    volumes = engine.volumes(platform.project)
    lost = sorted(secrets.tied_to_data(platform, volumes) & set(found.missing))
    if lost:
        raise SettingsError(
            "secrets are missing that existing data was created with",
            seen=f"no {', '.join(lost)} in {found.folder}, but the volumes are there",
            expected="the files that were created together with the data",
            next_step="restore them from a backup, or remove the data: inv stop-all --volumes",
        )
    made = secrets.create(found, found.missing) if found.missing else ()
    # Secrets in the state folder are of this platform alone.
    alone = settings.is_release and found.folder.is_relative_to(settings.state_folder.resolve())
    secrets.claim(platform, found.folder, engine, fresh=found.fresh or alone)
    if project.production:
        # No data volume exists before the marker.
        marker.make(engine, platform.project, settings.site_folder)
        make_volumes(platform, engine)
    return made


def make_volumes(platform: Platform, engine: Engine) -> tuple[str, ...]:
    """Create the volumes that compose uses and does not create; return those that were missing."""
    present = engine.volumes(platform.project)
    missing = tuple(name for name in platform.kept_volumes if name not in present)
    for name in missing:
        engine.make_volume(name, platform.project)
    return missing


def prepare(project: Project) -> Generator[Event, None, Project]:
    """Create what is missing on the first run, and decide where images come from.

    Mounted files of the checkout become readable for every user, whatever umask it was cloned with. Raises
    SettingsError, before anything is created, where the name or the volumes belong to another platform, or
    containers cannot read what they mount.
    """
    opened = mounts.open_up(project)
    if opened:
        yield Note(f"{opened} mounted files and folders are now readable for the users of containers (chmod a+rX)")
    unreadable = list(mounts.problems(project))
    if unreadable:
        raise refusal(unreadable, starts=True)
    before = project.engine.volumes(project.platform.project)
    for warning in project.platform.warnings:
        yield Note(f"compose: {warning}")
    made = initialise(project)
    if made:
        yield Note(f"{len(made)} secrets created in {project.settings.secrets_folder}")
    sources = images.resolve(project.settings, project.sources, project.engine, production=project.production)
    if project.production:
        volumes = set(project.platform.kept_volumes) - set(before)
        kept = f"; {len(volumes)} volumes created that no flag of compose removes" if volumes else ""
        yield Note(f"production: limits, isolated networks{kept}")
        warning = certificate.warning(project.settings, SYSTEM_CLOCK.now())
        if warning:
            yield Note(warning)
    for reason in sources.reasons:
        yield Note(reason)
    return replace(project, sources=sources)


def ensure_images(
    project: Project, services: Sequence[Service], clock: Clock
) -> Generator[Event, None, dict[str, str]]:
    """Build or pull the images that are not on this machine; return the id of each image by its name.

    Raises CommandError for the first image that is not available, VerificationError for one that is not the recorded.
    """
    found = {image: project.engine.image(image) for image in dict.fromkeys(one.image for one in services)}
    absent = images.missing(project.sources, found.get, services)
    if absent:
        report = yield from images.build(project.settings, project.sources, project.engine, absent)
        for image, tail in report.failed.items():
            raise CommandError(
                f"image {image} cannot be built",
                seen="its build failed",
                expected="an image for every service before any is started",
                next_step="fix the cause below, then run the same command again",
                details=tail,
            )
    lock = images.read_lock(project.settings)
    pulled = []
    for image in [name for name, one in found.items() if one is None]:
        found[image] = project.engine.image(image)
        if found[image] is None:
            users = [service.name for service in services if service.image == image]
            yield from images.fetch(image, ", ".join(users), clock, project.engine, lock)
            pulled.append(image)
            found[image] = project.engine.image(image)
    for remark in lock.remarks(pulled):
        yield Note(remark)
    return {name: one.id for name, one in found.items() if one is not None}

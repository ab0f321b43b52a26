"""The state before an upgrade: kept on this machine, and restored as long as the upgrade is not decided."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import replace

from rofecare_infra import backup, lifecycle, state, swarm
from rofecare_infra.engine import Engine
from rofecare_infra.errors import CommandError
from rofecare_infra.platform import Service
from rofecare_infra.progress import Event, Note
from rofecare_infra.project import Project, prepare, publish
from rofecare_infra.state import SYSTEM_CLOCK, Clock, Journal
from rofecare_infra.upgrade.journal import Entry
from rofecare_infra.upgrade.tag import restore_tag

# The old images get a tag of their own, so that no prune removes them before the next upgrade.
KEPT = "{project}-before-upgrade:{service}"


def keep_images(project: Project) -> Entry:
    """Tag every image that runs, and record which service runs which."""
    services: dict[str, str] = {}
    images: dict[str, str] = {}
    for container in project.engine.containers(project.platform.project):
        project.engine.tag(container.image_id, KEPT.format(project=project.platform.project, service=container.service))
        services[container.service] = container.image
        images[container.image] = container.image_id
    return Entry(services, images)


def restore_names(engine: Engine, entry: Entry) -> None:
    """Make the names of images refer to the same images as before."""
    for name, identity in entry.images.items():
        found = engine.image(name)
        if found is None or found.id != identity:
            engine.tag(identity, name)


def old_platform(project: Project, entry: Entry) -> Generator[Event, None, Project]:
    """The compose files with the images that ran before, whatever the settings are now."""
    project = yield from prepare(project)
    known = {service.name for service in project.platform.services}
    path = project.settings.state_folder / f"upgrade-{project.settings.project}.images.json"
    chosen = {name: {"image": image} for name, image in entry.services.items() if name in known}
    try:
        state.make_folder(path.parent)
        state.replace(path, json.dumps({"services": chosen}))
    except OSError as error:
        raise CommandError(
            "the images that run now cannot be recorded",
            seen=f"{path}: {error.strerror}",
            expected="a folder with free space that this user can write to",
            next_step="correct the cause, then the same command again",
        ) from error
    return project.with_compose(project.compose.with_files(str(path)))


def begin_downtime(project: Project, clock: Clock) -> Generator[Event, None, None]:
    """Close the ingress, then stop every service that may write."""
    yield from lifecycle.close_ingress(project, clock)
    yield from lifecycle.stop_writers(project, clock)


def start_inside(project: Project, clock: Clock) -> Generator[Event, None, None]:
    """Start everything that a closed ingress permits, behind the gates."""
    yield from _start(project, lifecycle.behind_ingress(project), clock)


def end_downtime(project: Project, clock: Clock) -> Generator[Event, None, None]:
    """Start everything behind the gates, the ingress last."""
    yield from start_inside(project, clock)
    yield from lifecycle.open_ingress(project, clock)


def roll_back(
    old: Project, journal: Journal[Entry], entry: Entry, *, clock: Clock = SYSTEM_CLOCK
) -> Generator[Event, None, None]:
    """Restore images, data, tag and release, then open the ingress; `old` is the platform with the images of before."""
    restore_names(old.engine, entry)
    if not entry.undone:
        if entry.touched:
            yield from begin_downtime(old, clock)
        if entry.touched and entry.backup:
            yield from _restore_data(old, entry, clock)
        restore_tag(old.settings, entry.tag, entry.tag_before)
        publish(old)
    yield from start_inside(old, clock)
    # Before clients can write again: an interruption after this never restores the data a second time.
    journal.write(replace(entry, undone=True))
    yield from lifecycle.open_ingress(old, clock)
    journal.clear()


def _restore_data(old: Project, entry: Entry, clock: Clock) -> Generator[Event, None, None]:
    infrastructure = [one for one in old.platform.services if one.phase == "infrastructure"]
    yield from _start(old, infrastructure, clock)
    # All databases: services send each other events about their data, so one state belongs to one moment.
    restored = yield from backup.restore(old, entry.backup, clock=clock)
    yield Note(f"the data of backup {entry.backup} is restored")
    if restored.safety:
        yield Note(f"the data of the new images is in backup {restored.safety.id}")


def _start(project: Project, services: Sequence[Service], clock: Clock) -> Generator[Event, None, None]:
    """Start these services behind the gates, with the images and the configuration of the project."""
    if project.stack:
        only = {one.name for one in services}
        yield from swarm.deploy(project, swarm.plan(project), only=only, clock=clock)
    else:
        yield from lifecycle.start(project.only(services), clock=clock)


def has_data(project: Project) -> bool:
    """Whether the platform has a database."""
    return bool(backup.database_services(project.platform))

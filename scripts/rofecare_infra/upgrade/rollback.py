"""The state before an upgrade: recorded, kept on this machine, and restored by a rollback or a recovery."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rofecare_infra import backup, lifecycle, state
from rofecare_infra.engine import Engine
from rofecare_infra.lifecycle import stop_in_stages
from rofecare_infra.platform import LABEL_PHASE, LAST_PHASE, is_ingress
from rofecare_infra.progress import Event, Note
from rofecare_infra.project import Project, prepare
from rofecare_infra.settings import Settings
from rofecare_infra.state import SYSTEM_CLOCK, Clock, Journal, JournalKind

# The old images get a tag of their own, so that no prune removes them before the next upgrade.
KEPT = "{project}-before-upgrade:{service}"
# The phases that may write into a database: neither infrastructure, nor Spring Cloud, nor monitoring.
_WRITERS = frozenset({"business", LAST_PHASE})


@dataclass(frozen=True)
class Entry:
    """The state before, and how far the upgrade is."""

    # Service -> the name of the image that it ran.
    services: Mapping[str, str] = field(default_factory=dict)
    # That name -> the id of its image.
    images: Mapping[str, str] = field(default_factory=dict)
    # The id of the backup; empty until it is taken.
    backup: str = ""
    # The services that were, or are just being, started with the new images.
    touched: tuple[str, ...] = ()
    # When the downtime began (Unix time); 0 before.
    closed: float = 0.0


def _entry(known: Mapping[str, Any]) -> Entry:
    return Entry(
        {str(name): str(image) for name, image in known["services"].items()},
        {str(name): str(image) for name, image in known["images"].items()},
        str(known["backup"]),
        tuple(map(str, known["touched"])),
        float(known["closed"]),
    )


_KIND = JournalKind("upgrade", _entry, writer="inv upgrade", remedy="inv backups; inv restore; then rm {path}")


def journal_of(settings: Settings) -> Journal[Entry]:
    """The journal of this project's upgrades."""
    return Journal(settings, _KIND)


def is_interrupted(settings: Settings) -> bool:
    """Whether an upgrade is in progress or was interrupted."""
    return journal_of(settings).exists()


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
    state.make_folder(path.parent)
    chosen = {name: {"image": image} for name, image in entry.services.items() if name in known}
    path.write_text(json.dumps({"services": chosen}), encoding="utf-8")
    return project.with_compose(project.compose.with_files(str(path)))


def begin_downtime(project: Project, clock: Clock) -> Generator[Event, None, None]:
    """Stop the ingress, then every service that may write."""
    containers = project.engine.containers(project.platform.project)
    chosen = [
        one for one in containers if is_ingress(one.labels) or one.labels.get(LABEL_PHASE, LAST_PHASE) in _WRITERS
    ]
    yield from stop_in_stages(project.engine, project.platform, chosen, clock)


def end_downtime(project: Project, clock: Clock) -> Generator[Event, None, None]:
    """Start everything behind the gates, the ingress last."""
    inside = [one for one in project.platform.services if not is_ingress(one.labels)]
    yield from lifecycle.start(project.only(inside), clock=clock)
    yield from lifecycle.start(project, clock=clock)


def roll_back(
    old: Project, journal: Journal[Entry], entry: Entry, *, clock: Clock = SYSTEM_CLOCK
) -> Generator[Event, None, None]:
    """Restore images and data; `old` is the platform with the images that ran before the upgrade."""
    restore_names(old.engine, entry)
    if entry.touched:
        yield from begin_downtime(old, clock)
    if entry.touched and entry.backup:
        infrastructure = [one for one in old.platform.services if one.phase == "infrastructure"]
        yield from lifecycle.start(old.only(infrastructure), clock=clock)
        # All databases: services send each other events about their data, so one state belongs to one moment.
        restored = yield from backup.restore(old, entry.backup, clock=clock)
        safety = restored.safety.id
        yield Note(f"the data of backup {entry.backup} is restored; the data of the new images is backup {safety}")
    yield from end_downtime(old, clock)
    journal.clear()


def recover(project: Project, *, clock: Clock = SYSTEM_CLOCK) -> Generator[Event, None, None]:
    """Roll back an upgrade that a kill or a power cut interrupted, if there is one."""
    journal = journal_of(project.settings)
    entry = journal.read()
    if entry is None:
        return
    yield Note("an upgrade was interrupted: rolling back images and data")
    if not project.engine.volumes(project.platform.project):
        # The data has been removed since.
        journal.clear()
        return
    restore_names(project.engine, entry)
    old = yield from old_platform(project, entry)
    yield from roll_back(old, journal, entry, clock=clock)
    yield Note("the interrupted upgrade is rolled back")


def has_data(project: Project) -> bool:
    """Whether the platform has a database."""
    return bool(backup.database_services(project.platform))

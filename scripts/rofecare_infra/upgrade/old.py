"""The platform as it runs now, with the images that it runs, whatever the settings say by now."""

from __future__ import annotations

import json
from collections.abc import Generator

from rofecare_infra.engine import Engine
from rofecare_infra.progress import Event
from rofecare_infra.project import Project, prepare
from rofecare_infra.upgrade.journal import Entry

# The old images keep a name of their own, so that no prune removes them before the next upgrade.
KEPT = "{project}-before-upgrade:{service}"


def keep(project: Project) -> Entry:
    """Give every image that runs a tag of its own, and remember who runs which."""
    services: dict[str, str] = {}
    images: dict[str, str] = {}
    for container in project.engine.containers(project.platform.project):
        project.engine.tag(container.image_id, KEPT.format(project=project.platform.project, service=container.service))
        services[container.service] = container.image
        images[container.image] = container.image_id
    return Entry(services, images)


def names_back(engine: Engine, entry: Entry) -> None:
    """Let the names mean the images that they meant before."""
    for name, identity in entry.images.items():
        found = engine.image(name)
        if found is None or found.id != identity:
            engine.tag(identity, name)


def old_platform(project: Project, entry: Entry) -> Generator[Event, None, Project]:
    """What to start to have again what ran: the compose files with those images."""
    project = yield from prepare(project)
    known = {service.name for service in project.platform.services}
    path = project.settings.state_folder / f"upgrade-{project.settings.project}.images.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    chosen = {name: {"image": image} for name, image in entry.services.items() if name in known}
    path.write_text(json.dumps({"services": chosen}), encoding="utf-8")
    return project.with_compose(project.compose.with_files(str(path)))

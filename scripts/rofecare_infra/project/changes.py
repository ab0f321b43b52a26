"""What a change of a production platform begins and ends with: its software in the state folder, and in use."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

from rofecare_infra.errors import SettingsError
from rofecare_infra.platform import MONITORING
from rofecare_infra.progress import Event, Note
from rofecare_infra.project import certificate, marker, release, takeover
from rofecare_infra.project.opened import Project, open_project
from rofecare_infra.project.prepared import require_startable
from rofecare_infra.project.release import Release
from rofecare_infra.settings import load


def take_over(project: Project) -> Generator[Event, None, Project]:
    """The same project on its release, which is written if there is none yet; development stays in the checkout.

    The first command that changes a production platform calls it before anything else. Raises SettingsError where the
    state folder is not on this machine or cannot be written to.
    """
    if not project.production:
        return project
    if not project.settings.is_release:
        # Before anything is written: the name, or the data, may belong to another platform.
        require_startable(project)
        made = yield from takeover.first_release(project.settings, project.engine)
        project = _on(made, project)
    else:
        takeover.check_usable(project.settings.state_folder, marker.read(project.engine, project.settings.project))
    yield from takeover.clear_checkout(project.settings, project.platform, project.engine)
    return project


def require_release(project: Project) -> None:
    """Raise SettingsError for production without a release: what belongs to the machine never runs from a checkout."""
    if project.production and not project.settings.is_release:
        raise SettingsError(
            f"{project.settings.project} has no release yet",
            seen=f"none in {project.settings.site_folder}",
            expected="a release, which the machine can run without this checkout",
            next_step="inv init --prod; then run the same command again",
        )


def release_of(project: Project) -> str:
    """The id of the release that the project is on; empty in a checkout."""
    return Release(project.settings.root).id if project.settings.is_release else ""


def on_release(project: Project, identity: str) -> Project:
    """The project on the release with this id; unchanged where there is none, or it is on it."""
    if not identity or identity == release_of(project):
        return project
    found = release.find(project.settings.state_folder, identity)
    return _on(found, project) if found is not None else project


def reopened(project: Project) -> Project:
    """The project with the settings as they are now."""
    if project.settings.is_release:
        return _on(Release(project.settings.root), project)
    return project.with_compose(project.compose)


def remove_releases(project: Project, previous: str) -> None:
    """Remove all releases but the one in use, the previous one and those whose files a container mounts."""
    if project.settings.is_release:
        mounted = [path for paths in project.engine.mounted_files().values() for path in paths]
        release.prune(project.settings.state_folder, {previous}, mounted)


def of_checkout(project: Project, root: Path) -> Generator[Event, None, Project]:
    """The project on a new release of this checkout, for an upgrade; it is not in use yet.

    Unchanged where `root` is a release itself, and in development.
    """
    if not project.production or load(root, os.environ)[0].is_release:
        return project
    settings = project.settings
    names = takeover.overlooked(root, settings)
    if names:
        yield Note(f"{root / '.env'} has no effect on production: set {', '.join(names)} in {settings.file}")
    return _on(release.write(root, settings.site_folder, settings.project), project)


def publish(project: Project) -> None:
    """Make the release of the project the one in use, with its settings and images for compose by hand.

    Does nothing in development.
    """
    if not project.settings.is_release:
        return
    mine = Release(project.settings.root)
    given = {name: one.value for name, one in project.settings.values.items() if one.value}
    release.write_variables(mine, {**given, **project.compose.variables})
    certificate.remember(project.settings)
    if release.current(mine.state_folder) != mine:
        release.switch(mine.state_folder, mine)


def _on(made: Release, project: Project) -> Project:
    monitoring = any(service.phase == MONITORING for service in project.platform.services)
    return open_project(made.folder, secrets_checked=False, monitoring=monitoring, production=True, stack=project.stack)

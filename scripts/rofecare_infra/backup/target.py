"""The platform into which a backup is restored: one of the mode that the backup was taken in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rofecare_infra.backup.integrity import read
from rofecare_infra.backup.store import store_of
from rofecare_infra.errors import SettingsError
from rofecare_infra.platform import MONITORING, Platform
from rofecare_infra.project import Project, marker, mode


def in_mode_of_backup(project: Project, word: str, reopen: Callable[[], Project]) -> Project:
    """The project in the mode of the backup with this id or folder; `reopen` opens it as production.

    Raises SettingsError where the platform has data and another mode, or where neither records a mode.
    """
    store = store_of(project)
    folder = store.find(word)
    recorded = read(folder, store.key).manifest.mode
    current = mode.name(production=project.production)
    if recorded == current:
        return project
    if _has_data(project):
        if recorded:
            raise _other_mode(project, folder, recorded, current)
        return project
    if project.production:
        return project  # marked by `inv init --prod`, and empty
    if recorded == marker.PRODUCTION:
        return reopen()
    raise SettingsError(
        f"backup {folder.name} does not record whether it is of a production platform: nothing was restored",
        seen=f"a backup of an earlier version, and no data of {project.platform.project} on this engine",
        expected="a platform whose mode is known",
        next_step="inv init --prod for a production platform, inv start-infra for development; then the same command",
    )


def _has_data(project: Project) -> bool:
    """Whether the platform has data, beside that of the monitoring."""
    names = _volumes_of(project.platform)
    present = [one for one in project.engine.volumes(project.platform.project) if one in names]
    return bool(mode.with_data(project.engine, present))


def _volumes_of(platform: Platform) -> frozenset[str]:
    keys = {key for one in platform.services if one.phase != MONITORING for key in one.volumes}
    return frozenset(platform.volumes.get(key, key) for key in keys)


def _other_mode(project: Project, backup: Path, recorded: str, current: str) -> SettingsError:
    name = project.platform.project
    return SettingsError(
        f"backup {backup.name} is of a {recorded} platform, and {name} is a {current} platform with data",
        seen=f"{recorded} in the manifest of the backup; nothing was changed",
        expected=f"a backup of a {current} platform, or a project without data",
        next_step=f"COMPOSE_PROJECT_NAME=<another name> inv restore {backup} --from-project {name}; or "
        "inv stop-all --volumes (removes the present data), then the same command",
    )

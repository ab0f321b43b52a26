"""The marker of a production platform: an empty volume whose labels describe it to every command on its engine.

It is not a data volume: it has none of the labels by which the project's data is listed and removed. The labels of a
volume cannot be changed, so the marker is replaced: a second volume holds the new labels while the first is remade.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from rofecare_infra.engine import Engine
from rofecare_infra.errors import SettingsError
from rofecare_infra.platform import LABEL_MODE

PRODUCTION = "production"
_PROJECT = "com.rofecare.marker"
_STATE = "com.rofecare.state"
_PLATFORM = "com.rofecare.platform"


@dataclass(frozen=True)
class Marker:
    """What the marker of a production platform records."""

    project: str
    # The absolute path of the folder of its releases, settings, secrets, backups and journals.
    state_folder: Path
    # Random; it stays the same as long as the platform has data.
    platform_id: str

    @property
    def volume(self) -> str:
        """The name of its volume."""
        return name_of(self.project)

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its volume."""
        return {
            _PROJECT: self.project,
            LABEL_MODE: PRODUCTION,
            _STATE: str(self.state_folder),
            _PLATFORM: self.platform_id,
        }


def name_of(project: str) -> str:
    """The name of the marker's volume; the compose files of a release name it, too."""
    return f"{project}_platform"


def exists(engine: Engine, project: str) -> bool:
    """Whether the project has a marker, also one that cannot be used."""
    return bool(_volumes(engine, project))


def read(engine: Engine, project: str) -> Marker | None:
    """The marker of the project; None if there is none. Raises SettingsError for one that cannot be used."""
    found = _volumes(engine, project)
    if not found:
        return None
    # Two of them: a replacement was interrupted, and the first one still counts.
    name = min(found, key=len)
    labels = found[name]
    folder, platform_id = Path(labels.get(_STATE, "")), labels.get(_PLATFORM, "")
    if not folder.is_absolute() or not platform_id:
        raise SettingsError(
            f"the marker of the production platform {project} cannot be used",
            seen=f"volume {name} with {_STATE}={labels.get(_STATE, '')} and {_PLATFORM}={platform_id}",
            expected=f"{_STATE} with an absolute path, and an id in {_PLATFORM}",
            next_step=f"docker volume rm {name}; then inv start-all --prod, which writes it again",
        )
    return Marker(project, folder, platform_id)


def projects(engine: Engine) -> tuple[str, ...]:
    """The projects that are marked as production on this engine."""
    return tuple(sorted({labels[_PROJECT] for labels in engine.volume_labels(_PROJECT).values()}))


def make(engine: Engine, project: str, state_folder: Path) -> None:
    """Mark the project as production, with a new id, unless it is marked."""
    if read(engine, project) is None:
        write(engine, Marker(project, state_folder, str(uuid4())))


def write(engine: Engine, marker: Marker) -> None:
    """Write the marker, or replace it. An interruption leaves the old marker or the new one."""
    first, second = marker.volume, f"{marker.volume}_new"
    found = _volumes(engine, marker.project)
    if found == {first: marker.labels}:
        return
    if first in found:
        if second in found:
            engine.remove_volume(second)
        _create(engine, second, marker)
        engine.remove_volume(first)
    _create(engine, first, marker)
    if found:
        engine.remove_volume(second)


def remove(engine: Engine, project: str) -> None:
    """Remove the marker of the project, if there is one."""
    # The replacement of an interrupted `write` first: the marker that counts goes last.
    for name in sorted(_volumes(engine, project), key=len, reverse=True):
        engine.remove_volume(name)


def _volumes(engine: Engine, project: str) -> dict[str, Mapping[str, str]]:
    return engine.volume_labels(f"{_PROJECT}={project}")


def _create(engine: Engine, name: str, marker: Marker) -> None:
    labels = engine.label_volume(name, marker.labels)
    if labels != marker.labels:
        raise SettingsError(
            f"the marker of the production platform {marker.project} cannot be written",
            seen=f"a volume named {name} that is not a marker",
            expected="no volume of this name",
            next_step=f"remove it if it is not used: docker volume rm {name}",
        )

"""Whether what the engine has under the name of a project was created by this software from its compose files.

Another stack may have the same name: its containers and data are neither started over nor removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rofecare_infra.compose import BASE
from rofecare_infra.engine import LABEL_CONFIG_FILES, LABEL_PROJECT, LABEL_VOLUME, Container, Engine
from rofecare_infra.errors import SettingsError
from rofecare_infra.platform import LABEL_PHASE, LABEL_VOLUME_OF, LAST_PHASE, Platform


def require_own(
    platform: Platform, engine: Engine, folder: Path, *, starts: bool = False, removes_volumes: bool = False
) -> None:
    """Raise SettingsError if the engine has containers or volumes of another stack under the name of this project.

    `folder` contains the compose files. Containers that they do not describe prevent a stop; such volumes, a removal;
    both, a start if the project has nothing else, and containers also a start that would replace them.
    """
    name = platform.project
    containers = engine.containers(name)
    volumes = engine.volume_labels(f"{LABEL_PROJECT}={name}", f"{LABEL_VOLUME_OF}={name}")
    others = tuple(_foreign_containers(platform, containers, folder))
    unknown = tuple(_foreign_volumes(platform, volumes))
    if starts and (len(others), len(unknown)) != (len(containers), len(volumes)):
        names = {service.name for service in platform.services}
        others, unknown = tuple(one for one in others if one.service in names), ()
    elif not starts and not removes_volumes:
        unknown = ()
    seen = [*(f"container {one.name}" for one in others), *(f"volume {one}" for one in unknown)]
    if not seen:
        return
    raise SettingsError(
        f"the project {name} contains what these compose files did not create: nothing was changed",
        seen=f"{', '.join(sorted(seen))}: of another stack, or of an earlier configuration",
        expected=f"only containers and volumes of the services in {folder}",
        next_step="set COMPOSE_PROJECT_NAME to a name of its own; or, if they are not needed, remove them by name with "
        "docker rm and docker volume rm",
    )


def _foreign_containers(platform: Platform, containers: Sequence[Container], folder: Path) -> Iterator[Container]:
    """The containers without the label of a phase that neither are in the model nor come from the same files."""
    unlabelled = {service.name for service in platform.services if service.phase == LAST_PHASE}
    own_files = {str(folder / BASE)}
    for one in containers:
        if LABEL_PHASE in one.labels:
            own_files |= _files_of(one)
    for one in containers:
        if LABEL_PHASE not in one.labels and one.service not in unlabelled and not own_files & _files_of(one):
            yield one


def _files_of(container: Container) -> set[str]:
    """The compose files that a container was created from."""
    return {path for path in container.labels.get(LABEL_CONFIG_FILES, "").split(",") if path.startswith("/")}


def _foreign_volumes(platform: Platform, volumes: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    known = {*platform.volumes, *platform.volumes.values()}
    for name, labels in volumes.items():
        if LABEL_VOLUME_OF not in labels and name not in known and labels.get(LABEL_VOLUME) not in known:
            yield name

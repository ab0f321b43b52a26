"""Which projects depend on the secrets in a folder: several projects of one checkout may share them.

Each project has an empty file in the folder, named after it and its engine. Secrets without such a file were created by
an earlier version, or the platform was started by hand: then the engine shows who may depend on them.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.engine import LABEL_PROJECT, LABEL_VOLUME, Engine
from rofecare_infra.platform import LABEL_VOLUME_OF, MONITORING, Platform, rehearsal_of

_PREFIX = ".used-by-"


def is_record(name: str) -> bool:
    """Whether a file of this name records a project."""
    return name.startswith(_PREFIX)


def claim(platform: Platform, folder: Path, engine: Engine, *, fresh: bool = False) -> None:
    """Record that the project depends on these secrets; with the first record also those that used them before.

    `fresh`: all secrets have just been created.
    """
    if not folder.is_dir():
        return
    here, recorded = _id_of(engine), _recorded(folder)
    if (platform.project, here) in recorded:
        return
    earlier = set() if fresh or recorded else _unrecorded(platform, folder, engine.mounted_files(), _volumes(engine))
    # A folder that this user cannot write to stays as it is: the secrets in it cannot be removed either.
    with suppress(OSError):
        for project in (*sorted(earlier), platform.project):
            state.replace(_record(folder, project, here), "")


def others(platform: Platform, folder: Path, engine: Engine) -> tuple[str, ...]:
    """The other projects that depend on these secrets.

    A recorded project that has neither containers nor data on this engine no longer depends on them.
    """
    here, recorded = _id_of(engine), _recorded(folder)
    mounted, volumes = engine.mounted_files(), _volumes(engine)
    found = {one for one in _mounting(folder, mounted) if one != platform.project}
    found |= set() if recorded else _unrecorded(platform, folder, mounted, volumes)
    present = {*mounted, *volumes} - {platform.project}
    found |= {project for project, where in recorded if where != here or project in present}
    # A copy that a killed rehearsal has left: the next rehearsal removes it.
    return tuple(sorted(found - {rehearsal_of(platform.project)}))


def release(platform: Platform, folder: Path, engine: Engine) -> tuple[str, ...]:
    """Remove the record of the project; return the other projects that still depend on the secrets."""
    left = others(platform, folder, engine)
    for project, where in _recorded(folder):
        if where == _id_of(engine) and project not in left:
            _record(folder, project, where).unlink(missing_ok=True)
    return left


def _recorded(folder: Path) -> frozenset[tuple[str, str]]:
    try:
        names = [path.name for path in folder.iterdir() if is_record(path.name)]
    except OSError:
        return frozenset()
    parts = [name.removeprefix(_PREFIX).partition("@") for name in names]
    return frozenset((project, where) for project, _, where in parts if where)


def _record(folder: Path, project: str, where: str) -> Path:
    return folder / f"{_PREFIX}{project}@{where}"


def _id_of(engine: Engine) -> str:
    # Earlier engines wrote it with colons.
    return engine.identity().replace(":", "-") or "unknown"


def _unrecorded(
    platform: Platform, folder: Path, mounted: Mapping[str, Collection[str]], volumes: Mapping[str, Collection[str]]
) -> set[str]:
    """The other projects on the engine that may depend on the secrets, by their containers and volumes."""
    services = [one for one in platform.services if one.secrets and one.phase != MONITORING]
    if not services:
        return {*_mounting(folder, mounted)} - {platform.project}
    keys = {LABEL_VOLUME_OF, *(key for service in services for key in service.volumes)}
    names = {path.name for path in platform.secrets.values()}
    here = set(_mounting(folder, mounted))
    # These have secrets of another folder.
    elsewhere = {one for one, files in mounted.items() if names & {Path(each).name for each in files}} - here
    with_data = {one for one, found in volumes.items() if keys & {*found}}
    return (here | (with_data - elsewhere)) - {platform.project}


def _mounting(folder: Path, mounted: Mapping[str, Collection[str]]) -> Iterator[str]:
    """The projects whose containers mount a file of the folder."""
    for project, files in mounted.items():
        # Unlike pathlib's, this function never fails.
        if any(Path(os.path.realpath(one)).is_relative_to(folder) for one in files):
            yield project


def _volumes(engine: Engine) -> dict[str, set[str]]:
    """Project -> its volumes by their names in the compose files; LABEL_VOLUME_OF stands for those of production."""
    found: dict[str, set[str]] = {}
    for labels in engine.volume_labels(LABEL_PROJECT, LABEL_VOLUME_OF).values():
        production = labels.get(LABEL_VOLUME_OF)
        key = LABEL_VOLUME_OF if production else labels.get(LABEL_VOLUME, "")
        found.setdefault(production or labels.get(LABEL_PROJECT, ""), set()).add(key)
    return found

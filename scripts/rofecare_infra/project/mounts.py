"""Whether containers can read what they mount of this machine: files of the software, and the logs of the engine."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rofecare_infra.platform import MONITORING
from rofecare_infra.project.opened import Project
from rofecare_infra.settings import Problem

# The folder of the logs of containers, below that in which the engine stores its data.
_LOGS = "containers"
_EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
_READABLE = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH


def open_up(project: Project) -> int:
    """Make the mounted files readable for every user, as far as this user may; return the number that were not.

    Git creates files with the umask of its user, and a container reads them as a user of its own.
    """
    closed = [path for path in _files(project) if _is_closed(path)]
    for path in closed:
        # A file of another owner is a problem, which names it.
        with suppress(PermissionError):
            path.chmod(_opened(path))
    return sum(not _is_closed(path) for path in closed)


def problems(project: Project) -> Iterator[Problem]:
    """What prevents the use of mounted files and folders. Raises EngineError where it is asked and does not answer."""
    closed = [path for path in _files(project) if _is_closed(path) and not _is_own(path)]
    if closed:
        more = f", nor {len(closed) - 1} others" if len(closed) > 1 else ""
        seen = f"users of containers cannot read it{more} (mode {stat.S_IMODE(closed[0].stat().st_mode):04o})"
        config = project.settings.docker_folder / "config"
        yield Problem(str(closed[0]), seen, f"files that all users can read; as their owner: chmod -R a+rX {config}")
    written = project.settings.values.get("CONTAINER_LOGS")
    if written is None or all(one.phase != MONITORING for one in project.platform.services):
        # Only the monitoring reads the logs: the engine is not asked at each start.
        return
    stored = project.engine.folder()
    if stored and project.settings.path_of("CONTAINER_LOGS") != Path(stored, _LOGS):
        seen = f"CONTAINER_LOGS is {written.value!r}, and the engine stores its data in {stored}"
        yield Problem(written.where, seen, f"{stored}/{_LOGS}")


def _files(project: Project) -> Iterator[Path]:
    """The mounted files of the software: they are neither secrets nor data."""
    settings = project.settings
    for mounted in project.platform.files:
        is_secret = mounted.is_relative_to(settings.secrets_folder)
        if mounted.is_relative_to(settings.docker_folder) and mounted.exists() and not is_secret:
            yield mounted
            yield from mounted.rglob("*") if mounted.is_dir() else ()


def _opened(path: Path) -> int:
    """The mode with which every user can read what its owner can, and run or enter it."""
    mode = stat.S_IMODE(path.stat().st_mode)
    return mode | _READABLE | (_EXECUTABLE if path.is_dir() or mode & stat.S_IXUSR else 0)


def _is_closed(path: Path) -> bool:
    return stat.S_IMODE(path.stat().st_mode) != _opened(path)


def _is_own(path: Path) -> bool:
    """Whether this user may change the mode."""
    return os.geteuid() in {0, path.stat().st_uid}

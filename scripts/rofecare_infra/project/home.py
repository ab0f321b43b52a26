"""Where a command works: production in the release in use, whatever checkout it is called in; else in the checkout."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from rofecare_infra.engine import Engine
from rofecare_infra.errors import RofecareError
from rofecare_infra.project import marker, release
from rofecare_infra.project.release import Release
from rofecare_infra.settings import Problem, Settings, load


def load_home(root: Path, connect: Callable[[], Engine]) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings of the release in use where this project is production and has one, else those of `root`.

    Without an engine, the state folder on this machine decides.
    """
    settings, problems = load(root, os.environ)
    if settings.is_release:
        return settings, problems
    try:
        found = marker.read(connect(), settings.project)
    except RofecareError:
        in_use = _on_disk(settings)
    else:
        in_use = release.current(found.state_folder) if found is not None else None
    return load(in_use.folder, os.environ) if in_use is not None else (settings, problems)


def _on_disk(settings: Settings) -> Release | None:
    return release.current(settings.site_folder)

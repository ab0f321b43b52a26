"""Whether a platform is in production mode: set once by a flag, and kept until its data is removed.

Running containers have a label. For a stopped platform, the mode is stored on this machine: a plain `inv start-all`
after a power cut must not start an empty development platform instead of the production one.
"""

from __future__ import annotations

import json

from rofecare_infra import state
from rofecare_infra.project.containers import ProjectContainers
from rofecare_infra.settings import Settings

_FILE = "production.json"


def is_production(settings: Settings, containers: ProjectContainers) -> bool:
    """Whether the project was started or initialised in production mode before."""
    return settings.project in _remembered(settings) or containers.is_production


def remember(settings: Settings) -> None:
    """Store that the project is in production mode."""
    _write(settings, _remembered(settings) | {settings.project})


def forget(settings: Settings) -> None:
    """Remove the stored mode: the data of the project is gone."""
    if settings.project in _remembered(settings):
        _write(settings, _remembered(settings) - {settings.project})


def _remembered(settings: Settings) -> frozenset[str]:
    try:
        return frozenset(map(str, json.loads((settings.state_folder / _FILE).read_text(encoding="utf-8"))))
    except (OSError, ValueError, TypeError):
        return frozenset()


def _write(settings: Settings, projects: frozenset[str]) -> None:
    path = settings.state_folder / _FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    state.replace(path, json.dumps(sorted(projects)))

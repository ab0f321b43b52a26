"""Whether a platform is one for production: told once by a flag, and true from then on until its data is given up.

Containers say it by their label. What is stopped says nothing, so this machine remembers it, too: a plain
`inv start-all` after a power cut must not bring up an empty development platform in place of the hospital's.
"""

from __future__ import annotations

import json

from rofecare_infra import state
from rofecare_infra.project.containers import ProjectContainers
from rofecare_infra.settings import Settings

_FILE = "production.json"


def is_production(settings: Settings, present: ProjectContainers) -> bool:
    """Whether the project was started, or made ready, for production before."""
    return settings.project in _remembered(settings) or present.is_production


def remember(settings: Settings) -> None:
    """From now on the project is one for production."""
    _write(settings, _remembered(settings) | {settings.project})


def forget(settings: Settings) -> None:
    """The project's data is gone: nothing is left to protect."""
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

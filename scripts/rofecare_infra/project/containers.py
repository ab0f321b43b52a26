"""The containers of a project that exist now, read before its files."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from rofecare_infra.engine import Container, Engine, connect
from rofecare_infra.errors import RofecareError
from rofecare_infra.platform import LABEL_MODE, LABEL_PHASE, MONITORING

PRODUCTION = "production"


class ProjectContainers:
    """The containers of a project, read from the engine once, when they are first needed."""

    def __init__(self, project: str, engine: Callable[[], Engine] = connect) -> None:
        self._project = project
        self._engine = engine

    @property
    def has_monitoring(self) -> bool:
        """Whether there are containers of the monitoring."""
        return any(one.labels.get(LABEL_PHASE) == MONITORING for one in self._containers)

    @property
    def is_production(self) -> bool:
        """Whether there are containers that were started for production."""
        return any(one.labels.get(LABEL_MODE) == PRODUCTION for one in self._containers)

    @cached_property
    def _containers(self) -> tuple[Container, ...]:
        try:
            return self._engine().containers(self._project)
        except RofecareError:
            return ()  # a command that needs the engine reports the error

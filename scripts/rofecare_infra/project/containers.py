"""The containers of a project that exist now, read before its files."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from rofecare_infra.engine import Container, Engine, connect
from rofecare_infra.errors import RofecareError
from rofecare_infra.platform import LABEL_PHASE, MONITORING


class ProjectContainers:
    """The containers of a project, read from the engine once, when they are first needed."""

    def __init__(self, project: str, engine: Callable[[], Engine] = connect) -> None:
        self._project = project
        self._engine = engine

    @property
    def has_monitoring(self) -> bool:
        """Whether there are containers of the monitoring; without an engine, a command that needs it reports that."""
        try:
            return any(one.labels.get(LABEL_PHASE) == MONITORING for one in self.all)
        except RofecareError:
            return False

    @cached_property
    def all(self) -> tuple[Container, ...]:
        """All of them. Raises EngineError or CommandError where they cannot be read."""
        return self._engine().containers(self._project)

"""The last log line of the services that take longer than usual, while a start waits for them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import suppress

from rofecare_infra.errors import RofecareError
from rofecare_infra.logs import parse
from rofecare_infra.progress import Event, Logged, Observed, elapsed, first_seen, is_slow
from rofecare_infra.project import Project

# Seconds between two looks at logs.
_PAUSE = 2.0


class SlowServices:
    """The services of one start that are slow; `expected` are the seconds that they usually take."""

    def __init__(self, project: Project, expected: Mapping[str, float]) -> None:
        self._project = project
        self._expected = expected
        self._since: Mapping[str, float] = {}
        self._looked = float("-inf")

    def logged(self, event: Observed, now: float) -> Generator[Event, None, None]:
        """The last log line of each slow service, every few seconds; of one that cannot be read there is none."""
        self._since = first_seen(self._since, event)
        waited = elapsed(self._since, event)
        slow = [name for name, seconds in waited.items() if is_slow(seconds, self._expected.get(name))]
        if not slow or now - self._looked < _PAUSE:
            return
        self._looked = now
        engine, project = self._project.engine, self._project.platform.project
        for container in engine.containers_of(project, slow):
            with suppress(RofecareError):
                for raw in engine.log_tail(container.id, 1):
                    yield Logged(container.service, parse(raw).message or raw)

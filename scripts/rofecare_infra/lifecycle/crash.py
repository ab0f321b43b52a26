"""A service that the engine has restarted once has failed if the next attempt would meet the same cause again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rofecare_infra.engine import Container, Engine
from rofecare_infra.gates import Failed, Observation, Pending
from rofecare_infra.lifecycle.failure import diagnosed

_IN_VAIN = "restarted once, and would end in the same way again"


class Crashes:
    """The crashes of one wait; the log is read once for each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Container and the number of its restarts -> whether waiting for it is in vain.
        self._known: dict[tuple[str, int], bool] = {}

    def judged(self, seen: Observation, restarts_before: Mapping[str, int]) -> Observation:
        """The observation, in which a crash that will repeat itself is a failure."""
        crashed = [
            one
            for one in seen.containers
            if one.service in seen.pending
            and (one.status == "restarting" or one.restarts > restarts_before.get(one.id, 0))
        ]
        in_vain = {one.service: Failed(_IN_VAIN, one.id) for one in crashed if self._is_in_vain(one, seen.pending)}
        return replace(seen, verdicts={**seen.verdicts, **in_vain}) if in_vain else seen

    def _is_in_vain(self, container: Container, pending: Mapping[str, Pending]) -> bool:
        # While a container waits for its restart, the engine has counted it or not.
        key = (container.id, container.restarts)
        if key not in self._known:
            _, _, cause = diagnosed(self._engine, container, pending[container.service].reason)
            self._known[key] = cause is not None and not cause.passes
        return self._known[key]

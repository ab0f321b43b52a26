"""What waiting cannot change, by the log: a crash that would repeat itself, a health check that asks a closed port."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from rofecare_infra.engine import Container, Engine
from rofecare_infra.errors import RofecareError
from rofecare_infra.gates import HOPELESS, Failed, Observation, Pending
from rofecare_infra.lifecycle.failure import diagnosed
from rofecare_infra.lifecycle.inside import failure_now

_IN_VAIN = "restarted once, and would end in the same way again"
# The health check finds its port closed, and others open.
_CLOSED = re.compile(r"(?P<what>nothing listens on port \d+[^,]*, but on [\d ]+)")
# The first and the last line of a start of a Spring application. All its ports are open before the last one.
_STARTING, _STARTED = re.compile(r"\bStarting \S+ .*\busing Java\b"), re.compile(r"\bStarted \S+ in [\d.]+ seconds\b")
_LINES = 1000


class Crashes:
    """The crashes of one wait; the log is read once for each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Container and the number of its restarts -> whether waiting for it is in vain.
        self._known: dict[tuple[str, int], bool] = {}

    def judged(self, seen: Observation, restarts_before: Mapping[str, int]) -> Observation:
        """The observation, with a failure where waiting is in vain: a crash or a health check that stays the same."""
        crashed = [
            one
            for one in seen.containers
            if one.service in seen.pending
            and (one.status == "restarting" or one.restarts > restarts_before.get(one.id, 0))
        ]
        in_vain = {one.service: Failed(_IN_VAIN, one.id) for one in crashed if self._is_in_vain(one, seen.pending)}
        closed = {one.service: Failed(f"{HOPELESS}: {what}", one.id) for one, what in self._closed(seen)}
        return replace(seen, verdicts={**seen.verdicts, **in_vain, **closed}) if in_vain or closed else seen

    def _closed(self, seen: Observation) -> Iterator[tuple[Container, str]]:
        """The containers whose application has started, and has not opened the port that the health check asks."""
        for one in seen.containers:
            pending = one.service in seen.pending and one.status == "running"
            if pending and _CLOSED.search(one.probe) and self._has_started(one):
                # What the engine has seen may be older than the end of the start.
                found = _CLOSED.search(failure_now(one))
                if found is not None:
                    yield one, found["what"].strip()

    def _has_started(self, container: Container) -> bool:
        with suppress(RofecareError):
            log = self._engine.log_tail(container.id, _LINES)
            begun, ended = (_last(pattern, log) for pattern in (_STARTING, _STARTED))
            return ended > begun
        return False

    def _is_in_vain(self, container: Container, pending: Mapping[str, Pending]) -> bool:
        # While a container waits for its restart, the engine has counted it or not.
        key = (container.id, container.restarts)
        if key not in self._known:
            _, _, cause = diagnosed(self._engine, container, pending[container.service].reason)
            self._known[key] = cause is not None and not cause.passes
        return self._known[key]


def _last(pattern: re.Pattern[str], lines: Sequence[str]) -> int:
    return max((number for number, line in enumerate(lines) if pattern.search(line)), default=-1)

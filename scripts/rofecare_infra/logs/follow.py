"""Follows the logs of services: one thread per container, and regular checks for new containers."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rofecare_infra.engine import Container, Engine
from rofecare_infra.errors import CommandError, RofecareError

# Seconds between checks for restarted or replaced containers.
_INTERVAL = 0.5
_RUNNING = frozenset({"running", "paused"})


@dataclass(frozen=True)
class Line:
    """One log line; `time` comes from the engine: ISO 8601 with nanoseconds, sortable as text.

    It is empty in a message about a log that cannot be read.
    """

    service: str
    time: str
    text: str
    container: str = ""


@dataclass(frozen=True)
class _Ended:
    container: str
    error: RofecareError | None


class _Reader:
    """Reads one container's log into a queue, in a thread that ends with the log."""

    def __init__(self, engine: Engine, container: Container, arrived: queue.SimpleQueue[Line | _Ended]) -> None:
        self._engine = engine
        self._container = container
        self._arrived = arrived

    def start(self, since: float | None, tail: int | None, after: str) -> None:
        threading.Thread(target=self._read, args=(since, tail, after), daemon=True).start()

    def _read(self, since: float | None, tail: int | None, after: str) -> None:
        error: RofecareError | None = None
        try:
            for time, text in self._engine.follow_log(self._container.id, since=since, tail=tail):
                # The engine only supports whole seconds for "since": skip the lines that were already read.
                if time > after:
                    self._arrived.put(Line(self._container.service, time, text, self._container.id))
        except CommandError as problem:
            # A logging driver that does not support reading. The other logs can be read; this one is not tried again.
            self._arrived.put(_unreadable(self._container, problem))
            return
        except RofecareError as problem:
            error = problem
        self._arrived.put(_Ended(self._container.id, error))


def history(
    engine: Engine, project: str, services: Sequence[str], *, since: float | None, tail: int | None
) -> list[Line]:
    """The existing log lines of all containers of these services, in order of time."""
    lines: list[Line] = []
    for container in engine.containers(project):
        if container.service in services:
            try:
                found = engine.past_log(container.id, since=since, tail=tail)
            except CommandError as problem:
                lines.append(_unreadable(container, problem))
            else:
                lines += [Line(container.service, time, text, container.id) for time, text in found]
    return sorted(lines, key=lambda line: line.time)


def _unreadable(container: Container, problem: CommandError) -> Line:
    return Line(container.service, "", f"the log of {container.name} cannot be read: {problem.seen}", container.id)


def follow(
    engine: Engine,
    project: str,
    services: Sequence[str],
    *,
    since: float | None,
    tail: int | None,
    goes_on: Callable[[], bool] = lambda: True,
) -> Generator[Line, None, None]:
    """Yield new log lines while `goes_on`, through restarts and from new containers."""
    arrived: queue.SimpleQueue[Line | _Ended] = queue.SimpleQueue()
    reading: set[str] = set()
    # Container -> the time of the last line yielded.
    last: dict[str, str] = {}
    # Container -> the start time of the run that was read last.
    began: dict[str, str] = {}
    first_look = True
    while goes_on():
        for container in engine.containers(project):
            known = container.id in last
            if container.service not in services or container.id in reading:
                continue
            if known and container.status not in _RUNNING and began[container.id] == container.started_at:
                continue  # read completely; also if it waits for its next restart
            began[container.id] = container.started_at
            reading.add(container.id)
            begin, lines = (since, tail) if first_look else (_unix(last[container.id]) if known else None, None)
            _Reader(engine, container, arrived).start(begin, lines, last.setdefault(container.id, ""))
        first_look = False
        yield from _drain(arrived, reading, last)


def _drain(
    arrived: queue.SimpleQueue[Line | _Ended], reading: set[str], last: dict[str, str]
) -> Generator[Line, None, None]:
    """Yield lines until none arrives for a moment or the log of a container ends."""
    while True:
        try:
            item = arrived.get(timeout=_INTERVAL)
        except queue.Empty:
            return
        if isinstance(item, _Ended):
            reading.discard(item.container)
            if item.error is not None:
                raise item.error
            return
        last[item.container] = item.time
        yield item


def _unix(time: str) -> float | None:
    return datetime.fromisoformat(time).timestamp() if time else None

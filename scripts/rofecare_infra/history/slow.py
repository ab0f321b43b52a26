"""The last log line of the services that take longer than usual, while a start waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress

from rofecare_infra.errors import RofecareError
from rofecare_infra.logs import parse
from rofecare_infra.progress import Event, Logged, Observed, elapsed, first_seen, is_slow
from rofecare_infra.project import Project

# Seconds between two looks at logs.
_PAUSE = 2.0
# How many logs are read at the same time: an engine that does not answer gets no further requests.
_AT_ONCE = 4


class LastLines:
    """Reads the last log lines of services in the background: of each service one at a time, and of a few at once."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._reading: set[str] = set()
        self._lines: dict[str, str] = {}

    def ask(self, service: str) -> None:
        """Begin to read the log of a service, unless that is done already, or too many others are being read."""
        with self._lock:
            if service in self._reading or len(self._reading) >= _AT_ONCE:
                return
            self._reading.add(service)
        # The end of the command does not wait for an engine that does not answer.
        threading.Thread(target=self._keep, args=(service,), name=f"log of {service}", daemon=True).start()

    def take(self) -> dict[str, str]:
        """Service -> its last log line, of those that were read since the last call."""
        with self._lock:
            lines, self._lines = self._lines, {}
            return lines

    def _keep(self, service: str) -> None:
        line = ""
        try:
            # Of a log that cannot be read, there is no line.
            with suppress(RofecareError):
                line = self._read(service)
        finally:
            with self._lock:
                self._reading.discard(service)
                if line:
                    self._lines[service] = line


class SlowServices:
    """The services of one start that are slow; `expected` are the seconds that they usually take."""

    def __init__(self, lines: LastLines, expected: Mapping[str, float]) -> None:
        self._lines = lines
        self._expected = expected
        self._since: Mapping[str, float] = {}
        self._asked = float("-inf")

    def logged(self, event: Observed, now: float) -> Generator[Event, None, None]:
        """The log lines that were read since the last poll; every few seconds those of slow services are read."""
        self._since = first_seen(self._since, event)
        waited = elapsed(self._since, event)
        slow = [name for name, seconds in waited.items() if is_slow(seconds, self._expected.get(name))]
        for name, line in self._lines.take().items():
            if name in slow:
                yield Logged(name, line)
        if slow and now - self._asked >= _PAUSE:
            self._asked = now
            for name in slow:
                self._lines.ask(name)


def last_line(project: Project, service: str) -> str:
    """The last line that a container of the service logged; empty if there is none."""
    engine = project.engine
    found = [
        raw
        for container in engine.containers_of(project.platform.project, [service])
        for raw in engine.log_tail(container.id, 1)
    ]
    return parse(found[-1]).message or found[-1] if found else ""

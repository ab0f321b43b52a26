"""Closes an ingress that stays up, and opens it: while a file is there, it answers 503 and passes nothing on.

The file is on a volume: a restart, another container of the service or a power failure does not open the ingress.
"""

from __future__ import annotations

import re
from collections.abc import Generator

from rofecare_infra.engine import Container, Engine
from rofecare_infra.errors import CommandError
from rofecare_infra.platform import LABEL_HOLD
from rofecare_infra.process import Result, inside, run
from rofecare_infra.progress import Event, Note, Working
from rofecare_infra.state import Clock, poll

# On the disk when they end.
_CLOSE = 'touch "$1" && sync "$1" "${1%/*}"'
_OPEN = 'rm -f "$1" && sync "${1%/*}"'
# The metrics of Caddy, inside the container.
METRICS = "http://127.0.0.1:2015/metrics"
_IN_FLIGHT = re.compile(r'^caddy_http_requests_in_flight\{handler="(\w+)",server="(\w+)"\} (\d+)$', re.MULTILINE)
_POLL = 0.2
# In seconds. A request waits up to 25 s for a gateway that restarts.
_DRAIN = 40.0
_TIMEOUT = 60.0


def has_hold(container: Container) -> bool:
    """Whether this container can be closed while it runs."""
    return LABEL_HOLD in container.labels


def is_closed(engine: Engine, container: Container) -> bool:
    """Whether this container, running or not, passes no request on."""
    return has_hold(container) and engine.has_file(container.id, container.labels[LABEL_HOLD])


def close(engine: Engine, container: Container, clock: Clock) -> Generator[Event, None, None]:
    """Close a running container, and wait until it has answered the requests that it had accepted.

    Raises CommandError where it cannot be closed: it is open then.
    """
    began = clock.monotonic()
    result = _run(container, "sh", "-c", _CLOSE, "close", container.labels[LABEL_HOLD])
    if not result.ok:
        raise _refused(container, "closed", result)
    left: int | None = None
    for left in poll(lambda: _requests(container), lambda seen: not seen, every=_POLL, timeout=_DRAIN, clock=clock):
        if left:
            yield Working(f"{_named(container)} is closed; {left} requests in progress")
    if left != 0:
        # They would pass after the platform behind it is ready: a stop answers or ends them.
        yield Working(f"restarting {_named(container)} to end the requests in progress")
        engine.stop(container.id)
        engine.start(container.id)
    yield Note(f"{_named(container)} is closed: it answers 503 ({clock.monotonic() - began:.1f} s)")


def reopen(engine: Engine, container: Container) -> Generator[Event, None, None]:
    """Open a running container, if it is closed. Raises CommandError where it cannot be opened."""
    if not is_closed(engine, container):
        return
    result = _run(container, "sh", "-c", _OPEN, "open", container.labels[LABEL_HOLD])
    if not result.ok:
        raise _refused(container, "opened", result)
    yield Note(f"{_named(container)} is open")


def requests_in_progress(metrics: str) -> int | None:
    """The number of requests in progress in Caddy, without those for its metrics; None if it cannot be read."""
    found = [(match[2], match[1], int(match[3])) for match in _IN_FLIGHT.finditer(metrics)]
    own = {server for server, handler, _ in found if handler == "metrics"}
    # One request is counted once by each handler that it has reached.
    return max((count for server, _, count in found if server not in own), default=0) if own else None


def _requests(container: Container) -> int | None:
    result = _run(container, "wget", "-q", "-O", "-", METRICS)
    return requests_in_progress(result.stdout) if result.ok else None


def _run(container: Container, *words: str) -> Result:
    return run(inside(container, *words), check=False, timeout=_TIMEOUT)


def _named(container: Container) -> str:
    return f"{container.service} on {container.node}" if container.node else container.service


def _refused(container: Container, what: str, result: Result) -> CommandError:
    path = container.labels[LABEL_HOLD]
    return CommandError(
        f"{_named(container)} cannot be {what}",
        seen=result.last,
        expected=f"a file {path} that can be written in {container.name}",
        next_step=f"inv logs {container.service}; df; then the same command again",
    )

"""Runs the health checks of applications at this moment, from inside their containers.

The health that the engine reports may be as old as the interval of the check.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Generator
from concurrent.futures import ThreadPoolExecutor

from rofecare_infra.engine import Container
from rofecare_infra.errors import RofecareError, ServiceFailedError
from rofecare_infra.platform import MONITORING, short
from rofecare_infra.process import inside, run
from rofecare_infra.progress import Event, Note, Working, listed
from rofecare_infra.project import Project
from rofecare_infra.state import Clock, poll

_POLL = 1.0
# A health check takes milliseconds; on a busy machine it may take seconds.
_TIMEOUT = 30.0
_AT_ONCE = 4


def probe(project: Project, services: Collection[str], clock: Clock) -> Generator[Event, None, None]:
    """Run the health checks of these services, as far as they are applications, until all of them pass.

    Raises ServiceFailedError with the output of the first that still fails after GATE_TIMEOUT.
    """
    applications = {
        one.name
        for one in project.platform.services
        if one.name in services and one.phase not in {"infrastructure", MONITORING}
    }
    containers = [
        one
        for one in project.engine.containers(project.platform.project)
        if one.service in applications and one.status == "running"
    ]
    if not containers:
        return
    yield Working(f"running the health checks of {listed(sorted(applications))}")

    def failing() -> list[tuple[Container, str]]:
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            return [(one, why) for one, why in zip(containers, pool.map(failure_now, containers), strict=True) if why]

    timeout = project.settings.gate_timeout
    failed: list[tuple[Container, str]] = []
    for failed in poll(failing, lambda seen: not seen, every=_POLL, timeout=timeout, clock=clock):  # noqa: B007
        pass
    if failed:
        container, why = failed[0]
        raise ServiceFailedError(
            f"{container.service} fails its health check",
            seen=why,
            expected=f"a health check that passes inside {container.name}, within {timeout:.0f} s (GATE_TIMEOUT)",
            next_step=f"inv logs {short(container.service)}",
        )
    yield Note(f"{len(containers)} health checks passed from inside, while the ingress is closed")


def failure_now(container: Container) -> str:
    """Why the health check of a container fails now; empty if it passes or there is none."""
    try:
        argv = [*container.docker, "inspect", "--format", "{{json .Config.Healthcheck}}", container.name]
        test = (json.loads(run(argv, timeout=_TIMEOUT).stdout) or {}).get("Test") or ["NONE"]
        kind, *words = test
        if kind == "NONE":
            return ""
        command = ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words
        result = run(inside(container, *command), check=False, timeout=_TIMEOUT)
    except RofecareError as error:
        return f"{error.what}: {error.seen}"
    return "" if result.ok else result.last

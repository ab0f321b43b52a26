"""Stops a stack in the reverse order of its start; volumes stay on their nodes, unless they are removed, too."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from functools import partial

from rofecare_infra.engine import Engine, wait_for_end
from rofecare_infra.lifecycle import StopReport, reverse_stages, without_secrets
from rofecare_infra.platform import Platform
from rofecare_infra.process import run
from rofecare_infra.progress import Event, Note, Working, listed
from rofecare_infra.project import Project
from rofecare_infra.state import SYSTEM_CLOCK, Clock
from rofecare_infra.swarm import nodes
from rofecare_infra.swarm import volumes as data
from rofecare_infra.swarm.plan import reached

_QUICK = 120.0


def stop(project: Project, *, volumes: bool = False, clock: Clock = SYSTEM_CLOCK) -> Generator[Event, None, StopReport]:
    """Stop the services group by group, then remove the stack with its networks, secrets and configs.

    Where data is expected stays recorded. With `volumes` this record, the data on all nodes and the secrets are
    removed, too. Raises EngineError for a node that does not answer, before anything is stopped; GateTimeoutError for
    tasks that do not end.
    """
    platform, engine = project.platform, project.engine
    name = platform.project
    ways = reached(engine, nodes.nodes(engine))[1] if volumes else {}
    containers = engine.containers(name)
    for group in reverse_stages(containers, platform):
        services = sorted({one.service for one in group})
        yield Working(f"stopping {listed(services)}")
        began = clock.monotonic()
        run(["docker", "service", "rm", *(f"{name}_{one}" for one in services)], timeout=_QUICK)
        _wait(platform, engine, services, clock)
        yield Note(f"{listed(services)} stopped ({clock.monotonic() - began:.1f} s)")
    yield Working("removing the stack")
    run(["docker", "stack", "rm", name], timeout=_QUICK)
    report = StopReport(tuple(one.name for one in containers), ())
    if not volumes:
        return report
    yield Working("removing volumes")
    removed = data.remove(name, ways, clock)
    data.forget_all(engine, name)
    return without_secrets(project, replace(report, volumes=removed))


def _wait(platform: Platform, engine: Engine, services: list[str], clock: Clock) -> None:
    grace = max((one.stop_grace for one in platform.services if one.name in services), default=0.0)
    wait_for_end(listed(services), partial(engine.unended_tasks, platform.project), grace, clock)

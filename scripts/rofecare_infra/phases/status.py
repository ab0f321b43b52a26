"""What runs, service by service, and whether it is all that should."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rofecare_infra.engine import Container, Engine
from rofecare_infra.gates import Failed, Pending, observe
from rofecare_infra.platform import Platform, Service


@dataclass(frozen=True)
class ServiceStatus:
    """One container of one service; a service without any has a line of its own."""

    phase: str
    service: str
    container: str
    state: str
    health: str
    ready: bool
    # Why it is not ready; empty when it is.
    reason: str
    started_at: str
    restarts: int
    memory_bytes: int | None
    ports: tuple[int, ...]


def status(platform: Platform, engine: Engine) -> tuple[ServiceStatus, ...]:
    """The status of every service, in start order."""
    containers = engine.containers(platform.project)
    running = [container.id for container in containers if container.status == "running"]
    with ThreadPoolExecutor(max_workers=8) as pool:
        memory = dict(zip(running, pool.map(engine.memory, running), strict=True))
    services = [service for stage in platform.stages() for service in stage.services]
    rows = [row for service in services for row in _rows(service, containers, memory)]
    known = {service.name for service in services}
    # What runs under our name although no file describes it (any more) is not hidden.
    extra = [container for container in containers if container.service not in known]
    return (
        *rows,
        *(
            _row(Service(one.service, "not in the files", one.image), one, memory, "not in the compose files")
            for one in extra
        ),
    )


def left_running(engine: Engine, project: str) -> str:
    """What runs now, in a few words."""
    up = [container.service for container in engine.containers(project) if container.status == "running"]
    return (
        f"{len(up)} containers are left running ({', '.join(up[:2])}, ...)"
        if up[2:]
        else f"{len(up)} containers are left running"
    )


def _rows(service: Service, containers: tuple[Container, ...], memory: Mapping[str, int | None]) -> list[ServiceStatus]:
    mine = [container for container in containers if container.service == service.name]
    restarts = {container.id: container.restarts for container in mine}
    verdict = observe([service], mine, restarts, float("inf")).verdicts[service.name]
    reason = verdict.cause if isinstance(verdict, Failed) else verdict.reason if isinstance(verdict, Pending) else ""
    if not mine:
        nothing = Container(id="", name="", service=service.name, status="absent")
        return [_row(service, nothing, memory, "not started")]
    return [_row(service, container, memory, reason) for container in mine]


def _row(service: Service, container: Container, memory: Mapping[str, int | None], reason: str) -> ServiceStatus:
    return ServiceStatus(
        phase=service.phase,
        service=service.name,
        container=container.name,
        state=container.status,
        health=container.health or "",
        ready=not reason,
        reason=reason,
        started_at=container.started_at if container.status == "running" else "",
        restarts=container.restarts,
        memory_bytes=memory.get(container.id),
        ports=tuple(port.published for port in service.ports),
    )

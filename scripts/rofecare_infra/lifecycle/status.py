"""The status of every service."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

from rofecare_infra.engine import Container, Engine
from rofecare_infra.errors import EngineError
from rofecare_infra.gates import Failed, Pending, observe
from rofecare_infra.lifecycle import hold
from rofecare_infra.platform import Platform, Service
from rofecare_infra.project import Project


@dataclass(frozen=True)
class ServiceStatus:
    """One container of a service; a service without containers has one line, too."""

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
    # The node of a Swarm on which it runs; empty on one server.
    node: str = ""


def status(platform: Platform, engine: Engine) -> tuple[ServiceStatus, ...]:
    """The status of every service, in start order."""
    containers = engine.containers(platform.project)
    running = [container.id for container in containers if container.status == "running"]
    with ThreadPoolExecutor(max_workers=8) as pool:
        memory = dict(zip(running, pool.map(engine.memory, running), strict=True))
    services = [service for stage in platform.stages() for service in stage.services]
    closed = {one.id: _closed(one) for one in containers if one.status == "running" and _is_closed(engine, one)}
    rows = [row for service in services for row in _rows(service, containers, memory, closed)]
    known = {service.name for service in services}
    # Containers of the project that no compose file describes are shown, too.
    extra = [container for container in containers if container.service not in known]
    return (
        *rows,
        *(
            _row(Service(one.service, "not in the files", one.image), one, memory, "not in the compose files")
            for one in extra
        ),
    )


def as_started(project: Project) -> Platform:
    """The model that was started: on images that are built here, services without such an image are left out.

    Which of the two was started is read from the containers, and only matters where a service has none.
    """
    containers = project.engine.containers(project.platform.project)
    there = {container.service for container in containers}
    built_here = project.compose.on_packages()
    if built_here.files == project.compose.files or there >= {one.name for one in project.platform.services}:
        return project.platform
    packaged = built_here.model()
    upstream = {service.name: service.image for service in project.platform.services}
    ours = {service.name: service.image for service in packaged.services if service.image != upstream[service.name]}
    is_packaged = any(ours.get(container.service) == container.image for container in containers)
    absent = set(upstream) - {service.name for service in packaged.services} - there
    kept = tuple(one for one in project.platform.services if not (is_packaged and one.name in absent))
    return replace(project.platform, services=kept)


def left_running(engine: Engine, project: str) -> str:
    """The running containers in a few words."""
    up = [container.service for container in engine.containers(project) if container.status == "running"]
    return (
        f"{len(up)} containers are left running ({', '.join(up[:2])}, ...)"
        if up[2:]
        else f"{len(up)} containers are left running"
    )


def _is_closed(engine: Engine, container: Container) -> bool:
    """Whether it is known that this container passes no request on: the engine of another node may not answer."""
    with suppress(EngineError):
        return hold.is_closed(engine, container)
    return False


def _closed(container: Container) -> str:
    return f"closed: {'inv deploy' if container.node else 'inv start-all'} opens it"


def _rows(
    service: Service, containers: tuple[Container, ...], memory: Mapping[str, int | None], closed: Mapping[str, str]
) -> list[ServiceStatus]:
    mine = [container for container in containers if container.service == service.name]
    restarts = {container.id: container.restarts for container in mine}
    verdict = observe([service], mine, restarts, float("inf")).verdicts[service.name]
    reason = verdict.cause if isinstance(verdict, Failed) else verdict.reason if isinstance(verdict, Pending) else ""
    if not mine:
        nothing = Container(id="", name="", service=service.name, status="absent")
        return [_row(service, nothing, memory, "not started")]
    return [_row(service, container, memory, reason or closed.get(container.id, "")) for container in mine]


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
        node=container.node,
    )

"""Deploys the stack: stage by stage, each behind the same judge as on one server."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rofecare_infra.engine import Container, StackEngine
from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.kafka import broker_of, grant_rights
from rofecare_infra.platform import Service, Stage
from rofecare_infra.process import run
from rofecare_infra.progress import Event, Note, listed
from rofecare_infra.project import Project, ensure_images
from rofecare_infra.state import SYSTEM_CLOCK, Clock
from rofecare_infra.swarm import encryption, images, placement
from rofecare_infra.swarm.plan import Plan
from rofecare_infra.swarm.stage import StageDeployment
from rofecare_infra.swarm.translation import identified, inputs_of, is_encrypted, translate

# The manager answers at once: it does not wait for tasks. In seconds.
_QUICK = 120.0


def deploy(
    project: Project, plan: Plan, *, only: Collection[str] = (), clock: Clock = SYSTEM_CLOCK
) -> Generator[Event, None, tuple[Container, ...]]:
    """Bring the stack to the model, in the order of the start; return its replicas, every one of them ready.

    With `only`, other services stay as they are, also those that the model no longer has. Raises SettingsError, before
    anything is changed, for what a Swarm cannot do; ServiceFailedError or GateTimeoutError for the first stage that
    does not become ready.
    """
    engine, name = project.stack_engine, project.platform.project
    stages = _stages_of(project, only)
    services = [service for stage in stages for service in stage.services]
    ids = yield from ensure_images(project, services, clock)
    named = images.references(engine, ids)
    inputs = inputs_of(project, identified(engine, plan, named), ids)
    translate(project, plan, inputs, frozenset())
    sent = yield from _send(plan, services, named)
    if is_encrypted(project, plan):
        yield from encryption.require(sent, plan.ways)
    for service, node in plan.proposed.items():
        placement.pin(engine, name, service, {one.hostname: one for one in plan.nodes}[node], engine.nodes())
        yield Note(f"{service} is pinned to {node}")
    broker = broker_of(project.platform)
    for number, stage in enumerate(stages, 1):
        yield from StageDeployment(project, plan, inputs, clock).bring_up(stage, number, len(stages))
        if broker is not None and broker in stage.services:
            yield from grant_rights(project.platform, engine)
    if not only:
        yield from _remove_what_is_left(project, engine)
    found = engine.containers_of(name, {service.name for service in services})
    unready = [one.name for one in found if not one.ready and one.status != "exited"]
    if unready:
        raise ServiceFailedError(
            f"{unready[0]} is no longer ready",
            seen=listed(unready),
            expected="every service ready at the same moment",
            next_step="inv status; then run the same command again: ready services stay as they are",
        )
    return found


def send_images(project: Project, plan: Plan, clock: Clock = SYSTEM_CLOCK) -> Generator[Event, None, None]:
    """Send every image to the nodes that need it, ahead of a deployment."""
    services = [service for stage in project.platform.stages() for service in stage.services]
    ids = yield from ensure_images(project, services, clock)
    yield from _send(plan, services, images.references(project.stack_engine, ids))


def _send(
    plan: Plan, services: Sequence[Service], named: Mapping[str, str]
) -> Generator[Event, None, Mapping[str, Collection[str]]]:
    """Send each node what it needs; host name -> these images."""
    wanted = images.wanted(
        [replace(service, image=named[service.image]) for service in services], plan.nodes, plan.placement
    )
    yield from images.provide(wanted, plan.ways)
    return wanted


def _stages_of(project: Project, only: Collection[str]) -> list[Stage]:
    chosen = [
        replace(stage, services=tuple(one for one in stage.services if not only or one.name in only))
        for stage in project.platform.stages()
    ]
    return [stage for stage in chosen if stage.services]


def _remove_what_is_left(project: Project, engine: StackEngine) -> Generator[Event, None, None]:
    """Remove the services that the model no longer has, and the secrets and configs that nothing refers to."""
    name = project.platform.project
    known = {f"{name}_{service.name}" for service in project.platform.services}
    services = engine.stack_services(name)
    left = [str(one["Spec"]["Name"]) for one in services if one["Spec"]["Name"] not in known]
    if left:
        run(["docker", "service", "rm", *left], timeout=_QUICK)
        yield Note(f"removed: {listed(left)}, which the compose files no longer describe")
    used = _referred([one for one in services if one["Spec"]["Name"] not in left])
    for kind in ("configs", "secrets"):
        for identity in engine.stack_objects(kind, name).values():
            if identity not in used:
                engine.remove_stack_object(kind, identity)


def _referred(services: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """The ids of the secrets and configs that services refer to, also those that a rollback would need."""
    found = set()
    for service in services:
        for spec in (service.get("Spec"), service.get("PreviousSpec")):
            container = ((spec or {}).get("TaskTemplate") or {}).get("ContainerSpec") or {}
            found |= {one["ConfigID"] for one in container.get("Configs") or ()}
            found |= {one["SecretID"] for one in container.get("Secrets") or ()}
    return frozenset(found)

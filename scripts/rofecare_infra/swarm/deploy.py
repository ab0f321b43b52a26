"""Deploys the stack: stage by stage, each behind the same judge as on one server."""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rofecare_infra.engine import LABEL_DEFINITION, Container, StackEngine
from rofecare_infra.errors import CommandError, GateTimeoutError, ServiceFailedError, SettingsError
from rofecare_infra.kafka import broker_of, grant_rights
from rofecare_infra.lifecycle import until_ready
from rofecare_infra.platform import Service, Stage
from rofecare_infra.process import run
from rofecare_infra.progress import Event, Note, StageBegan, StageReady, Working, listed
from rofecare_infra.project import Project, ensure_images
from rofecare_infra.state import SYSTEM_CLOCK, Clock
from rofecare_infra.swarm import definition, encryption, images, names, placement, volumes
from rofecare_infra.swarm.plan import Plan
from rofecare_infra.swarm.stack import Stack, contents, paths_of, stack_of

# The manager answers at once: it does not wait for tasks. In seconds.
_QUICK = 120.0


@dataclass(frozen=True)
class _Inputs:
    """What does not change during a deployment."""

    model: Mapping[str, Any]
    files: Mapping[str, bytes]
    key: bytes
    # Image -> its name on the nodes.
    images: Mapping[str, str]
    # Image -> its id on this engine.
    ids: Mapping[str, str]


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
    inputs = _inputs(project, _identified(engine, plan, named), ids)
    translate(project, plan, inputs, frozenset())
    sent = yield from _send(plan, services, named)
    if _is_encrypted(project, plan):
        yield from encryption.require(sent, plan.ways)
    for service, node in plan.proposed.items():
        placement.pin(engine, name, service, {one.hostname: one for one in plan.nodes}[node], engine.nodes())
        yield Note(f"{service} is pinned to {node}")
    broker = broker_of(project.platform)
    for number, stage in enumerate(stages, 1):
        yield from _Stage(project, plan, inputs, clock).bring_up(stage, number, len(stages))
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


def _is_encrypted(project: Project, plan: Plan) -> bool:
    return plan.encrypted and project.settings.get("CLEAR_TEXT") != "accepted"


def definitions(project: Project, plan: Plan) -> dict[str, frozenset[str]]:
    """Service -> what its definition would be recognized by. Raises SettingsError for what a Swarm cannot do."""
    with_data = frozenset(volumes.expected(project.engine, project.platform.project))
    stack = translate(project, plan, _inputs(project, {}, {}), with_data)
    return {name: frozenset({one["deploy"]["labels"][LABEL_DEFINITION]}) for name, one in stack.services.items()}


def translate(project: Project, plan: Plan, inputs: _Inputs, with_data: frozenset[str]) -> Stack:
    """The stack. Raises SettingsError with all that a Swarm cannot do."""
    stack, refused = stack_of(
        inputs.model,
        inputs.files,
        key=inputs.key,
        placement=plan.placement,
        with_data=with_data,
        images=inputs.images,
        encrypted=_is_encrypted(project, plan),
        software=str(project.settings.docker_folder),
        nodes=len(plan.nodes),
    )
    if refused:
        raise SettingsError(
            "the compose files describe what a Swarm cannot do: nothing was changed",
            seen=str(refused[0]),
            expected="keys that docs/stack.md lists as passed on, translated or dropped",
            next_step="change it in docker-compose.override.yml, then run the same command again",
            details=[f"also: {one}" for one in refused[1:]],
        )
    return replace(stack, services=definition.recorded(stack.services, inputs.model, inputs.ids))


class _Stage:
    """Brings up one stage."""

    def __init__(self, project: Project, plan: Plan, inputs: _Inputs, clock: Clock) -> None:
        self._project = project
        self._plan = plan
        self._inputs = inputs
        self._clock = clock
        self._engine = project.stack_engine
        self._name = project.platform.project

    def bring_up(self, stage: Stage, number: int, total: int) -> Generator[Event, None, None]:
        """Deploy its services, and wait until they are ready."""
        began = self._clock.monotonic()
        before = self._tasks(stage)
        yield StageBegan(stage.phase, number, total, stage.names)
        yield from self._deploy_and_wait(stage)
        # Only now is it certain that they have data. From here on they do not start on an empty volume.
        new = [one.service for one in self._engine.containers_of(self._name, set(stage.names)) if self._expect(one)]
        if new:
            yield Note(f"the data of {listed(new)} is protected: restarted once, with its place")
            yield from self._deploy_and_wait(stage)
        started = tuple(sorted({service for task, service in self._tasks(stage).items() if task not in before}))
        yield StageReady(stage.phase, number, total, stage.names, started, self._clock.monotonic() - began)

    def _expect(self, one: Container) -> bool:
        with_data = one.service in self._plan.placement
        return with_data and volumes.expect(self._engine, self._name, one.service, one.node)

    def _deploy_and_wait(self, stage: Stage) -> Generator[Event, None, None]:
        with_data = frozenset(volumes.expected(self._engine, self._name))
        stack = translate(self._project, self._plan, self._inputs, with_data)
        document = stack.part(stage.names)
        self._create_objects(stack, document)
        argv = ["docker", "stack", "deploy", "--compose-file", "-", "--resolve-image", "never", "--detach", self._name]
        yield Working(f"deploying {listed(stage.names)}")
        result = run(argv, stdin=json.dumps(document), timeout=_QUICK, check=False)
        if not result.ok:
            raise CommandError(
                f"{listed(stage.names)} could not be deployed",
                seen=result.last,
                expected="docker stack deploy exits with 0",
                next_step="fix the cause, then run the same command again: ready services stay as they are",
                details=result.tail(8),
            )
        engine = self._engine
        before = {one.id: one.restarts for one in engine.containers_of(self._name, set(stage.names))}
        timeout = self._project.settings.gate_timeout
        try:
            yield from until_ready(
                self._project.platform,
                engine,
                stage.services,
                restarts_before=before,
                timeout=timeout,
                clock=self._clock,
            )
            self._require_updated(stage)
        except (ServiceFailedError, GateTimeoutError) as error:
            back = self._roll_back(stage)
            if back:
                yield Note(f"rolled back: {listed(back)}, to the definition before this deployment")
            raise error from None

    def _create_objects(self, stack: Stack, document: Mapping[str, Mapping[str, object]]) -> None:
        for kind, made in (("configs", stack.configs), ("secrets", stack.secrets)):
            there = self._engine.stack_objects(kind, self._name)
            for name in document[kind]:
                if name in made and name not in there:
                    self._engine.create_stack_object(kind, self._name, name, made[name])

    def _require_updated(self, stage: Stage) -> None:
        """Raise ServiceFailedError for a service that is ready because the Swarm has rolled it back meanwhile."""
        for name, service in self._updates(stage).items():
            if service["UpdateStatus"]["State"] == "rollback_completed":
                raise ServiceFailedError(
                    f"{name} failed",
                    seen="a replica that ended, or was unhealthy, just after its update",
                    expected="replicas that stay ready",
                    next_step=f"docker service ps --no-trunc {service['Spec']['Name']} shows why",
                )

    def _roll_back(self, stage: Stage) -> list[str]:
        """Roll back the services whose update has not come to its end, unless the Swarm does it; return all of them.

        Those that are new stay as they are.
        """
        back = []
        for name, service in self._updates(stage).items():
            state = service["UpdateStatus"]["State"]
            if state in {"updating", "paused"} and service.get("PreviousSpec"):
                run(["docker", "service", "rollback", "--detach", "--quiet", service["Spec"]["Name"]], timeout=_QUICK)
                back.append(name)
            elif state.startswith("rollback_"):
                back.append(name)
        return back

    def _updates(self, stage: Stage) -> dict[str, dict[str, Any]]:
        """The services of the stage with an update: that of the last deployment."""
        services = self._engine.stack_services(self._name)
        found = {str(one["Spec"]["Name"]).removeprefix(f"{self._name}_"): dict(one) for one in services}
        return {name: one for name, one in found.items() if name in stage.names and one.get("UpdateStatus")}

    def _tasks(self, stage: Stage) -> dict[str, str]:
        return {one.name: one.service for one in self._engine.containers_of(self._name, set(stage.names))}


def _identified(engine: StackEngine, plan: Plan, named: Mapping[str, str]) -> dict[str, str]:
    """Image -> what the stack calls it: its id, if all engines give it the same one.

    Before a start, the engine of a node tries to pull an image that has another name, and without a registry waits for
    its answer.
    """
    if not all(node.facts is not None and node.facts.skips_layers for node in plan.nodes):
        return dict(named)
    found = {image: engine.image(name) for image, name in named.items()}
    return {**named, **{image: one.id for image, one in found.items() if one is not None}}


def _stages_of(project: Project, only: Collection[str]) -> list[Stage]:
    chosen = [
        replace(stage, services=tuple(one for one in stage.services if not only or one.name in only))
        for stage in project.platform.stages()
    ]
    return [stage for stage in chosen if stage.services]


def _inputs(project: Project, named: Mapping[str, str], ids: Mapping[str, str]) -> _Inputs:
    model = project.compose.document()
    try:
        files = contents(tuple(paths_of(model)))
        key = names.key_of(project.settings.state_folder)
    except OSError as error:
        raise SettingsError(
            "a file of the platform cannot be read",
            seen=str(error),
            expected="files that this user can read",
            next_step="run the same command as the owner of the state folder, or as root",
        ) from error
    return _Inputs(model, files, key, named, ids)


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

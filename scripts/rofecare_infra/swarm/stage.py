"""Brings up one stage of a stack: deployed, ready behind the gate, its data protected; or rolled back."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from typing import Any

from rofecare_infra.engine import Container
from rofecare_infra.errors import CommandError, GateTimeoutError, ServiceFailedError
from rofecare_infra.lifecycle import until_ready
from rofecare_infra.platform import Stage
from rofecare_infra.process import run
from rofecare_infra.progress import Event, Note, StageBegan, StageReady, Working, listed
from rofecare_infra.project import Project
from rofecare_infra.state import Clock
from rofecare_infra.swarm import volumes
from rofecare_infra.swarm.plan import Plan
from rofecare_infra.swarm.stack import Stack
from rofecare_infra.swarm.translation import Inputs, translate

# The manager answers at once: it does not wait for tasks. In seconds.
_QUICK = 120.0


class StageDeployment:
    """The deployment of a stage."""

    def __init__(self, project: Project, plan: Plan, inputs: Inputs, clock: Clock) -> None:
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

"""Judges one service by the state of its containers: ready, pending, or failed with a cause."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rofecare_infra.engine import Container
from rofecare_infra.platform import Service

# A container that the engine restarts once may recover (a broker whose old session has to expire); a container that it
# restarts twice within one wait is in a crash loop.
RESTART_LIMIT = 2
# A container without a health check may be a one-shot task that is not marked as one: it has this many seconds to exit,
# counted from the start of the wait.
UNMARKED_GRACE = 5.0

SIGKILL_CODE = 137

HOPELESS = "its health check cannot pass"
# What a health check prints that can never pass: waiting does not change the image or the application.
_NEVER = (
    (re.compile(r'exec: "(?P<what>[^"]+)": executable file not found'), "its image does not contain {what}"),
    (
        re.compile(r"^HTTP/1\.[01] (?P<what>40[134](?:[^{]*? from port \d+, \S+)?)"),
        "it answers {what}, so readiness has another port or path",
    ),
)


@dataclass(frozen=True)
class Ready:
    """The service is ready; a one-shot service has completed."""


@dataclass(frozen=True)
class Pending:
    """The service is not ready yet; `reason` may be the output of the last health check."""

    reason: str


@dataclass(frozen=True)
class Failed:
    """The service will not become ready."""

    cause: str
    container: str = ""


Verdict = Ready | Pending | Failed


def judge(
    service: Service, containers: Sequence[Container], restarts_before: Mapping[str, int], waited: float
) -> Verdict:
    """Return the verdict on a service. If one of its containers has failed, the service has failed.

    `containers` are those of this service, `restarts_before` maps container ids to their restart counts at the start of
    the wait, `waited` is the seconds since then.
    """
    if len(containers) < service.replicas:
        missing = service.replicas - len(containers)
        return Failed(
            "the container does not exist"
            if service.replicas == 1
            else f"{missing} of {service.replicas} containers do not exist"
        )
    verdicts = [_judge(service, one, restarts_before.get(one.id, 0), waited) for one in containers]
    for verdict in verdicts:
        if isinstance(verdict, Failed):
            return verdict
    return next((verdict for verdict in verdicts if isinstance(verdict, Pending)), Ready())


def _judge(service: Service, container: Container, restarts_before: int, waited: float) -> Verdict:
    restarts = container.restarts - restarts_before
    if restarts >= RESTART_LIMIT:
        return Failed(f"crash loop: restarted {restarts} times", container.id)
    match container.status:
        case "running" if service.awaited:
            # It may be healthy before it completes: only its exit counts.
            return Pending("not completed yet")
        case "running":
            return _judge_health(service, container, waited)
        case "created":
            return (
                Failed(f"not started: {container.error}", container.id)
                if container.error
                else Pending("created, not started yet")
            )
        case "restarting":
            return Pending(f"restarted: {_ended(container)}")
        case "exited" if has_completed(service, container):
            return Ready()
        case "exited":
            return Failed(_ended(container), container.id)
        case "paused":
            return Failed("paused: it does not answer", container.id)
        case _removing_or_dead:
            return Failed("the container does not exist", container.id)


def has_completed(service: Service, container: Container) -> bool:
    """Whether a one-shot service exited with 0; a service without any health check counts as one-shot."""
    succeeded = container.status == "exited" and container.exit_code == 0
    return succeeded and (service.one_shot or (container.health is None and not service.has_healthcheck))


def _judge_health(service: Service, container: Container, waited: float) -> Verdict:
    match container.health:
        case "healthy":
            return Ready()
        case None if service.one_shot:
            return Pending("not completed yet")
        case None if waited < UNMARKED_GRACE:
            return Pending("no health check")
        case None:
            return Failed("no health check: its readiness cannot be determined", container.id)
        case health:
            for pattern, cause in _NEVER:
                found = pattern.search(container.probe)
                if found is not None:
                    return Failed(f"{HOPELESS}: {cause.format(what=found['what'])}", container.id)
            return Pending(f"{health}: {container.probe}" if container.probe else str(health))


def _ended(container: Container) -> str:
    if container.oom_killed:
        return f"out of memory: killed by the kernel (exit code {container.exit_code})"
    if container.error:
        return container.error
    if container.exit_code == SIGKILL_CODE:
        return f"killed by SIGKILL (exit code {SIGKILL_CODE})"
    return f"exited with code {container.exit_code}"

"""Judges one service by the state of its containers: ready, not yet, or failed, with the cause in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rofecare_infra.engine import Container
from rofecare_infra.platform import Service

# A container that the engine restarts once may heal (a broker whose old session has to expire); one that it restarts
# twice within one wait is in a loop.
RESTART_LIMIT = 2
# A container without a health check may be a one-shot task that nobody marked as one: it gets this long to end, in
# seconds since the wait began.
UNMARKED_GRACE = 5.0

SIGKILL_CODE = 137


@dataclass(frozen=True)
class Ready:
    """It does its work, or, a one-shot, has done it."""


@dataclass(frozen=True)
class Pending:
    """Not yet; `reason` is what is known, such as the last probe's output."""

    reason: str


@dataclass(frozen=True)
class Failed:
    """It will not become ready by waiting."""

    cause: str
    container: str = ""


Verdict = Ready | Pending | Failed


def judge(
    service: Service, containers: Sequence[Container], restarts_before: Mapping[str, int], waited: float
) -> Verdict:
    """The verdict on a service.

    `containers` are those of this service, `restarts_before` the restart counts by container id when the wait began,
    `waited` the seconds since then. One container that failed fails the service.
    """
    if len(containers) < service.replicas:
        missing = service.replicas - len(containers)
        return Failed(
            "its container is gone" if service.replicas == 1 else f"{missing} of {service.replicas} containers are gone"
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
            # It may well be healthy while it works: what counts is its end.
            return Pending("still at work")
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
        case "exited" if has_done_its_work(service, container):
            return Ready()
        case "exited":
            return Failed(_ended(container), container.id)
        case "paused":
            return Failed("paused: it answers nobody", container.id)
        case _removing_or_dead:
            return Failed("its container is gone", container.id)


def has_done_its_work(service: Service, container: Container) -> bool:
    """Whether it is a one-shot that ended well: one that is marked, or one without any health check."""
    ended_well = container.status == "exited" and container.exit_code == 0
    return ended_well and (service.one_shot or (container.health is None and not service.has_healthcheck))


def _judge_health(service: Service, container: Container, waited: float) -> Verdict:
    match container.health:
        case "healthy":
            return Ready()
        case None if service.one_shot:
            return Pending("still at work")
        case None if waited < UNMARKED_GRACE:
            return Pending("no health check")
        case None:
            return Failed("no health check: nobody can tell whether it works", container.id)
        case health:
            return Pending(f"{health}: {container.probe}" if container.probe else str(health))


def _ended(container: Container) -> str:
    if container.oom_killed:
        return f"out of memory: killed by the kernel (exit code {container.exit_code})"
    if container.error:
        return container.error
    if container.exit_code == SIGKILL_CODE:
        return f"killed by SIGKILL (exit code {SIGKILL_CODE})"
    return f"exited with code {container.exit_code}"

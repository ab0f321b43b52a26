"""Errors for services that are not ready: the first cause in one line, the last log lines, the next step."""

from __future__ import annotations

from collections.abc import Sequence

from rofecare_infra.engine import Container, Engine
from rofecare_infra.errors import CommandError, GateTimeoutError, RofecareError, ServiceFailedError
from rofecare_infra.gates import Failed, Observation
from rofecare_infra.platform import Platform, Port, Service, short
from rofecare_infra.process import Result, holder_of, is_free

_LOG_LINES = 12
_LINE_LENGTH = 300
_ADVICE = {
    "paused": "docker unpause {container}, then run the same command again",
    "no health check": 'add a healthcheck to {service} in its compose file (or restart: "no" for a one-shot)',
}


def failed(platform: Platform, engine: Engine, observation: Observation) -> ServiceFailedError:
    """The error for a stage in which services failed: names the first to fail, and lists the others."""
    containers = {container.id: container for container in observation.containers}
    fallen = sorted(observation.failed.items(), key=lambda item: _fell_at(containers.get(item[1].container)))
    name, verdict = fallen[0]
    container = containers.get(verdict.container)
    cause = verdict.cause + _how_it_ended(engine, container, verdict)
    details = [] if container is None else _evidence(engine, container)
    details += [f"also failed: {other} ({why.cause})" for other, why in fallen[1:]]
    advice = next((text for mark, text in _ADVICE.items() if verdict.cause.startswith(mark)), "inv logs {short}")
    return ServiceFailedError(
        f"{name} failed",
        seen=cause,
        expected=_expected(platform.service(name)),
        next_step=advice.format(container=container.name if container else name, service=name, short=short(name)),
        details=details,
    )


def timed_out(engine: Engine, observation: Observation, timeout: float) -> GateTimeoutError:
    """The error for a stage that was not ready in time."""
    name, verdict = next(iter(observation.pending.items()))
    mine = [container for container in observation.containers if container.service == name and not container.ready]
    others = [f"also not ready: {other} ({why.reason})" for other, why in list(observation.pending.items())[1:]]
    return GateTimeoutError(
        f"{name} is not ready",
        seen=f"after {observation.waited:.0f} s: {verdict.reason}",
        expected=f"ready within {timeout:.0f} s (GATE_TIMEOUT in .env)",
        next_step=f"inv logs {short(name)}; it may still become ready: inv status, then run the same command again",
        details=[line for container in mine[:1] for line in _evidence(engine, container)] + others,
    )


def not_started(platform: Platform, services: Sequence[Service], engine: Engine, result: Result) -> RofecareError:
    """The error for a `docker compose up` that failed."""
    engine.containers("-")  # raises EngineError where the engine is gone, which is the first cause
    taken = taken_port(platform, services, engine)
    if taken is not None:
        return taken
    errors = [line for line in result.tail() if "rror" in line] or list(result.tail(1))
    return CommandError(
        f"{', '.join(service.name for service in services)} could not be started",
        seen=errors[-1] if errors else f"docker compose up exited with {result.returncode}",
        expected="docker compose up exits with 0",
        next_step="fix the cause, then run the same command again: ready services stay as they are",
        details=result.tail(8),
    )


def taken_port(platform: Platform, services: Sequence[Service], engine: Engine) -> CommandError | None:
    """The error for the first port of these services that is in use; None when all are free."""
    for service in services:
        for port in service.ports:
            if port.protocol != "tcp" or is_free(port.address, port.published):
                continue
            other = engine.publisher(port.published)
            if other is not None and _is_given_up(platform, services, service, other, port):
                continue
            holder = f"container {other.name}" if other is not None else holder_of(port.published)
            return CommandError(
                f"{service.name} cannot use port {port.published}",
                seen=f"it is held by {holder}",
                expected=f"port {port.published} free on {port.address}",
                next_step=f"stop {holder}, or give {service.name} another port in .env",
            )
    return None


def _is_given_up(platform: Platform, services: Sequence[Service], user: Service, holder: Container, port: Port) -> bool:
    """Whether the holder of a port is about to be replaced by its own service, or by one without this port."""
    if holder.project != platform.project:
        return False
    successor = next((one for one in services if one.name == holder.service), None)
    return holder.service == user.name or (
        successor is not None and port.published not in {one.published for one in successor.ports}
    )


def _expected(service: Service) -> str:
    if service.one_shot:
        return "exit code 0"
    return "running and healthy" if service.has_healthcheck else "running with a health check that passes"


def _fell_at(container: Container | None) -> str:
    # Containers that have not exited, or are gone, come last.
    return container.finished_at if container is not None and container.finished_at else "9"


def _how_it_ended(engine: Engine, container: Container | None, verdict: Failed) -> str:
    """The exit code before a restart, from the events of the engine: the container no longer has it."""
    if container is None or "restarted" not in verdict.cause:
        return ""
    death = engine.last_death(container.id)
    if death is None:
        return ""
    reason = "out of memory, exit code" if death.oom_killed else "exit code"
    return f", last {reason} {death.exit_code}"


def printable(line: str) -> str:
    """A log line for a message: shortened, and without control characters."""
    cut = line if len(line) <= _LINE_LENGTH else f"{line[:_LINE_LENGTH]}... ({len(line)} characters)"
    return "".join(character if character.isprintable() or character == "\t" else "?" for character in cut)


def _evidence(engine: Engine, container: Container) -> list[str]:
    lines = [f"| {printable(line)}" for line in engine.log_tail(container.id, _LOG_LINES)]
    evidence = [f"last log lines of {container.name}:", *lines] if lines else [f"{container.name} has logged nothing"]
    return [*evidence, f"last health probe: {container.probe}"] if container.probe else evidence

"""Errors for services that are not ready: the first cause in one line, the last log lines, the next step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rofecare_infra.diagnosis import Cause, cause_of, filled, first_cause, headline
from rofecare_infra.engine import Container, Engine
from rofecare_infra.errors import CommandError, GateTimeoutError, RofecareError, ServiceFailedError
from rofecare_infra.gates import Observation, observe
from rofecare_infra.platform import Platform, Port, Service, reach, short
from rofecare_infra.process import Result, holder_of, is_free
from rofecare_infra.progress import listed

# Where the cause is known, its line stays on a terminal of 24 lines.
_LOG_LINES, _FEW_LOG_LINES = 12, 4
# The cause may stand before a long stack trace, or before several attempts to start.
_LOG_LINES_READ = 1000
_LINE_LENGTH = 300
_ADVICE = {
    "paused": "docker unpause {container}, then run the same command again",
    "no health check": 'add a healthcheck to {service} in its compose file (or restart: "no" for a one-shot)',
}


def failed(platform: Platform, engine: Engine, observation: Observation) -> ServiceFailedError:
    """The error for a stage in which services failed: names the first cause, and lists the others."""
    containers = {container.id: container for container in observation.containers}
    fallen = sorted(observation.failed, key=lambda name: _fell_at(containers.get(observation.failed[name].container)))
    return _error(platform, engine, observation, fallen)


def timed_out(platform: Platform, engine: Engine, observation: Observation, timeout: float) -> GateTimeoutError:
    """The error for a stage that was not ready in time."""
    hint = "it may still become ready: inv status, then run the same command again"
    error = _error(platform, engine, observation, [*observation.pending], hint)
    return GateTimeoutError(
        error.what,
        seen=f"after {observation.waited:.0f} s: {error.seen}",
        expected=f"ready within {timeout:.0f} s (GATE_TIMEOUT in .env)",
        next_step=error.next_step,
        details=error.details,
    )


def current_failure(platform: Platform, engine: Engine, service: str = "") -> ServiceFailedError | None:
    """The error for what is not ready now, of all services that were started, or of this one and what it needs."""
    found = engine.containers(platform.project)
    if not found:
        return ServiceFailedError(
            "the platform is not running",
            seen=f"no containers of the project {platform.project}",
            expected="a platform that was started",
            next_step="inv start-all",
        )
    wanted = {one.service for one in found}
    if service:
        wanted = {service, *(wanted & reach(platform.needs)[service])}
    services = [one for one in platform.services if one.name in wanted]
    observation = observe(services, found, {one.id: one.restarts for one in found}, 0.0)
    if not observation.unready:
        return None
    return _error(platform, engine, observation, [*observation.unready])


def _error(
    platform: Platform, engine: Engine, observation: Observation, names: Sequence[str], hint: str = ""
) -> ServiceFailedError:
    """The error whose first line is the first cause of what became of the first of these services."""
    seen = _with_the_others(platform, engine, observation)
    unready = [*names, *(name for name in seen.unready if name not in names)]
    root = first_cause(names[0], unready, platform.needs)
    failed, reason = root.service in seen.failed, seen.unready[root.service]
    container = _container(seen, root.service)
    reason, log, cause = diagnosed(engine, container, reason)
    what = f"{root.service} {'failed' if failed else 'is not ready'}"
    advice = next((text for mark, text in _ADVICE.items() if reason.startswith(mark)), "")
    step = advice or (cause.next_step if cause else "") or "; ".join(["inv logs {short}", *([hint] if hint else [])])
    return ServiceFailedError(
        f"{what}: {printable(cause.text)}" if cause else what,
        seen=reason,
        expected=_expected(platform.service(root.service)),
        next_step=printable(filled(step, _names(container, root.service))),
        details=[
            *([f"waiting for {root.service}: {listed(root.waiting)}"] if root.waiting else []),
            *(log.evidence(container, _FEW_LOG_LINES if cause else _LOG_LINES) if container is not None else []),
            *(
                f"also {'failed' if name in seen.failed else 'not ready'}: {name} ({seen.unready[name]})"
                for name in names
                if name != root.service and name not in root.waiting
            ),
        ],
    )


def diagnosed(engine: Engine, container: Container | None, reason: str) -> tuple[str, Log, Cause | None]:
    """The reason with how the container ended, its log, and the cause that both name, if they do."""
    reason += _how_it_ended(engine, container, reason)
    log = _log(engine, container)
    return reason, log, cause_of(log.lines, [reason, container.error if container else ""])


def _container(seen: Observation, service: str) -> Container | None:
    """The container that failed, or one that is not ready."""
    if service in seen.failed:
        return next((one for one in seen.containers if one.id == seen.failed[service].container), None)
    return next((one for one in seen.containers if one.service == service and not one.ready), None)


def _with_the_others(platform: Platform, engine: Engine, observation: Observation) -> Observation:
    """The observation of a stage, and of everything else that has containers: what it needs may have failed since."""
    found = engine.containers(platform.project)
    there = {one.service for one in found} - {*observation.verdicts}
    others = [service for service in platform.services if service.name in there]
    more = observe(others, found, {one.id: one.restarts for one in found}, observation.waited)
    return Observation(
        {**observation.verdicts, **more.verdicts}, (*observation.containers, *more.containers), observation.waited
    )


def not_started(platform: Platform, services: Sequence[Service], engine: Engine, result: Result) -> RofecareError:
    """The error for a `docker compose up` that failed."""
    engine.containers("-")  # raises EngineError where the engine is gone, which is the first cause
    taken = taken_port(platform, services, engine)
    if taken is not None:
        return taken
    errors = [line for line in result.tail() if "rror" in line] or list(result.tail(1))
    cause = cause_of((), result.tail())
    names = [service.name for service in _not_started(platform, services, engine)]
    what = f"{', '.join(names)} could not be started"
    step = (
        cause.next_step if cause else "fix the cause, then run the same command again: ready services stay as they are"
    )
    return CommandError(
        f"{what}: {printable(cause.text)}" if cause else what,
        seen=errors[-1] if errors else f"docker compose up exited with {result.returncode}",
        expected="docker compose up exits with 0",
        next_step=printable(filled(step, _names(None, names[0]))),
        details=result.tail(8),
    )


def _not_started(platform: Platform, services: Sequence[Service], engine: Engine) -> Sequence[Service]:
    """Those of the services whose container the engine could not start, or not create."""
    found = engine.containers_of(platform.project, {service.name for service in services})
    refused = {one.service for one in found if one.error}
    there = {one.service for one in found}
    return (
        [service for service in services if service.name in refused]
        or [service for service in services if service.name not in there]
        or services
    )


def taken_port(platform: Platform, services: Sequence[Service], engine: Engine) -> CommandError | None:
    """The error for the first port of these services that is in use; None when all are free."""
    return next(taken_ports(platform, services, engine), None)


def taken_ports(platform: Platform, services: Sequence[Service], engine: Engine) -> Iterator[CommandError]:
    """The errors for the ports of these services that are in use."""
    for service in services:
        for port in service.ports:
            if port.protocol != "tcp" or is_free(port.address, port.published):
                continue
            other = engine.publisher(port.published)
            if other is not None and _is_given_up(platform, services, service, other, port):
                continue
            holder = f"container {other.name}" if other is not None else holder_of(port.published)
            yield CommandError(
                f"{service.name} cannot use port {port.published}",
                seen=f"it is held by {holder}",
                expected=f"port {port.published} free on {port.address}",
                next_step=f"stop {holder}, or give {service.name} another port in .env",
            )


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


def _how_it_ended(engine: Engine, container: Container | None, reason: str) -> str:
    """The exit code before a restart, from the events of the engine: the container no longer has it."""
    if container is None or not container.restarts or "exit code" in reason:
        return ""
    if "restarted" not in reason and container.health != "starting":
        return ""
    death = engine.last_death(container.id)
    if death is None:
        return ""
    how = "out of memory, exit code" if death.oom_killed else "exit code"
    return f", last {how} {death.exit_code}"


def printable(line: str) -> str:
    """A log line for a message: shortened, and without control characters."""
    cut = line if len(line) <= _LINE_LENGTH else f"{line[:_LINE_LENGTH]}... ({len(line)} characters)"
    return "".join(character if character.isprintable() or character == "\t" else "?" for character in cut)


@dataclass(frozen=True)
class Log:
    """What a container logged, or why that cannot be read."""

    lines: Sequence[str] = ()
    problem: str = ""

    def evidence(self, container: Container, most: int) -> list[str]:
        """The part that is shown: the last lines, and the last output of the health check."""
        if self.problem:
            return [self.problem]
        shown = [f"| {printable(headline(line))}" for line in self.lines[-most:]]
        evidence = (
            [f"last log lines of {container.name}:", *shown] if shown else [f"{container.name} has logged nothing"]
        )
        return [*evidence, f"last health probe: {container.probe}"] if container.probe else evidence


def _log(engine: Engine, container: Container | None) -> Log:
    if container is None:
        return Log()
    try:
        return Log(engine.log_tail(container.id, _LOG_LINES_READ))
    except CommandError as error:
        return Log(problem=f"the log of {container.name} cannot be read: {error.seen}")


def _names(container: Container | None, service: str) -> dict[str, str]:
    """What a next step may name in braces."""
    return {"container": container.name if container else service, "service": service, "short": short(service)}

"""What the states of containers say: they explain a failure of traffic, they are no proof of its success."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rofecare_infra.engine import Container
from rofecare_infra.platform import Platform, Service, short

_GO_ON = "inv start-all  (starts what is missing, touches nothing else)"
# Status of a container -> what is said of it, and the next command.
_STOPPED = {
    "exited": ("is stopped", _GO_ON),
    "created": ("was never started", _GO_ON),
    "dead": ("is dead", _GO_ON),
    "removing": ("is being removed", _GO_ON),
    "paused": ("is paused", "docker unpause {container}"),
    "restarting": ("keeps restarting", "inv logs {short}"),
}


@dataclass(frozen=True)
class Cause:
    """Something that would explain broken links."""

    service: str
    # `identity-db is stopped`.
    says: str
    seen: str
    remedy: str
    # It works but for this fault: that explains what happens to others, not what else it does wrong itself.
    works: bool = False


def down(platform: Platform, containers: Sequence[Container]) -> tuple[Cause, ...]:
    """Services with a container that cannot answer, in start order: what is needed stands before what needs it."""
    services = [service for stage in platform.stages() for service in stage.services]
    return tuple(cause for service in services for cause in _down(service, _of(service, containers)))


def unwell(platform: Platform, containers: Sequence[Container]) -> tuple[Cause, ...]:
    """Services that run but whose health check does not pass, in start order."""
    services = [service for stage in platform.stages() for service in stage.services]
    return tuple(
        Cause(
            service.name,
            f"{one.name if service.replicas > 1 else service.name} is {one.health}",
            f"its last probe: {one.probe or 'no output'}",
            f"inv logs {short(service.name)}",
        )
        for service in services
        for one in _of(service, containers)
        if one.status == "running" and one.health not in {None, "healthy"}
    )


def reach(platform: Platform) -> dict[str, frozenset[str]]:
    """Service -> all that it needs, directly or by way of others."""
    needs = {service.name: frozenset(service.depends_on) for service in platform.services}

    def all_of(name: str, seen: frozenset[str]) -> frozenset[str]:
        fresh = needs.get(name, frozenset()) - seen
        for need in fresh:
            seen = all_of(need, seen | {need})
        return seen

    return {name: all_of(name, frozenset()) for name in needs}


def healthy(platform: Platform, containers: Sequence[Container]) -> frozenset[str]:
    """The services that are ready, or about to be, together with all that they need."""
    ready = {
        service.name
        for service in platform.services
        if len([one for one in _of(service, containers) if _well(one)]) >= service.replicas
    }
    return frozenset(name for name, needs in reach(platform).items() if {name, *needs} <= ready)


def without(names: frozenset[str], failed: frozenset[str], needs: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Those of the services that neither failed nor need one that did."""
    return frozenset(name for name in names if not failed & {name, *needs.get(name, ())})


def _down(service: Service, mine: Sequence[Container]) -> Iterator[Cause]:
    if len(mine) < service.replicas:
        seen = f"{len(mine)} of {service.replicas} containers"
        yield Cause(service.name, f"{service.name} has no container", seen, _GO_ON)
    for one in mine:
        done = service.one_shot and one.status == "exited" and one.exit_code == 0
        if one.status == "running" or done:
            continue
        says, remedy = _STOPPED.get(one.status, (f"is {one.status}", _GO_ON))
        ended = f", exit code {one.exit_code}, since {one.finished_at[:19]}Z" if one.status == "exited" else ""
        yield Cause(
            service.name,
            f"{one.name if service.replicas > 1 else service.name} {says}",
            f"container {one.name}: {one.status}{ended}",
            remedy.format(container=one.name, short=short(service.name)),
        )


def _well(container: Container) -> bool:
    return container.status == "running" and container.health in {"healthy", "starting"}


def _of(service: Service, containers: Sequence[Container]) -> list[Container]:
    return [one for one in containers if one.service == service.name]

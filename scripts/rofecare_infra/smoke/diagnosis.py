"""Finds the causes of broken links in the states of containers, and what follows from each cause.

The state of a container explains a failure of traffic; it does not prove that traffic works.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rofecare_infra.engine import Container
from rofecare_infra.platform import Platform, Service, reach, short
from rofecare_infra.progress import listed
from rofecare_infra.smoke.checks import Check

Needs = Mapping[str, frozenset[str]]

# Status of a container -> its description, and the next command.
_STOPPED = {
    "exited": ("is stopped", "{start}"),
    "created": ("was never started", "{start}"),
    "dead": ("is dead", "{start}"),
    "removing": ("is being removed", "{start}"),
    "paused": ("is paused", "docker unpause {container}"),
    "restarting": ("keeps restarting", "inv logs {short}"),
}


@dataclass(frozen=True)
class Cause:
    """A state of a service that would explain broken links."""

    service: str
    # `identity-db is stopped`.
    description: str
    seen: str
    remedy: str
    # The service runs, with this fault only: it explains faults of other services, but no further ones of its own.
    works: bool = False


@dataclass(frozen=True)
class Finding:
    """One cause: the first line of the message, its evidence, the next command, and its consequences."""

    headline: str
    seen: str
    remedy: str
    consequences: tuple[str, ...] = ()


def diagnose(platform: Platform, containers: Sequence[Container], checks: Sequence[Check]) -> tuple[Finding, ...]:
    """The causes of what is broken, in start order; none if every link works and every container can answer.

    A broken link is explained by the first of these that applies: a container that cannot answer; a service that fails
    by itself; a container that fails its health check. A link that none of them explains is a finding of its own.
    """
    needs = {service.name: frozenset(service.depends_on) for service in platform.services}
    order = [service.name for stage in platform.stages() for service in stage.services]
    broken = [check for check in checks if not check.ok]
    stopped = down(platform, containers)
    failing = _failing(broken, stopped, needs, containers)
    causes = sorted((*stopped, *failing), key=lambda cause: _place(order, cause.service))
    explained, rest = _explained(causes, broken, needs)
    # A failed health check alone is not a finding, and a weaker cause than the others.
    sick, rest = _explained(unhealthy(platform, containers), rest, needs)
    working = frozenset(check.subject for check in checks if check.ok)
    findings = [_finding(cause, found, platform, working) for cause, found in explained]
    findings += [_finding(cause, found, platform, working) for cause, found in sick if found]
    return (*findings, *_unexplained(rest, containers))


def _failing(broken: Sequence[Check], stopped: Sequence[Cause], needs: Needs, all_: Sequence[Container]) -> list[Cause]:
    """Services that fail although their container runs and no dependency explains it: one cause each."""
    causes: dict[str, Cause] = {}
    for check in broken:
        if check.target or check.subject in causes or any(_strength(cause, check, needs) for cause in stopped):
            continue
        remedy = _remedy(check.remedy, [check.subject], all_)
        state = [
            f"container {one.name}: {one.health}" for one in all_ if one.service == check.subject and not one.ready
        ]
        causes[check.subject] = Cause(
            check.subject, check.sentence(), "; ".join([check.seen, *state]), remedy, works=True
        )
    return list(causes.values())


def _explained(
    causes: Sequence[Cause], broken: Sequence[Check], needs: Needs
) -> tuple[list[tuple[Cause, list[Check]]], list[Check]]:
    """Each cause with the broken links that it explains best, and the links that no cause explains."""
    found: list[tuple[Cause, list[Check]]] = [(cause, []) for cause in causes]
    rest: list[Check] = []
    for check in broken:
        strengths = [_strength(cause, check, needs) for cause in causes]
        best = max(strengths, default=0)
        (found[strengths.index(best)][1] if best else rest).append(check)
    return found, rest


def _strength(cause: Cause, check: Check, needs: Needs) -> int:
    """How well a cause explains a broken link: from 0 (not at all) to 3 (it is the target of the link)."""
    if check.target == cause.service:
        return 3
    if check.subject == cause.service and not (cause.works and check.target):
        return 2
    # A broker does not explain a database that does not answer, although the same service needs both.
    end = check.target or check.subject
    return 1 if cause.service in needs.get(end, frozenset()) else 0


def _finding(cause: Cause, found: Sequence[Check], platform: Platform, working: frozenset[str]) -> Finding:
    ranked = sorted(found, key=lambda check: (check.target != cause.service, check.subject != cause.service))
    others = [check for check in ranked if check.sentence() != cause.description]
    link = others[0].sentence(known=cause.service) if others else ""
    if not ranked:
        link = _needed(cause.service, platform, working)
    evidence = [cause.seen, *(check.seen for check in ranked[:1] if check.seen != cause.seen)]
    return Finding(
        f"{cause.description}: {link}" if link else cause.description,
        "; ".join(part for part in evidence if part),
        cause.remedy,
        tuple(dict.fromkeys(check.sentence() for check in others[1:])),
    )


def _needed(service: str, platform: Platform, working: frozenset[str]) -> str:
    """The services that need a service to which no broken link leads, and whether they still work."""
    users = [one.name for one in platform.services if service in one.depends_on]
    if not users:
        return ""
    still = "traffic still passes, but " if working.intersection(users) else ""
    return f"{still}{listed(users)} {'need' if users[1:] else 'needs'} it"


def _unexplained(rest: Sequence[Check], containers: Sequence[Container]) -> list[Finding]:
    """Links with both ends ready: one finding for each end that cannot be reached."""
    ends: dict[str, list[Check]] = {}
    for check in rest:
        ends.setdefault(check.target, []).append(check)
    return [
        Finding(
            checks[0].sentence(),
            checks[0].seen,
            _remedy(checks[0].remedy, [check.subject for check in checks], containers),
            tuple(dict.fromkeys(check.sentence() for check in checks[1:])),
        )
        for checks in ends.values()
    ]


def _remedy(template: str, subjects: Sequence[str], containers: Sequence[Container]) -> str:
    names = [one.name for one in containers if one.service in subjects]
    return template.format(container=" ".join(names)) if template else f"inv logs {short(subjects[0])}"


def _place(order: Sequence[str], service: str) -> int:
    return order.index(service) if service in order else len(order)


def down(platform: Platform, containers: Sequence[Container]) -> tuple[Cause, ...]:
    """Services with a container that cannot answer, in start order: dependencies first."""
    services = [service for stage in platform.stages() for service in stage.services]
    # The replicas of a stack have nodes.
    start = "inv nodes; inv deploy" if any(one.node for one in containers) else "inv start-all"
    start = f"{start}  (starts only what is missing)"
    return tuple(cause for service in services for cause in _down(service, _of(service, containers), start))


def unhealthy(platform: Platform, containers: Sequence[Container]) -> tuple[Cause, ...]:
    """Services that run but fail their health check, in start order."""
    services = [service for stage in platform.stages() for service in stage.services]
    return tuple(
        Cause(
            service.name,
            f"{one.name if service.replicas > 1 else service.name} is {one.health}",
            f"last health check: {one.probe or 'no output'}",
            f"inv logs {short(service.name)}",
        )
        for service in services
        for one in _of(service, containers)
        if one.status == "running" and one.health not in {None, "healthy"}
    )


def healthy(platform: Platform, containers: Sequence[Container]) -> frozenset[str]:
    """The services that are ready or starting, and whose dependencies all are."""
    ready = {
        service.name
        for service in platform.services
        if len([one for one in _of(service, containers) if _ready_or_starting(one)]) >= service.replicas
    }
    return frozenset(name for name, needs in reach(platform.needs).items() if {name, *needs} <= ready)


def without(names: frozenset[str], failed: frozenset[str], needs: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The services that neither failed nor depend on one that did."""
    return frozenset(name for name in names if not failed & {name, *needs.get(name, ())})


def _down(service: Service, mine: Sequence[Container], start: str) -> Iterator[Cause]:
    if len(mine) < service.replicas:
        seen = f"{len(mine)} of {service.replicas} containers"
        yield Cause(service.name, f"{service.name} has no container", seen, start)
    for one in mine:
        done = service.one_shot and one.status == "exited" and one.exit_code == 0
        if one.status == "running" or done:
            continue
        description, remedy = _STOPPED.get(one.status, (f"is {one.status}", "{start}"))
        ended = f", exit code {one.exit_code}, since {one.finished_at[:19]}Z" if one.status == "exited" else ""
        yield Cause(
            service.name,
            f"{one.name if service.replicas > 1 else service.name} {description}",
            f"container {one.name}: {one.status}{ended}",
            remedy.format(container=one.name, short=short(service.name), start=start),
        )


def _ready_or_starting(container: Container) -> bool:
    return container.status == "running" and container.health in {"healthy", "starting"}


def _of(service: Service, containers: Sequence[Container]) -> list[Container]:
    return [one for one in containers if one.service == service.name]

"""From broken links and the states of containers to the one cause that explains most, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rofecare_infra.engine import Container
from rofecare_infra.platform import Platform, short
from rofecare_infra.progress import listed
from rofecare_infra.smoke.checks import Check
from rofecare_infra.smoke.states import Cause, down, unwell

Needs = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Finding:
    """One cause: the first line of the message, its evidence, the next command, what else is broken by it."""

    headline: str
    seen: str
    remedy: str
    consequences: tuple[str, ...] = ()


def diagnose(platform: Platform, containers: Sequence[Container], checks: Sequence[Check]) -> tuple[Finding, ...]:
    """What is broken, the root first; nothing when every link works and every container can answer.

    In this order a broken link is explained by: a container that cannot answer; a service that fails by itself; a
    container whose health check does not pass. What none of them explains is a finding of its own.
    """
    needs = {service.name: frozenset(service.depends_on) for service in platform.services}
    order = [service.name for stage in platform.stages() for service in stage.services]
    broken = [check for check in checks if not check.ok]
    stopped = down(platform, containers)
    failing = _failing(broken, stopped, needs, containers)
    causes = sorted((*stopped, *failing), key=lambda cause: _place(order, cause.service))
    explained, rest = _explained(causes, broken, needs)
    # Bad health alone is no failure, and no cause where a better one is known.
    sick, rest = _explained(unwell(platform, containers), rest, needs)
    working = frozenset(check.subject for check in checks if check.ok)
    findings = [_finding(cause, found, platform, working) for cause, found in explained]
    findings += [_finding(cause, found, platform, working) for cause, found in sick if found]
    return (*findings, *_unexplained(rest, containers))


def _failing(broken: Sequence[Check], stopped: Sequence[Cause], needs: Needs, all_: Sequence[Container]) -> list[Cause]:
    """Services that fail by themselves although their container runs: one cause each."""
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
    """Each cause with the broken links that it explains best, and the links that none explains."""
    found: list[tuple[Cause, list[Check]]] = [(cause, []) for cause in causes]
    rest: list[Check] = []
    for check in broken:
        strengths = [_strength(cause, check, needs) for cause in causes]
        best = max(strengths, default=0)
        (found[strengths.index(best)][1] if best else rest).append(check)
    return found, rest


def _strength(cause: Cause, check: Check, needs: Needs) -> int:
    """How well a cause explains a broken link: 0 not at all, 3 it is at its very end."""
    if check.target == cause.service:
        return 3
    if check.subject == cause.service and not (cause.works and check.target):
        return 2
    # A database that does not answer is not explained by a broker that its service needs, too.
    end = check.target or check.subject
    return 1 if cause.service in needs.get(end, frozenset()) else 0


def _finding(cause: Cause, found: Sequence[Check], platform: Platform, working: frozenset[str]) -> Finding:
    ranked = sorted(found, key=lambda check: (check.target != cause.service, check.subject != cause.service))
    others = [check for check in ranked if check.sentence() != cause.says]
    link = others[0].sentence(known=cause.service) if others else ""
    if not ranked:
        link = _needed(cause.service, platform, working)
    evidence = [cause.seen, *(check.seen for check in ranked[:1] if check.seen != cause.seen)]
    return Finding(
        f"{cause.says}: {link}" if link else cause.says,
        "; ".join(part for part in evidence if part),
        cause.remedy,
        tuple(dict.fromkeys(check.sentence() for check in others[1:])),
    )


def _needed(service: str, platform: Platform, working: frozenset[str]) -> str:
    """Who needs a service although no broken link leads to it, and whether it does its work all the same."""
    users = [one.name for one in platform.services if service in one.depends_on]
    if not users:
        return ""
    still = "traffic still passes, but " if working.intersection(users) else ""
    return f"{still}{listed(users)} {'need' if users[1:] else 'needs'} it"


def _unexplained(rest: Sequence[Check], containers: Sequence[Container]) -> list[Finding]:
    """Links whose both ends look well: one finding an end that several cannot reach."""
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

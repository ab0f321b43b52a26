"""The result of a run: a table to print, or an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.platform import short
from rofecare_infra.progress import table
from rofecare_infra.smoke.checks import Check
from rofecare_infra.smoke.diagnosis import Finding
from rofecare_infra.smoke.plan import Application, Plan

# Kind of a dependency -> the heading of its column.
_COLUMNS = {
    "database": "DATABASE",
    "redis": "REDIS",
    "kafka": "EVENTS IN",
    "config": "SETTINGS",
    "discovery": "EUREKA",
}


@dataclass(frozen=True)
class Report:
    """All links that were tried, and the findings; without findings, the platform works."""

    plan: Plan
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    # How long the run took.
    seconds: float
    # Links that a service does not declare.
    skipped: tuple[Check, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the platform works."""
        return not self.findings

    @property
    def summary(self) -> str:
        """The result of a run without findings in one line, and another one for what was not checked."""
        others = [short(app.name) for app in self.plan.applications if not app.reference]
        scope = f"; by the contract alone: {', '.join(others)}" if others else ""
        links = f"smoke: {len(self.checks)} links carried traffic, {self.seconds:.1f} s{scope}"
        return "\n".join([links, *self.unchecked])

    @property
    def unchecked(self) -> tuple[str, ...]:
        """One line that lists what was not checked, because no service declares it; none if everything was checked."""
        parts = [f"{one.what} of {_owner(one)} ({one.skipped})" for one in self.skipped]
        return (f"not checked: {'; '.join(parts)}",) if parts else ()


def shown(report: Report) -> str:
    """The milliseconds of each link: a row per application, a column per dependency; below, the single services."""
    rows = [_row(report, app) for app in report.plan.applications]
    matrix = table(("MILLISECONDS", "ROUTE", *_COLUMNS.values()), [row for row in rows if any(row[1:])])
    routes = {app.name for app in report.plan.business}
    alone: dict[str, dict[str, float]] = {}
    gateway = report.plan.gateway.name if report.plan.gateway is not None else ""
    for check in report.checks:
        if not check.target or (check.subject == gateway and check.target in routes):
            works = alone.setdefault(short(check.subject), {})
            works[check.what] = max(works.get(check.what, 0.0), check.seconds)
    cells = [(name, _ms(max(works.values())), ", ".join(works)) for name, works in alone.items()]
    return f"{matrix}\n\n{table(('SERVICE', 'MILLISECONDS', 'PROVEN'), cells)}"


def error_of(report: Report) -> ServiceFailedError:
    """The error of a run with findings: the first one is the message, the others and all consequences are details."""
    first, *others = report.findings
    carried = f"{sum(check.ok for check in report.checks)} of {len(report.checks)} links carried traffic"
    details = [f"consequence: {line}" for line in first.consequences]
    for finding in others:
        further = "" if finding.remedy == first.remedy else f"; next: {finding.remedy}"
        details.append(f"also broken: {finding.headline} ({finding.seen}){further}")
        details += [f"consequence: {line}" for line in finding.consequences]
    return ServiceFailedError(
        first.headline,
        seen=first.seen,
        expected="traffic over every link of the platform",
        next_step=first.remedy,
        details=[*details, f"{carried} ({report.seconds:.1f} s)", *report.unchecked],
    )


def _row(report: Report, app: Application) -> tuple[str, ...]:
    found = {kind: _between(report.checks, app.name, target) for kind, target in app.needs.items()}
    behind = report.plan.gateway if app in report.plan.business else None
    route = _between(report.checks, behind.name, app.name) if behind is not None else []
    return (short(app.name), _cell(route), *(_cell(found.get(kind, [])) for kind in _COLUMNS))


def _between(checks: Sequence[Check], subject: str, target: str) -> list[Check]:
    return [check for check in checks if (check.subject, check.target) == (subject, target)]


def _cell(checks: Sequence[Check]) -> str:
    """The slowest check of a kind, because they run at the same time."""
    return _ms(max(check.seconds for check in checks)) if checks else ""


def _owner(check: Check) -> str:
    """The application that does not declare the link; the subject of a route is the gateway."""
    return short(check.target if check.what == "the route" else check.subject)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"

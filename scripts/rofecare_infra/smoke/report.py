"""The result of a run, as a table for people and as an error for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.platform import short
from rofecare_infra.progress import table
from rofecare_infra.smoke.checks import Check
from rofecare_infra.smoke.diagnosis import Finding
from rofecare_infra.smoke.plan import Application, Plan

# What an application needs -> the heading of its column.
_COLUMNS = {
    "database": "DATABASE",
    "redis": "REDIS",
    "kafka": "EVENTS IN",
    "config": "SETTINGS",
    "discovery": "EUREKA",
}


@dataclass(frozen=True)
class Report:
    """Every link that was tried, and what is wrong with the platform (nothing, in a good run)."""

    plan: Plan
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    # How long the run took.
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether everything works."""
        return not self.findings

    @property
    def summary(self) -> str:
        """One line for a good run."""
        others = [short(app.name) for app in self.plan.applications if not app.reference]
        scope = f"; by the contract alone: {', '.join(others)}" if others else ""
        return f"smoke: {len(self.checks)} links carried traffic, {self.seconds:.1f} s{scope}"


def shown(report: Report) -> str:
    """Milliseconds a link: one row an application, one column a thing that it needs; below, what stands alone."""
    rows = [_row(report, app) for app in report.plan.applications]
    matrix = table(("MILLISECONDS", "ROUTE", *_COLUMNS.values()), [row for row in rows if any(row[1:])])
    routes = {app.name for app in report.plan.business}
    alone: dict[str, dict[str, float]] = {}
    door = report.plan.gateway.name if report.plan.gateway is not None else ""
    for check in report.checks:
        if not check.target or (check.subject == door and check.target in routes):
            works = alone.setdefault(short(check.subject), {})
            works[check.what] = max(works.get(check.what, 0.0), check.seconds)
    cells = [(name, _ms(max(works.values())), ", ".join(works)) for name, works in alone.items()]
    return f"{matrix}\n\n{table(('SERVICE', 'MILLISECONDS', 'PROVEN'), cells)}"


def error_of(report: Report) -> ServiceFailedError:
    """The error of a run with findings: the first one is named, the others and what follows are listed."""
    first, *others = report.findings
    carried = sum(check.ok for check in report.checks)
    details = [f"because of it: {line}" for line in first.consequences]
    for finding in others:
        further = "" if finding.remedy == first.remedy else f"; next: {finding.remedy}"
        details.append(f"broken, too: {finding.headline} ({finding.seen}){further}")
        details += [f"because of it: {line}" for line in finding.consequences]
    return ServiceFailedError(
        first.headline,
        seen=first.seen,
        expected="traffic over every link of the platform",
        next_step=first.remedy,
        details=[*details, f"{carried} of {len(report.checks)} links tried carried traffic ({report.seconds:.1f} s)"],
    )


def _row(report: Report, app: Application) -> tuple[str, ...]:
    found = {kind: _between(report.checks, app.name, target) for kind, target in app.needs.items()}
    route = _between(report.checks, report.plan.gateway.name, app.name) if app.business and report.plan.gateway else []
    return (short(app.name), _cell(route), *(_cell(found.get(kind, [])) for kind in _COLUMNS))


def _between(checks: Sequence[Check], subject: str, target: str) -> list[Check]:
    return [check for check in checks if (check.subject, check.target) == (subject, target)]


def _cell(checks: Sequence[Check]) -> str:
    """The slowest: links of a kind are tried side by side."""
    return _ms(max(check.seconds for check in checks)) if checks else ""


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"

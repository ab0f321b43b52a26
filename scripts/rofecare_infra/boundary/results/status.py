"""The results of the tasks that show the platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from rofecare_infra.boundary.report import Report
from rofecare_infra.lifecycle import ServiceStatus

if TYPE_CHECKING:
    # Of other tasks than `inv status`, which does not wait for their rooms.
    from rofecare_infra import doctor, smoke


@dataclass(frozen=True)
class Status:
    """The state of every service."""

    project: str
    # Whether all services are ready.
    ready: bool
    services: tuple[ServiceStatus, ...]
    # The changes that are unfinished, such as an upgrade.
    unfinished: tuple[str, ...]
    last_command: Report | None
    # The settings that turn a protection of production off, and what that means.
    protections_off: tuple[str, ...]


@dataclass(frozen=True)
class Ready:
    """Nothing failed. What is not ready is an error."""

    # The service that was asked for; empty: all that were started.
    service: str


@dataclass(frozen=True)
class Finding:
    """One point that was examined."""

    level: str
    point: str
    seen: str
    remedy: str

    @classmethod
    def of(cls, finding: doctor.Finding) -> Self:
        """The finding without its error."""
        return cls(finding.level, finding.point, finding.seen, finding.remedy)


@dataclass(frozen=True)
class Link:
    """One link of the platform that was tried."""

    # The service that acts, and the one that it needs; `target` is empty for what a service does alone.
    subject: str
    target: str
    what: str
    seconds: float
    # What is wrong, and the evidence; empty if the link works.
    fault: str
    seen: str


@dataclass(frozen=True)
class SmokeTested:
    """All links, and what was not checked."""

    ok: bool
    seconds: float
    links: tuple[Link, ...]
    unchecked: tuple[str, ...]

    @classmethod
    def of(cls, report: smoke.Report) -> Self:
        """The result of a run."""
        links = tuple(
            Link(one.subject, one.target, one.what, one.seconds, "" if one.ok else one.sentence(), one.seen)
            for one in report.checks
        )
        return cls(report.ok, report.seconds, links, report.unchecked)

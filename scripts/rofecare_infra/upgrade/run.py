"""The upgrade: fetch all images, begin the downtime, back up, start stage by stage behind the gates."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rofecare_infra import backup
from rofecare_infra.errors import RofecareError, ServiceFailedError
from rofecare_infra.process import to_end
from rofecare_infra.progress import Event, Note, Working
from rofecare_infra.project import Project
from rofecare_infra.state import SYSTEM_CLOCK, Clock, Journal
from rofecare_infra.upgrade.plan import Plan, fetch, plan_of, target_of, write_tag
from rofecare_infra.upgrade.rollback import (
    Entry,
    begin_downtime,
    end_downtime,
    has_data,
    journal_of,
    keep_images,
    old_platform,
    roll_back,
)


@dataclass(frozen=True)
class Upgraded:
    """What was replaced, and when the ingress was stopped and started again (Unix time)."""

    plan: Plan
    backup: str
    stopped_at: float
    started_at: float

    @property
    def downtime(self) -> str:
        """The downtime in words."""
        return downtime(self.stopped_at, self.started_at)


def upgrade(
    project: Project,
    tag: str = "",
    *,
    show: Callable[[Plan], None] = lambda _plan: None,
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, Upgraded]:
    """Upgrade the platform to the images that settings and `tag` describe; `show` receives the plan.

    Raises ServiceFailedError with the cause when a gate fails, after the rollback.
    """
    journal = journal_of(project.settings)
    target = yield from target_of(project, tag)
    plan_of(target)
    entry = keep_images(project)
    old = yield from old_platform(project, entry)
    yield from fetch(target, clock)
    plan = plan_of(target)
    show(plan)
    if not plan.differing:
        return Upgraded(plan, "", 0.0, 0.0)
    run = _Run(project, target, journal, entry, clock)
    try:
        yield from run.forward()
    except RofecareError as error:
        yield Note(f"{error.what}: rolling back images and data")
        try:
            yield from roll_back(old, journal, run.entry, clock=clock)
        except RofecareError as second:
            raise _rollback_failed(error.what, second) from error
        raise _rolled_back(error, run.entry, clock.now()) from error
    except BaseException:
        # ^C, or the output is closed: no progress is shown any longer, but the rollback is complete.
        try:
            to_end(roll_back(old, journal, run.entry, clock=clock))
        except RofecareError as second:
            raise _rollback_failed("interrupted", second) from second
        raise
    if tag:
        write_tag(project.settings, tag)
    journal.clear()
    return Upgraded(plan, run.entry.backup, run.entry.closed, clock.now())


class _Run:
    """The steps of one upgrade, and the entry of its journal."""

    def __init__(self, project: Project, target: Project, journal: Journal[Entry], entry: Entry, clock: Clock) -> None:
        self._project, self._target, self._journal = project, target, journal
        self._clock = clock
        self.entry = entry

    def forward(self) -> Generator[Event, None, None]:
        """Begin the downtime, back up, replace, end the downtime."""
        target = self._target
        self.entry = self._journal.write(replace(self.entry, closed=self._clock.now()))
        yield from begin_downtime(target, self._clock)
        if has_data(target):
            yield Working("taking a backup")
            taken = yield from backup.take(self._project, reason="before an upgrade")
            yield Note(f"backup {taken.id} taken: the data has not changed since")
            self.entry = self._journal.write(replace(self.entry, backup=taken.id))
        # Before the first of them is started: a power cut may come at any moment from here on.
        names = tuple(service.name for service in target.platform.services)
        self.entry = self._journal.write(replace(self.entry, touched=names))
        yield from end_downtime(target, self._clock)


def downtime(stopped_at: float, started_at: float) -> str:
    """How long, and from when to when, in local time."""
    first, last = (datetime.fromtimestamp(one, UTC).astimezone() for one in (stopped_at, started_at))
    return f"{started_at - stopped_at:.1f} s, from {first:%H:%M:%S} to {last:%H:%M:%S}"


def _rolled_back(error: RofecareError, entry: Entry, started_at: float) -> RofecareError:
    kind = type(error) if error.exit_code == ServiceFailedError.exit_code else ServiceFailedError
    data = f" and the data of backup {entry.backup}" if entry.backup and entry.touched else ""
    return kind(
        f"the upgrade was rolled back: {error.what}",
        seen=error.seen,
        expected=error.expected,
        next_step="inv upgrade --rehearse reproduces it without changing the running platform",
        details=[
            *error.details,
            f"the old images{data} are restored, and the platform is up",
            f"downtime: {downtime(entry.closed, started_at)}",
        ],
    )


def _rollback_failed(first: str, second: RofecareError) -> ServiceFailedError:
    return ServiceFailedError(
        "the upgrade failed, and so did its rollback",
        seen=f"{first}; then {second.what}: {second.seen}",
        expected="old images and old data",
        next_step="correct the cause, then inv start-all: it continues the rollback",
        details=second.details,
    )

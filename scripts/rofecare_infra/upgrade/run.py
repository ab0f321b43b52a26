"""The upgrade: everything fetched, the entry closed, a backup, stage by stage behind the gates, the entry open."""

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
from rofecare_infra.upgrade import stages
from rofecare_infra.upgrade.journal import Entry, journal_of
from rofecare_infra.upgrade.old import keep, old_platform
from rofecare_infra.upgrade.plan import Plan, plan_of
from rofecare_infra.upgrade.target import fetch, target_of, write_tag
from rofecare_infra.upgrade.undo import has_data, put_back


@dataclass(frozen=True)
class Upgraded:
    """What was replaced, and for how long no request was let in."""

    plan: Plan
    backup: str
    closed: float
    opened: float

    @property
    def window(self) -> str:
        """The time without an entry, in words."""
        return window(self.closed, self.opened)


def upgrade(
    project: Project,
    tag: str = "",
    *,
    tell: Callable[[Plan], None] = lambda _plan: None,
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, Upgraded]:
    """Bring the platform to the images that settings and `tag` describe; `tell` is shown the plan.

    Raises ServiceFailedError with the cause when a gate failed, and everything is as it was.
    """
    journal = journal_of(project.settings)
    with journal.locked():
        target = yield from target_of(project, tag)
        plan_of(target)
        entry = keep(project)
        old = yield from old_platform(project, entry)
        yield from fetch(target, clock)
        plan = plan_of(target)
        tell(plan)
        if not plan.differing:
            return Upgraded(plan, "", 0.0, 0.0)
        run = _Run(project, target, journal, entry, clock)
        try:
            yield from run.forward()
        except RofecareError as error:
            yield Note(f"{error.what}: putting the old images and the old data back")
            try:
                yield from put_back(old, journal, run.entry, clock=clock)
            except RofecareError as second:
                raise _stuck(error.what, second) from error
            raise _undone(error, run.entry, clock.now()) from error
        except BaseException:
            # ^C, or nobody reads any more: nothing can be told, all of it is put back all the same.
            try:
                to_end(put_back(old, journal, run.entry, clock=clock))
            except RofecareError as second:
                raise _stuck("interrupted", second) from second
            raise
        if tag:
            write_tag(project.settings, tag)
        journal.clear()
        return Upgraded(plan, run.entry.backup, run.entry.closed, clock.now())


class _Run:
    """The steps, and the journal as it stands."""

    def __init__(
        self,
        project: Project,
        target: Project,
        journal: Journal[Entry],
        entry: Entry,
        clock: Clock,
    ) -> None:
        self._project, self._target, self._journal = project, target, journal
        self._clock = clock
        self.entry = entry

    def forward(self) -> Generator[Event, None, None]:
        """Close, back up, replace, open."""
        target = self._target
        self.entry = self._journal.write(replace(self.entry, closed=self._clock.now()))
        yield from stages.close(target, self._clock)
        if has_data(target):
            yield Working("taking a backup")
            taken = yield from backup.take(self._project, reason="before an upgrade")
            yield Note(f"backup {taken.id} taken: nobody has written since")
            self.entry = self._journal.write(replace(self.entry, backup=taken.id))
        # Before the first of them is started: after a power cut nobody knows how far it went.
        names = tuple(service.name for service in target.platform.services)
        self.entry = self._journal.write(replace(self.entry, touched=names))
        yield from stages.start(target, clock=self._clock)


def window(closed: float, opened: float) -> str:
    """From when to when, and how long."""
    first, last = (datetime.fromtimestamp(one, UTC).astimezone() for one in (closed, opened))
    return f"{opened - closed:.1f} s, from {first:%H:%M:%S} to {last:%H:%M:%S}"


def _undone(error: RofecareError, entry: Entry, opened: float) -> RofecareError:
    kind = type(error) if error.exit_code == ServiceFailedError.exit_code else ServiceFailedError
    data = f" and the data of backup {entry.backup}" if entry.backup and entry.touched else ""
    return kind(
        f"the upgrade was undone: {error.what}",
        seen=error.seen,
        expected=error.expected,
        next_step="inv upgrade --rehearse shows it again without touching what runs",
        details=[
            *error.details,
            f"the old images{data} are back, and the platform is up",
            f"no request was let in for {window(entry.closed, opened)}",
        ],
    )


def _stuck(first: str, second: RofecareError) -> ServiceFailedError:
    return ServiceFailedError(
        "the upgrade failed, and so did putting everything back",
        seen=f"{first}; then {second.what}: {second.seen}",
        expected="old images and old data",
        next_step="mend what was seen, then inv start-all: it goes on with putting everything back",
        details=second.details,
    )

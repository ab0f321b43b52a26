"""The upgrade: fetch images, prove a backup, close the ingress, replace behind the gates, decide, open the ingress."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rofecare_infra import backup, lifecycle
from rofecare_infra.backup import Backup
from rofecare_infra.errors import RofecareError, ServiceFailedError
from rofecare_infra.platform import is_ingress
from rofecare_infra.process import complete, to_end, uninterrupted
from rofecare_infra.progress import Event, Note, Working
from rofecare_infra.project import Project, publish, release_of, remove_releases
from rofecare_infra.state import SYSTEM_CLOCK, Clock, Journal
from rofecare_infra.upgrade.journal import Entry, journal_of
from rofecare_infra.upgrade.plan import Plan, fetch, plan_of, target_of
from rofecare_infra.upgrade.recover import finish, not_finished
from rofecare_infra.upgrade.rollback import (
    begin_downtime,
    has_data,
    keep_images,
    old_platform,
    restore_names,
    roll_back,
    start_inside,
)
from rofecare_infra.upgrade.tag import line_of, require_writable, write_tag


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
    wanted: Project | None = None,
    show: Callable[[Plan], None] = lambda _plan: None,
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, Upgraded]:
    """Upgrade the platform to the images that settings and `tag` describe; `show` receives the plan.

    `wanted` is the project on another release, whose software replaces the present one together with the images.
    Raises ServiceFailedError with the cause: after the rollback for a failure before the decision, at once for a later
    one, which is never rolled back.
    """
    target = yield from target_of(wanted or project, tag)
    plan_of(target)
    run = _Run(project, target, tag, clock)
    plan = yield from run.prepare(show)
    if not plan.differing:
        return Upgraded(plan, "", 0.0, 0.0)
    try:
        yield from run.forward()
        complete()
    except RofecareError as error:
        entry = run.recorded()
        if entry.decided:
            raise not_finished(project, error) from error
        with uninterrupted():
            yield Note(f"{error.what}: rolling back images and data")
            try:
                yield from run.roll_back(entry)
            except RofecareError as second:
                raise _rollback_failed(project, error.what, second) from error
            raise _rolled_back(project, error, entry, clock.now()) from error
    except BaseException:
        # ^C, or a bug: no progress is shown any longer, but it goes to its end, in one direction.
        with uninterrupted():
            entry = run.recorded()
            try:
                to_end(run.finish() if entry.decided else run.roll_back(entry))
            except RofecareError as second:
                raise (second if entry.decided else _rollback_failed(project, "interrupted", second)) from second
            raise
    yield from run.finish()
    return Upgraded(plan, run.entry.backup, run.entry.closed, clock.now())


class _Run:
    """The steps of one upgrade, and the entry of its journal."""

    def __init__(self, project: Project, target: Project, tag: str, clock: Clock) -> None:
        self._project, self._target, self._tag = project, target, tag
        self._clock = clock
        self._journal: Journal[Entry] = journal_of(project.settings)
        self._old = project
        self._proven: Backup | None = None
        self.entry = Entry()

    def prepare(self, show: Callable[[Plan], None]) -> Generator[Event, None, Plan]:
        """Fetch the images and prove a backup while the platform serves. A failure leaves everything as it was."""
        target = self._target
        self.entry = self._journal.write(keep_images(self._project))
        try:
            self._old = yield from old_platform(self._project, self.entry)
            yield from fetch(target, self._clock)
            plan = plan_of(target)
            show(plan)
            if self._tag:
                require_writable(self._project.settings)
            if plan.differing and has_data(target):
                yield Working("taking a backup, to prove that it can be restored")
                verified = yield from backup.take_verified(
                    self._project, "before an upgrade, while the platform serves"
                )
                self._proven = verified.backup
                yield Note(f"backup {self._proven.id} is verified: {verified.rows} rows came out equal")
            elif not plan.differing:
                self._adopt()
        except BaseException:
            self._forget()
            raise
        if not plan.differing:
            self._forget()
        return plan

    def forward(self) -> Generator[Event, None, None]:
        """Close the ingress, back up, replace behind the gates, write the tag, decide."""
        target, clock = self._target, self._clock
        before = line_of(self._project.settings) if self._tag else ""
        release = release_of(self._project)
        self._note(closed=clock.now(), tag=self._tag, tag_before=before, release=release)
        yield from begin_downtime(target, clock)
        if self._proven is not None:
            last = yield from backup.take_last(self._project, self._proven, "before an upgrade")
            yield Note(f"backup {last.id} taken and read back: the data has not changed since")
            self._note(backup=last.id)
        # Before the first of them is started: a power cut may come at any moment from here on.
        self._note(touched=tuple(service.name for service in target.platform.services))
        yield from start_inside(target, clock)
        yield from lifecycle.probe(
            target, [one.name for one in target.platform.services if not is_ingress(one.labels)], clock
        )
        self._adopt()
        self._note(decided=True)

    def _adopt(self) -> None:
        """Make tag and release those of later commands."""
        if self._tag:
            write_tag(self._project.settings, self._tag)
        publish(self._target)

    def finish(self) -> Generator[Event, None, None]:
        """Open the ingress, after the decision."""
        yield from finish(self._target, self._journal, self._clock)
        remove_releases(self._target, self.entry.release)

    def roll_back(self, entry: Entry) -> Generator[Event, None, None]:
        """Restore the state before, as long as nothing is decided."""
        return roll_back(self._old, self._journal, entry, clock=self._clock)

    def recorded(self) -> Entry:
        """The entry on the disk, which decides: the write of the last one may have been interrupted."""
        return self._journal.read() or self.entry

    def _note(self, **changes: object) -> None:
        self.entry = self._journal.write(replace(self.entry, **changes))  # type: ignore[arg-type]

    def _forget(self) -> None:
        restore_names(self._project.engine, self.entry)
        self._journal.clear()


def downtime(stopped_at: float, started_at: float) -> str:
    """How long, and from when to when, in local time."""
    first, last = (datetime.fromtimestamp(one, UTC).astimezone() for one in (stopped_at, started_at))
    return f"{started_at - stopped_at:.1f} s, from {first:%H:%M:%S} to {last:%H:%M:%S}"


def _rolled_back(project: Project, error: RofecareError, entry: Entry, started_at: float) -> RofecareError:
    kind = type(error) if error.exit_code == ServiceFailedError.exit_code else ServiceFailedError
    data = f" and the data of backup {entry.backup}" if entry.backup and entry.touched else ""
    return kind(
        f"the upgrade was rolled back: {error.what}",
        seen=error.seen,
        expected=error.expected,
        next_step="correct the cause, then the same command again"
        if project.stack
        else "inv upgrade --rehearse reproduces it without changing the running platform",
        details=[
            *error.details,
            f"the old images{data} are restored, and the platform is up",
            f"downtime: {downtime(entry.closed, started_at)}",
        ],
    )


def _rollback_failed(project: Project, first: str, second: RofecareError) -> ServiceFailedError:
    return ServiceFailedError(
        "the upgrade failed, and so did its rollback",
        seen=f"{first}; then {second.what}: {second.seen}",
        expected="old images and old data",
        next_step=f"correct the cause, then {project.start_command}: it continues the rollback",
        details=second.details,
    )

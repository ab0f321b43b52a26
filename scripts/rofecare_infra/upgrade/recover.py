"""Recovers an interrupted upgrade: forward if it was decided, back if not; its journal is the only evidence."""

from __future__ import annotations

from collections.abc import Generator

from rofecare_infra import lifecycle, swarm
from rofecare_infra.errors import RofecareError, ServiceFailedError
from rofecare_infra.progress import Event, Note
from rofecare_infra.project import Project, on_release, prepare, publish, remove_releases, reopened
from rofecare_infra.state import SYSTEM_CLOCK, Clock, Journal
from rofecare_infra.upgrade.journal import Entry, journal_of
from rofecare_infra.upgrade.rollback import old_platform, restore_names, roll_back, start_inside
from rofecare_infra.upgrade.tag import TAG


def recover(project: Project, *, clock: Clock = SYSTEM_CLOCK) -> Generator[Event, None, Project]:
    """Complete or roll back an upgrade that a kill or a power cut interrupted; return the project as it is then.

    Raises ServiceFailedError, and changes nothing, where requests may have been accepted since.
    """
    journal = journal_of(project.settings)
    entry = journal.read()
    if entry is None:
        return project
    if not _is_data_there(project):
        # It has been removed since.
        journal.clear()
        return project
    if entry.decided:
        yield from _complete(project, journal, entry, clock)
        return project
    if not entry.closed:
        restore_names(project.engine, entry)
        journal.clear()
        yield Note("an upgrade was interrupted before it stopped anything: the images are those of before")
        return project
    _refuse_if_ambiguous(project, journal, entry)
    yield Note("an upgrade was interrupted: rolling back images and data")
    restore_names(project.engine, entry)
    project = on_release(project, entry.release)
    old = yield from old_platform(project, entry)
    yield from roll_back(old, journal, entry, clock=clock)
    yield Note("the interrupted upgrade is rolled back")
    # The settings have the old tag again.
    project = reopened(project)
    publish(project)
    return project


def finish(project: Project, journal: Journal[Entry], clock: Clock) -> Generator[Event, None, None]:
    """Open the ingress after the decision. Raises ServiceFailedError: nothing is rolled back from here on."""
    try:
        yield from lifecycle.open_ingress(project, clock)
        journal.clear()
    except RofecareError as error:
        raise not_finished(project, error) from error


def not_finished(project: Project, error: RofecareError) -> ServiceFailedError:
    """The error for a failure after the decision."""
    return ServiceFailedError(
        "the upgrade is decided, but it is not finished",
        seen=f"{error.what}: {error.seen}",
        expected="an open ingress in front of the new images, which are ready; they and their data stay",
        next_step=f"correct the cause, then {project.start_command}: it opens the ingress; nothing is rolled back",
        details=error.details,
    )


def _is_data_there(project: Project) -> bool:
    engine, name = project.engine, project.platform.project
    return bool(swarm.volumes.expected(engine, name) if project.stack else engine.volumes(name))


def _complete(project: Project, journal: Journal[Entry], entry: Entry, clock: Clock) -> Generator[Event, None, None]:
    yield Note("an upgrade was interrupted after its decision: completing it; the new images and their data stay")
    # The first write may have been interrupted before it was on the disk.
    journal.write(entry)
    prepared = yield from prepare(project)
    yield from start_inside(prepared, clock)
    yield from finish(prepared, journal, clock)
    remove_releases(prepared, entry.release)
    yield Note("the interrupted upgrade is complete")


def _refuse_if_ambiguous(project: Project, journal: Journal[Entry], entry: Entry) -> None:
    """Refuse to restore data where requests may have been accepted since the backup."""
    if entry.undone or not entry.touched or not entry.backup:
        return  # no data is restored
    seen = lifecycle.opened_since(project, entry.closed)
    if not seen and entry.earlier and not lifecycle.is_closed_since(project, entry.closed):
        seen = "no container shows whether the ingress was open since"
    if not seen:
        return
    keep = f"set {TAG} to the tag that runs, {_tag(project, entry)}; then rm {journal.path}; {project.start_command}"
    back = f"rm {journal.path}; inv restore {entry.backup}"
    raise ServiceFailedError(
        "an upgrade was interrupted, and requests may have been accepted since",
        seen=f"{seen}; the journal {journal.path} records no decision",
        expected=f"an ingress that stayed closed since backup {entry.backup} was taken: a rollback restores that data",
        next_step="inv status shows what runs; check the newest records, then use one of the two ways below",
        details=[
            f"to keep the present images and data: {keep}",
            f"to return to that data, after a backup of the present data: {back}",
        ],
    )


def _tag(project: Project, entry: Entry) -> str:
    """The tag of the images that run and did not run before."""
    present = {one.service: one.image for one in project.engine.containers(project.platform.project)}
    new = {image.rpartition(":")[2] for name, image in present.items() if image != entry.services.get(name)}
    return " or ".join(sorted(new)) or "the same as before"

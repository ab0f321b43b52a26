"""Brings back what was: images by their ids, the data of the backup, and the entry open again."""

from __future__ import annotations

from collections.abc import Generator

from rofecare_infra import backup, lifecycle
from rofecare_infra.backup.server import database_services
from rofecare_infra.progress import Event, Note
from rofecare_infra.project import Project
from rofecare_infra.state import SYSTEM_CLOCK, Clock, Journal
from rofecare_infra.upgrade import stages
from rofecare_infra.upgrade.journal import Entry
from rofecare_infra.upgrade.old import names_back


def put_back(
    old: Project,
    journal: Journal[Entry],
    entry: Entry,
    *,
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, None]:
    """Undo an upgrade; `old` is the platform with the images that ran before it."""
    names_back(old.engine, entry)
    if entry.touched:
        yield from stages.close(old, clock)
    if entry.touched and entry.backup:
        infrastructure = [one for one in old.platform.services if one.phase == "infrastructure"]
        yield from lifecycle.start(old.only(infrastructure), clock=clock)
        # All of them: services tell each other of what they write, and one state is one moment.
        restored = yield from backup.restore(old, entry.backup, clock=clock)
        yield Note(f"the data of backup {entry.backup} is back; what the new images made of it: {restored.safety.id}")
    yield from stages.start(old, clock=clock)
    journal.clear()


def has_data(project: Project) -> bool:
    """Whether there is a database to keep."""
    return bool(database_services(project.platform))

"""Ends an upgrade that was cut off by a kill or a power cut: everything as it was before."""

from __future__ import annotations

from collections.abc import Generator

from rofecare_infra.progress import Event, Note
from rofecare_infra.project import Project
from rofecare_infra.state import SYSTEM_CLOCK, Clock
from rofecare_infra.upgrade.journal import journal_of
from rofecare_infra.upgrade.old import names_back, old_platform
from rofecare_infra.upgrade.undo import put_back


def settle(
    project: Project,
    *,
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, None]:
    """Put images and data back where an upgrade was cut off; nothing to do where none was."""
    journal = journal_of(project.settings)
    if journal.read() is None:
        return
    with journal.locked():
        entry = journal.read()
        if entry is None:
            return
        yield Note("an upgrade was cut off: putting the old images and the old data back")
        if not project.engine.volumes(project.platform.project):
            journal.clear()  # its data was given up since
            return
        names_back(project.engine, entry)
        old = yield from old_platform(project, entry)
        yield from put_back(old, journal, entry, clock=clock)
        yield Note("the platform is as it was before the upgrade that was cut off")

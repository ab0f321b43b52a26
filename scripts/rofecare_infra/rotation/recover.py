"""Ends a change of a secret that was cut off: by a kill, or because the platform went down in the middle of it."""

from __future__ import annotations

from collections.abc import Generator

from rofecare_infra import lifecycle
from rofecare_infra.progress import Event, Note
from rofecare_infra.project import Project, prepare
from rofecare_infra.rotation.journal import journal_of
from rofecare_infra.rotation.kinds import Kind
from rofecare_infra.rotation.rotate import change_of
from rofecare_infra.rotation.shell import Shell, in_container
from rofecare_infra.state import SYSTEM_CLOCK, Clock


def settle(
    project: Project,
    *,
    shell: Shell = in_container,
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, None]:
    """Keep a new secret that was proven; put the old one back otherwise. Nothing to do where no change was cut off.

    What asks for the secret is started for it where it does not run.
    """
    journal = journal_of(project.settings)
    if journal.read() is None:
        return
    with journal.locked():
        entry = journal.read()
        if entry is None or entry.secret not in project.platform.secrets:
            journal.clear()
            return
        change = change_of(project, entry.secret, shell, clock)
        if not change.file.path.exists():
            # Data and secrets were given up since.
            change.file.put_back()
            journal.clear()
            return
        if entry.proven:
            change.file.keep()
            journal.clear()
            yield Note(f"the change of {entry.secret} that was cut off had been proven: it stays")
            return
        yield Note(f"a change of {entry.secret} was cut off: putting the old one back")
        old, *others = change.file.candidates()
        up = [one.id for one in change.containers()]
        if change.what.kind is Kind.DATABASE:
            project = yield from prepare(project)
            yield from lifecycle.start(project, phases={one.phase for one in change.what.owners}, clock=clock)
        stopped = [one.id for one in change.containers(running=False) if up and one.id not in up]
        yield from change.back((*up, *stopped), old=old, known=(*others, old))
        journal.clear()
        yield Note(f"{entry.secret} is as it was before the change that was cut off")

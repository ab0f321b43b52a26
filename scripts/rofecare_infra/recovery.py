"""Recovers what interrupted commands left unfinished, before the next change."""

from __future__ import annotations

from collections.abc import Generator

from rofecare_infra import backup, lifecycle, rotation, upgrade
from rofecare_infra.process import continue_after_completion, uninterrupted
from rofecare_infra.progress import Event
from rofecare_infra.project import Project, prepare, take_over
from rofecare_infra.settings import Settings


def unfinished(settings: Settings) -> tuple[str, ...]:
    """The kinds of changes that an interrupted command has left unfinished."""
    return (
        *(["upgrade"] if upgrade.is_interrupted(settings) else []),
        *(["rotation"] if rotation.is_interrupted(settings) else []),
        *(["restore"] if backup.is_interrupted(settings) else []),
    )


def recover(project: Project, *, restart: bool = True) -> Generator[Event, None, Project]:
    """Complete or roll back unfinished upgrades, rotations and restores; return the project as it is then.

    Every command that changes something calls it first, and works on what it returns: an upgrade that is rolled back
    changes the settings, and production may run from another release.

    With `restart`, services that an interrupted restore had stopped are started again; a command that starts them
    itself leaves it out. A signal that arrives meanwhile is raised at the end: what is recovered halfway is of no use.
    """
    with uninterrupted():
        project = yield from take_over(project)
        # Upgrades first: nothing else may start a container before image names again mean the images that the data was
        # written with. A rollback whose own restore was interrupted finishes that restore, on those images.
        # Rotations next: a restore logs in to servers and empties caches, which takes secrets that are in force.
        # Restores last: by then the images and the secrets are those that the journal of the restore was written with.
        project = yield from upgrade.recover(project)
        yield from rotation.recover(project)
        if backup.is_interrupted(project.settings):
            prepared = yield from prepare(project)
            yield from backup.recover(prepared, restart=restart)
        # A start that was killed leaves limits lifted.
        lifecycle.restore_limits(project.platform, project.engine)
        # A restore that was a part of it is completed, the command is not.
        continue_after_completion()
        return project

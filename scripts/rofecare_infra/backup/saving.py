"""The safety backup of a restore: the databases that it replaced, under the names that they had, before they go.

It is taken after the decision, while the restored databases are in use: nobody uses the old ones any more. They are
dropped only when it is complete.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace

from rofecare_infra.backup import completeness, swap
from rofecare_infra.backup.extent import Extent
from rofecare_infra.backup.journal import Entry, journal_of
from rofecare_infra.backup.manifest import Backup
from rofecare_infra.backup.server import Server
from rofecare_infra.backup.store import Store
from rofecare_infra.backup.take import take_unchecked
from rofecare_infra.errors import RofecareError, VerificationError
from rofecare_infra.progress import Event, Note
from rofecare_infra.project import Project


def reason_of(backup: str) -> str:
    """Why the safety backup of the restore of this backup was taken."""
    return f"before the restore of {backup}"


def save(
    project: Project, store: Store, entry: Entry, servers: Mapping[str, Server]
) -> Generator[Event, None, Backup | None]:
    """Back up the replaced databases, unless that was done; return the backup if one was taken.

    Raises VerificationError if that fails; the old databases stay, and the next command that changes data repeats it.
    """
    if entry.saved:
        return None
    replaced = swap.replaced(servers, entry.targets)
    safety = None
    if any(replaced.values()):
        swap.allow_connections_to_old(servers, entry.targets)
        try:
            safety = yield from take_unchecked(
                project, store, reason=reason_of(entry.backup), extent=Extent([*replaced], replaced, parts=())
            )
            names = [completeness.key_of_database(one, name) for one, old in replaced.items() for name in old.values()]
            completeness.require_saved(safety, names)
        except RofecareError as error:
            raise _not_saved(project, entry.backup, error, replaced) from error
        yield Note(f"safety backup {safety.id} taken of the previous data")
    journal_of(project.settings).write(replace(entry, saved=True))
    return safety


def _not_saved(
    project: Project, backup: str, error: RofecareError, replaced: Mapping[str, Mapping[str, str]]
) -> VerificationError:
    return VerificationError(
        f"the restore of {backup} is complete, but the previous data could not be backed up",
        seen=f"{error.what}: {error.seen}",
        expected="a safety backup; until there is one, the previous databases stay beside the restored ones",
        next_step=f"correct the cause, then {project.start_command}: it takes the backup, and then drops them",
        details=(
            *error.details,
            *(f"{service}: {name} is now {old}" for service, one in replaced.items() for old, name in one.items()),
            f"to give up the previous data: DROP DATABASE with this name, then {project.start_command}",
        ),
    )

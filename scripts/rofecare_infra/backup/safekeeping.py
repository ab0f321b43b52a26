"""What follows a backup: the old ones go, a copy goes elsewhere; and the backup without which no data is given up."""

from __future__ import annotations

from collections.abc import Generator

from rofecare_infra.backup import copies, retention, surroundings
from rofecare_infra.backup.records import Backup
from rofecare_infra.backup.recover import recover
from rofecare_infra.backup.server import database_services
from rofecare_infra.backup.store import store_of
from rofecare_infra.backup.take import take
from rofecare_infra.backup.verify import Verified, verify
from rofecare_infra.progress import Event
from rofecare_infra.project import Project
from rofecare_infra.settings import Settings


def keep(settings: Settings, backup: Backup) -> Generator[Event, None, None]:
    """Remove what has expired, and copy this one to the second place where one is set."""
    store = store_of(settings)
    with store.locked("keeping backups"):
        yield from retention.apply(store, settings.backup_keep_days)
        if settings.backup_copy_to:
            yield from copies.send(backup, settings.backup_copy_to, settings.backup_keep_days)


def take_verified(project: Project, reason: str) -> Generator[Event, None, Verified]:
    """A backup that was verified, of a platform that may be stopped: its databases are started for it."""
    yield from recover(project)
    names = [service.name for service in database_services(project.platform)]
    yield from surroundings.start_missing(project, names)
    taken = yield from take(project, reason=reason)
    return (yield from verify(project, taken.id))

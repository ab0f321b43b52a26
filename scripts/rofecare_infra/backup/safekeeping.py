"""What follows a backup: the old ones go, a copy goes elsewhere; and the backup without which no data is given up."""

from __future__ import annotations

from collections.abc import Generator

from rofecare_infra.backup import copies, metrics, retention, surroundings
from rofecare_infra.backup.records import Backup
from rofecare_infra.backup.server import database_services
from rofecare_infra.backup.store import store_of
from rofecare_infra.backup.take import take
from rofecare_infra.backup.verify import Verified, verify
from rofecare_infra.errors import RofecareError, VerificationError
from rofecare_infra.platform import MONITORING
from rofecare_infra.progress import Event
from rofecare_infra.project import Project
from rofecare_infra.settings import Settings


def take_reported(project: Project, *, kafka: bool = False) -> Generator[Event, None, Backup]:
    """Take a backup, and report its success or failure to the monitoring."""
    try:
        taken = yield from take(project, kafka=kafka)
    except RofecareError:
        metrics.tell(project.settings, {metrics.FAILURE: metrics.now()})
        raise
    metrics.tell(project.settings)
    return taken


def verify_reported(project: Project, word: str = "", *, from_project: str = "") -> Generator[Event, None, Verified]:
    """Verify a backup, and report the result to the monitoring unless the backup is of another project."""
    try:
        verified = yield from verify(project, word, from_project=from_project)
    except VerificationError:
        if not from_project:
            metrics.tell(project.settings, {metrics.VERIFICATION: 0})
        raise
    if not from_project:
        metrics.tell(project.settings, {metrics.VERIFICATION: 1})
    return verified


def refresh_metrics(project: Project) -> None:
    """Write the metrics of the backups where the monitoring is part of the project: it may start with old ones."""
    if any(service.phase == MONITORING for service in project.platform.services):
        metrics.tell(project.settings)


def is_needed_before_removal(project: Project) -> bool:
    """Whether removing the data takes a verified backup first: in production, while there is data."""
    return project.production and bool(project.engine.volumes(project.platform.project))


def keep(settings: Settings, backup: Backup) -> Generator[Event, None, None]:
    """Remove what has expired, and copy this one to the second place where one is set."""
    store = store_of(settings)
    with store.locked("keeping backups"):
        yield from retention.apply(store, settings.backup_keep_days)
        if settings.backup_copy_to:
            yield from copies.send(backup, settings.backup_copy_to, settings.backup_keep_days)


def take_verified(project: Project, reason: str) -> Generator[Event, None, Verified]:
    """A backup that was verified, of a platform that may be stopped: its databases are started for it."""
    names = [service.name for service in database_services(project.platform)]
    yield from surroundings.start_missing(project, names)
    taken = yield from take(project, reason=reason)
    return (yield from verify(project, taken.id))

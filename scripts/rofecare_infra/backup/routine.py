"""The steps around a backup: metrics, retention and copy, and the safety backup before data is removed."""

from __future__ import annotations

from collections.abc import Generator

from rofecare_infra.backup import copies, dependents, metrics
from rofecare_infra.backup.manifest import Backup
from rofecare_infra.backup.server import database_services
from rofecare_infra.backup.store import apply_retention, store_of
from rofecare_infra.backup.take import take
from rofecare_infra.backup.verify import Verified, verify
from rofecare_infra.errors import RofecareError, VerificationError
from rofecare_infra.platform import MONITORING
from rofecare_infra.progress import Event
from rofecare_infra.project import Project, mode
from rofecare_infra.settings import Settings


def take_reported(project: Project, *, kafka: bool = False) -> Generator[Event, None, Backup]:
    """Take a backup, and write its success or failure to the metrics."""
    try:
        taken = yield from take(project, kafka=kafka)
    except RofecareError:
        metrics.write(project.settings, {metrics.FAILURE: metrics.now()})
        raise
    metrics.write(project.settings)
    return taken


def verify_reported(project: Project, word: str = "", *, from_project: str = "") -> Generator[Event, None, Verified]:
    """Verify a backup, and write the result to the metrics unless the backup belongs to another project."""
    try:
        verified = yield from verify(project, word, from_project=from_project)
    except VerificationError:
        if not from_project:
            metrics.write(project.settings, {metrics.VERIFICATION: 0})
        raise
    if not from_project:
        metrics.write(project.settings, {metrics.VERIFICATION: 1})
    return verified


def refresh_metrics(project: Project) -> None:
    """Write the metrics of the backups if the project includes the monitoring, which would start with old ones."""
    if any(service.phase == MONITORING for service in project.platform.services):
        metrics.write(project.settings)


def retain_and_copy(settings: Settings, backup: Backup) -> Generator[Event, None, None]:
    """Apply the retention, and copy the backup to BACKUP_COPY_TO if that is set."""
    store = store_of(settings)
    yield from apply_retention(store, settings.backup_keep_days)
    if settings.backup_copy_to:
        yield from copies.send(backup, settings.backup_copy_to, settings.backup_keep_days)


def is_needed_before_removal(project: Project) -> bool:
    """Whether a verified backup is required before data is removed: in production, if there is data."""
    return project.production and bool(mode.with_data(project.engine, project.engine.volumes(project.platform.project)))


def take_verified(project: Project, reason: str) -> Generator[Event, None, Verified]:
    """Take a backup and verify it. Starts the databases if the platform is stopped."""
    names = [service.name for service in database_services(project.platform)]
    yield from dependents.start_missing(project, names)
    taken = yield from take(project, reason=reason)
    return (yield from verify(project, taken.id))

"""The steps around a backup: metrics, retention and copy, and the safety backup before data is removed."""

from __future__ import annotations

from collections.abc import Generator

from rofecare_infra import lifecycle, swarm
from rofecare_infra.backup import completeness, copies, dependents, integrity, metrics
from rofecare_infra.backup.clock import refusal
from rofecare_infra.backup.extent import NOTHING, Accepted
from rofecare_infra.backup.facts import structure
from rofecare_infra.backup.key import key_of
from rofecare_infra.backup.manifest import Backup
from rofecare_infra.backup.retention import Keep, apply_retention
from rofecare_infra.backup.server import database_services
from rofecare_infra.backup.store import store_of
from rofecare_infra.backup.take import take
from rofecare_infra.backup.verify import Verified, verify
from rofecare_infra.errors import RofecareError, VerificationError
from rofecare_infra.platform import MONITORING
from rofecare_infra.process import to_end, uninterrupted
from rofecare_infra.progress import Event, Note
from rofecare_infra.project import Project, mode
from rofecare_infra.state import SYSTEM_CLOCK, Clock


def take_reported(
    project: Project, *, kafka: bool | None = None, accepted: Accepted = NOTHING
) -> Generator[Event, None, Backup]:
    """Take a backup, and write its success or failure to the metrics; an incomplete one is a failure."""
    try:
        taken = yield from take(project, kafka=kafka, accepted=accepted)
    except RofecareError:
        metrics.write(project, {metrics.FAILURE: metrics.now()})
        raise
    metrics.write(project, {metrics.FAILURE: metrics.now()} if taken.manifest.missing else {})
    return taken


def verify_reported(
    project: Project, word: str = "", *, from_project: str = "", unencrypted: bool = False
) -> Generator[Event, None, Verified]:
    """Verify a backup, and write the result to the metrics unless the backup belongs to another project."""
    try:
        verified = yield from verify(project, word, from_project=from_project, unencrypted=unencrypted)
    except VerificationError:
        if not from_project:
            metrics.write(project, {metrics.VERIFICATION: 0})
        raise
    if not from_project:
        metrics.write(project, {metrics.VERIFICATION: 1})
    return verified


def refresh_metrics(project: Project) -> None:
    """Write the metrics of the backups if the project includes the monitoring, which would start with old ones."""
    if any(service.phase == MONITORING for service in project.platform.services):
        metrics.write(project)


def retain_and_copy(project: Project, backup: Backup) -> Generator[Event, None, None]:
    """Apply the retention, and copy the backup to BACKUP_COPY_TO if that is set.

    Raises VerificationError, and removes nothing, if the clock was absurd.
    """
    settings, store = project.settings, store_of(project)
    absurd = backup.manifest.clock
    keep = None if absurd else Keep(settings.backup_keep_days, settings.backup_keep_count)
    if keep is not None:
        yield from apply_retention(store, keep)
    if settings.backup_copy_to:
        yield from copies.send(backup, settings.backup_copy_to, store, keep)
    if absurd:
        raise refusal(backup.id, absurd)


def is_needed_before_removal(project: Project) -> bool:
    """Whether a verified backup is required before data is removed: in production, if there is data."""
    engine, name = project.engine, project.platform.project
    if project.stack:
        return bool(swarm.volumes.expected(engine, name))
    return project.production and bool(mode.with_data(engine, engine.volumes(name)))


def take_verified(project: Project, reason: str) -> Generator[Event, None, Verified]:
    """Take a backup and verify it. Starts the databases if the platform is stopped."""
    names = [service.name for service in database_services(project.platform)]
    yield from dependents.start_missing(project, names)
    taken = completeness.require_complete((yield from take(project, reason=reason)))
    return (yield from verify(project, taken.id))


def take_last(project: Project, proven: Backup, reason: str) -> Generator[Event, None, Backup]:
    """Take the last backup before a change, behind the closed ingress, and read it back.

    `proven` is a verified backup of a moment ago. The last one is verified by a restore, too, if its structure differs.
    """
    taken = completeness.require_complete((yield from take(project, reason=reason)))
    store = store_of(project)
    last = yield from integrity.check(taken.folder, store.project, key_of(project.settings))
    if structure(last.manifest) != structure(proven.manifest):
        yield Note(f"the structure of the data differs from that of backup {proven.id}: verifying {taken.id}")
        yield from verify(project, taken.id)
    return taken


def take_before_removal(project: Project, *, clock: Clock = SYSTEM_CLOCK) -> Generator[Event, None, Verified]:
    """Close the ingress, stop the services that write, back up and verify: no write follows this backup.

    After a failure, what ran is started again.
    """
    ingress = lifecycle.open_services(project)
    found = project.engine.containers(project.platform.project)
    behind = tuple(dict.fromkeys(one.service for one in found if one.is_up and one.service not in ingress))
    try:
        yield from lifecycle.close_ingress(project, clock)
        yield from lifecycle.stop_writers(project, clock)
        return (yield from take_verified(project, "before all data was removed"))
    except BaseException as error:
        with uninterrupted():
            to_end(dependents.restart_without_gate(project, behind, ingress=bool(ingress)))
            if isinstance(error, RofecareError):
                error.details = (*error.details, "nothing was removed; what ran before was started again")
            raise

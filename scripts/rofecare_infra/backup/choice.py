"""Which databases and volumes of a backup a restore replaces."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rofecare_infra.backup import dependents
from rofecare_infra.backup.manifest import Backup, DatabaseRecord
from rofecare_infra.backup.parts import parts_of
from rofecare_infra.backup.server import database_services
from rofecare_infra.errors import UsageError, VerificationError
from rofecare_infra.platform import LABEL_BACKUP, resolve
from rofecare_infra.progress import listed
from rofecare_infra.project import Project


def choose(project: Project, backup: Backup, only: Sequence[str]) -> tuple[DatabaseRecord, ...]:
    """Select databases by the names of their services, or of services that use them.

    Raises UsageError for a service without one, VerificationError where the platform lacks a service of the backup.
    """
    records = backup.manifest.databases
    servers = {service.name for service in database_services(project.platform)}
    if only:
        known = [service.name for service in project.platform.services]
        wanted: set[str] = set()
        for name in resolve(only, known):
            service = project.platform.service(name)
            found = {name} if name in servers else {one for one in servers if dependents.uses(service, one)}
            if not found & {record.service for record in records}:
                raise UsageError(
                    f"{name} has no database in this backup",
                    seen=name,
                    expected=f"one of {', '.join(sorted({record.service for record in records}))}, or a user of one",
                    next_step="inv backups",
                )
            wanted |= found
        records = tuple(record for record in records if record.service in wanted)
    unknown = sorted({record.service for record in records} - servers)
    if unknown:
        raise VerificationError(
            f"backup {backup.id} does not match this platform",
            seen=f"it contains databases of {listed(unknown)}, which the compose files do not have",
            expected="the services that were backed up; configuration.tar contains their compose files",
            next_step="the same command with --only and the services that exist",
        )
    return records


def require_parts(project: Project, backup: Backup, parts: Collection[str]) -> None:
    """Raise VerificationError for volumes that the backup or the platform does not have."""
    known = {one.name for one in parts_of(project.platform)}
    for name in parts:
        if name not in backup.manifest.volumes:
            raise VerificationError(
                f"backup {backup.id} does not contain {name}",
                seen=f"volumes of {listed(sorted(backup.manifest.volumes)) or 'nothing'} in its manifest",
                expected=f"a backup that was taken while {name} had data",
                next_step=f"the same command without {name}",
            )
        if name not in known:
            raise VerificationError(
                f"{name} does not match this platform",
                seen=f"no service has the label {LABEL_BACKUP}: {name}",
                expected="the services that were backed up; inv unpack-backup writes their compose files",
                next_step=f"the same command without {name}",
            )

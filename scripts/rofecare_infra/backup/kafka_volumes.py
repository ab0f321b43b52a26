"""The volumes of Kafka and ZooKeeper as one part of a backup: both stop, and are archived and restored together.

Data of one without the data of the other from the same time is useless: a broker refuses a ZooKeeper that does not
know it.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rofecare_infra.backup import dependents
from rofecare_infra.backup.encryption import SUFFIX, Encrypted, decrypted
from rofecare_infra.backup.key import Key
from rofecare_infra.backup.manifest import FileRecord, VolumesRecord
from rofecare_infra.backup.server import progress
from rofecare_infra.engine import Container
from rofecare_infra.errors import CommandError, VerificationError
from rofecare_infra.lifecycle import stop_in_stages
from rofecare_infra.platform import MONITORING, Platform, Service, levels_of
from rofecare_infra.process import Result, run, to_end, transfer, uninterrupted
from rofecare_infra.progress import Event, Note, Working, mebibytes
from rofecare_infra.project import Project
from rofecare_infra.state import SYSTEM_CLOCK

_ENVIRONMENT = ("KAFKA_", "ZOOKEEPER_")


@dataclass(frozen=True)
class Mount:
    """A volume and its mount point in a container."""

    container: str
    volume: str
    path: str

    @property
    def archive(self) -> str:
        """The file name of its archive."""
        return f"{self.volume}.volume.tar{SUFFIX}"


def services_of(platform: Platform) -> tuple[Service, ...]:
    """The services with Kafka or ZooKeeper settings and a volume, in start order."""
    found = [
        service
        for service in platform.services
        if service.replicas
        and service.volumes
        and service.phase != MONITORING
        and any(name.startswith(_ENVIRONMENT) for name in service.environment)
    ]
    levels = levels_of({service.name: service.depends_on for service in found})
    return tuple(sorted(found, key=lambda service: levels[service.name]))


def _containers(project: Project, services: Sequence[Service]) -> tuple[Container, ...]:
    wanted = {service.name for service in services}
    return tuple(one for one in project.engine.containers(project.platform.project) if one.service in wanted)


def _mounts(platform: Platform, services: Sequence[Service], containers: Sequence[Container]) -> list[Mount]:
    found = []
    for service in services:
        container = next((one for one in containers if one.service == service.name), None)
        if container is None:
            raise VerificationError(
                f"{service.name} cannot be read",
                seen="it has no container",
                expected="containers of Kafka and ZooKeeper, running or stopped",
                next_step="inv start-infra, then the same command again",
            )
        inspected = run(["docker", "inspect", "--format", "{{json .Mounts}}", container.id], timeout=60)
        targets = {one.get("Name"): one["Destination"] for one in json.loads(inspected.stdout)}
        for volume in service.volumes:
            name = platform.volumes.get(volume, volume)
            if name in targets:
                found.append(Mount(container.id, volume, targets[name]))
    return found


def archive(
    project: Project, draft: Path, key: Key, *, restart: bool = True
) -> Generator[Event, None, tuple[VolumesRecord, dict[str, FileRecord]]]:
    """Stop the services, archive their volumes into the folder, and start those that ran, behind the gate."""
    services = services_of(project.platform)
    if not services:
        raise VerificationError(
            "there is no Kafka to back up",
            seen="no service with KAFKA_ or ZOOKEEPER_ in its environment and a volume",
            expected="Kafka in the compose files",
            next_step="the same command without --with-kafka",
        )
    containers = _containers(project, services)
    ran = [one.service for one in containers if one.is_up]
    mounts = _mounts(project.platform, services, containers)
    records: dict[str, FileRecord] = {}
    try:
        yield from stop_in_stages(project.engine, project.platform, containers, SYSTEM_CLOCK)
        for mount in mounts:
            yield Working(f"archiving the volume {mount.volume}")
            with Encrypted(draft / mount.archive, key) as out:
                counts = transfer(["docker", "cp", f"{mount.container}:{mount.path}/.", "-"], sink=out.write)
                yield from _copied(counts, mount)
            records[mount.archive] = out.record
            yield Note(f"volume {mount.volume} archived, {mebibytes(out.record.size)}")
        if restart:
            yield from dependents.start(project, ran)
    except BaseException:
        # After a failure or ^C, start what ran without waiting for the gate.
        with uninterrupted():
            if restart and ran:
                to_end(dependents.restart_without_gate(project, ran))
            raise
    names = tuple(service.name for service in services)
    return VolumesRecord(names, {mount.volume: mount.archive for mount in mounts}), records


def restore(project: Project, record: VolumesRecord, folder: Path, key: Key) -> Generator[Event, None, None]:
    """Replace the volumes with the content of these archives; the services stay stopped."""
    services = [service for service in services_of(project.platform) if service.name in record.services]
    for container in _containers(project, services):
        run(["docker", "rm", "--force", "--volumes", container.id], timeout=180)
    for service in services:
        for volume in service.volumes:
            name = project.platform.volumes.get(volume, volume)
            if volume in record.archives and name in project.engine.volumes(project.platform.project):
                project.engine.remove_volume(name)
                if name in project.platform.kept_volumes:
                    project.engine.make_volume(name, project.platform.project)
    names = [service.name for service in services]
    project.compose.run("create", "--no-build", "--pull", "never", *names, timeout=300)
    for mount in _mounts(project.platform, services, _containers(project, services)):
        if mount.volume not in record.archives:
            continue
        yield Working(f"restoring the volume {mount.volume}")
        with decrypted(folder / record.archives[mount.volume], key) as source:
            yield from _copied(transfer(["docker", "cp", "-", f"{mount.container}:{mount.path}"], source=source), mount)
        yield Note(f"volume {mount.volume} restored")


def check(folder: Path, archives: Mapping[str, str], key: Key) -> Generator[Event, None, None]:
    """Read every archive to its end. Raises VerificationError if one is damaged."""
    for volume, name in archives.items():
        yield Working(f"reading the archive of {volume}")
        try:
            with decrypted(folder / name, key) as content, tarfile.open(fileobj=content, mode="r|") as opened:
                count = sum(1 for _ in opened)
        except (tarfile.TarError, OSError) as error:
            raise VerificationError(
                f"backup {folder.name} does not verify: {name}",
                seen=str(error),
                expected="an archive that can be read to its end",
                next_step="inv verify-backup with an older one, and take a new one: inv backup --with-kafka",
            ) from error
        yield Note(f"volume {volume}: an archive of {count} files and folders")


def _copied(counts: Generator[int, None, Result], mount: Mount) -> Generator[Event, None, None]:
    result = yield from progress(counts, 1 << 22, lambda count: f"{mount.volume}: {mebibytes(count)}")
    if not result.ok:
        raise CommandError(
            f"the volume {mount.volume} cannot be copied",
            seen=(result.tail(1) or (f"docker cp ended with {result.returncode}",))[0],
            expected="exit code 0",
            next_step="fix the cause, then the same command again",
            details=result.tail(8),
        )

"""Kafka and Zookeeper as one unit: stopped together, their volumes written out and put back together.

Either's data without the other's of the same moment is worth nothing: the broker refuses a Zookeeper that does not know
it.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rofecare_infra.backup import disk, surroundings
from rofecare_infra.backup.records import FileRecord, VolumesRecord
from rofecare_infra.backup.streams import passing
from rofecare_infra.engine import Container
from rofecare_infra.errors import CommandError, VerificationError
from rofecare_infra.lifecycle import stop_in_stages
from rofecare_infra.platform import MONITORING, Platform, Service, levels_of
from rofecare_infra.process import Result, run, to_end, transfer
from rofecare_infra.progress import Event, Note, Working, mebibytes
from rofecare_infra.project import Project
from rofecare_infra.state import SYSTEM_CLOCK

_ENVIRONMENT = ("KAFKA_", "ZOOKEEPER_")


@dataclass(frozen=True)
class Mount:
    """A volume of a container of the unit, and where it is in there."""

    container: str
    volume: str
    path: str

    @property
    def archive(self) -> str:
        """The file that it is written to."""
        return f"{self.volume}.volume.tar"


def services_of(platform: Platform) -> tuple[Service, ...]:
    """The services of the unit, in the order of their start: what is told of Kafka or Zookeeper and keeps data."""
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
                expected="Kafka and Zookeeper started, or stopped by hand",
                next_step="inv start-infra, then the same command again",
            )
        said = run(["docker", "inspect", "--format", "{{json .Mounts}}", container.id], timeout=60)
        places = {one.get("Name"): one["Destination"] for one in json.loads(said.stdout)}
        for volume in service.volumes:
            name = platform.volumes.get(volume, volume)
            if name in places:
                found.append(Mount(container.id, volume, places[name]))
    return found


def write_out(
    project: Project, draft: Path, *, restart: bool = True
) -> Generator[Event, None, tuple[VolumesRecord, dict[str, FileRecord]]]:
    """Stop the unit, write its volumes into the folder, and start what ran, behind the gate."""
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
    files: dict[str, FileRecord] = {}
    try:
        yield from stop_in_stages(project.engine, project.platform, containers, SYSTEM_CLOCK)
        for mount in mounts:
            yield Working(f"writing the volume {mount.volume}")
            with disk.Written(draft / mount.archive) as out:
                pieces = transfer(["docker", "cp", f"{mount.container}:{mount.path}/.", "-"], sink=out.write)
                yield from _moved(pieces, mount)
            files[mount.archive] = out.record
            yield Note(f"volume {mount.volume} written, {mebibytes(out.record.size)}")
    except BaseException:
        # Whatever it was: what ran before runs again. Nobody waits for the gate on the way out of a failure.
        if restart and ran:
            to_end(surroundings.restart_unwatched(project, ran))
        raise
    if restart:
        yield from surroundings.start(project, ran)
    names = tuple(service.name for service in services)
    return VolumesRecord(names, {mount.volume: mount.archive for mount in mounts}), files


def put_in(project: Project, record: VolumesRecord, folder: Path) -> Generator[Event, None, None]:
    """Make the unit's volumes anew with the content of these archives; its services stay stopped."""
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
        yield Working(f"filling the volume {mount.volume}")
        with (folder / record.archives[mount.volume]).open("rb") as source:
            yield from _moved(transfer(["docker", "cp", "-", f"{mount.container}:{mount.path}"], source=source), mount)
        yield Note(f"volume {mount.volume} filled")


def check(folder: Path, archives: Mapping[str, str]) -> Generator[Event, None, None]:
    """Read every archive to its end. Raises VerificationError for one that is none."""
    for volume, name in archives.items():
        yield Working(f"reading the archive of {volume}")
        try:
            with tarfile.open(folder / name) as archive:
                count = sum(1 for _ in archive)
        except (tarfile.TarError, OSError) as error:
            raise VerificationError(
                f"backup {folder.name} does not verify: {name}",
                seen=str(error),
                expected="an archive that can be read to its end",
                next_step="inv verify-backup with an older one, and take a new one: inv backup --with-kafka",
            ) from error
        yield Note(f"volume {volume}: an archive of {count} files and folders")


def _moved(pieces: Generator[int, None, Result], mount: Mount) -> Generator[Event, None, None]:
    result = yield from passing(pieces, 1 << 22, lambda count: f"{mount.volume}: {mebibytes(count)}")
    if not result.ok:
        raise CommandError(
            f"the volume {mount.volume} cannot be copied",
            seen=(result.tail(1) or (f"docker cp ended with {result.returncode}",))[0],
            expected="exit code 0",
            next_step="mend the cause, then the same command again",
            details=result.tail(8),
        )

"""Volumes as parts of a backup: which of them there are, and their restore, while their services are stopped."""

from __future__ import annotations

import tarfile
from collections.abc import Collection, Generator, Mapping
from pathlib import Path, PurePosixPath

from rofecare_infra.backup import places
from rofecare_infra.backup.encryption import decrypted
from rofecare_infra.backup.key import Key
from rofecare_infra.backup.manifest import VolumesRecord
from rofecare_infra.backup.parts import Part, parts_of, services_of
from rofecare_infra.backup.server import progress
from rofecare_infra.errors import CommandError, VerificationError
from rofecare_infra.platform import LABEL_BACKUP, is_ingress
from rofecare_infra.process import Result, run
from rofecare_infra.progress import Event, Note, Working, mebibytes
from rofecare_infra.project import Project


def restore(
    project: Project, image: str, records: Mapping[str, VolumesRecord], folder: Path, key: Key
) -> Generator[Event, None, None]:
    """Replace the content of the volumes by that of these archives, part by part.

    Containers of the services are removed, except those of the ingress, which are restarted: they must not run on.
    """
    for part in parts_of(project.platform):
        record = records.get(part.name)
        if record is None:
            continue
        volumes = [one for one in part.volumes if one in record.archives]
        held = _remove_containers(project, part)
        make(project, part)
        with places.helpers(project, image, volumes, writable=True) as helpers:
            for volume in volumes:
                yield Working(f"restoring the volume {volume}")
                name = record.archives[volume]
                with decrypted(folder / name, key) as source:
                    kept = part.kept.get(volume, ())
                    counts = helpers[volume].replace(volume, kept, source, compressed=is_compressed(name))
                    yield from copied(counts, volume, "restored")
                yield Note(f"volume {volume} restored")
        for container in held:
            run(["docker", "restart", container], timeout=180)


def empty_parts(project: Project, image: str, names: Collection[str]) -> tuple[str, ...]:
    """Those of these parts whose volumes hold nothing, or do not exist."""
    found = []
    for part in parts_of(project.platform):
        if part.name not in names:
            continue
        there = places.existing(project, part.volumes)
        if there:
            with places.helpers(project, image, there) as helpers:
                if not all(one.is_empty(volume, part.kept.get(volume, ())) for volume, one in helpers.items()):
                    continue
        found.append(part.name)
    return tuple(found)


def absent(project: Project, part: Part) -> bool:
    """Whether the part has no data, since its services have never been started."""
    return not set(part.volumes) <= set(places.existing(project, part.volumes))


def require(project: Project, name: str) -> None:
    """Raise VerificationError unless the platform has this part, with data."""
    part = next((one for one in parts_of(project.platform) if one.name == name), None)
    if part is None or absent(project, part):
        raise VerificationError(
            f"there is no {name} to back up",
            seen="its volumes do not exist" if part else f"no service with the label {LABEL_BACKUP}: {name}",
            expected="services with this label that were started once",
            next_step=f"the same command without --with-{name}; everything that has data is part of a backup",
        )


def check(folder: Path, archives: Mapping[str, str], key: Key) -> Generator[Event, None, None]:
    """Read every archive to its end. Raises VerificationError if one is damaged."""
    for volume, name in archives.items():
        yield Working(f"reading the archive of {volume}")
        mode = "r|gz" if is_compressed(name) else "r|"
        try:
            with decrypted(folder / name, key) as content, tarfile.open(fileobj=content, mode=mode) as opened:  # type: ignore[call-overload]
                count = sum(1 for _ in opened)
        except (tarfile.TarError, EOFError, OSError) as error:
            raise VerificationError(
                f"backup {folder.name} does not verify: {name}",
                seen=str(error),
                expected="an archive that can be read to its end",
                next_step="inv verify-backup with an older one, and take a new one: inv backup",
            ) from error
        yield Note(f"volume {volume}: an archive of {count} files and folders")


def is_compressed(archive: str) -> bool:
    """Whether this is an archive of this version; earlier ones did not compress."""
    return ".gz" in PurePosixPath(archive).suffixes


def _remove_containers(project: Project, part: Part) -> list[str]:
    """Remove the containers of a part; return those of the ingress, which go on running while it is closed."""
    held = []
    for container in project.engine.containers(project.platform.project):
        if container.service not in part.services:
            continue
        if is_ingress(container.labels) and container.is_up:
            held.append(container.id)
        else:
            project.engine.remove(container.id, force=True)
    return held


def make(project: Project, part: Part) -> None:
    """Create the volumes that do not exist yet: those that compose manages are labelled by compose."""
    missing = set(part.volumes) - set(places.existing(project, part.volumes))
    if project.stack:
        places.make(project, missing)
        return
    for name in places.names_of(project, missing).values():
        if name in project.platform.kept_volumes:
            project.engine.make_volume(name, project.platform.project)
    if missing:
        names = [one.name for one in services_of(project.platform, {part.name})]
        project.compose.run("create", "--no-build", "--pull", "never", *names, timeout=300)


def copied(counts: Generator[int, None, Result], volume: str, done: str) -> Generator[Event, None, None]:
    """Pass on the progress of an archive. Raises CommandError if it failed."""
    result = yield from progress(counts, 1 << 24, lambda count: f"{volume}: {mebibytes(count)}")
    if not result.ok:
        raise CommandError(
            f"the volume {volume} cannot be {done}",
            seen=result.last,
            expected="exit code 0",
            next_step="fix the cause, then the same command again",
            details=result.tail(8),
        )

"""Archives of volumes in a backup, written while the services of the volumes run.

A volume is read file by file, in an order that makes the result equal to what a power cut would leave behind: see
`helper`. Where files were replaced meanwhile, the part is archived again.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rofecare_infra.backup import places, volumes
from rofecare_infra.backup.completeness import reason
from rofecare_infra.backup.encryption import Encrypted
from rofecare_infra.backup.helper import Helper
from rofecare_infra.backup.key import Key
from rofecare_infra.backup.manifest import FileRecord, VolumesRecord
from rofecare_infra.backup.parts import Part, archive_of, omitted_of, parts_of
from rofecare_infra.errors import RofecareError, VerificationError
from rofecare_infra.progress import Event, Note, Working, listed, mebibytes
from rofecare_infra.project import Project

_ATTEMPTS = 4


# Volume -> what reads it.
_Helpers = Mapping[str, Helper]


@dataclass(frozen=True)
class Archived:
    """The parts of a backup that were archived, their files, and why others were not."""

    parts: Mapping[str, VolumesRecord] = field(default_factory=dict)
    files: Mapping[str, FileRecord] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Readable:
    """The volumes that will be archived, and why others will not. The size is that of their content, in bytes."""

    parts: Sequence[Part]
    omitted: Mapping[str, str]
    size: int = 0
    # Nothing if there is nothing to archive, or if the volumes cannot be read: the reason.
    helpers: _Helpers = field(default_factory=dict)
    unreadable: str = ""

    def archive(self, draft: Path, key: Key) -> Generator[Event, None, Archived]:
        """Archive the parts into the folder; one that cannot be archived is missing, with the reason."""
        if not self.helpers:
            return Archived(missing={part.name: self.unreadable for part in self.parts})
        records: dict[str, VolumesRecord] = {}
        written: dict[str, FileRecord] = {}
        missing: dict[str, str] = {}
        for part in self.parts:
            try:
                found = yield from _archive(self.helpers, part, draft, key)
            except RofecareError as error:
                # The databases are saved all the same; what was written of this part is in the way.
                for volume in part.volumes:
                    (draft / archive_of(volume)).unlink(missing_ok=True)
                missing[part.name] = reason(error)
            else:
                records[part.name] = VolumesRecord(part.services, {one: archive_of(one) for one in part.volumes})
                written |= found
        return Archived(records, written, missing)


@contextmanager
def readable(
    project: Project, image: str, *, only: Collection[str] | None = None, without: Collection[str] = ()
) -> Iterator[Readable]:
    """Read the volumes of all parts that have data but those of `without`, or of those of `only`, which may be new.

    `image` is that of a database.
    """
    known = parts_of(project.platform)
    omitted = omitted_of(project.platform) if only is None else {}
    if only is None:
        omitted |= {one.name: "it has no data yet" for one in known if volumes.absent(project, one)}
        omitted |= {name: f"--without-{name}" for name in without}
        parts = [one for one in known if one.name not in omitted]
    else:
        parts = [one for one in known if one.name in only]
        for part in parts:
            volumes.make(project, part)
    names = [volume for part in parts for volume in part.volumes]
    with ExitStack() as stack:
        found = Readable(parts, omitted)
        if names:
            try:
                helpers = stack.enter_context(places.helpers(project, image, names))
                size = sum(helper.size() for helper in {id(one): one for one in helpers.values()}.values())
                found = Readable(parts, omitted, size, helpers)
            except RofecareError as error:
                found = Readable(parts, omitted, unreadable=reason(error))
        yield found


def _archive(helpers: _Helpers, part: Part, draft: Path, key: Key) -> Generator[Event, None, dict[str, FileRecord]]:
    """Archive the volumes of a part. Its services may run.

    Raises VerificationError if files were replaced during every attempt, CommandError if one cannot be read.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        before = _files(helpers, part)
        records = yield from _archive_once(helpers, part, draft, key)
        lost = replaced(before, _files(helpers, part))
        if not lost:
            break
        yield Note(f"{part.name}: {len(lost)} files were replaced while they were read (attempt {attempt})")
    else:
        raise VerificationError(
            f"{part.name} cannot be archived",
            seen=f"files were replaced while they were read, {_ATTEMPTS} times in a row, the last time {lost[0]}",
            expected="a few moments without compaction and without removed topics",
            next_step=f"the same command again; if it fails again, stop {listed(part.services)} for its duration",
        )
    size = sum(one.size for one in records.values())
    yield Note(f"{part.name}: volumes {listed(part.volumes)} archived, {mebibytes(size)}")
    return records


def _files(helpers: _Helpers, part: Part) -> dict[str, str]:
    found: dict[str, str] = {}
    for volume in part.volumes:
        found |= helpers[volume].files([volume])
    return found


def replaced(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The files of a volume that were replaced or removed meanwhile, so that an archive may lack their content.

    The oldest segments of a log are not among them: the retention removes those, and their content is not needed.
    """
    found = [path for path in before if path in after and after[path] != before[path]]
    oldest: dict[str, str] = {}
    for path in before:
        if path in after and path.endswith(".log"):
            folder, name = _split(path)
            oldest[folder] = min(name, oldest.get(folder, name))
    for path in before:
        folder, name = _split(path)
        if path not in after and not (path.endswith(".log") and name < oldest.get(folder, "")):
            found.append(path)
    return sorted(found)


def _archive_once(
    helpers: _Helpers, part: Part, draft: Path, key: Key
) -> Generator[Event, None, dict[str, FileRecord]]:
    records: dict[str, FileRecord] = {}
    for volume in part.volumes:
        yield Working(f"archiving the volume {volume}")
        path = draft / archive_of(volume)
        # Of the attempt before.
        path.unlink(missing_ok=True)
        with Encrypted(path, key) as out:
            yield from volumes.copied(
                helpers[volume].archive(volume, part.kept.get(volume, ()), out), volume, "archived"
            )
        records[path.name] = out.record
    return records


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder, name

"""Room for what will be written, judged for each file system: several folders and volumes may be on one disk.

A share of each file system is left free: a database server whose disk is full stops.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rofecare_infra.backup.server import Server
from rofecare_infra.errors import VerificationError
from rofecare_infra.process import inside, run
from rofecare_infra.progress import mebibytes

# What stays free: a twentieth of the file system, but not more than this (bytes).
_SHARE = 20
_MOST = 2 << 30

# A restored database: tables, indexes of the same size, and temporary files of the server, in bytes.
_FACTOR = 2
_MARGIN = 64 << 20


@dataclass(frozen=True)
class FileSystem:
    """A file system, as seen from one place in it; sizes in bytes."""

    # The device number, the same in all containers of one machine, after the way to another machine.
    device: str
    place: str
    size: int
    free: int

    @property
    def key(self) -> tuple[str, int]:
        """What differs between file systems: an engine in a virtual machine has device numbers of its own."""
        return self.device, self.size

    @property
    def reserve(self) -> int:
        """What stays free."""
        return min(self.size // _SHARE, _MOST)


@dataclass(frozen=True)
class Planned:
    """Something that will be written; a file system that is not known passes."""

    what: str
    where: FileSystem | None
    size: int


@dataclass(frozen=True)
class Shortage:
    """A file system without enough room, and everything that would be written there."""

    where: FileSystem
    planned: tuple[Planned, ...]

    @property
    def needed(self) -> int:
        """What must be free there."""
        return sum(one.size for one in self.planned) + self.where.reserve


def shortages(planned: Iterable[Planned]) -> list[Shortage]:
    """The file systems that do not have room for everything planned on them."""
    groups: dict[tuple[str, int], list[Planned]] = {}
    for one in planned:
        if one.where is not None:
            groups.setdefault(one.where.key, []).append(one)
    found = []
    for mine in groups.values():
        # What others write meanwhile changes the free space between two looks.
        places = [one.where for one in mine if one.where is not None]
        shortage = Shortage(min(places, key=lambda place: place.free), tuple(mine))
        if shortage.where.free < shortage.needed:
            found.append(shortage)
    return found


def require(planned: Sequence[Planned], what: str) -> None:
    """Raise VerificationError with the sentence `what` for the first file system without enough room."""
    for shortage in shortages(planned):
        where = shortage.where
        raise VerificationError(
            what,
            seen=f"{mebibytes(where.free)} free on the file system of {where.place}",
            expected=f"{mebibytes(shortage.needed)} there, with a reserve of {mebibytes(where.reserve)}",
            next_step="free space there, or move what is on it to another disk; then the same command again",
            details=[f"{mebibytes(one.size)}: {one.what}" for one in shortage.planned],
        )


def of_folder(folder: Path) -> FileSystem:
    """The file system of a folder, which may not exist yet."""
    present = next(one for one in (folder, *folder.parents) if one.exists())
    found = os.statvfs(present)
    device = str(present.stat().st_dev)
    return FileSystem(device, str(folder), found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)


def of_server(server: Server) -> FileSystem | None:
    """The file system of the data of a database server, if it reports one."""
    script = 'cd "${PGDATA:-/var/lib/postgresql/data}" && stat -c %d . && stat -f -c "%S %b %a" .'
    result = run(inside(server, "sh", "-c", script), check=False, timeout=60)
    words = result.stdout.split()
    if not result.ok or len(words) != 4 or not all(word.isdigit() for word in words):  # noqa: PLR2004 - as asked for
        return None
    device, block, blocks, free = words
    device = " ".join((*server.docker[1:], device))
    return FileSystem(device, f"the data of {server.service}", int(blocks) * int(block), int(free) * int(block))


def restored(size: int) -> int:
    """The room for a database whose tables have this size."""
    return _FACTOR * size + _MARGIN

"""Makes, checks and removes the secret files that the compose model names.

A secret is 256 random bits in hexadecimal. The folder is closed to everybody but its owner (0700), so that the files
in it may be readable (0444) for whatever user a container runs as.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rofecare_infra.platform import Platform
from rofecare_infra.settings import Problem

_BYTES = 32
_FOLDER_MODE = 0o700
_FILE_MODE = 0o444
_OTHERS = 0o077


@dataclass(frozen=True)
class Inventory:
    """The secrets of a platform that are ours to make: those whose file lies in the secrets folder."""

    folder: Path
    present: Mapping[str, Path]
    missing: Mapping[str, Path]

    @property
    def fresh(self) -> bool:
        """Whether none was made yet."""
        return not self.present


def inventory(platform: Platform, folder: Path) -> Inventory:
    """Which secrets are there and which are not. A file that is empty is not there."""
    used = {name for service in platform.services for name in service.secrets}
    ours = {name: path for name, path in platform.secrets.items() if name in used and folder in path.parents}
    present = {name: path for name, path in ours.items() if _has_content(path)}
    return Inventory(folder, present, {name: path for name, path in ours.items() if name not in present})


def problems(found: Inventory) -> tuple[Problem, ...]:
    """What stands in the way of a start: files that are missing while others are there, a folder that is open."""
    listed = []
    if not found.fresh:
        listed += [
            Problem(
                str(path),
                "the secret is missing or empty",
                "the file from a backup; inv init makes a new one where no data depends on it",
            )
            for path in found.missing.values()
        ]
    if found.folder.is_dir():
        mode = found.folder.stat().st_mode
        if mode & _OTHERS:
            seen = f"others can enter the secrets folder (mode {mode & 0o777:04o})"
            listed.append(Problem(str(found.folder), seen, f"mode {_FOLDER_MODE:04o}: chmod 700 {found.folder}"))
    return tuple(listed)


def tied_to_data(platform: Platform, volumes: Collection[str]) -> frozenset[str]:
    """The secrets that are written into one of these volumes: a new one would not open the old data."""
    return frozenset(
        name
        for service in platform.services
        if any(platform.volumes.get(volume, volume) in volumes for volume in service.volumes)
        for name in service.secrets
    )


def create(found: Inventory, names: Iterable[str]) -> tuple[Path, ...]:
    """Make these missing secrets and close the folder."""
    found.folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    found.folder.chmod(_FOLDER_MODE)
    made = []
    for name in names:
        path = found.missing[name]
        path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        # Written aside and renamed: a half secret never looks like a whole one.
        draft = path.with_name(f".{path.name}.new")
        draft.unlink(missing_ok=True)
        draft.write_text(secrets.token_hex(_BYTES), encoding="ascii")
        draft.chmod(_FILE_MODE)
        draft.replace(path)
        made.append(path)
    return tuple(made)


def remove(found: Inventory) -> tuple[Path, ...]:
    """Remove the secrets that are there, and the folder when nothing else is in it."""
    for path in found.present.values():
        path.unlink(missing_ok=True)
    if found.folder.is_dir() and not os.listdir(found.folder):  # noqa: PTH208 - only whether there is one
        found.folder.rmdir()
    return tuple(found.present.values())


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0

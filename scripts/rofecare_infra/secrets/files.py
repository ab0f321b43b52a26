"""Makes, checks and removes the secret files that the compose model names.

A secret is 256 random bits in hexadecimal. The folder is closed to everybody but its owner (0700), so that the files
in it may be readable (0444) for whatever user a container runs as.
"""

# ruff: noqa: PTH110, PTH112 - unlike pathlib's, these tests do not fail below a folder that may not be entered

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.errors import SettingsError
from rofecare_infra.platform import MONITORING, Platform
from rofecare_infra.settings import Problem

_BYTES = 32
_FOLDER_MODE = 0o700
_FILE_MODE = 0o444
_OTHERS = 0o077
_OWN_FOLDER = "a folder of this user for the secrets alone (SECRETS_DIR), or none there yet"


@dataclass(frozen=True)
class Inventory:
    """The secrets of a platform that are ours to make: those whose file lies in the secrets folder."""

    folder: Path
    present: Mapping[str, Path]
    missing: Mapping[str, Path]
    # Those that lie elsewhere, from somebody's own overlay: theirs to make.
    foreign: Mapping[str, Path] = field(default_factory=dict)
    # Missing ones that nothing but the monitoring uses: they are made when it is started for the first time.
    later: frozenset[str] = frozenset()

    @property
    def fresh(self) -> bool:
        """Whether none was made yet."""
        return not self.present


def inventory(platform: Platform, folder: Path) -> Inventory:
    """Which secrets are there and which are not. A file that is empty is not there."""
    used = {name for service in platform.services for name in service.secrets}
    real = folder.resolve()
    needed = {name: path for name, path in platform.secrets.items() if name in used}
    # Links are followed on both sides: compose writes paths as they were given, the settings as they are.
    foreign = {name: path for name, path in needed.items() if not path.parent.resolve().is_relative_to(real)}
    present = {name: path for name, path in needed.items() if name not in foreign and _has_content(path)}
    missing = {name: path for name, path in needed.items() if name not in foreign and name not in present}
    watched = {name for one in platform.services if one.phase != MONITORING for name in one.secrets}
    return Inventory(folder, present, missing, foreign, frozenset(missing) - watched)


def problems(found: Inventory) -> tuple[Problem, ...]:
    """What stands in the way of a start: files that are missing while others are there, a folder that is open."""
    listed = [
        Problem(str(path), f"the file of the secret {name} is missing", "a file; this one is not made here")
        for name, path in found.foreign.items()
        if not os.path.exists(path) or os.path.isdir(path)
    ]
    listed += [
        Problem(str(path), "a folder stands where the secret's file belongs", "the file, or nothing in its place")
        for path in found.missing.values()
        if os.path.isdir(path) and _is_full(path)
    ]
    if not found.fresh:
        listed += [
            Problem(
                str(path),
                "the secret is missing or empty",
                "the file from a backup; inv init makes a new one where no data depends on it",
            )
            for name, path in found.missing.items()
            if name not in found.later
        ]
    if os.path.isdir(found.folder) and _mode(found.folder) & _OTHERS:
        seen = f"others can enter the secrets folder (mode {_mode(found.folder):04o})"
        good = _OWN_FOLDER if _is_strange(found) else f"mode {_FOLDER_MODE:04o}: chmod 700 {found.folder}"
        listed.append(Problem(str(found.folder), seen, good))
    elif os.path.exists(found.folder) and not _is_usable(found.folder):
        listed.append(Problem(str(found.folder), "SECRETS_DIR is no folder that this user may enter", _OWN_FOLDER))
    return tuple(listed)


def tied_to_data(platform: Platform, volumes: Collection[str]) -> frozenset[str]:
    """The secrets that are written into one of these volumes: a new one would not open the old data.

    The volumes of development and of production are looked at alike: both are made with the same secrets.
    """
    return frozenset(
        name
        for service in platform.services
        if service.phase != MONITORING
        and any(
            {platform.volumes.get(volume, volume), f"{platform.project}_{volume}"} & {*volumes}
            for volume in service.volumes
        )
        for name in service.secrets
    )


def create(found: Inventory, names: Iterable[str]) -> tuple[Path, ...]:
    """Make these missing secrets and close the folder.

    Raises SettingsError where the folder is somebody's for something else, or cannot be written to.
    """
    try:
        if _is_strange(found):
            raise SettingsError(
                "the secrets folder is not for secrets alone",
                seen=f"{found.folder} (mode {_mode(found.folder):04o}) has other files in it and no secret",
                expected=_OWN_FOLDER,
                next_step="give SECRETS_DIR another folder, or close this one: chmod 700",
            )
        found.folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        found.folder.chmod(_FOLDER_MODE)
        return tuple(_make(found.missing[name]) for name in names)
    except OSError as error:
        raise SettingsError(
            "the secrets cannot be made",
            seen=str(error),
            expected=f"{found.folder} as a folder that this user may write to (SECRETS_DIR)",
            next_step="mend what was seen, or give SECRETS_DIR another folder; then the same command again",
        ) from error


def _make(path: Path) -> Path:
    path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    if path.is_dir():
        # The engine makes a folder of what it shall mount and cannot find.
        path.rmdir()
    # A half secret never looks like a whole one, and a whole one is there before any data is made with it.
    state.replace(path, secrets.token_hex(_BYTES), mode=_FILE_MODE)
    return path


def remove(found: Inventory) -> tuple[Path, ...]:
    """Remove the secrets that are there, and the folder when nothing else is in it.

    Raises SettingsError where this user may not.
    """
    try:
        for path in found.present.values():
            path.unlink(missing_ok=True)
        if os.path.isdir(found.folder) and not _is_full(found.folder):
            found.folder.rmdir()
    except OSError as error:
        raise SettingsError(
            "the secrets cannot be removed",
            seen=str(error),
            expected=f"{found.folder} as a folder that this user may write to",
            next_step=f"remove it by hand: rm -r {found.folder}",
        ) from error
    return tuple(found.present.values())


def _has_content(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size > 0
    except PermissionError:
        return False  # in a folder that this user may not enter


def _mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode) & 0o777


def _is_usable(folder: Path) -> bool:
    return os.path.isdir(folder) and os.access(folder, os.R_OK | os.X_OK)


def _is_full(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return True  # not ours to look into, hence not ours to remove


def _is_strange(found: Inventory) -> bool:
    """Whether the folder is one that others enter and that holds other things: closing it might lock them out."""
    if not found.fresh or not _is_usable(found.folder) or not _mode(found.folder) & _OTHERS:
        return False
    known = {part for path in found.missing.values() for part in (*path.parts, f".{path.name}.new")}
    return any(entry.name not in known for entry in found.folder.iterdir())

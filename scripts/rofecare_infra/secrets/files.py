"""Generates, checks and removes the secret files that the compose model names.

A secret is 256 random bits in hexadecimal. Only its owner can enter the folder (0700), so the files in it can be
readable (0444) for the user of any container.
"""

# ruff: noqa: PTH110, PTH112 - unlike pathlib's, these functions do not fail below a folder without permission

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.errors import SettingsError
from rofecare_infra.platform import MONITORING, Platform, application_secrets, needs_its_secrets
from rofecare_infra.secrets.owners import is_record
from rofecare_infra.settings import Problem

_BYTES = 32
_FOLDER_MODE = 0o700
_FILE_MODE = 0o444
_OTHERS = 0o077
_OWN_FOLDER = "a folder that belongs to this user and contains only secrets (SECRETS_DIR), or no folder yet"


@dataclass(frozen=True)
class Inventory:
    """The secrets of a platform. Those whose file is in the secrets folder are generated."""

    folder: Path
    present: Mapping[str, Path]
    missing: Mapping[str, Path]
    # Secrets in other folders, from an override file: the site provides them.
    foreign: Mapping[str, Path] = field(default_factory=dict)
    # Missing secrets that a start generates: the monitoring's own, and those that no data was created with, such as the
    # ones that a new release brings along.
    later: frozenset[str] = frozenset()

    @property
    def fresh(self) -> bool:
        """Whether no secret exists yet."""
        return not self.present


def inventory(platform: Platform, folder: Path) -> Inventory:
    """The secrets that exist and those that are missing. An empty file counts as missing."""
    used = {name for service in platform.services for name in service.secrets}
    real = folder.resolve()
    needed = {name: path for name, path in platform.secrets.items() if name in used}
    # Links are resolved on both sides: compose keeps paths as written, the settings resolve them.
    foreign = {name: path for name, path in needed.items() if not path.parent.resolve().is_relative_to(real)}
    present = {name: path for name, path in needed.items() if name not in foreign and _has_content(path)}
    missing = {name: path for name, path in needed.items() if name not in foreign and name not in present}
    used_before = {name for one in platform.services if one.phase != MONITORING for name in one.secrets}
    replaceable = {name for one in platform.services if not needs_its_secrets(one.labels) for name in one.secrets}
    in_data = {
        name for one in platform.services if one.volumes and needs_its_secrets(one.labels) for name in one.secrets
    }
    later = frozenset(missing) - (used_before - (replaceable - in_data) - application_secrets(platform.services))
    return Inventory(folder, present, missing, foreign, later)


def problems(found: Inventory) -> tuple[Problem, ...]:
    """What prevents a start: some files are missing while others exist, or other users can enter the folder."""
    listed = [
        Problem(
            str(path),
            f"the file of the secret {name} is missing",
            "a file; only secrets in SECRETS_DIR are generated",
        )
        for name, path in found.foreign.items()
        if not os.path.exists(path) or os.path.isdir(path)
    ]
    listed += [
        Problem(str(path), "a folder is in place of the secret's file", "the file, or nothing")
        for path in found.missing.values()
        if os.path.isdir(path) and _is_full(path)
    ]
    if not found.fresh:
        listed += [
            Problem(
                str(path),
                "the secret is missing or empty",
                "the file from a backup; inv init generates a new one if no data depends on it",
            )
            for name, path in found.missing.items()
            if name not in found.later
        ]
    if os.path.isdir(found.folder) and _mode(found.folder) & _OTHERS:
        seen = f"other users can enter the secrets folder (mode {_mode(found.folder):04o})"
        expected = _OWN_FOLDER if _has_other_files(found) else f"mode {_FOLDER_MODE:04o}: chmod 700 {found.folder}"
        listed.append(Problem(str(found.folder), seen, expected))
    elif os.path.exists(found.folder) and not _is_usable(found.folder):
        listed.append(Problem(str(found.folder), "SECRETS_DIR is not a folder that this user can enter", _OWN_FOLDER))
    return tuple(listed)


def tied_to_data(platform: Platform, volumes: Collection[str]) -> frozenset[str]:
    """The secrets that the data in one of these volumes depends on: a new secret would not open the existing data.

    The volumes of development and of production both count: they are created with the same secrets.
    """
    return frozenset(
        name
        for service in platform.services
        if service.phase != MONITORING
        and needs_its_secrets(service.labels)
        and any(
            {platform.volumes.get(volume, volume), f"{platform.project}_{volume}"} & {*volumes}
            for volume in service.volumes
        )
        for name in service.secrets
    ) - application_secrets(platform.services)


def create(found: Inventory, names: Iterable[str]) -> tuple[Path, ...]:
    """Generate these missing secrets and restrict the folder to its owner.

    Raises SettingsError if the folder contains other files, or cannot be written to.
    """
    try:
        if _has_other_files(found):
            raise SettingsError(
                "the secrets folder contains other files",
                seen=f"{found.folder} (mode {_mode(found.folder):04o}) contains other files and no secret",
                expected=_OWN_FOLDER,
                next_step="set SECRETS_DIR to another folder, or restrict this one: chmod 700",
            )
        state.make_folder(found.folder, mode=_FOLDER_MODE)
        found.folder.chmod(_FOLDER_MODE)
        return tuple(_make(found.missing[name]) for name in names)
    except OSError as error:
        raise SettingsError(
            "the secrets cannot be generated",
            seen=str(error),
            expected=f"{found.folder} as a folder that this user can write to (SECRETS_DIR)",
            next_step="correct the cause, or set SECRETS_DIR to another folder; then repeat the command",
        ) from error


def _make(path: Path) -> Path:
    state.make_folder(path.parent, mode=_FOLDER_MODE)
    if path.is_dir():
        # The engine creates a folder for a missing file that it is to mount.
        path.rmdir()
    # Atomic and durable: no partial secret exists, and the secret is on disk before any data depends on it.
    state.replace(path, secrets.token_hex(_BYTES), mode=_FILE_MODE)
    return path


def remove(found: Inventory) -> tuple[Path, ...]:
    """Remove the existing secrets, and the folder if it contains nothing else.

    Raises SettingsError if this user is not allowed to.
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
            expected=f"{found.folder} as a folder that this user can write to",
            next_step=f"remove it by hand: rm -r {found.folder}",
        ) from error
    return tuple(found.present.values())


def _has_content(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size > 0
    except PermissionError:
        return False  # in a folder that this user cannot enter


def _mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode) & 0o777


def _is_usable(folder: Path) -> bool:
    return os.path.isdir(folder) and os.access(folder, os.R_OK | os.X_OK)


def _is_full(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return True  # its content is unknown, so it is kept


def _has_other_files(found: Inventory) -> bool:
    """Whether other users can enter the folder and it contains other files: a restriction might lock them out."""
    if not found.fresh or not _is_usable(found.folder) or not _mode(found.folder) & _OTHERS:
        return False
    known = {part for path in found.missing.values() for part in path.parts}
    return any(
        entry.name not in known
        and not is_record(entry.name)
        and not any(state.is_draft(entry.name, path.name) for path in found.missing.values())
        for entry in found.folder.iterdir()
    )

"""Releases: the software of a production platform, in its state folder, where no checkout can change it.

    <state>/releases/<id>/     the software; the id is a hash of it, so that the same software is one release
    <state>/current            a link to the release in use
    <state>/settings.env       the settings of the site
    <state>/secrets, backups   and journals, reports

A release is written into a draft folder, synced, and gets its name by a rename; so does the link.
"""

from __future__ import annotations

import compileall
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.compose import OVERRIDE
from rofecare_infra.errors import SettingsError
from rofecare_infra.process import user_name
from rofecare_infra.project.software import LAUNCHER, Piece, interpreter, pieces
from rofecare_infra.settings import RELEASE_FILE, as_text

CURRENT = "current"
_RELEASES = "releases"
_DRAFT = ".draft-"
_ID_LENGTH = 16
# Path in a release -> where it leads, from the folder of the link: the defaults of a checkout then name what belongs to
# the site.
_LINKS = {
    ".rofecare": "../..",
    "backups": "../../backups",
    "docker/secrets": "../../../secrets",
    f"docker/{OVERRIDE}": f"../../../{OVERRIDE}",
}


@dataclass(frozen=True)
class Release:
    """One release: the software that a production platform runs."""

    folder: Path

    @property
    def id(self) -> str:
        """A hash of its files."""
        return self.folder.name

    @property
    def state_folder(self) -> Path:
        """The state folder that it is in."""
        return self.folder.parent.parent

    @property
    def launcher(self) -> Path:
        """The program that runs its tasks."""
        return self.folder / LAUNCHER


def launcher(state_folder: Path) -> Path:
    """The program that runs the tasks of the current release, whichever that is."""
    return state_folder / CURRENT / LAUNCHER


def current(state_folder: Path) -> Release | None:
    """The release in use; None before the first one."""
    try:
        folder = (state_folder / CURRENT).resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    return Release(folder) if (folder / RELEASE_FILE).is_file() else None


def find(state_folder: Path, identity: str) -> Release | None:
    """The release with this id; None if it was removed."""
    folder = (state_folder / _RELEASES / identity).absolute()
    return Release(folder) if identity and (folder / RELEASE_FILE).is_file() else None


def write(root: Path, state_folder: Path, project: str) -> Release:
    """Write the release of this checkout, unless it is there; it is not in use yet.

    Raises SettingsError where the state folder cannot be written to.
    """
    files = pieces(root)
    folder = state_folder.resolve() / _RELEASES
    try:
        state.make_folder(folder, mode=0o755)
        identity = _identity(files)
        known = find(state_folder, identity)
        if known is not None:
            return known
        draft = folder / f"{_DRAFT}{secrets.token_hex(4)}"
        try:
            _fill(draft, folder / identity, files)
            about = {
                "project": project,
                "id": identity,
                "python": interpreter(),
                "written": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            state.write(draft / RELEASE_FILE, json.dumps(about) + "\n", mode=0o644)
            # One call for some thousand files.
            os.sync()
            draft.rename(folder / identity)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        state.sync_folder(folder)
    except OSError as error:
        raise unusable(state_folder, error) from error
    return Release(folder / identity)


def switch(state_folder: Path, release: Release) -> None:
    """Make a release the one in use; it is on the disk when this returns."""
    draft = state_folder / f".{CURRENT}.{secrets.token_hex(4)}.new"
    try:
        draft.symlink_to(f"{_RELEASES}/{release.id}")
        state.give(draft)
        draft.replace(state_folder / CURRENT)
        state.sync_folder(state_folder)
    except OSError as error:
        raise unusable(state_folder, error) from error
    finally:
        draft.unlink(missing_ok=True)


def is_runnable(folder: Path) -> bool:
    """Whether the Python that a release was written for is on this machine."""
    try:
        return os.access(json.loads((folder / RELEASE_FILE).read_text(encoding="utf-8"))["python"], os.X_OK)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def prune(state_folder: Path, keep: Collection[str], mounted: Collection[str] = ()) -> tuple[str, ...]:
    """Remove all releases but the one in use, these ids, and those that contain a mounted file; return their ids."""
    in_use = current(state_folder)
    kept = {*keep, *([in_use.id] if in_use is not None else [])}
    folder = state_folder.resolve() / _RELEASES
    files = [Path(os.path.realpath(one)) for one in mounted]
    kept |= {one.relative_to(folder).parts[0] for one in files if one.is_relative_to(folder)}
    gone = [path for path in (folder.iterdir() if folder.is_dir() else ()) if path.name not in kept]
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)
    return tuple(path.name for path in gone if not path.name.startswith(_DRAFT))


def write_variables(release: Release, variables: Mapping[str, str]) -> None:
    """Write the effective settings beside the compose files, which then work by hand."""
    path = release.folder / "docker" / ".env"
    text = (
        "# Written at each start, for docker compose by hand. The settings of the site are in settings.env.\n"
        + as_text(dict(sorted(variables.items())))
    )
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        state.replace(path, text, mode=0o644)


def unusable(state_folder: Path, error: OSError) -> SettingsError:
    """The error for a state folder that this user cannot write to."""
    if not isinstance(error, PermissionError):
        step = "correct the cause, then run the same command again"
    elif state_folder.is_dir():
        # Another owner would lock the present one out.
        step = f"run the command as {_owner(state_folder)}, or as root"
    else:
        step = f"as root: install -d -o {user_name()} {state_folder}"
    return SettingsError(
        "the state folder of the production platform cannot be used",
        seen=f"{error.filename or state_folder}: {error.strerror or error}",
        expected=f"{state_folder}, where this user can write (STATE_DIR names another folder)",
        next_step=step,
    )


def _owner(folder: Path) -> str:
    try:
        return folder.owner()
    except (KeyError, OSError):
        return "its owner"


def _identity(files: Mapping[str, Piece]) -> str:
    digest = hashlib.sha256()
    for path, piece in sorted(files.items()):
        if not piece.derived:
            content = piece.content()
            digest.update(f"{path}\0{piece.executable}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()[:_ID_LENGTH]


def _fill(draft: Path, final: Path, files: Mapping[str, Piece]) -> None:
    """Write everything into the draft, readable by the users of containers, whatever the umask."""
    for path, piece in files.items():
        target = draft / path
        _folders(target.parent, draft.parent)
        state_of = piece.source.stat() if piece.source is not None else None
        target.write_bytes(piece.content())
        target.chmod(0o755 if piece.executable else 0o644)
        if state_of is not None:
            # Compiled Python is valid for the time of its source.
            os.utime(target, ns=(state_of.st_atime_ns, state_of.st_mtime_ns))
        state.give(target)
    for path, leads_to in _LINKS.items():
        link = draft / path
        _folders(link.parent, draft.parent)
        link.symlink_to(leads_to)
        state.give(link)
    compileall.compile_dir(draft / "scripts", quiet=2, stripdir=str(draft), prependdir=str(final))


def _folders(folder: Path, top: Path) -> None:
    if folder != top and not folder.is_dir():
        _folders(folder.parent, top)
        folder.mkdir()
        folder.chmod(0o755)
        state.give(folder)

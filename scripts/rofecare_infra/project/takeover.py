"""The first release of a production platform: from then on it runs from its state folder, and from no checkout.

Until the marker is written, the checkout holds the truth and everything here is a copy that may be made again. Once it
is written, the state folder holds the truth, and what is left in the checkout is cleared away, however often that is
interrupted.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.compose import OVERRIDE, overrides_in
from rofecare_infra.engine import Engine
from rofecare_infra.errors import SettingsError
from rofecare_infra.images import MIRROR_FILE
from rofecare_infra.platform import Platform
from rofecare_infra.progress import Event, Note
from rofecare_infra.project import marker, mode, release
from rofecare_infra.project.marker import Marker
from rofecare_infra.project.release import Release
from rofecare_infra.project.software import settings_of_the_site
from rofecare_infra.secrets import is_record
from rofecare_infra.secrets import release as release_secrets
from rofecare_infra.settings import SITE_FILE, Settings, as_text

# Where the platform was started from before, until all of it is cleared away.
_FROM = "taken-over-from"
# Settings that name a file; those in the checkout are copied, since a checkout can be removed.
_FILES = ("BACKUP_KEY_FILE", "CA_BUNDLE", "TLS_CERTIFICATE_FILE", "TLS_KEY_FILE")
_FOLDERS = ("BACKUP_DIR", "SECRETS_DIR", "WORKSPACE")
# What an earlier version has written for the machine -> the command that writes it.
_UNITS = {
    "/etc/systemd/system/{project}.service": "inv install-service",
    "/etc/systemd/system/rofecare-backup-{project}.service": "inv schedule-backups",
    "/etc/cron.d/rofecare-backup-{project}": "inv schedule-backups",
}
_HEAD = """\
# The settings of this site. They take precedence over the defaults, which each release brings along, and an environment
# variable of the same name takes precedence over them. After a change, `inv start-all` applies it.
"""


def first_release(settings: Settings, engine: Engine) -> Generator[Event, None, Release]:
    """Give the production platform of this checkout a state folder with its first release, and mark it.

    Raises SettingsError where the state folder cannot be used; then nothing has changed.
    """
    found = marker.read(engine, settings.project)
    folder = found.state_folder if found is not None else settings.site_folder
    try:
        check_usable(folder, found)
        _make_state_folder(folder, settings.root)
        _copy_site(settings, folder)
        _copy_secrets(settings, folder)
        if found is None:
            _copy_journals(settings, folder)
            state.replace(folder / _FROM, f"{settings.root}\n", mode=0o644)
    except OSError as error:
        raise release.unusable(folder, error) from error
    # Where the marker alone was lost, the data has a release already: only an upgrade replaces it.
    has_data = mode.with_data(engine, mode.production_volumes(engine, settings.project))
    made = release.current(folder) if has_data else None
    if made is None:
        made = release.write(settings.root, folder, settings.project)
        release.switch(folder, made)
    marker.make(engine, settings.project, folder)
    yield Note(f"production runs from {folder} from now on, and no longer from {settings.root}: release {made.id}")
    for path, command in _UNITS.items():
        unit = Path(path.format(project=settings.project))
        with suppress(OSError):
            if str(settings.root) in unit.read_text(encoding="utf-8", errors="replace"):
                yield Note(f"{unit} still runs the commands of {settings.root}: {command} writes it again")
    return made


def _make_state_folder(folder: Path, root: Path) -> None:
    """Make the folder; one that root makes belongs to the owner of the checkout, so that both can take turns."""
    if folder.is_dir():
        return
    state.make_folder(folder, mode=0o755)
    if os.geteuid() == 0:
        owner = root.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)


def check_usable(folder: Path, found: Marker | None) -> None:
    """Raise SettingsError unless this user can change the platform's state folder on this machine."""
    if found is not None and not folder.is_dir():
        raise SettingsError(
            f"the state folder of the production platform {found.project} is not on this machine",
            seen=f"no {folder} here, which its marker names",
            expected="commands that change the platform on the machine that holds its state folder",
            next_step=f"run the command there; if the folder is lost: install -d {folder}, then write the settings and "
            "secrets of a backup into it (inv unpack-backup)",
        )
    if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
        raise release.unusable(folder, PermissionError(13, os.strerror(13), str(folder)))


def clear_checkout(settings: Settings, platform: Platform, engine: Engine) -> Generator[Event, None, None]:
    """Remove from the checkout what the state folder holds now; what containers still use stays for a later time.

    `settings` are those of the release.
    """
    record = settings.state_folder / _FROM
    try:
        root = Path(record.read_text(encoding="utf-8").strip())
    except OSError:
        return
    checkout = Settings(root, {})
    try:
        for path in _journals(checkout.state_folder, settings.project):
            _remove(path)
        if (settings.state_folder / f"restore-{settings.project}.json").exists():
            return  # it names the folder of a backup
        moved = _move_backups(checkout.backup_folder / settings.project, settings)
        if moved:
            yield Note(f"{moved} backups moved to {settings.backup_folder}")
        if _remove_secrets(checkout.secrets_folder, settings, platform, engine):
            record.unlink()
            state.sync_folder(settings.state_folder)
    except OSError as error:
        yield Note(f"{error.filename or root}: {error.strerror}; the next command clears it away")


def overlooked(root: Path, settings: Settings) -> tuple[str, ...]:
    """The settings in the `.env` of a checkout that differ from those of the site, which are the ones that count."""
    special = {*_FILES, *_FOLDERS, "STATE_DIR", "COMPOSE_PROJECT_NAME"}
    changed = settings_of_the_site(root / ".env")
    return tuple(name for name, value in changed.items() if name not in special and settings.get(name) != value)


def _copy_site(settings: Settings, folder: Path) -> None:
    """The settings, the override file and the digests of the mirror, unless the state folder has them."""
    if not (folder / SITE_FILE).exists():
        changed = settings_of_the_site(settings.root / ".env")
        values = {name: value for name, value in changed.items() if name not in {"STATE_DIR", "COMPOSE_PROJECT_NAME"}}
        for name in (*_FILES, *_FOLDERS):
            if values.get(name):
                values[name] = _outside(settings, name, folder)
        if settings.get("WORKSPACE", "../..") == "../..":
            values["WORKSPACE"] = str(settings.workspace)
        state.replace(folder / SITE_FILE, _HEAD + as_text(values), mode=0o644)
    for name in overrides_in(settings.docker_folder)[:1]:
        if not (folder / OVERRIDE).exists():
            own = (settings.docker_folder / name).read_text(encoding="utf-8")
            state.replace(folder / OVERRIDE, own, mode=0o644)
    mirrored = settings.state_folder / MIRROR_FILE
    if mirrored.is_file() and not (folder / MIRROR_FILE).exists():
        state.replace(folder / MIRROR_FILE, mirrored.read_bytes(), mode=0o644)


def _outside(settings: Settings, name: str, folder: Path) -> str:
    """The absolute path of a setting; a file in the checkout is copied to the state folder."""
    path = settings.path_of(name)
    if path is None:
        return ""
    default_secrets = Settings(settings.root, {}).secrets_folder
    if path.is_relative_to(default_secrets):
        return str(folder / "secrets" / path.relative_to(default_secrets))
    if name in _FILES and path.is_file() and path.is_relative_to(settings.root):
        target = state.make_folder(folder / "files", mode=0o700) / path.name
        if not target.exists():
            _copy(path, target)
        return str(target)
    return str(path)


def _copy_secrets(settings: Settings, folder: Path) -> None:
    """The secrets of the checkout, all at once; secrets that the state folder has are never replaced."""
    source, target = Settings(settings.root, {}).secrets_folder, folder / "secrets"
    if settings.secrets_folder != source or target.exists() or not source.is_dir() or not any(source.iterdir()):
        return
    for left in folder.glob(".secrets-*"):
        shutil.rmtree(left)
    draft = state.make_folder(folder / f".secrets-{secrets.token_hex(4)}", mode=0o700)
    _copy_tree(source, draft)
    # The copy is of this project alone.
    for path in draft.iterdir():
        if is_record(path.name):
            path.unlink()
    draft.rename(target)
    state.sync_folder(folder)


def _copy_journals(settings: Settings, folder: Path) -> None:
    for path in _journals(settings.state_folder, settings.project):
        target = folder / path.relative_to(settings.state_folder)
        if path.is_dir():
            _copy_tree(path, state.make_folder(target))
        else:
            target.unlink(missing_ok=True)
            _copy(path, target)
    state.sync_folder(folder)


def _journals(folder: Path, project: str) -> Iterator[Path]:
    """What a checkout's state folder holds of one project."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if re.fullmatch(rf"[a-z]+-{re.escape(project)}(\.images)?\.json", path.name):
            yield path
    if (folder / "metrics" / project).is_dir():
        yield folder / "metrics" / project


def _copy_tree(source: Path, target: Path) -> None:
    for path in sorted(source.iterdir()):
        if path.is_dir():
            _copy_tree(path, state.make_folder(target / path.name, mode=path.stat().st_mode & 0o777))
        else:
            (target / path.name).unlink(missing_ok=True)
            _copy(path, target / path.name)
    state.sync_folder(target)


def _copy(source: Path, target: Path) -> None:
    state.write_bytes(target, source.read_bytes(), mode=source.stat().st_mode & 0o777)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _remove_secrets(old: Path, settings: Settings, platform: Platform, engine: Engine) -> bool:
    """Remove the secrets of the checkout unless other projects depend on them; return False while containers do."""
    new = settings.state_folder / "secrets"
    if not old.is_dir() or old.resolve() == new.resolve() or settings.secrets_folder != new:
        return True
    mounted = {Path(os.path.realpath(one)) for files in engine.mounted_files().values() for one in files}
    if any(one.is_relative_to(old) for one in mounted):
        return False
    if release_secrets(platform, old, engine):
        return True
    for path in sorted(old.rglob("*"), reverse=True):
        copy = new / path.relative_to(old)
        if path.is_dir():
            with suppress(OSError):
                path.rmdir()
        elif copy.is_file() and copy.read_bytes() == path.read_bytes():
            path.unlink()
    with suppress(OSError):
        old.rmdir()
    return True


def _move_backups(old: Path, settings: Settings) -> int:
    """Move the backups of the checkout to those of the state folder; return how many."""
    new = settings.backup_folder / settings.project
    if (
        not old.is_dir()
        or old.resolve() == new.resolve()
        or settings.backup_folder != settings.state_folder / "backups"
    ):
        return 0
    found = [path for path in sorted(old.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    state.make_folder(new, mode=0o700)
    for path in found:
        if (new / path.name).exists():
            continue
        try:
            path.rename(new / path.name)
        except OSError:
            # On another disk.
            draft = new / f".partial-{path.name}"
            shutil.rmtree(draft, ignore_errors=True)
            _copy_tree(path, state.make_folder(draft, mode=0o700))
            draft.rename(new / path.name)
            shutil.rmtree(path)
    state.sync_folder(new)
    return len(found)

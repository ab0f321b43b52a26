"""Lays open what a backup holds beside the databases: configuration, secrets, roles; for a person to take from."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path, PurePosixPath

from rofecare_infra.backup import disk, extras, integrity, sealed
from rofecare_infra.backup.store import damaged, store_of
from rofecare_infra.errors import UsageError
from rofecare_infra.progress import Event, Note
from rofecare_infra.project import Project


def unpack(project: Project, word: str, target: Path, *, from_project: str = "") -> Generator[Event, None, int]:
    """Write configuration and, where the key is there, secrets and roles into a new folder; return how many files.

    Raises UsageError where the folder exists, VerificationError for a backup that is not what was written.
    """
    if target.exists():
        raise UsageError(
            f"{target} is there already",
            seen=str(target),
            expected="a folder that is made now, for its owner alone",
            next_step="the same command with another --to",
        )
    store = store_of(project.settings)
    folder = store.find(word)
    key = extras.key_of(project, store.folder)
    backup = yield from integrity.check(folder, from_project or store.project, key)
    files = {f"configuration/{name}": one for name, one in _files(folder, extras.CONFIGURATION, None).items()}
    if extras.SECRETS not in backup.manifest.files:
        yield Note(f"secrets: {backup.manifest.secrets}")
    elif key is None:
        yield Note("secrets stay closed: BACKUP_KEY_FILE is not set")
    else:
        files |= _files(folder, extras.SECRETS, key)
    with disk.folder_removed_on_failure(target):
        for name, content in files.items():
            path = target / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            disk.write(path, content)
    return len(files)


def _files(folder: Path, name: str, key: bytes | None) -> Mapping[str, bytes]:
    content = (folder / name).read_bytes()
    opened = sealed.unseal(content, key) if key is not None else content
    if opened is None:
        raise damaged(folder, name, f"{name} does not open")
    files = sealed.unpacked(opened)
    for one in files:
        # Whoever wrote the archive: nothing is written outside of the folder.
        if PurePosixPath(one).is_absolute() or ".." in PurePosixPath(one).parts:
            raise damaged(folder, name, f"{name} has a file called {one!r}")
    return files

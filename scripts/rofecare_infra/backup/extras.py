"""The parts of a backup besides databases: roles, configuration and secrets; and how to unpack them."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path, PurePosixPath

from rofecare_infra import secrets
from rofecare_infra.backup import encryption, files, integrity, sealed
from rofecare_infra.backup.integrity import damaged
from rofecare_infra.backup.key import Key, key_of
from rofecare_infra.backup.manifest import UNENCRYPTED, Backup
from rofecare_infra.backup.server import Server, Session, require_success
from rofecare_infra.backup.store import store_of
from rofecare_infra.errors import UsageError, VerificationError
from rofecare_infra.process import to_end, transfer
from rofecare_infra.progress import Event, Note
from rofecare_infra.project import Project

CONFIGURATION = f"configuration.tar{encryption.SUFFIX}"
SECRETS = f"secrets.tar{encryption.SUFFIX}"


def roles_of(server: Server) -> bytes:
    """The roles of a server as SQL, with the verifiers of their passwords."""
    found: list[bytes] = []
    words = ("pg_dumpall", "--roles-only", "--no-password")
    result = to_end(transfer(server.argv("template1", *words, watched=True), sink=found.append))
    require_success(result, "pg_dumpall", f"{server.service}: the roles cannot be dumped")
    return b"".join(found)


def role_names(session: Session) -> tuple[str, ...]:
    """The roles of a server, without the predefined ones of PostgreSQL."""
    rows = session.rows("SELECT rolname AS name FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' ORDER BY 1")
    return tuple(row["name"] for row in rows)


def configuration(project: Project) -> dict[str, bytes]:
    """Settings, compose files including the override of the site, and mounted files, by their path."""
    root, folder = project.settings.root, project.settings.docker_folder
    patterns = ("*compose*.y*ml", "common.yml", "config/**/*")
    paths = [root / ".env", *sorted(path for pattern in patterns for path in folder.glob(pattern))]
    found = {str(path.relative_to(root)): path.read_bytes() for path in paths if path.is_file()}
    own = project.settings.file
    if project.settings.is_release and own.is_file():
        found[own.name] = own.read_bytes()
    return found


def secret_files(project: Project) -> dict[str, bytes]:
    """The secrets of the platform, by their name."""
    inventory = secrets.inventory(project.platform, project.settings.secrets_folder)
    external = {name: path for name, path in inventory.foreign.items() if path.is_file()}
    return {name: path.read_bytes() for name, path in {**inventory.present, **external}.items()}


def unpack(
    project: Project, word: str, target: Path, *, from_project: str = "", unencrypted: bool = False
) -> Generator[Event, None, int]:
    """Write configuration, secrets and roles into a new folder; return the number of files.

    Raises UsageError if the folder exists, VerificationError if the backup is damaged.
    """
    if target.exists():
        raise UsageError(
            f"{target} already exists",
            seen=str(target),
            expected="a new folder, which only its owner can read",
            next_step="the same command with another --to",
        )
    store = store_of(project)
    folder, key = store.find(word), key_of(project.settings)
    backup = yield from integrity.check(folder, from_project or store.project, key, unencrypted=unencrypted)
    if backup.manifest.format == UNENCRYPTED:
        contents = yield from _contents_before_encryption(backup, key)
    else:
        contents = {
            f"{kind}/{name}": content
            for kind, file in (("configuration", CONFIGURATION), ("secrets", SECRETS))
            for name, content in _contents(folder, file, encryption.read(folder / file, key)).items()
        }
        for service, server in backup.manifest.servers.items():
            contents[f"roles/{service}.sql"] = encryption.read(folder / server.roles_file, key)
    with files.folder_removed_on_failure(target):
        for name, content in contents.items():
            path = target / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            files.write(path, content)
    return len(contents)


def _contents_before_encryption(backup: Backup, key: Key) -> Generator[Event, None, dict[str, bytes]]:
    """The same of a backup in format 1: its secrets and roles are in one file, encrypted with a key of that time."""
    folder, file = backup.folder, "configuration.tar"
    unpacked = _contents(folder, file, (folder / file).read_bytes())
    contents = {f"configuration/{name}": one for name, one in unpacked.items()}
    if sealed.SECRETS not in backup.manifest.files:
        yield Note(f"secrets: {backup.manifest.secrets}")
        return contents
    archive = sealed.decrypt((folder / sealed.SECRETS).read_bytes(), key.earlier)
    if archive is None:
        raise VerificationError(
            f"the secrets of backup {folder.name} cannot be decrypted",
            seen=f"{sealed.SECRETS} was encrypted with a key that {key.path} does not contain",
            expected="the key that BACKUP_KEY_FILE named at that time",
            next_step=f"add it to {key.path}, in a line of its own; without it the secrets of this backup are lost",
        )
    return contents | _contents(folder, sealed.SECRETS, archive)


def _contents(folder: Path, name: str, archive: bytes) -> dict[str, bytes]:
    contents = encryption.unpack(archive)
    for one in contents:
        # Never write outside of the target folder, whatever the archive contains.
        if PurePosixPath(one).is_absolute() or ".." in PurePosixPath(one).parts:
            raise damaged(folder, name, f"{name} contains a file named {one!r}")
    return contents

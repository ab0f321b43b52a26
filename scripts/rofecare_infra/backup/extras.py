"""The parts of a backup besides databases: roles, configuration and secrets; and how to unpack the last two."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from pathlib import Path, PurePosixPath

from rofecare_infra import secrets
from rofecare_infra.backup import encryption, files, integrity
from rofecare_infra.backup.integrity import damaged
from rofecare_infra.backup.server import Server, require_success
from rofecare_infra.backup.store import store_of
from rofecare_infra.errors import UsageError
from rofecare_infra.process import to_end, transfer
from rofecare_infra.progress import Event, Note
from rofecare_infra.project import Project

CONFIGURATION = "configuration.tar"

# Values of `secrets` in the manifest.
ENCRYPTED = "encrypted"
LEFT_OUT = "left out: BACKUP_KEY_FILE is not set"


def roles_of(server: Server, *, passwords: bool) -> bytes:
    """The roles of a server as SQL, with the verifiers of their passwords if requested."""
    found: list[bytes] = []
    words = ["pg_dumpall", "--roles-only", "--no-password", *([] if passwords else ["--no-role-passwords"])]
    result = to_end(transfer(server.argv("template1", *words, watched=True), sink=found.append))
    require_success(result, "pg_dumpall", f"{server.service}: the roles cannot be dumped")
    return b"".join(found)


def role_names(server: Server) -> tuple[str, ...]:
    """The roles of a server, without the predefined ones of PostgreSQL."""
    with server.session("template1") as session:
        rows = session.rows("SELECT rolname AS name FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' ORDER BY 1")
    return tuple(row["name"] for row in rows)


def configuration(project: Project) -> dict[str, bytes]:
    """Settings, compose files including the override of the site, and mounted files, by their path."""
    root, folder = project.settings.root, project.settings.docker_folder
    patterns = ("docker-compose*.y*ml", "common.yml", "config/**/*")
    paths = [root / ".env", *sorted(path for pattern in patterns for path in folder.glob(pattern))]
    found = {str(path.relative_to(root)): path.read_bytes() for path in paths if path.is_file()}
    own = project.settings.file
    if project.settings.is_release and own.is_file():
        found[own.name] = own.read_bytes()
    return found


def encrypted_secrets(project: Project, servers: Iterable[Server], key: bytes) -> bytes:
    """The secrets, and the roles with the verifiers of their passwords, encrypted."""
    inventory = secrets.inventory(project.platform, project.settings.secrets_folder)
    external = {name: path for name, path in inventory.foreign.items() if path.is_file()}
    contents = {f"secrets/{name}": path.read_bytes() for name, path in {**inventory.present, **external}.items()}
    contents |= {f"roles/{server.service}.sql": roles_of(server, passwords=True) for server in servers}
    return encryption.encrypt(encryption.pack(contents), key)


def unpack(project: Project, word: str, target: Path, *, from_project: str = "") -> Generator[Event, None, int]:
    """Write the configuration and, if the key is set, secrets and roles into a new folder; return the number of files.

    Raises UsageError if the folder exists, VerificationError if the backup is damaged.
    """
    if target.exists():
        raise UsageError(
            f"{target} already exists",
            seen=str(target),
            expected="a new folder, which only its owner can read",
            next_step="the same command with another --to",
        )
    store = store_of(project.settings)
    folder = store.find(word)
    key = encryption.key_of(project.settings, store.folder)
    backup = yield from integrity.check(folder, from_project or store.project, key)
    contents = {f"configuration/{name}": one for name, one in _contents(folder, CONFIGURATION, None).items()}
    if encryption.SECRETS not in backup.manifest.files:
        yield Note(f"secrets: {backup.manifest.secrets}")
    elif key is None:
        yield Note("secrets not unpacked: BACKUP_KEY_FILE is not set")
    else:
        contents |= _contents(folder, encryption.SECRETS, key)
    with files.folder_removed_on_failure(target):
        for name, content in contents.items():
            path = target / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            files.write(path, content)
    return len(contents)


def _contents(folder: Path, name: str, key: bytes | None) -> Mapping[str, bytes]:
    content = (folder / name).read_bytes()
    archive = encryption.decrypt(content, key) if key is not None else content
    if archive is None:
        raise damaged(folder, name, f"{name} cannot be decrypted")
    contents = encryption.unpack(archive)
    for one in contents:
        # Never write outside of the target folder, whatever the archive contains.
        if PurePosixPath(one).is_absolute() or ".." in PurePosixPath(one).parts:
            raise damaged(folder, name, f"{name} contains a file named {one!r}")
    return contents

"""What a backup holds beside the databases: roles, configuration, secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from rofecare_infra import secrets
from rofecare_infra.backup import sealed
from rofecare_infra.backup.server import Server
from rofecare_infra.backup.streams import insist
from rofecare_infra.errors import SettingsError
from rofecare_infra.process import to_end, transfer
from rofecare_infra.project import Project

CONFIGURATION = "configuration.tar"
SECRETS = "secrets.sealed"

# What the manifest says of secrets that are in the backup.
ENCRYPTED = "encrypted"
LEFT_OUT = "left out: BACKUP_KEY_FILE is not set"


def roles_of(server: Server, *, passwords: bool) -> bytes:
    """The roles of a server as SQL; their passwords' verifiers only where they are asked for."""
    found: list[bytes] = []
    words = ["pg_dumpall", "--roles-only", "--no-password", *([] if passwords else ["--no-role-passwords"])]
    result = to_end(transfer(server.argv("template1", *words, watched=True), sink=found.append))
    insist(result, "pg_dumpall", f"{server.service}: the roles cannot be written out")
    return b"".join(found)


def role_names(server: Server) -> tuple[str, ...]:
    """The roles of a server that are not PostgreSQL's own."""
    with server.session("template1") as session:
        rows = session.rows("SELECT rolname AS name FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' ORDER BY 1")
    return tuple(row["name"] for row in rows)


def configuration(project: Project) -> dict[str, bytes]:
    """Settings, compose files, the user's own override, and mounted files: name in the checkout -> content."""
    root, folder = project.settings.root, project.settings.docker_folder
    patterns = ("docker-compose*.y*ml", "common.yml", "config/**/*")
    paths = [root / ".env", *sorted(path for pattern in patterns for path in folder.glob(pattern))]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths if path.is_file()}


def key_of(project: Project, backups: Path) -> bytes | None:
    """The key of this platform's backups; None where there is none. Raises SettingsError for one that is no use."""
    path = project.settings.backup_key_file
    if path is None:
        return None
    if path.is_relative_to(backups.resolve()):
        raise SettingsError(
            "the key of the backups lies among them",
            seen=f"{path} is below {backups}",
            expected="a key that who gets the backups does not get, too (BACKUP_KEY_FILE)",
            next_step="move it elsewhere, and keep a copy of it far from the backups",
        )
    return sealed.read_key(path)


def secrets_of(project: Project, servers: Iterable[Server], key: bytes) -> bytes:
    """The secrets and the roles' verifiers, encrypted."""
    inventory = secrets.inventory(project.platform, project.settings.secrets_folder)
    files = {f"secrets/{name}": path.read_bytes() for name, path in _present(inventory).items()}
    files |= {f"roles/{server.service}.sql": roles_of(server, passwords=True) for server in servers}
    return sealed.seal(sealed.packed(files), key)


def _present(inventory: secrets.Inventory) -> Mapping[str, Path]:
    return {**inventory.present, **{name: path for name, path in inventory.foreign.items() if path.is_file()}}

"""One database of a backup: dumped with its facts from one snapshot, restored under any name, and compared."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rofecare_infra.backup import encryption, facts
from rofecare_infra.backup.encryption import Encrypted, decrypted
from rofecare_infra.backup.key import Key
from rofecare_infra.backup.manifest import DatabaseRecord, Facts, FileRecord, Position, description
from rofecare_infra.backup.server import NEW, OLD, Server, Session, literal, progress, quoted, require_success
from rofecare_infra.errors import VerificationError
from rofecare_infra.platform import Service
from rofecare_infra.process import to_end, transfer
from rofecare_infra.progress import Event, Working, mebibytes

# The dump fails if a table stays locked for longer, in milliseconds.
_LOCK_WAIT = 60000
# The number of differences that an error lists.
_MANY = 12
# Settings whose values are lists of names that are already quoted.
_LISTS = {"search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"}

_DATABASES = """
SELECT datname AS name FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname
"""

# Whether a database contains anything that the `postgres` database of a new server does not.
_IN_USE = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')
    OR EXISTS (SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
               WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')
    OR EXISTS (SELECT FROM pg_catalog.pg_namespace n
               WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public'))
    OR EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata) AS used
"""

_SIZE = """
SELECT coalesce(sum(pg_catalog.pg_table_size(c.oid)), 0)::bigint AS size
FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'm') AND c.oid >= 16384
    OR c.oid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass
"""


def databases_of(server: Server, service: Service) -> tuple[str, ...]:
    """The databases of a server to back up: all, without `postgres` if it is unused and not the service's own."""
    with server.session("template1") as session:
        names = [row["name"] for row in session.rows(_DATABASES)]
    own = service.environment.get("POSTGRES_DB", "")
    found = [name for name in names if not name.startswith((NEW, OLD))]
    return tuple(name for name in found if name != "postgres" or name == own or _is_used(server, name))


def _is_used(server: Server, name: str) -> bool:
    with server.session(name) as session:
        return bool(session.rows(_IN_USE)[0]["used"])


def begin(session: Session) -> str:
    """Start the transaction that everything is read in; return the name of its snapshot."""
    session.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    return str(session.rows("SELECT pg_catalog.pg_export_snapshot() AS name")[0]["name"])


def size_of(session: Session) -> int:
    """The size of the tables, in bytes; their compressed dump is smaller."""
    return int(session.rows(_SIZE)[0]["size"])


def dump(
    session: Session, snapshot: str, folder: Path, key: Key
) -> Generator[Event, None, tuple[DatabaseRecord, dict[str, FileRecord]]]:
    """Dump the database into the folder; the transaction of the session holds the snapshot."""
    server, name = session.server, session.database
    stem = f"{server.service}.{quote(name, safe='')}"
    file, facts_file = f"{stem}.dump{encryption.SUFFIX}", f"{stem}.facts.json{encryption.SUFFIX}"
    yield Working(f"{server.service}: dumping {name}")
    before = facts.sequence_values(session)
    words = (
        "pg_dump",
        "--format=custom",
        f"--snapshot={snapshot}",
        f"--lock-wait-timeout={_LOCK_WAIT}",
        "--no-password",
    )
    argv = server.argv(name, *words, watched=True)
    with Encrypted(folder / file, key) as out:
        result = yield from progress(
            transfer(argv, sink=out.write),
            1 << 20,
            lambda count: f"{server.service}: {name}, {mebibytes(count)} written",
        )
        require_success(result, "pg_dump", f"{server.service}: the database {name} cannot be dumped")
    yield Working(f"{server.service}: counting {name}")
    found = _with_sequences(facts.collect(session), before, facts.sequence_values(session))
    record = DatabaseRecord(
        service=server.service,
        name=name,
        file=file,
        size=size_of(session),
        description=facts_file,
        create=tuple(_create_statements(session)),
        facts=found,
    )
    facts_record = encryption.write(folder / facts_file, description(record).encode(), key)
    return record, {file: out.record, facts_file: facts_record}


def _with_sequences(found: Facts, before: dict[str, tuple[int, bool]], after: dict[str, tuple[int, bool]]) -> Facts:
    return replace(
        found,
        sequences={
            name: Position(before.get(name, one.low), after.get(name, one.low)) for name, one in found.sequences.items()
        },
    )


def load(server: Server, record: DatabaseRecord, folder: Path, key: Key, name: str) -> Generator[Event, None, None]:
    """Create the database `name` and restore the dump into it. Raises CommandError if that fails."""
    yield Working(f"{record.service}: restoring {record.name}")
    server.execute("template1", [statement.replace("{name}", quoted(name)) for statement in record.create])
    words = ("pg_restore", "--exit-on-error", "--no-password", f"--dbname={name}")
    with decrypted(folder / record.file, key) as source:
        result = to_end(transfer(server.argv(name, *words), source=source))
    require_success(result, "pg_restore", f"{record.service}: {record.file} cannot be restored")


def compare(server: Server, record: DatabaseRecord, name: str, backup: str) -> Generator[Event, None, None]:
    """Compare the content with the recorded facts. Raises VerificationError that lists the differences."""
    yield Working(f"{record.service}: comparing {record.name}")
    with server.session(name) as session:
        found = list(facts.differences(record.facts, facts.collect(session)))
    if found:
        raise VerificationError(
            f"backup {backup} does not verify: {record.file}",
            seen=f"{record.service}/{record.name}: {found[0]}",
            expected="the same content after a restore as at the time of the backup",
            next_step="inv verify-backup with an older one, and take a new one: inv backup",
            details=found[1 : 1 + _MANY],
        )


def add_roles(server: Server, sql: str, names: Iterable[str]) -> tuple[str, ...]:
    """Create the missing ones of these roles; existing roles stay unchanged. Returns the names of the new ones."""
    with server.session("template1") as session:
        existing = {row["name"] for row in session.rows("SELECT rolname AS name FROM pg_catalog.pg_roles")}
        missing = [name for name in names if name not in existing]
        if not missing:
            return ()
        quotes = {row["name"]: row["quoted"] for row in session.rows(_quote_query(missing))}
        for line in sql.splitlines():
            if any(line.startswith((f"CREATE ROLE {one};", f"ALTER ROLE {one} ")) for one in quotes.values()):
                session.execute(line)
        for line in sql.splitlines():
            # Memberships of the new roles.
            if line.startswith("GRANT ") and any(f" {one}" in line.replace(";", " ") for one in quotes.values()):
                # The grantor does not matter, and may not be the bootstrap superuser here.
                session.execute(re.sub(r" GRANTED BY [^;]*;$", ";", line))
    return tuple(missing)


def _create_statements(session: Session) -> Iterator[str]:
    row = session.rows(
        "SELECT d.*, pg_encoding_to_char(encoding) AS encoding_name, pg_get_userbyid(datdba) AS owner,"
        " shobj_description(d.oid, 'pg_database') AS comment, datacl IS NOT NULL AS has_acl"
        " FROM pg_catalog.pg_database d WHERE datname = current_database()"
    )[0]
    yield f"CREATE DATABASE {{name}} WITH TEMPLATE template0 OWNER {quoted(row['owner'])} {_locale(row)}"
    if row["datconnlimit"] > 0:
        yield f"ALTER DATABASE {{name}} CONNECTION LIMIT {row['datconnlimit']}"
    if row["comment"]:
        yield f"COMMENT ON DATABASE {{name}} IS {literal(row['comment'])}"
    yield from _settings(session, row["oid"])
    if row["has_acl"]:
        yield "REVOKE ALL ON DATABASE {name} FROM PUBLIC"
        for grant in session.rows(
            "SELECT a.privilege_type AS privilege, a.is_grantable AS further, r.rolname AS role"
            " FROM pg_catalog.pg_database d, pg_catalog.aclexplode(d.datacl) a"
            " LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee"
            " WHERE d.datname = current_database() AND a.grantee <> d.datdba"
        ):
            whom = quoted(grant["role"]) if grant["role"] else "PUBLIC"
            further = " WITH GRANT OPTION" if grant["further"] else ""
            yield f"GRANT {grant['privilege']} ON DATABASE {{name}} TO {whom}{further}"


def _locale(row: dict[str, Any]) -> str:
    words = [
        f"ENCODING {literal(row['encoding_name'])}",
        f"LC_COLLATE {literal(row['datcollate'])} LC_CTYPE {literal(row['datctype'])}",
    ]
    # The column has another name before PostgreSQL 17; libc is the default provider.
    own = row.get("datlocale") or row.get("daticulocale")
    provider = {"i": "icu", "b": "builtin"}.get(row.get("datlocprovider") or "c")
    if provider and own:
        words.append(f"LOCALE_PROVIDER {provider} {provider}_LOCALE {literal(own)}")
    return " ".join(words)


def _settings(session: Session, database: int) -> Iterator[str]:
    for row in session.rows(
        "SELECT s.setconfig AS settings, r.rolname AS role FROM pg_catalog.pg_db_role_setting s"
        f" LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole WHERE s.setdatabase = {database}"
    ):
        target = f"ROLE {quoted(row['role'])} IN DATABASE {{name}}" if row["role"] else "DATABASE {name}"
        for setting in row["settings"]:
            name, _, value = setting.partition("=")
            yield f"ALTER {target} SET {quoted(name)} TO {value if name in _LISTS else literal(value)}"


def _quote_query(names: Iterable[str]) -> str:
    texts = ", ".join(map(literal, names))
    return f"SELECT name::text AS name, format('%I', name::text) AS quoted FROM unnest(ARRAY[{texts}]) AS name"

"""One database of a backup: the SQL that makes an empty one like it, and its dump with the facts of one snapshot."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rofecare_infra.backup import disk, facts
from rofecare_infra.backup.records import DatabaseRecord, Facts, FileRecord, Position
from rofecare_infra.backup.server import NEW, OLD, Server, Session, literal, quoted
from rofecare_infra.backup.streams import insist, passing
from rofecare_infra.platform import Service
from rofecare_infra.process import transfer
from rofecare_infra.progress import Event, Working, mebibytes

# Where a table is locked by somebody for longer, there is no backup of it, in milliseconds.
_LOCK_WAIT = 60000
# Settings whose values are lists of names, quoted already.
_LISTS = {"search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"}

_DATABASES = """
SELECT datname AS name FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname
"""

# What a fresh server's `postgres` database has nothing of.
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
    """The databases of a server that hold anything of ours; the one that the service is told to make always does."""
    with server.session("template1") as session:
        names = [row["name"] for row in session.rows(_DATABASES)]
    own = service.environment.get("POSTGRES_DB", "")
    found = [name for name in names if not name.startswith((NEW, OLD))]
    return tuple(name for name in found if name != "postgres" or name == own or _is_used(server, name))


def _is_used(server: Server, name: str) -> bool:
    with server.session(name) as session:
        return bool(session.rows(_IN_USE)[0]["used"])


def begin(session: Session) -> str:
    """Open the transaction whose snapshot everything is read from; its name for others."""
    session.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    return str(session.rows("SELECT pg_catalog.pg_export_snapshot() AS name")[0]["name"])


def size_of(session: Session) -> int:
    """What the tables take, in bytes: more than their dump, which is compressed, ever does."""
    return int(session.rows(_SIZE)[0]["size"])


def dump(session: Session, snapshot: str, folder: Path) -> Generator[Event, None, tuple[DatabaseRecord, FileRecord]]:
    """Write the database's dump into the folder; the session's transaction holds the snapshot."""
    server, name = session.server, session.database
    file = f"{server.service}.{quote(name, safe='')}.dump"
    yield Working(f"{server.service}: writing {name}")
    before = facts.places(session)
    words = (
        "pg_dump",
        "--format=custom",
        f"--snapshot={snapshot}",
        f"--lock-wait-timeout={_LOCK_WAIT}",
        "--no-password",
    )
    argv = server.argv(name, *words, watched=True)
    with disk.Written(folder / file) as out:
        result = yield from passing(
            transfer(argv, sink=out.write),
            1 << 20,
            lambda count: f"{server.service}: {name}, {mebibytes(count)} written",
        )
        insist(result, "pg_dump", f"{server.service}: the database {name} cannot be written out")
    yield Working(f"{server.service}: counting {name}")
    found = _framed(facts.collect(session), before, facts.places(session))
    record = DatabaseRecord(
        service=server.service,
        name=name,
        file=file,
        create=tuple(_creation(session)),
        facts=found,
        size=size_of(session),
    )
    return record, out.record


def _framed(found: Facts, before: dict[str, tuple[int, bool]], after: dict[str, tuple[int, bool]]) -> Facts:
    return replace(
        found,
        sequences={
            name: Position(before.get(name, place), after.get(name, place))
            for name, place in ((name, one.low) for name, one in found.sequences.items())
        },
    )


def creation(record: DatabaseRecord, name: str) -> tuple[str, ...]:
    """The SQL that makes an empty database of this name like the recorded one."""
    return tuple(statement.replace("{name}", quoted(name)) for statement in record.create)


def _creation(session: Session) -> Iterator[str]:
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
    # Named otherwise before PostgreSQL 17; libc is what every version means without a word.
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

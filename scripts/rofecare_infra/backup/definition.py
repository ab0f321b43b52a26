"""How a database is created: encoding, locale, owner, privileges, and its settings, also those of roles in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rofecare_infra.backup.server import Session, literal, quoted

# Settings whose values are lists of names that are already quoted (those that pg_dump knows).
_LISTS = {
    "search_path",
    "temp_tablespaces",
    "local_preload_libraries",
    "session_preload_libraries",
    "shared_preload_libraries",
    "unix_socket_directories",
}

_DATABASE = """
SELECT d.*, pg_encoding_to_char(encoding) AS encoding_name, pg_get_userbyid(datdba) AS owner,
       shobj_description(d.oid, 'pg_database') AS comment, s.spcname AS tablespace
FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace s ON s.oid = d.dattablespace
WHERE datname = current_database()
"""

_PRIVILEGES = """
SELECT a.privilege_type AS privilege, a.is_grantable AS further, a.grantee = d.datdba AS owner,
       CASE a.grantee WHEN 0 THEN '' ELSE pg_get_userbyid(a.grantee) END AS role
FROM pg_catalog.pg_database d, pg_catalog.aclexplode(d.datacl) a
WHERE d.datname = current_database() ORDER BY 4, 1, 2
"""

_SETTINGS = """
SELECT s.setconfig AS settings, coalesce(r.rolname, '') AS role
FROM pg_catalog.pg_db_role_setting s LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
WHERE s.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) ORDER BY 2
"""

# Where the names in functions may be looked up: as set for the database, for roles, and then in all schemas.
_SEARCH_PATHS = """
SELECT substr(setting, strpos(setting, '=') + 1) AS path
FROM pg_catalog.pg_db_role_setting s, unnest(s.setconfig) AS setting
WHERE setting LIKE 'search\\_path=%'
      AND s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
ORDER BY s.setdatabase = 0, s.setrole
"""
_SCHEMAS = """
SELECT nspname AS name FROM pg_catalog.pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1
"""

# What every new database contains, and this one may not.
_REMOVED = """
SELECT 'DROP EXTENSION plpgsql' AS statement
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'plpgsql')
UNION ALL SELECT 'DROP SCHEMA public'
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'public')
"""

_TABLESPACES = """
SELECT s.spcname AS name FROM pg_catalog.pg_tablespace s
WHERE s.spcname NOT IN ('pg_global', 'pg_default')
      AND (EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.reltablespace = s.oid)
           OR s.oid = (SELECT dattablespace FROM pg_catalog.pg_database WHERE datname = current_database()))
ORDER BY 1
"""


# How the statement begins that only a server with the same tablespaces can execute.
IN_TABLESPACE = "ALTER DATABASE {name} SET TABLESPACE "


@dataclass(frozen=True)
class Setting:
    """A setting of a database, for one role or (if empty) for all."""

    role: str
    name: str
    value: str

    @property
    def values(self) -> tuple[str, ...]:
        """The value, or those of a list of names."""
        return split(self.value) if self.name in _LISTS else (self.value,)


def create(session: Session) -> Iterator[str]:
    """SQL that creates an empty database like that of the session; `{name}` is replaced by the quoted name."""
    row = session.rows(_DATABASE)[0]
    yield f"CREATE DATABASE {{name}} WITH TEMPLATE template0 OWNER {quoted(row['owner'])} {_locale(row)}"
    if row["tablespace"] != "pg_default":
        yield f"{IN_TABLESPACE}{quoted(row['tablespace'])}"
    if row["datconnlimit"] >= 0:
        yield f"ALTER DATABASE {{name}} CONNECTION LIMIT {row['datconnlimit']}"
    if row["comment"]:
        yield f"COMMENT ON DATABASE {{name}} IS {literal(row['comment'])}"
    # The content may depend on them; sessions of this tool do not.
    yield from (_statement(setting) for setting in settings(session))
    if row["datacl"] is not None:
        yield f"REVOKE ALL ON DATABASE {{name}} FROM PUBLIC, {quoted(row['owner'])}"
        for grant in session.rows(_PRIVILEGES):
            whom = quoted(grant["role"]) if grant["role"] else "PUBLIC"
            further = " WITH GRANT OPTION" if grant["further"] and not grant["owner"] else ""
            yield f"GRANT {grant['privilege']} ON DATABASE {{name}} TO {whom}{further}"


def prepare(session: Session) -> tuple[str, ...]:
    """SQL to execute in the new database first."""
    return tuple(row["statement"] for row in session.rows(_REMOVED))


def finish(session: Session) -> tuple[str, ...]:
    """SQL to execute after the content has been restored."""
    row = session.rows(_DATABASE)[0]
    return ("ALTER DATABASE {name} IS_TEMPLATE true",) if row["datistemplate"] else ()


def search_path(session: Session) -> tuple[str, ...]:
    """The schemas in which functions of this database may look up names that are not qualified."""
    found = [name for row in session.rows(_SEARCH_PATHS) for name in split(row["path"])]
    schemas = [row["name"] for row in session.rows(_SCHEMAS)]
    return tuple(name for name in dict.fromkeys((*found, "$user", "public", *schemas)) if name and name != "pg_catalog")


def tablespaces(session: Session) -> tuple[str, ...]:
    """The tablespaces that it uses, without the default one."""
    return tuple(row["name"] for row in session.rows(_TABLESPACES))


def attributes(session: Session) -> dict[str, dict[str, str]]:
    """What a restore must bring back of the database itself, in the form of the other objects."""
    row = session.rows(_DATABASE)[0]
    names = ("owner", "encoding_name", "datcollate", "datctype", "datlocprovider", "datconnlimit", "datistemplate")
    known = {name: str(row[name]) for name in (*names, "comment", "datlocale", "daticulocale") if row.get(name)}
    if row["datacl"] is not None:
        known["privileges"] = ", ".join(
            f"{'owner' if one['owner'] else one['role'] or 'public'}={one['privilege']}"
            f"{'*' if one['further'] and not one['owner'] else ''}"
            for one in session.rows(_PRIVILEGES)
        )
    for setting in settings(session):
        value = ", ".join(filter(None, setting.values))
        known[f"setting {setting.name}" + (f" for {setting.role}" if setting.role else "")] = value
    return {"the database": known}


def settings(session: Session) -> list[Setting]:
    """The settings of the database, and those of roles in it."""
    found = []
    for row in session.rows(_SETTINGS):
        for setting in row["settings"]:
            name, _, value = setting.partition("=")
            found.append(Setting(row["role"], name, value))
    return found


def split(text: str) -> tuple[str, ...]:
    """The names in a list of names, which may be quoted."""
    names: list[str] = []
    name, inside, position = "", False, 0
    quoted_name = False
    while position < len(text):
        mark = text[position]
        if mark == '"' and inside and text[position + 1 : position + 2] == '"':
            name += mark
            position += 1
        elif mark == '"':
            inside, quoted_name = not inside, True
        elif inside or not (mark == "," or mark.isspace()):
            name += mark
        elif mark == ",":
            names.append(name)
            name, quoted_name = "", False
        position += 1
    return (*names, name) if name or quoted_name or names else ()


def _statement(setting: Setting) -> str:
    whom = f"ROLE {quoted(setting.role)} IN DATABASE {{name}}" if setting.role else "DATABASE {name}"
    return f"ALTER {whom} SET {quoted(setting.name)} TO {values_of(setting.values)}"


def values_of(values: Sequence[str]) -> str:
    """A value or a list of names for SET; an empty list is one empty name."""
    return ", ".join(map(literal, values)) or "''"


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
    if row.get("daticurules"):
        words.append(f"ICU_RULES {literal(row['daticurules'])}")
    return " ".join(words)

"""What a server contains: the databases to back up, those that are left out, and those that are missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rofecare_infra.backup.server import NEW, OLD, Server, Session, quoted
from rofecare_infra.platform import Service

_DATABASES = """
SELECT datname AS name, datallowconn AS open, datconnlimit = -2 AS invalid FROM pg_catalog.pg_database
ORDER BY datname
"""

# Databases that every server has. They are backed up if they are used.
_ALWAYS = ("postgres", "template1")
_PRISTINE = "template0"

# The first object id that PostgreSQL does not use itself.
_FIRST_OWN = 16384
_IN_SCHEMAS = {
    "pg_class": "relnamespace",
    "pg_proc": "pronamespace",
    "pg_type": "typnamespace",
    "pg_operator": "oprnamespace",
    "pg_collation": "collnamespace",
    "pg_conversion": "connamespace",
    "pg_ts_config": "cfgnamespace",
    "pg_ts_dict": "dictnamespace",
}
_OTHERS = (
    "pg_extension",
    "pg_cast",
    "pg_event_trigger",
    "pg_foreign_data_wrapper",
    "pg_language",
    "pg_publication",
    "pg_default_acl",
)
# Whether a database contains anything that a new one does not.
_IN_USE = (
    "SELECT "
    + " OR ".join(
        f"EXISTS (SELECT FROM pg_catalog.{catalog} x JOIN pg_catalog.pg_namespace n ON n.oid = x.{schema}"
        f" WHERE x.oid >= {_FIRST_OWN} AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')"
        for catalog, schema in _IN_SCHEMAS.items()
    )
    + "".join(f" OR EXISTS (SELECT FROM pg_catalog.{one} x WHERE x.oid >= {_FIRST_OWN})" for one in _OTHERS)
    + " OR EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)"
    f" OR EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE oid >= {_FIRST_OWN} AND nspname !~ '^pg_') AS used"
)


@dataclass(frozen=True)
class Inventory:
    """The databases of a server."""

    # Those to back up.
    names: tuple[str, ...]
    # What is not part of a backup, and why.
    omitted: Mapping[str, str] = field(default_factory=dict)
    # The databases that should be part of it and cannot be, and why.
    missing: Mapping[str, str] = field(default_factory=dict)


def inventory_of(server: Server, service: Service) -> Inventory:
    """The databases of a server to back up: all, without `postgres` and `template1` where they are unused."""
    own = service.environment.get("POSTGRES_DB", "")
    with server.session("template1") as session:
        rows = [row for row in session.rows(_DATABASES) if not row["name"].startswith((NEW, OLD))]
        readable = {row["name"] for row in rows if row["open"] and not row["invalid"]}
        unused = {one for one in _ALWAYS if one != own and one in readable and not _is_used(session, one)}
    names, omitted, missing = [], {}, {}
    for row in rows:
        name, key = row["name"], f"{server.service}/{row['name']}"
        if name == _PRISTINE or name in unused:
            continue
        if row["invalid"]:
            omitted[key] = f"an interrupted DROP DATABASE left it, and it cannot be read; {statement_to_drop(name)}"
        elif not row["open"]:
            missing[key] = f"it takes no connections; {statement_to_open(name)}"
        else:
            names.append(name)
    if own and own not in {row["name"] for row in rows if not row["invalid"]}:
        missing[f"{server.service}/{own}"] = "it does not exist, and POSTGRES_DB names it; inv restore --only " + (
            server.service
        )
    return Inventory(tuple(names), omitted, missing)


def statement_to_drop(name: str) -> str:
    """What removes a database that is invalid."""
    return f"DROP DATABASE {quoted(name)}"


def statement_to_open(name: str) -> str:
    """What lets a database take connections again."""
    return f"ALTER DATABASE {quoted(name)} ALLOW_CONNECTIONS true"


def _is_used(session: Session, name: str) -> bool:
    session.connect(name)
    return bool(session.rows(_IN_USE)[0]["used"])

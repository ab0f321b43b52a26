"""The objects of a database by identity, with the attributes that a restore must bring back: owner, privileges, types.

Expressions are not compared: PostgreSQL may print an equal one in another way after a restore. Objects that belong to
PostgreSQL or to an extension appear only where their privileges were changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rofecare_infra.backup.catalogs import COLUMNS, KINDS
from rofecare_infra.backup.kinds import ACL, Kind, privileges
from rofecare_infra.backup.server import Session

__all__ = ["Objects", "collect", "differences", "privileges"]

Objects = Mapping[str, Mapping[str, str]]

# The first object id that PostgreSQL does not use itself.
_FIRST_OWN = 16384

# A dump contains no objects in the schemas of PostgreSQL, except for changed privileges in pg_catalog.
_DUMPED = "n.nspname !~ '^pg_(toast|temp)' AND n.nspname <> 'information_schema'"
_OWN_SCHEMA = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
# Objects of these catalogs with smaller ids belong to PostgreSQL, except for the schema `public`.
_PREDEFINED = f"x.oid < {_FIRST_OWN} AND NOT ('{{catalog}}' = 'pg_namespace' AND x.oid = 2200)"


def collect(session: Session) -> dict[str, dict[str, str]]:
    """All objects of the database of the session."""
    present = {
        row["relname"]
        for row in session.rows(
            "SELECT relname FROM pg_catalog.pg_class WHERE relnamespace = 'pg_catalog'::pg_catalog.regnamespace"
        )
    }
    query = " UNION ALL ".join(_query(kind) for kind in KINDS if kind.catalog in present)
    return {row["name"]: {key: str(value) for key, value in row["attributes"].items()} for row in session.rows(query)}


def differences(expected: Objects, seen: Objects) -> Iterator[str]:
    """The differences, one sentence each."""
    for name in sorted({*expected, *seen}):
        wanted, found = expected.get(name), seen.get(name)
        if wanted is None or found is None:
            yield f"{name} is {'missing' if found is None else 'not in the backup'}"
            continue
        for key in sorted({*wanted, *found}):
            if wanted.get(key) != found.get(key):
                yield f"{name}: {key} is {found.get(key, 'not set')}, expected {wanted.get(key, 'not set')}"


def _query(kind: Kind) -> str:
    """The name and attributes of each object: of those that belong to others only changed privileges."""
    members = " OR ".join(
        f"EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e' AND d.objid = {oid}"
        f" AND d.classid = 'pg_catalog.{catalog}'::regclass)"
        for catalog, oid in ((kind.catalog, "x.oid"), *kind.part_of)
    )
    foreign = f"({_PREDEFINED.format(catalog=kind.catalog)} OR {members})"
    parts = []
    if kind.plain:
        keys = ", ".join(f"'{key}'" for key in kind.plain.split())
        parts.append(
            "coalesce((SELECT pg_catalog.jsonb_object_agg(key, value) FROM pg_catalog.jsonb_each_text(to_jsonb(x))"
            f" WHERE key IN ({keys}) AND value IS NOT NULL), '{{}}')"
        )
    if kind.catalog == "pg_class":
        parts.append(f"coalesce({COLUMNS}, '{{}}')")
    named = {**(kind.more or {}), "comment": f"pg_catalog.md5(pg_catalog.obj_description(x.oid, '{kind.catalog}'))"}
    if kind.owner:
        named["owner"] = f"pg_catalog.pg_get_userbyid(x.{kind.owner})"
    named["security labels"] = (
        "(SELECT pg_catalog.string_agg(s.provider || '=' || s.label, ',' ORDER BY s.provider, s.objsubid)"
        f" FROM pg_catalog.pg_seclabel s WHERE s.objoid = x.oid AND s.classoid = 'pg_catalog.{kind.catalog}'::regclass)"
    )
    pairs = ", ".join(f"'{name}', {expression}" for name, expression in named.items())
    parts.append(f"pg_catalog.jsonb_build_object({pairs})")
    own_schema = f"AND {_in_schema(kind.schema, _OWN_SCHEMA)}" if kind.schema else ""
    dumped = f"AND {_in_schema(kind.schema, _DUMPED)}" if kind.schema else ""
    own = f"""
        SELECT i.type || ' ' || i.identity AS name,
               pg_catalog.jsonb_strip_nulls({" || ".join(parts)}{_privileges(kind)}) AS attributes
        FROM pg_catalog.{kind.catalog} x,
             pg_catalog.pg_identify_object('pg_catalog.{kind.catalog}'::regclass, x.oid, 0) i
        WHERE {kind.where} AND NOT {foreign} {own_schema}
    """
    if not kind.acl:
        return own
    # The owner may be another role in another server.
    others = {"owner": f"x.{kind.owner}", "whose": f"grantee <> x.{kind.owner}"}
    initial, current = ACL.format(acl="p.initprivs", **others), ACL.format(acl=f"x.{kind.acl}", **others)
    return (
        own
        + f"""
        UNION ALL
        SELECT i.type || ' ' || i.identity, pg_catalog.jsonb_build_object('privileges', coalesce({current}, ''))
        FROM pg_catalog.{kind.catalog} x
             LEFT JOIN pg_catalog.pg_init_privs p
             ON p.objoid = x.oid AND p.objsubid = 0 AND p.classoid = 'pg_catalog.{kind.catalog}'::regclass,
             pg_catalog.pg_identify_object('pg_catalog.{kind.catalog}'::regclass, x.oid, 0) i
        WHERE {kind.where} AND {foreign} {dumped} AND x.{kind.acl} IS DISTINCT FROM p.initprivs
              AND {current} IS DISTINCT FROM {initial}
    """
    )


def _in_schema(column: str, condition: str) -> str:
    return f"EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.oid = x.{column} AND {condition})"


def _privileges(kind: Kind) -> str:
    if not kind.acl:
        return ""
    text = privileges(f"x.{kind.acl}", f"x.{kind.owner}", kind.acl_kind)
    return f" || pg_catalog.jsonb_build_object('privileges', {text})"

"""What is in a database: counts and checksums of all of it, and how two such records differ.

A row's text is digested and the digests are summed: rows have no order, and one that is there twice counts twice.
What a restore makes anew by itself is left out: materialized views (they are refreshed) and what extensions bring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rofecare_infra.backup.records import Content, Facts, Position
from rofecare_infra.backup.server import Session
from rofecare_infra.errors import CommandError

# How far a sum of digests may differ is: not at all. Two halves of 64 bits are summed exactly.
_SUMS = """
SELECT count(*) AS rows, coalesce(sum(high), 0)::text || ':' || coalesce(sum(low), 0)::text AS checksum
FROM (SELECT ('x' || substr(digest, 1, 16))::bit(64)::bigint AS high,
             ('x' || substr(digest, 17))::bit(64)::bigint AS low
      FROM ({digests} OFFSET 0) AS digests) AS halves
"""

_OURS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"

# Tables with rows of their own. Of an extension's, only those that it declares to hold a user's rows.
_TABLES = f"""
SELECT format('%I.%I', n.nspname, c.relname) AS name,
       coalesce((SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum)
                 FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                       AND a.attgenerated::text <> 'v'), '') AS columns,
       coalesce(e.extcondition[array_position(e.extconfig, c.oid)], '') AS condition
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
     AND d.objsubid = 0 AND d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::regclass
LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {_OURS}
      AND (e.oid IS NULL OR c.oid = ANY (e.extconfig))
ORDER BY 1
"""

_SEQUENCES = f"""
SELECT format('%I.%I', n.nspname, c.relname) AS name
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND {_OURS}
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1
"""

# Of a page the zeros at its end do not count, nor does a page of zeros: a hole is read as zeros and written as such.
_LARGE_OBJECTS = """
SELECT md5(loid::text || ':' || pageno::text || ':' || rtrim(encode(data, 'hex'), '0')) AS digest
FROM pg_catalog.pg_largeobject WHERE rtrim(encode(data, 'hex'), '0') <> ''
UNION ALL SELECT md5(oid::text) FROM pg_catalog.pg_largeobject_metadata
"""

_OBJECTS = {
    "tables": ("pg_class", "relnamespace", "x.relkind IN ('r', 'p', 'f') AND x.relpersistence <> 't'"),
    "views": ("pg_class", "relnamespace", "x.relkind IN ('v', 'm')"),
    "indexes": ("pg_class", "relnamespace", "x.relkind IN ('i', 'I') AND x.relpersistence <> 't'"),
    "constraints": ("pg_constraint", "connamespace", "x.contype IN ('p', 'u', 'f', 'c', 'x')"),
    "functions": ("pg_proc", "pronamespace", "true"),
    "types": ("pg_type", "typnamespace", "x.typtype IN ('d', 'e', 'r')"),
}


def collect(session: Session, watch: Callable[[str], object] = lambda _name: None) -> Facts:
    """Everything, as the session's transaction sees it; `watch` is told of each table before it is read."""
    tables: dict[str, Content] = {}
    for row in session.rows(_TABLES):
        watch(row["name"])
        digests = f"SELECT md5(ROW({row['columns']})::text) AS digest FROM ONLY {row['name']} {row['condition']}"
        try:
            tables[row["name"]] = _content(session, digests)
        except CommandError as error:
            error.what = f"{error.what}: {row['name']} could not be read"
            raise
    return Facts(
        tables=tables,
        sequences={name: Position(place, place) for name, place in places(session).items()},
        large_objects=_content(session, _LARGE_OBJECTS),
        objects={kind: _count(session, *of) for kind, of in _OBJECTS.items()},
    )


def places(session: Session) -> dict[str, tuple[int, bool]]:
    """Where each sequence stands now."""
    found = {}
    for row in session.rows(_SEQUENCES):
        place = session.rows(f"SELECT last_value, is_called FROM {row['name']}")[0]
        found[row["name"]] = (int(place["last_value"]), bool(place["is_called"]))
    return found


def differences(expected: Facts, seen: Facts) -> Iterator[str]:
    """What is not as it should be, one sentence each."""
    for name in sorted({*expected.tables, *seen.tables}):
        yield from _difference(name, expected.tables.get(name), seen.tables.get(name))
    yield from _difference("large objects", expected.large_objects, seen.large_objects)
    for name in sorted({*expected.sequences, *seen.sequences}):
        wanted, found = expected.sequences.get(name), seen.sequences.get(name)
        if wanted is None or found is None:
            yield f"sequence {name} is {'missing' if found is None else 'not in the backup'}"
        elif not min(wanted.low, wanted.high) <= found.low <= max(wanted.low, wanted.high):
            yield f"sequence {name} stands at {found.low[0]}, expected {wanted.low[0]} to {wanted.high[0]}"
    for kind in sorted({*expected.objects, *seen.objects}):
        if expected.objects.get(kind) != seen.objects.get(kind):
            yield f"{seen.objects.get(kind, 0)} {kind}, expected {expected.objects.get(kind, 0)}"


def _difference(name: str, expected: Content | None, seen: Content | None) -> Iterator[str]:
    if expected is None or seen is None:
        yield f"{name} is {'missing' if seen is None else 'not in the backup'}"
    elif expected.rows != seen.rows:
        yield f"{name} has {seen.rows} rows, expected {expected.rows}"
    elif expected.checksum != seen.checksum:
        yield f"{name} has other content: checksum {seen.checksum}, expected {expected.checksum}"


def _content(session: Session, digests: str) -> Content:
    row = session.rows(_SUMS.format(digests=digests))[0]
    return Content(int(row["rows"]), str(row["checksum"]))


def _count(session: Session, catalogue: str, namespace: str, condition: str) -> int:
    return int(
        session.rows(
            f"""
            SELECT count(*) AS count FROM pg_catalog.{catalogue} x
            JOIN pg_catalog.pg_namespace n ON n.oid = x.{namespace}
            WHERE {_OURS} AND {condition} AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.{catalogue}'::regclass
                AND d.objid = x.oid AND d.deptype = 'e')
            """
        )[0]["count"]
    )

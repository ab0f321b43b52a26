"""The facts of a database: counts and checksums of its content, and the differences between two sets of them.

A checksum is the sum of the digests of all rows: independent of their order, and a row that occurs twice counts twice.
Content that a restore generates is left out: materialized views (it refreshes them) and the objects of extensions.
"""

from __future__ import annotations

from collections.abc import Iterator

from rofecare_infra.backup import definition, objects
from rofecare_infra.backup.manifest import DETAIL, Content, Facts, Manifest, Position
from rofecare_infra.backup.server import Session, literal
from rofecare_infra.errors import CommandError

# The sums must be exact: numeric sums of the two halves of each digest, 64 bits each.
_SUMS = """
SELECT count(*) AS rows, coalesce(sum(high), 0)::text || ':' || coalesce(sum(low), 0)::text AS checksum
FROM (SELECT ('x' || substr(digest, 1, 16))::bit(64)::bigint AS high,
             ('x' || substr(digest, 17))::bit(64)::bigint AS low
      FROM ({digests} OFFSET 0) AS digests) AS halves
"""

_OURS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"

# Tables with rows. Of an extension's tables, only those that it marks as configuration tables. Columns are in the order
# of their names: those of a child table may come back in another order. A row of a partition by hash may come back in
# another partition (the numbers of enum labels differ): such partitions count as one table, under the name of the root.
_TABLES = f"""
SELECT format('%I.%I', n.nspname, c.relname) AS name,
       coalesce((SELECT string_agg(format('%I', a.attname), ', ' ORDER BY {{order}})
                 FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                       AND a.attgenerated::text <> 'v'), '') AS columns,
       coalesce(e.extcondition[array_position(e.extconfig, c.oid)], '') AS condition,
       CASE WHEN c.relispartition AND EXISTS (
                 SELECT FROM pg_catalog.pg_partition_ancestors(c.oid) AS up
                 JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = up.relid AND p.partstrat::text = 'h')
            THEN (SELECT format('%I.%I', s.nspname, r.relname) FROM pg_catalog.pg_class r
                  JOIN pg_catalog.pg_namespace s ON s.oid = r.relnamespace
                  WHERE r.oid = pg_catalog.pg_partition_root(c.oid)) END AS root
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

# Zeros at the end of a page and pages of zeros are ignored: pg_dump reads a hole as zeros, and writes them.
_LARGE_OBJECTS = """
SELECT md5(loid::text || ':' || pageno::text || ':' || rtrim(encode(data, 'hex'), '0')) AS digest
FROM pg_catalog.pg_largeobject WHERE rtrim(encode(data, 'hex'), '0') <> ''
UNION ALL SELECT md5({about}) FROM pg_catalog.pg_largeobject_metadata m
"""
_ABOUT = f"""concat_ws(':', m.oid, pg_get_userbyid(m.lomowner), obj_description(m.oid, 'pg_largeobject'),
                          {objects.privileges("m.lomacl", "m.lomowner", "'L'")})"""

# How many sequences one query reads.
_AT_ONCE = 100


def collect(session: Session, *, detail: int = DETAIL) -> Facts:
    """Collect the facts, as the transaction of the session sees them, in as much detail as those to compare with."""
    digests: dict[str, list[str]] = {}
    for row in session.rows(_TABLES.format(order="a.attname" if detail else "a.attnum")):
        query = f"SELECT md5(ROW({row['columns']})::text) AS digest FROM ONLY {row['name']} {row['condition']}"
        digests.setdefault((row["root"] if detail else None) or row["name"], []).append(query)
    tables: dict[str, Content] = {}
    for name, queries in digests.items():
        try:
            tables[name] = _content(session, " UNION ALL ".join(queries))
        except CommandError as error:
            error.what = f"{error.what}: {name} could not be read"
            raise
    return Facts(
        tables=tables,
        sequences={name: Position(value, value) for name, value in sequence_values(session).items()},
        large_objects=_content(session, _LARGE_OBJECTS.format(about=_ABOUT if detail else "m.oid::text")),
        objects={**objects.collect(session), **definition.attributes(session)} if detail else {},
        detail=detail,
    )


def sequence_values(session: Session) -> dict[str, tuple[int, bool]]:
    """The current value of each sequence."""
    names = [row["name"] for row in session.rows(_SEQUENCES)]
    found = {}
    for start in range(0, len(names), _AT_ONCE):
        query = " UNION ALL ".join(
            f"SELECT {literal(name)} AS name, last_value, is_called FROM {name}"
            for name in names[start : start + _AT_ONCE]
        )
        for row in session.rows(query):
            found[row["name"]] = (int(row["last_value"]), bool(row["is_called"]))
    return found


def differences(expected: Facts, seen: Facts) -> Iterator[str]:
    """The differences, one sentence each."""
    for name in sorted({*expected.tables, *seen.tables}):
        yield from _difference(name, expected.tables.get(name), seen.tables.get(name))
    yield from _difference("large objects", expected.large_objects, seen.large_objects)
    for name in sorted({*expected.sequences, *seen.sequences}):
        wanted, found = expected.sequences.get(name), seen.sequences.get(name)
        if wanted is None or found is None:
            yield f"sequence {name} is {'missing' if found is None else 'not in the backup'}"
        elif not min(wanted.low, wanted.high) <= found.low <= max(wanted.low, wanted.high):
            yield f"sequence {name} is at {found.low[0]}, expected {wanted.low[0]} to {wanted.high[0]}"
    if expected.detail == seen.detail:
        yield from objects.differences(expected.objects, seen.objects)


def structure(manifest: Manifest) -> tuple[object, ...]:
    """What decides whether a backup can be restored, apart from the rows: servers, databases, tables, other objects."""
    databases = [
        (one.service, one.name, one.create, set(one.facts.tables), set(one.facts.sequences), dict(one.facts.objects))
        for one in manifest.databases
    ]
    return dict(manifest.servers), databases


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

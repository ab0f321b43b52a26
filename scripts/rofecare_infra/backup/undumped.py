"""What a dump of a database does not contain, so that a backup names it."""

from __future__ import annotations

from rofecare_infra.backup.server import Session

_HERE = "pg_catalog.current_database()"
_MEMBER = "EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e' AND d.classid = {} AND d.objid = x.oid)"

_UNDUMPED = f"""
SELECT 'the index ' || x.indexrelid::regclass AS what, 'it is not valid; REINDEX or DROP INDEX it' AS cause
FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid
WHERE NOT x.indisvalid AND c.relkind = 'i' AND c.relnamespace::regnamespace::text !~ '^pg_'
UNION ALL
SELECT 'the data of the foreign table ' || x.oid::regclass, 'it is on another server'
FROM pg_catalog.pg_class x WHERE x.relkind = 'f' AND x.oid >= 16384
UNION ALL
SELECT 'the prepared transaction ' || gid, 'COMMIT PREPARED or ROLLBACK PREPARED ends it'
FROM pg_catalog.pg_prepared_xacts WHERE database = {_HERE}
UNION ALL
SELECT 'the replication slot ' || slot_name, 'the position of a reader belongs to a server, not to its data'
FROM pg_catalog.pg_replication_slots WHERE database = {_HERE}
UNION ALL
SELECT 'the state of the subscription ' || subname, 'a restored subscription is disabled; ALTER SUBSCRIPTION ... ENABLE'
FROM pg_catalog.pg_subscription WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = {_HERE})
UNION ALL
SELECT 'the table or view ' || x.oid::regclass, 'it is in the schema pg_catalog; ALTER ... SET SCHEMA'
FROM pg_catalog.pg_class x WHERE x.relnamespace = 'pg_catalog'::regnamespace AND x.oid >= 16384
      AND x.relkind NOT IN ('i', 't') AND NOT {_MEMBER.format("'pg_catalog.pg_class'::regclass")}
UNION ALL
SELECT 'the function ' || x.oid::regprocedure, 'it is in the schema pg_catalog; ALTER FUNCTION ... SET SCHEMA'
FROM pg_catalog.pg_proc x WHERE x.pronamespace = 'pg_catalog'::regnamespace AND x.oid >= 16384
      AND NOT {_MEMBER.format("'pg_catalog.pg_proc'::regclass")}
"""


def undumped(session: Session) -> dict[str, str]:
    """What the dump of the database of the session will not contain, and why."""
    prefix = f"{session.server.service}/{session.database}: "
    return {prefix + row["what"]: row["cause"] for row in session.rows(_UNDUMPED)}

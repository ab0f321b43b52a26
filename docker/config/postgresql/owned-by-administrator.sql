-- What the administrator owns in a database and the application should: one statement for each object. Variable: role.
-- Not listed: objects of the system and of extensions, parts of other objects (indexes, the sequences of columns, row
-- and array types), what only a superuser can own (event triggers, wrappers, publications of all tables), and the
-- functions of event triggers, which run with the rights of the administrator, too.
SELECT pg_catalog.format(
           'ALTER %s %s OWNER TO %I',
           CASE i.type WHEN 'statistics object' THEN 'statistics' WHEN 'aggregate' THEN 'routine' ELSE i.type END, i.identity, :'role') AS statement
FROM (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass AS class, c.oid, c.relowner AS owner
    FROM pg_catalog.pg_class c
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't'
          AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_depend d
              WHERE c.relkind = 'S' AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
                    AND d.refclassid = d.classid AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i'))
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, p.proowner FROM pg_catalog.pg_proc p
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger e WHERE e.evtfoid = p.oid)
    UNION ALL
    SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, t.typowner
    FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
    WHERE t.typtype <> 'm' AND t.typisdefined AND (t.typrelid = 0 OR c.relkind = 'c')
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid)
    UNION ALL
    SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, oid, nspowner FROM pg_catalog.pg_namespace
    WHERE nspname !~ '^pg_'
    UNION ALL SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass, oid, oprowner FROM pg_catalog.pg_operator
    UNION ALL SELECT 'pg_catalog.pg_opclass'::pg_catalog.regclass, oid, opcowner FROM pg_catalog.pg_opclass
    UNION ALL SELECT 'pg_catalog.pg_opfamily'::pg_catalog.regclass, oid, opfowner FROM pg_catalog.pg_opfamily
    UNION ALL SELECT 'pg_catalog.pg_collation'::pg_catalog.regclass, oid, collowner FROM pg_catalog.pg_collation
    UNION ALL SELECT 'pg_catalog.pg_conversion'::pg_catalog.regclass, oid, conowner FROM pg_catalog.pg_conversion
    UNION ALL SELECT 'pg_catalog.pg_ts_dict'::pg_catalog.regclass, oid, dictowner FROM pg_catalog.pg_ts_dict
    UNION ALL SELECT 'pg_catalog.pg_ts_config'::pg_catalog.regclass, oid, cfgowner FROM pg_catalog.pg_ts_config
    UNION ALL SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, oid, stxowner FROM pg_catalog.pg_statistic_ext
    UNION ALL
    SELECT 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, oid, srvowner FROM pg_catalog.pg_foreign_server
    UNION ALL
    SELECT 'pg_catalog.pg_publication'::pg_catalog.regclass, p.oid, p.pubowner FROM pg_catalog.pg_publication p
    WHERE NOT p.puballtables
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_publication_namespace n WHERE n.pnpubid = p.oid)
    UNION ALL
    SELECT 'pg_catalog.pg_largeobject'::pg_catalog.regclass, oid, lomowner FROM pg_catalog.pg_largeobject_metadata
) AS one, LATERAL pg_catalog.pg_identify_object(one.class, one.oid, 0) AS i
WHERE one.owner = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
      AND (one.oid >= 16384 OR one.class = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND one.oid = 2200)
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_depend d WHERE d.classid = one.class AND d.objid = one.oid AND d.deptype = 'e')

-- The role of the application, its database, and the other databases of the server. Variables: role, database, owned (a
-- query), restored (on or off). Runs in the database, or in another one where that cannot be connected to.

\set ON_ERROR_STOP 1

SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = :'role') AS missing \gset
\if :missing
BEGIN;
CREATE ROLE :"role";
-- It gets the settings that applied while the application logged in as the administrator. The session takes over each of
-- them for a moment: then its value does not have to be quoted.
SELECT pg_catalog.format('SELECT pg_catalog.set_config(%L, %L, true)', one.name, one.value),
       pg_catalog.format('ALTER ROLE %I SET %s FROM CURRENT', :'role', one.name)
FROM pg_catalog.pg_db_role_setting s,
     LATERAL (SELECT pg_catalog.split_part(each, '=', 1) AS name,
                     pg_catalog.substr(each, pg_catalog.strpos(each, '=') + 1) AS value
              FROM pg_catalog.unnest(s.setconfig) AS each) AS one
WHERE s.setdatabase = 0 AND s.setrole = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
      AND one.name NOT IN ('role', 'session_authorization')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_settings g
                      WHERE g.name = one.name AND g.context NOT IN ('user', 'superuser'))
\gexec
COMMIT;
\endif

SELECT pg_catalog.format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', rolname)
FROM pg_catalog.pg_roles
WHERE rolname = :'role' AND (NOT rolcanlogin OR rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)
\gexec

-- Its database; where that belongs to a role of the site, it stays so.
SELECT CASE WHEN datdba = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
            THEN pg_catalog.format('ALTER DATABASE %I OWNER TO %I', datname, :'role')
            ELSE pg_catalog.format('GRANT ALL ON DATABASE %I TO %I', datname, :'role') END
FROM pg_catalog.pg_database
WHERE datname = :'database' AND datconnlimit <> -2 AND NOT pg_catalog.has_database_privilege(:'role', oid, 'CREATE')
\gexec

-- Other databases: what PUBLIC may do there, the other roles that log in may still do, but not this one.
WITH open AS (
    SELECT DISTINCT d.datname
    FROM pg_catalog.pg_database d,
         pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) AS a
    WHERE a.grantee = 0 AND d.datname <> :'database' AND d.datallowconn AND d.datconnlimit <> -2
          AND d.datdba <> (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = :'role')
)
SELECT pg_catalog.format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO %I', open.datname, r.rolname)
FROM open, pg_catalog.pg_roles r
WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolname <> :'role'
UNION ALL
SELECT pg_catalog.format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', datname) FROM open
\gexec

\if :restored
\else
\password :"role"
\endif

SELECT pg_catalog.current_database() = :'database' AS here \gset
\if :here
\i /etc/rofecare/application-objects.sql
\else
\echo 0
\endif

-- What is in the database of the application. The last line of the output is the number of objects that are not handed
-- over: one that is locked or dropped meanwhile must not prevent the others.
\set ON_ERROR_STOP 0

-- The settings of the administrator in this database applied to the application; see application-role.sql.
BEGIN;
SELECT pg_catalog.format('SELECT pg_catalog.set_config(%L, %L, true)', one.name, one.value),
       pg_catalog.format('ALTER ROLE %I IN DATABASE %I SET %s FROM CURRENT', :'role', d.datname, one.name)
FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase,
     LATERAL (SELECT pg_catalog.split_part(each, '=', 1) AS name,
                     pg_catalog.substr(each, pg_catalog.strpos(each, '=') + 1) AS value
              FROM pg_catalog.unnest(s.setconfig) AS each) AS one
WHERE d.datname = pg_catalog.current_database()
      AND s.setrole = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
      AND one.name NOT IN ('role', 'session_authorization')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_settings g
                      WHERE g.name = one.name AND g.context NOT IN ('user', 'superuser'))
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting mine
                      WHERE mine.setdatabase = d.oid
                            AND mine.setrole = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = :'role'))
\gexec
COMMIT;

-- Tables in a schema with the administrator's name were found without it by the search path "$user", public.
SELECT pg_catalog.format('ALTER ROLE %I IN DATABASE %I SET search_path TO "$user", %I, public',
                         :'role', d.datname, current_user)
FROM pg_catalog.pg_database d
WHERE d.datname = pg_catalog.current_database()
      AND EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = current_user)
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) AS setting
          WHERE setting LIKE 'search\_path=%' AND s.setdatabase IN (0, d.oid)
                AND s.setrole IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = :'role')))
\gexec

-- Privileges on objects that will be created, unless the role has some of its own.
SELECT CASE WHEN a.grantee IS NULL THEN
           pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE ALL ON %s FROM PUBLIC', :'role', k.kind)
       ELSE
           pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %I %s GRANT %s ON %s TO %s %s', :'role',
               'IN SCHEMA ' || pg_catalog.quote_ident(n.nspname), a.privilege_type, k.kind,
               CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END,
               CASE WHEN a.is_grantable THEN 'WITH GRANT OPTION' END)
       END
FROM pg_catalog.pg_default_acl d
JOIN (VALUES ('r', 'TABLES'), ('S', 'SEQUENCES'), ('f', 'FUNCTIONS'), ('T', 'TYPES'), ('n', 'SCHEMAS')) AS k (type, kind)
    ON k.type = d.defaclobjtype::text
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
CROSS JOIN LATERAL (
    SELECT grantee, privilege_type, is_grantable FROM pg_catalog.aclexplode(d.defaclacl)
    UNION ALL
    SELECT NULL, NULL, NULL
    WHERE d.defaclnamespace = 0 AND d.defaclobjtype IN ('f', 'T')
          AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(d.defaclacl) AS public WHERE public.grantee = 0)) AS a
WHERE d.defaclrole = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
      AND a.grantee IS DISTINCT FROM d.defaclrole
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_default_acl mine
          WHERE mine.defaclrole = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = :'role')
                AND mine.defaclnamespace = d.defaclnamespace AND mine.defaclobjtype = d.defaclobjtype)
\gexec

SELECT pg_catalog.count(*) > 0 AS some FROM (:owned) AS found \gset
\if :some
:owned \gexec
\endif
SELECT CASE WHEN :'some' THEN (SELECT pg_catalog.count(*) FROM (:owned) AS remaining) ELSE 0 END;

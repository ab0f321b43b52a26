"""Databases with constructs that are hard to dump or to restore: SQL for each, run as the superuser `rofecare`."""

from __future__ import annotations

# Sessions of a test must pass what SETTINGS and REFUSING set up.
OPTIONS = (
    "-c role=none -c event_triggers=off -c session_preload_libraries= -c default_transaction_read_only=off"
    " -c client_min_messages=warning -c statement_timeout=0 -c transaction_timeout=0"
)

# Run first, in any database.
ROLES = r"""
CREATE ROLE app LOGIN PASSWORD 'made-up' CONNECTION LIMIT 5 VALID UNTIL '2099-01-01';
CREATE ROLE "Odd
role; -- ""q"" 'x' \ $$";
CREATE ROLE staff;
GRANT staff TO app WITH ADMIN OPTION;
GRANT staff TO "Odd
role; -- ""q"" 'x' \ $$" WITH INHERIT FALSE, SET FALSE;
ALTER ROLE app SET search_path = '';
ALTER ROLE app SET work_mem = '9MB';
COMMENT ON ROLE app IS E'It''s;\n-- a comment $$ \\';
GRANT SET ON PARAMETER log_min_duration_statement TO app;
"""

# Functions that use names without a schema, and read other tables.
FUNCTIONS = r"""
CREATE EXTENSION unaccent;
CREATE SCHEMA tools;
CREATE FUNCTION norm(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN lower(unaccent(t)); END$$;
CREATE TABLE search_name (name text, n text GENERATED ALWAYS AS (norm(name)) STORED);
INSERT INTO search_name (name) VALUES ('Aïssatou');
CREATE FUNCTION known(i int) RETURNS bool LANGUAGE plpgsql AS
    $$BEGIN RETURN EXISTS (SELECT FROM wards WHERE id = i); END$$;
CREATE TABLE wards (id int PRIMARY KEY);
CREATE TABLE beds (ward int CHECK (known(ward)));
CREATE TABLE beds_log (ward int);
CREATE FUNCTION logged() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO beds_log VALUES (new.ward); RETURN new; END$$;
CREATE TRIGGER logged AFTER INSERT ON beds FOR EACH ROW EXECUTE FUNCTION logged();
ALTER TABLE beds ENABLE ALWAYS TRIGGER logged;
INSERT INTO wards VALUES (1), (2);
INSERT INTO beds VALUES (1), (2), (2);
CREATE FUNCTION tools.limit_of(t text) RETURNS int LANGUAGE sql IMMUTABLE AS
    $$SELECT current_setting('app.longest')::int$$;
DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET app.longest = ''7''', current_database()); END$$;
SET app.longest = '7';
CREATE DOMAIN short AS text CHECK (length(value) <= tools.limit_of(value));
CREATE TABLE names (name short);
INSERT INTO names VALUES ('seven77');
CREATE FUNCTION part_of(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN left(norm(t), 1); END$$;
CREATE TABLE by_letter (name text) PARTITION BY LIST (part_of(name));
CREATE TABLE by_letter_a PARTITION OF by_letter FOR VALUES IN ('a');
CREATE TABLE by_letter_rest PARTITION OF by_letter DEFAULT;
INSERT INTO by_letter VALUES ('Âge'), ('b');
"""

# Settings of databases and roles that would break a careless session. Applied last.
SETTINGS = r"""
DO $do$
DECLARE setting text;
BEGIN
    FOREACH setting IN ARRAY ARRAY['search_path = ''''', 'default_transaction_read_only = on',
        'default_transaction_isolation = serializable', 'session_preload_libraries = ''missing, x''',
        'role = app', 'statement_timeout = 1', 'DateStyle = ''SQL, DMY''', 'bytea_output = escape',
        'IntervalStyle = sql_standard', 'client_encoding = LATIN1', 'session_replication_role = replica',
        'transaction_timeout = 1', 'array_nulls = off', 'temp_tablespaces = ''''', 'app.text = ''a, "b"''''c\''',
        'TimeZone = ''Asia/Kolkata''']
    LOOP
        EXECUTE format('ALTER DATABASE %I SET %s', current_database(), setting);
    END LOOP;
    EXECUTE format('ALTER ROLE app IN DATABASE %I SET search_path = "Odd; schema", public', current_database());
END$do$;
"""

# A login event trigger that refuses everybody.
REFUSING = r"""
CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'closed'; END$$;
CREATE EVENT TRIGGER refuse ON login EXECUTE FUNCTION refuse();
CREATE EVENT TRIGGER refuse_ddl ON ddl_command_start EXECUTE FUNCTION refuse();
ALTER EVENT TRIGGER refuse ENABLE ALWAYS;
ALTER EVENT TRIGGER refuse_ddl ENABLE ALWAYS;
"""

CONSTRUCTS = r"""
CREATE SCHEMA "Odd; schema" AUTHORIZATION app;
COMMENT ON SCHEMA "Odd; schema" IS 'It''s';
GRANT USAGE ON SCHEMA "Odd; schema" TO staff WITH GRANT OPTION;
CREATE EXTENSION hstore SCHEMA "Odd; schema";
CREATE EXTENSION btree_gist;
CREATE EXTENSION citext;
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION file_fdw;

-- types
CREATE TYPE mood AS ENUM ('good', 'bad');
ALTER TYPE mood ADD VALUE 'fair' BEFORE 'bad';
CREATE TYPE pair AS (a int, b text COLLATE "C");
ALTER TYPE pair OWNER TO app;
COMMENT ON TYPE pair IS 'two';
CREATE DOMAIN positive AS int DEFAULT 1 NOT NULL CHECK (value > 0);
ALTER DOMAIN positive ADD CONSTRAINT small CHECK (value < 1000) NOT VALID;
CREATE TYPE text_range AS RANGE (subtype = text, collation = "C", multirange_type_name = many_texts);
CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE typed OF pair (PRIMARY KEY (a));
CREATE TABLE values_of_all (
    id int GENERATED ALWAYS AS IDENTITY (START 5 INCREMENT 5), m mood, p pair, pos positive, ranges many_texts,
    multi int4multirange, h "Odd; schema".hstore, c citext, b text COLLATE blind UNIQUE, paid money, at timestamptz,
    span interval, bytes bytea, nulls text[], x xml, gone int, late text DEFAULT 'added');
ALTER TABLE values_of_all DROP COLUMN gone;
ALTER TABLE values_of_all ALTER late SET STATISTICS 77, ALTER late SET STORAGE EXTERNAL,
    ALTER bytes SET COMPRESSION pglz,
    ALTER late SET (n_distinct = -0.5), SET (fillfactor = 70, toast.autovacuum_enabled = false), REPLICA IDENTITY FULL;
INSERT INTO values_of_all (m, p, pos, ranges, multi, h, c, b, paid, at, span, bytes, nulls, x)
VALUES ('fair', '(1,"x, y")', 5, '{[a,c),[e,f]}', '{[1,5)}', 'a=>1', 'A', 'é', 1234.56, '1850-01-01 12:00:00+00',
        '-1 year 2 mons -3 days 04:05:06.7', '\x00ff', ARRAY['NULL', NULL, ''], '<a/>x');
GRANT SELECT (m), UPDATE (pos) ON values_of_all TO app;
COMMENT ON COLUMN values_of_all.m IS 'a comment';

-- constraints
CREATE TABLE a_cycle (id int PRIMARY KEY, b int, CHECK (id IN (1, 2, 3)), name varchar(9) CHECK (name IN ('x', 'y')));
CREATE TABLE b_cycle (id int PRIMARY KEY, a int REFERENCES a_cycle DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE a_cycle ADD FOREIGN KEY (b) REFERENCES b_cycle ON DELETE SET NULL (b) NOT VALID;
BEGIN; INSERT INTO b_cycle VALUES (1, 2); INSERT INTO a_cycle VALUES (2, 1, 'x'); COMMIT;
CREATE TABLE rooms (room int, during tstzrange, EXCLUDE USING gist (room WITH =, during WITH &&));
INSERT INTO rooms VALUES (1, '[2020-01-01, 2020-01-02)');
CREATE TABLE loose (a int);
INSERT INTO loose VALUES (-1);
ALTER TABLE loose ADD CONSTRAINT never CHECK (a > 0) NOT VALID;
CREATE TABLE nulls (a int UNIQUE NULLS NOT DISTINCT, b int, UNIQUE (b) INCLUDE (a) DEFERRABLE);
CREATE UNIQUE INDEX nulls_b ON nulls (b DESC NULLS LAST) INCLUDE (a) WHERE b > 0;
ALTER TABLE nulls CLUSTER ON nulls_a_key;

-- inheritance and partitions
CREATE TABLE parent (a int, b text);
CREATE TABLE child (z int, b text, a int);
ALTER TABLE child INHERIT parent;
CREATE TABLE second (extra int) INHERITS (parent);
INSERT INTO child VALUES (1, 'b', 2);
INSERT INTO second VALUES (3, 'c', 4);
CREATE TABLE by_mood (m mood, n int) PARTITION BY HASH (m);
CREATE TABLE by_mood_0 PARTITION OF by_mood FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE by_mood_1 (n int, gone int, m mood);
ALTER TABLE by_mood_1 DROP COLUMN gone;
ALTER TABLE by_mood ATTACH PARTITION by_mood_1 FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE by_mood_2 PARTITION OF by_mood FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO by_mood SELECT m, n FROM unnest(ARRAY['good', 'fair', 'bad']::mood[]) m, generate_series(1, 9) n;
CREATE TABLE by_day (day date, id int, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
CREATE TABLE by_day_old PARTITION OF by_day FOR VALUES FROM (MINVALUE) TO ('2020-01-01') PARTITION BY LIST (id);
CREATE TABLE by_day_old_1 PARTITION OF by_day_old FOR VALUES IN (1);
CREATE TABLE by_day_new PARTITION OF by_day DEFAULT;
CREATE TABLE points (day date, id int, FOREIGN KEY (day, id) REFERENCES by_day);
INSERT INTO by_day VALUES ('2019-01-01', 1), ('2021-01-01', 2);
INSERT INTO points VALUES ('2019-01-01', 1);
CREATE INDEX ON ONLY by_day (id);

-- triggers, rules, row security
CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN new.a := new.a + 1000; RETURN new; END$$;
CREATE TRIGGER disabled BEFORE INSERT ON loose FOR EACH ROW EXECUTE FUNCTION changed();
ALTER TABLE loose DISABLE TRIGGER disabled;
CREATE TRIGGER always BEFORE INSERT OR UPDATE OF a ON parent FOR EACH ROW
    WHEN (new.a > 0) EXECUTE FUNCTION changed('x');
ALTER TABLE parent ENABLE ALWAYS TRIGGER always;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON nulls DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION changed();
CREATE RULE nothing AS ON INSERT TO rooms DO INSTEAD NOTHING;
ALTER TABLE rooms ENABLE REPLICA RULE nothing;
ALTER TABLE parent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY nobody ON parent AS RESTRICTIVE FOR SELECT TO app, staff USING (false);

-- functions and operators
CREATE FUNCTION "Odd; schema".secure(a int, VARIADIC b text[] DEFAULT '{x}') RETURNS SETOF pair LANGUAGE sql
    SECURITY DEFINER STABLE PARALLEL SAFE COST 7 ROWS 3 SET search_path = '' SET work_mem = '5MB'
    BEGIN ATOMIC SELECT 1, 'one'::text; END;
ALTER FUNCTION "Odd; schema".secure OWNER TO app;
REVOKE ALL ON FUNCTION "Odd; schema".secure FROM public;
CREATE PROCEDURE proceed(INOUT a int) LANGUAGE plpgsql AS $$BEGIN a := 2; END$$;
CREATE AGGREGATE total (int) (sfunc = int4pl, stype = int, initcond = '0');
CREATE FUNCTION about_equal(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT abs($1 - $2) < 2';
CREATE OPERATOR === (leftarg = int, rightarg = int, function = about_equal, commutator = ===, restrict = eqsel);
CREATE OPERATOR CLASS backwards FOR TYPE int USING btree AS
    OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 btint4cmp(int, int);
CREATE CAST (pair AS text) WITH INOUT AS ASSIGNMENT;
CREATE TEXT SEARCH DICTIONARY plain (template = simple, accept = false);
CREATE TEXT SEARCH CONFIGURATION clinic (copy = french);
ALTER TEXT SEARCH CONFIGURATION clinic ALTER MAPPING FOR asciiword WITH plain, french_stem;
DO $$BEGIN
    EXECUTE format('ALTER DATABASE %I SET default_text_search_config = ''public.clinic''', current_database());
END$$;
SET default_text_search_config = 'public.clinic';
CREATE STATISTICS related (dependencies, ndistinct) ON a, b FROM parent;
ALTER STATISTICS related SET STATISTICS 9;

-- views
CREATE VIEW checked WITH (security_barrier, security_invoker) AS
    SELECT * FROM parent WHERE a > 0 WITH LOCAL CHECK OPTION;
CREATE MATERIALIZED VIEW z_first AS SELECT a FROM parent;
CREATE MATERIALIZED VIEW a_second AS SELECT count(*) AS n, to_tsvector('le malade') AS words FROM z_first;
CREATE UNIQUE INDEX ON a_second (n);
CREATE MATERIALIZED VIEW empty AS SELECT 1 AS one WITH NO DATA;
CREATE RECURSIVE VIEW numbers (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 3;

-- replication and foreign data: nothing may connect anywhere
CREATE PUBLICATION chosen FOR TABLE parent (a) WHERE (a > 0), by_day
    WITH (publish = 'insert', publish_via_partition_root);
CREATE PUBLICATION whole FOR TABLES IN SCHEMA "Odd; schema";
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE SUBSCRIPTION sub CONNECTION 'host=192.0.2.1 dbname=x' PUBLICATION p WITH (connect = false, slot_name = NONE);
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '192.0.2.1', dbname 'x');
CREATE USER MAPPING FOR app SERVER far OPTIONS (user 'x', password 'made-up');
CREATE FOREIGN TABLE remote (a int OPTIONS (column_name 'b')) SERVER far OPTIONS (table_name 't');
GRANT USAGE ON FOREIGN SERVER far TO app;

-- the rest
ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA public GRANT SELECT ON TABLES TO staff;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM public;
REVOKE ALL ON SCHEMA public FROM public;
REVOKE EXECUTE ON FUNCTION pg_catalog.pg_stat_reset() FROM rofecare;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO app;
GRANT EXECUTE ON FUNCTION citext_eq(citext, citext) TO app;
REVOKE INSERT ON parent FROM rofecare;
CREATE UNLOGGED TABLE quick (a serial);
INSERT INTO quick DEFAULT VALUES;
CREATE SEQUENCE short AS smallint INCREMENT -2 MINVALUE -50 MAXVALUE 50 START 50 CACHE 3 CYCLE OWNED BY parent.a;
SELECT nextval('short');
SELECT lo_create(70001), lo_create(70002);
SELECT lo_put(70001, 5000, '\x010203');
ALTER LARGE OBJECT 70002 OWNER TO app;
GRANT SELECT ON LARGE OBJECT 70001 TO staff;
COMMENT ON LARGE OBJECT 70001 IS 'a picture';
COMMENT ON CONSTRAINT never ON loose IS 'later';
COMMENT ON TRIGGER always ON parent IS 'always';
CREATE TABLE "t; DROP TABLE x; --
next line" ("a.b" int, "select" int);
INSERT INTO "t; DROP TABLE x; --
next line" VALUES (1, 2);
DO $$BEGIN
    EXECUTE format('COMMENT ON DATABASE %I IS ''It''''s''', current_database());
    EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM public', current_database());
    EXECUTE format('GRANT CREATE ON DATABASE %I TO app WITH GRANT OPTION', current_database());
    EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 0', current_database());
END$$;
CREATE EVENT TRIGGER quiet ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION refuse();
ALTER EVENT TRIGGER quiet DISABLE;
"""

# Databases in other encodings, and what only they can contain.
ENCODINGS = {
    "latin1": "ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'",
    "ascii": "ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'",
}
LATIN1 = r"""
CREATE TABLE "crème" (a text);
INSERT INTO "crème" VALUES ('é'), (E'\xff');
CREATE FUNCTION broken() RETURNS int LANGUAGE sql AS 'SELECT 1';
"""
ASCII = r"""
SET client_encoding = 'SQL_ASCII';
CREATE TABLE bytes (a text);
INSERT INTO bytes VALUES (E'\xff\xfe'), ('é');
SELECT E'\xe9' AS name
\gset
COMMENT ON TABLE bytes IS :'name';
CREATE TABLE :"name" (:"name" int);
INSERT INTO :"name" VALUES (1);
"""

# A database that only reads, without the schema that every database has.
ARCHIVE = r"""
DROP SCHEMA public;
CREATE SCHEMA old;
CREATE TABLE old.t (a int);
INSERT INTO old.t VALUES (1);
ALTER DATABASE archive_2019 SET default_transaction_read_only = on;
"""

TEMPLATE = r"""
CREATE TABLE t (a int);
ALTER DATABASE master IS_TEMPLATE true;
"""

# A change of a database with CONSTRUCTS, and a part of the sentence that reports it.
CHANGES = (
    ("ALTER TABLE parent DISABLE TRIGGER always", "trigger always on public.parent: tgenabled"),
    ("ALTER TABLE parent OWNER TO app", "table public.parent: owner is app"),
    ("DROP INDEX nulls_b", "index public.nulls_b is missing"),
    ("ALTER TABLE a_cycle DROP CONSTRAINT a_cycle_name_check", "table constraint a_cycle_name_check"),
    ("COMMENT ON COLUMN values_of_all.m IS 'other'", "table public.values_of_all: column m"),
    ("GRANT SELECT ON parent TO staff", "table public.parent: privileges"),
    ("ALTER TABLE values_of_all ALTER c TYPE text", "column c is text, expected public.citext"),
    ("ALTER TABLE values_of_all ALTER late DROP DEFAULT", "column late"),
    (
        "CREATE OR REPLACE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",
        "function public.changed(): source",
    ),
    ('ALTER FUNCTION "Odd; schema".secure RESET work_mem', "settings"),
    ("ALTER TYPE mood RENAME VALUE 'bad' TO 'worse'", "type public.mood: labels"),
    ("ALTER TABLE parent NO FORCE ROW LEVEL SECURITY", "relforcerowsecurity"),
    ("ALTER TABLE values_of_all REPLICA IDENTITY DEFAULT", "relreplident"),
    ("DROP POLICY nobody ON parent", "policy nobody"),
    ("REFRESH MATERIALIZED VIEW empty", "relispopulated"),
    ("ALTER DATABASE wide RESET search_path", "the database: setting search_path"),
    ("ALTER LARGE OBJECT 70002 OWNER TO rofecare", "large objects"),
    ("ALTER DATABASE wide CONNECTION LIMIT 3", "datconnlimit"),
    ("ALTER SEQUENCE short CACHE 9", "sequence public.short: sequence"),
    ('ALTER EXTENSION citext SET SCHEMA "Odd; schema"', "extension citext: schema"),
    ("REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM app", "function pg_catalog.pg_read_file"),
    ("ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA public REVOKE SELECT ON TABLES FROM staff", "default acl"),
    ("ALTER VIEW checked RESET (security_invoker)", "view public.checked: options"),
    ("DROP PUBLICATION everything", "publication everything"),
    ("ALTER STATISTICS related SET STATISTICS 3", "related: target"),
    ("ALTER TABLE by_mood DETACH PARTITION by_mood_2", "by_mood"),
)

"""The system catalogs whose objects a restore must bring back, and the attributes that are compared."""

from __future__ import annotations

from rofecare_infra.backup.kinds import ACL, Kind, column_names, settings_list, sorted_list

COLUMNS = f"""
(SELECT pg_catalog.jsonb_object_agg(
    'column ' || CASE WHEN x.relkind IN ('i', 'I') THEN a.attnum::text ELSE pg_catalog.quote_ident(a.attname) END,
    pg_catalog.concat_ws(' ', pg_catalog.format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attnotnull THEN 'not null' END,
        CASE WHEN a.atthasdef AND a.attgenerated::text = '' THEN 'default' END,
        'generated ' || nullif(a.attgenerated::text, ''), 'identity ' || nullif(a.attidentity::text, ''),
        CASE WHEN a.attcollation <> t.typcollation THEN 'collate ' || a.attcollation::regcollation END,
        CASE WHEN x.relkind IN ('r', 'p', 'm') AND a.attstorage <> t.typstorage
             THEN 'storage ' || a.attstorage::text END,
        'compression ' || nullif(a.attcompression::text, ''),
        'statistics ' || nullif(a.attstattarget, -1),
        'options ' || (SELECT pg_catalog.string_agg(o, ',' ORDER BY o) FROM pg_catalog.unnest(a.attoptions) o
                       WHERE o ~ '^n_distinct'),
        'options ' || (SELECT pg_catalog.string_agg(o, ',' ORDER BY o) FROM pg_catalog.unnest(a.attfdwoptions) o),
        'privileges ' || {ACL.format(owner="x.relowner", acl="a.attacl", whose="true")},
        'comment ' || pg_catalog.md5(pg_catalog.col_description(x.oid, a.attnum))))
 FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
 WHERE a.attrelid = x.oid AND a.attnum > 0 AND NOT a.attisdropped)
"""


KINDS = (
    Kind(
        "pg_class",
        "relpersistence relrowsecurity relforcerowsecurity relreplident relispopulated relispartition",
        {
            "method": "(SELECT amname FROM pg_catalog.pg_am WHERE oid = x.relam)",
            "options": sorted_list("x.reloptions"),
            "toast options": f"(SELECT {sorted_list('t.reloptions')} FROM pg_catalog.pg_class t"
            " WHERE t.oid = x.reltoastrelid)",
            "of type": "nullif(x.reloftype, 0)::regtype::text",
            "parents": "(SELECT pg_catalog.string_agg(inhparent::regclass::text, ',' ORDER BY inhseqno)"
            " FROM pg_catalog.pg_inherits WHERE inhrelid = x.oid)",
            "partitioned": "(SELECT partstrat::text || partnatts FROM pg_catalog.pg_partitioned_table"
            " WHERE partrelid = x.oid)",
            "index": "(SELECT pg_catalog.concat_ws(' ', i.indrelid::regclass, i.indisunique, i.indisprimary,"
            " i.indisvalid, i.indisreplident, i.indisclustered, i.indimmediate, i.indnkeyatts,"
            " i.indpred IS NOT NULL, to_jsonb(i) ->> 'indnullsnotdistinct', i.indoption)"
            " FROM pg_catalog.pg_index i WHERE i.indexrelid = x.oid)",
            "operator classes": "(SELECT pg_catalog.string_agg(o.opcname, ',' ORDER BY k.place)"
            " FROM pg_catalog.pg_index i, pg_catalog.unnest(i.indclass) WITH ORDINALITY AS k(class, place),"
            " pg_catalog.pg_opclass o WHERE i.indexrelid = x.oid AND o.oid = k.class)",
            "sequence": "(SELECT pg_catalog.concat_ws(' ', pg_catalog.format_type(s.seqtypid, NULL), s.seqstart,"
            " s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle) FROM pg_catalog.pg_sequence s"
            " WHERE s.seqrelid = x.oid)",
            "owned by": "(SELECT pg_catalog.min(o.identity) FROM pg_catalog.pg_depend d,"
            " pg_catalog.pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) o WHERE x.relkind = 'S'"
            " AND d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = x.oid AND d.deptype IN ('a', 'i')"
            " AND d.refobjsubid > 0)",
            "foreign": "(SELECT s.srvname || ' ' || coalesce(" + sorted_list("f.ftoptions") + ", '')"
            " FROM pg_catalog.pg_foreign_table f JOIN pg_catalog.pg_foreign_server s ON s.oid = f.ftserver"
            " WHERE f.ftrelid = x.oid)",
        },
        # An index that is not valid is not part of a dump.
        "x.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c', 'i', 'I') AND x.relpersistence <> 't'"
        " AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i"
        " WHERE i.indexrelid = x.oid AND x.relkind = 'i' AND NOT i.indisvalid)",
        schema="relnamespace",
        owner="relowner",
        acl="relacl",
        acl_kind="CASE x.relkind WHEN 'S' THEN 's' ELSE 'r' END",
        part_of=(("pg_class", "(SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid = x.oid)"),),
    ),
    Kind(
        "pg_proc",
        "prokind prosecdef proleakproof proisstrict proretset provolatile proparallel procost prorows"
        " pronargdefaults proargnames proargmodes prosupport",
        {
            "language": "(SELECT lanname FROM pg_catalog.pg_language WHERE oid = x.prolang)",
            "result": "pg_catalog.format_type(x.prorettype, NULL)",
            "source": "pg_catalog.md5(x.prosrc)",
            "library": "x.probin",
            "settings": settings_list("x.proconfig"),
            "aggregate": "(SELECT pg_catalog.concat_ws(' ', a.aggkind, a.aggnumdirectargs, a.aggtransfn, a.aggfinalfn,"
            " a.aggcombinefn, a.aggmtransfn, a.aggfinalextra, a.agginitval, a.aggminitval,"
            " pg_catalog.format_type(a.aggtranstype, NULL)) FROM pg_catalog.pg_aggregate a WHERE a.aggfnoid = x.oid)",
        },
        # The constructors of range types belong to their types.
        "NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass"
        " AND d.objid = x.oid AND d.deptype = 'i')",
        schema="pronamespace",
        owner="proowner",
        acl="proacl",
        acl_kind="'f'",
    ),
    Kind(
        "pg_type",
        "typtype typlen typbyval typcategory typispreferred typdelim typalign typstorage typnotnull typinput typoutput",
        {
            "base": "CASE WHEN x.typbasetype <> 0 THEN pg_catalog.format_type(x.typbasetype, x.typtypmod) END",
            "labels": "(SELECT pg_catalog.jsonb_agg(enumlabel ORDER BY enumsortorder)::text FROM pg_catalog.pg_enum"
            " WHERE enumtypid = x.oid)",
            "default": "CASE WHEN x.typdefault IS NOT NULL THEN 'set' END",
            "collation": "nullif(x.typcollation, 0)::regcollation::text",
            "range": "(SELECT pg_catalog.format_type(r.rngsubtype, NULL) FROM pg_catalog.pg_range r"
            " WHERE r.rngtypid = x.oid)",
        },
        # Arrays and the types of rows belong to others.
        "x.typcategory <> 'A' AND (x.typrelid = 0 OR EXISTS (SELECT FROM pg_catalog.pg_class c"
        " WHERE c.oid = x.typrelid AND c.relkind = 'c'))",
        schema="typnamespace",
        owner="typowner",
        acl="typacl",
        acl_kind="'T'",
    ),
    Kind(
        "pg_constraint",
        "contype condeferrable condeferred convalidated confupdtype confdeltype confmatchtype connoinherit conenforced",
        {
            "columns": column_names("x.conrelid", "x.conkey"),
            "references": "nullif(x.confrelid, 0)::regclass || ' ' || " + column_names("x.confrelid", "x.confkey"),
        },
        # Constraints of partitions that follow from their parent get other names in a restore.
        "x.contype IN ('p', 'u', 'f', 'c', 'x') AND x.conparentid = 0",
        schema="connamespace",
        part_of=(("pg_class", "x.conrelid"), ("pg_type", "x.contypid")),
    ),
    Kind(
        "pg_trigger",
        "tgtype tgenabled tgdeferrable tginitdeferred tgoldtable tgnewtable",
        {
            "function": "x.tgfoid::regprocedure::text",
            "arguments": "pg_catalog.md5(x.tgargs)",
            "columns": column_names("x.tgrelid", "x.tgattr"),
        },
        "NOT x.tgisinternal",
        part_of=(("pg_class", "x.tgrelid"),),
    ),
    Kind("pg_rewrite", "ev_type ev_enabled is_instead", part_of=(("pg_class", "x.ev_class"),)),
    Kind(
        "pg_policy",
        "polcmd polpermissive",
        {
            "roles": sorted_list(
                "(SELECT pg_catalog.array_agg(pg_catalog.pg_get_userbyid(r)::text)"
                " FROM pg_catalog.unnest(x.polroles) r)"
            )
        },
        part_of=(("pg_class", "x.polrelid"),),
    ),
    Kind(
        "pg_namespace",
        where="x.nspname !~ '^pg_(toast|temp)' AND x.nspname <> 'information_schema'",
        owner="nspowner",
        acl="nspacl",
        acl_kind="'n'",
    ),
    Kind("pg_cast", "castcontext castmethod", {"function": "nullif(x.castfunc, 0)::regprocedure::text"}),
    Kind(
        "pg_operator",
        "oprkind oprcanmerge oprcanhash oprcode oprrest oprjoin",
        {
            "commutator": "nullif(x.oprcom, 0)::regoperator::text",
            "negator": "nullif(x.oprnegate, 0)::regoperator::text",
        },
        "x.oprcode <> 0",
        schema="oprnamespace",
        owner="oprowner",
    ),
    Kind("pg_opfamily", schema="opfnamespace", owner="opfowner"),
    Kind(
        "pg_opclass",
        "opcdefault",
        {"type": "pg_catalog.format_type(x.opcintype, NULL)"},
        schema="opcnamespace",
        owner="opcowner",
    ),
    Kind(
        "pg_amop",
        "amoppurpose",
        {"operator": "x.amopopr::regoperator::text"},
        part_of=(("pg_opfamily", "x.amopfamily"),),
    ),
    Kind("pg_amproc", "", {"function": "x.amproc::regprocedure::text"}, part_of=(("pg_opfamily", "x.amprocfamily"),)),
    Kind("pg_am", "amtype amhandler"),
    Kind(
        "pg_collation",
        "collprovider collisdeterministic collencoding collcollate collctype colllocale colliculocale collicurules",
        schema="collnamespace",
        owner="collowner",
    ),
    Kind("pg_conversion", "condefault conproc", schema="connamespace", owner="conowner"),
    Kind("pg_language", "lanpltrusted", owner="lanowner", acl="lanacl", acl_kind="'l'"),
    Kind(
        "pg_ts_config",
        "",
        {
            "map": "(SELECT pg_catalog.string_agg(m.maptokentype || ':' || m.mapdict::regdictionary, ','"
            " ORDER BY m.maptokentype, m.mapseqno) FROM pg_catalog.pg_ts_config_map m WHERE m.mapcfg = x.oid)"
        },
        schema="cfgnamespace",
        owner="cfgowner",
    ),
    Kind("pg_ts_dict", "dictinitoption", schema="dictnamespace", owner="dictowner"),
    Kind("pg_ts_parser", "prsstart prstoken prsend prsheadline prslextype", schema="prsnamespace"),
    Kind("pg_ts_template", "tmplinit tmpllexize", schema="tmplnamespace"),
    Kind(
        "pg_statistic_ext",
        "stxkind",
        {
            "target": "nullif(x.stxstattarget, -1)::text",
            "columns": column_names("x.stxrelid", "x.stxkeys"),
        },
        schema="stxnamespace",
        owner="stxowner",
    ),
    Kind(
        "pg_foreign_data_wrapper",
        "",
        {"options": sorted_list("x.fdwoptions")},
        owner="fdwowner",
        acl="fdwacl",
        acl_kind="'F'",
    ),
    Kind(
        "pg_foreign_server",
        "srvtype srvversion",
        {"options": sorted_list("x.srvoptions")},
        owner="srvowner",
        acl="srvacl",
        acl_kind="'S'",
    ),
    Kind("pg_user_mapping", "", {"options": f"pg_catalog.md5({sorted_list('x.umoptions')})"}),
    Kind(
        "pg_event_trigger",
        "evtevent evtenabled evttags",
        {"function": "x.evtfoid::regprocedure::text"},
        owner="evtowner",
    ),
    Kind(
        "pg_publication",
        "puballtables pubinsert pubupdate pubdelete pubtruncate pubviaroot pubgencols",
        owner="pubowner",
    ),
    Kind("pg_publication_rel", "", {"columns": "(" + column_names("x.prrelid", "x.prattrs") + ")"}),
    Kind("pg_publication_namespace"),
    # A restore disables subscriptions.
    Kind(
        "pg_subscription",
        "subslotname subsynccommit subbinary substream subtwophasestate subdisableonerr suborigin subrunasowner",
        {"connection": "pg_catalog.md5(x.subconninfo)", "publications": sorted_list("x.subpublications")},
        "x.subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())",
        owner="subowner",
    ),
    Kind("pg_transform", "trffromsql trftosql"),
    Kind("pg_default_acl", "", {"privileges": ACL.format(owner="x.defaclrole", acl="x.defaclacl", whose="true")}),
    # Who restores it owns it.
    Kind("pg_extension", "extversion", {"schema": "x.extnamespace::regnamespace::text"}),
)

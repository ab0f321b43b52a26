"""The application's role: an upgrade hands the database over, a failed one does not; what it may not do; restores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support import constructs
from tests.support.backups import listed
from tests.support.databases import EVERYTHING, sql
from tests.support.images import POSTGRES, ensure
from tests.support.pinned import wait
from tests.support.project import check
from tests.support.roles import ROLE, Site

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]

# What belongs to an extension stays with the administrator.
OF_ADMINISTRATOR = """
WITH mine AS (
    SELECT oid, oid::regclass::text AS name, relowner AS owner FROM pg_class
    WHERE relkind <> 't' AND relnamespace <> 'pg_toast'::regnamespace
    UNION ALL SELECT oid, oid::regprocedure::text, proowner FROM pg_proc
    UNION ALL SELECT oid, oid::regtype::text, typowner FROM pg_type WHERE typelem = 0
    UNION ALL SELECT oid, nspname, nspowner FROM pg_namespace WHERE nspname !~ '^pg_'
    UNION ALL SELECT oid, oid::regoperator::text, oprowner FROM pg_operator
    UNION ALL SELECT oid, opcname, opcowner FROM pg_opclass
    UNION ALL SELECT oid, collname, collowner FROM pg_collation
    UNION ALL SELECT oid, cfgname, cfgowner FROM pg_ts_config
    UNION ALL SELECT oid, dictname, dictowner FROM pg_ts_dict
    UNION ALL SELECT oid, stxname, stxowner FROM pg_statistic_ext
    UNION ALL SELECT oid, srvname, srvowner FROM pg_foreign_server
    UNION ALL SELECT oid, pubname, pubowner FROM pg_publication
    UNION ALL SELECT oid, oid::text, lomowner FROM pg_largeobject_metadata
)
SELECT name FROM mine WHERE owner = 'rofecare'::regrole AND oid >= 16384
       AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = mine.oid AND deptype = 'e')
       AND NOT EXISTS (SELECT FROM pg_depend d, pg_type t
                       WHERE t.oid = mine.oid AND d.objid = t.typelem AND deptype = 'e')
"""

# What was refused to the role, and the words of the refusal.
REFUSED = {
    "COPY log FROM PROGRAM 'id'": "permission denied",
    "COPY log TO '/tmp/x'": "permission denied",
    "SELECT pg_read_file('/etc/passwd')": "permission denied",
    "SELECT lo_import('/etc/passwd')": "permission denied",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rofecare'": "permission denied",
    "SET ROLE rofecare": "permission denied",
    "ALTER ROLE rofecare PASSWORD 'x'": "permission denied",
    "CREATE EXTENSION file_fdw": "permission denied",
    "CREATE DATABASE more": "permission denied",
}


@dataclass(frozen=True)
class Upgraded:
    """The site after both upgrades, and what was seen between them."""

    site: Site
    # The content before both.
    checksum: str
    failed: tuple[int, str]
    # After the failed one: the content, a login of the old kind, and the owner of a table.
    rolled_back: tuple[str, str, str]
    # A backup of the release before.
    backup: str


@pytest.fixture(scope="module")
def upgraded(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    assert engine is not None
    ensure(POSTGRES)
    site = Site(tmp_path_factory.mktemp("roles") / "checkout")
    try:
        site.old()
        check(site.inv("init"), 0)
        check(site.inv("start-all", "--prod"), 0, "up: 2 of 2")
        sql(site, "shop-db", "shop", EVERYTHING)
        sql(site, "shop-db", "postgres", "CREATE DATABASE other")
        before = site.checksum()
        site.new(broken=True)
        failed = site.inv("upgrade", timeout=200)
        old = site.login(user="rofecare")
        owner = sql(site, "shop-db", "shop", "SELECT relowner::regrole FROM pg_class WHERE relname = 'patients'")
        rolled_back = (site.checksum(), old, owner)
        backup = str(listed(site)[0]["id"])
        site.new()
        check(site.inv("upgrade", timeout=200), 0, "upgraded: 2 services replaced")
        yield Upgraded(site, before, failed, rolled_back, backup)
    finally:
        site.clean()


def test_a_failed_upgrade_leaves_the_rights_of_before(upgraded: Upgraded) -> None:
    check(upgraded.failed, 7, "the upgrade was rolled back: app", "the platform is up")
    assert upgraded.rolled_back == (upgraded.checksum, "1", "rofecare")


def test_an_upgrade_hands_everything_over(upgraded: Upgraded) -> None:
    site = upgraded.site
    assert site.checksum() == upgraded.checksum
    assert sql(site, "shop-db", "shop", OF_ADMINISTRATOR) == ""
    assert sql(site, "shop-db", "shop", "SELECT who FROM log ORDER BY at DESC LIMIT 1") == ROLE
    assert site.login("SELECT count(*) FROM patients") == "500"
    assert site.login("CREATE EXTENSION pg_trgm; DROP EXTENSION pg_trgm") == ""
    # Large objects, and a function that ran with the rights of the administrator before.
    assert "ERROR" not in site.login("SELECT lo_unlink(oid) FROM pg_largeobject_metadata LIMIT 1")


@pytest.mark.parametrize("statement", REFUSED)
def test_what_the_application_may_not_do(upgraded: Upgraded, statement: str) -> None:
    assert REFUSED[statement] in upgraded.site.login(statement)


def test_who_may_not_log_in(upgraded: Upgraded) -> None:
    site = upgraded.site
    for database in ("postgres", "template1", "other"):
        assert "permission denied for database" in site.login(database=database)
    refused = site.login(user="rofecare", password=site.secret("shop_db_password"))
    assert "pg_hba.conf rejects connection" in refused
    # Another role of the site keeps what it had.
    assert site.login(user="reader", password="made-up", database="other") == "1"


def test_the_last_connections_are_reserved(upgraded: Upgraded) -> None:
    site = upgraded.site
    script = (
        "export PGPASSWORD=$(cat /run/secrets/password); for i in $(seq 60); do"
        f" psql -wXAtq -h shop-db -U {ROLE} -d shop -c 'SELECT pg_sleep(3)' >/dev/null 2>>/tmp/refused & done; sleep 2;"
        " cat /tmp/refused; kill $(jobs -p)"
    )
    seen = site.docker("exec", f"{site.name}-app-1", "bash", "-c", script)
    assert "remaining connection slots are reserved" in seen
    # The server notices only after its statement that a client has gone.
    present = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{ROLE}'"  # noqa: S608 - a role of this test
    wait("the end of the connections", lambda: sql(site, "shop-db", "shop", present) == "0")


@pytest.mark.parametrize(("name", "user"), [("shop-db-application", ROLE), ("shop-db", "rofecare")])
def test_both_secrets_are_rotated(upgraded: Upgraded, name: str, user: str) -> None:
    site = upgraded.site
    file = name.replace("-", "_") + "_password"
    before = site.secret(file)
    check(site.inv("rotate", name), 0)
    assert site.secret(file) != before
    if user == ROLE:
        assert site.login() == "1"
        assert "password authentication failed" in site.login(password=before)


def test_a_restore_of_an_older_backup_hands_over(upgraded: Upgraded) -> None:
    site = upgraded.site
    check(site.inv("restore", upgraded.backup, "--only", "shop-db", timeout=200), 0)
    assert site.checksum() == upgraded.checksum
    assert sql(site, "shop-db", "shop", OF_ADMINISTRATOR) == ""
    assert site.login("SELECT count(*) FROM patients") == "500"
    assert "permission denied for database" in site.login(database="other")


def test_every_kind_of_object_is_handed_over(upgraded: Upgraded) -> None:
    site = upgraded.site

    def run(text: str, database: str = "wide") -> str:
        return sql(site, "shop-db", database, text, options=constructs.OPTIONS)

    run(constructs.ROLES + "CREATE DATABASE wide; CREATE DATABASE functions;", "postgres")
    run(constructs.FUNCTIONS, "functions")
    for text in (constructs.REFUSING, constructs.CONSTRUCTS, constructs.SETTINGS):
        run(text)
    run("CREATE SCHEMA rofecare; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO staff")
    before = run("SELECT oid, relacl FROM pg_class WHERE relname = 'a_cycle'")
    for database in ("functions", "wide", "wide"):
        site.docker("exec", f"{site.name}-shop-db-1", "bash", "/etc/rofecare/application-role.sh", database)
    assert run(OF_ADMINISTRATOR, "functions") == ""
    # A superuser alone can own a publication of all tables, or of a schema; the function belongs to event triggers.
    assert sorted(run(OF_ADMINISTRATOR).split()) == ["everything", "public.refuse()", "whole"]
    assert run("SELECT oid, relacl FROM pg_class WHERE relname = 'a_cycle'") == before
    default = "SELECT count(*) FROM pg_default_acl WHERE defaclrole = 'shop_app'::regrole"
    assert run(default) == "2"
    assert run("SELECT proowner::regrole FROM pg_proc WHERE proname = 'secure'") == "app", "roles of the site stay"

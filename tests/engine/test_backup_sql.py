"""Databases with constructs of every kind come back: through backup, verification, restore, and a failed upgrade."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from rofecare_infra.backup import facts
from rofecare_infra.backup.server import Server
from tests.support import constructs
from tests.support.backups import leftovers, listed
from tests.support.databases import SECRETS, postgres
from tests.support.images import POSTGRES, ensure
from tests.support.locked import NO_DATA, probe
from tests.support.project import Project, check
from tests.support.shop import images

OWN = "wide"

# An application that removes data when its new version starts, and is never ready then.
BROKEN = """
export PGPASSWORD=$(cat /run/secrets/db_password)
remove() { psql -X -h one-db -U rofecare -d "$1" -c "drop schema $2 cascade"; }
remove functions public; remove archive_2019 old; remove ascii public; remove master public
exec sleep infinity
"""
VERSIONS = {"v1": "touch /tmp/ok; exec sleep infinity", "broken": BROKEN}


def psql(project: Project, database: str, text: str) -> str:
    """Run SQL as the superuser; return the output."""
    container = f"{project.name}-one-db-1"
    words = ("psql", "-XqAtU", "rofecare", "-v", "ON_ERROR_STOP=1", "-d", database, "-c")
    # One argument is one transaction: -f reads the text statement by statement.
    argv = ("exec", "-e", f"PGOPTIONS={constructs.OPTIONS}", container)
    return project.docker(*argv, *words, text) if "\n" not in text else _script(project, argv, words[:-1], text)


def _script(project: Project, argv: tuple[str, ...], words: tuple[str, ...], text: str) -> str:
    script = 'printf "%s" "$1" >/tmp/sql; shift; exec "$@" -f /tmp/sql'
    return project.docker(*argv, "sh", "-c", script, "sh", text, *words)


@pytest.fixture(scope="module")
def project(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One server with nine databases, and an application."""
    assert engine is not None
    ensure(POSTGRES)
    folder = tmp_path_factory.mktemp("sql")
    with images(folder, VERSIONS) as name:
        app = {
            "image": f"{name}:${{SERVICES_TAG:-v1}}",
            "init": True,
            "secrets": ["db_password"],
            "depends_on": {"one-db": {"condition": "service_healthy"}},
            "healthcheck": probe("test -e /tmp/ok"),
            **NO_DATA,
        }
        services = {"one-db": postgres(OWN, "one"), "app": app}
        yield from _started(Project(folder / "p", services, volumes={"one": {}}, secrets=SECRETS))


def _started(project: Project) -> Iterator[Project]:
    project.environment["GATE_TIMEOUT"] = "120"
    try:
        check(project.inv("start-all"), 0)
        psql(project, OWN, constructs.ROLES)
        for name, options in constructs.ENCODINGS.items():
            psql(project, OWN, f"CREATE DATABASE {name} {options}")
        for name in ("functions", "archive_2019", '"dbname=Odd \'two"', "master"):
            psql(project, OWN, f"CREATE DATABASE {name}")
        psql(project, "functions", constructs.FUNCTIONS)
        psql(project, "archive_2019", constructs.ARCHIVE)
        psql(project, "latin1", constructs.LATIN1)
        psql(project, "ascii", constructs.ASCII)
        psql(project, "master", constructs.TEMPLATE)
        psql(project, "postgres", "CREATE TABLE kept (a int)")
        psql(project, "template1", "CREATE TABLE kept (a int)")
        psql(project, OWN, constructs.REFUSING + constructs.CONSTRUCTS + constructs.SETTINGS)
        yield project
    finally:
        project.clean()


def test_every_change_of_an_object_is_reported(project: Project) -> None:
    with Server("one-db", f"{project.name}-one-db-1").session(OWN) as session:
        session.execute("BEGIN")
        before = facts.collect(session)
        for change, expected in constructs.CHANGES:
            session.execute("SAVEPOINT here; SET LOCAL search_path = public")
            session.execute(change)
            session.execute("SET LOCAL search_path = ''")
            found = list(facts.differences(before, facts.collect(session)))
            assert any(expected in one for one in found), (change, found)
            session.execute("ROLLBACK TO here")


def test_everything_comes_back(project: Project) -> None:
    before = _state(project)
    check(project.inv("backup"), 0, "9 databases")
    check(project.inv("verify-backup"), 0, "functions is restored in steps", "one-db: master restored")
    assert leftovers(project) == []
    for name, schema in (("functions", "public"), ("archive_2019", "old"), ("ascii", "public"), ("master", "public")):
        psql(project, name, f"DROP SCHEMA {schema} CASCADE")
    psql(project, OWN, "DROP TABLE public.values_of_all")
    check(project.inv("restore", timeout=240), 0, "9 databases came out equal")
    _assert_equal(before, _state(project))


def test_everything_comes_back_after_an_upgrade_that_fails(project: Project) -> None:
    before = _state(project)
    project.environment["GATE_TIMEOUT"] = "20"
    outcome = project.inv("upgrade", "--to", "broken", timeout=300)
    project.environment["GATE_TIMEOUT"] = "120"
    check(outcome, 7, "the upgrade was rolled back: app", "are restored, and the platform is up")
    _assert_equal(before, _state(project))


def test_a_database_that_cannot_be_read_is_named_and_all_others_are_backed_up(project: Project) -> None:
    psql(project, OWN, "ALTER DATABASE archive_2019 ALLOW_CONNECTIONS false")
    psql(project, OWN, "ALTER DATABASE ascii RENAME TO renamed")
    psql(project, OWN, "CREATE DATABASE scratch")
    psql(project, OWN, "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'scratch'")
    psql(project, "latin1", "UPDATE pg_proc SET prolang = 1 WHERE proname = 'broken'")
    outcome = project.inv("backup")
    check(
        outcome, 8, 'ALTER DATABASE "archive_2019" ALLOW_CONNECTIONS true', "one-db/ascii: backup", "--accept-missing"
    )
    check(outcome, 8, "one-db/scratch: an interrupted DROP DATABASE left it, and it cannot be read; DROP DATABASE")
    newest = listed(project)[-1]
    assert "one-db/wide: the data of the foreign table public.remote" in newest["omitted"]
    assert sorted(newest["missing"]) == ["one-db/archive_2019", "one-db/ascii", "one-db/latin1"]
    manifest: dict[str, Any] = json.loads(
        (project.root / "backups" / project.name / newest["id"] / "manifest.json").read_text()
    )
    assert {one["name"] for one in manifest["databases"]} >= {OWN, "functions", "renamed", "postgres"}
    psql(project, OWN, "DROP DATABASE scratch")
    psql(project, OWN, "ALTER DATABASE archive_2019 ALLOW_CONNECTIONS true")
    psql(project, "latin1", "UPDATE pg_proc SET prolang = 14 WHERE proname = 'broken'")
    check(project.inv("backup"), 8, "without one-db/ascii")
    check(project.inv("backup", "--accept-missing"), 0)
    check(project.inv("backup"), 0)


def _assert_equal(before: dict[str, list[str]], after: dict[str, list[str]]) -> None:
    assert {*before} == {*after}
    for name, lines in before.items():
        lost, added = Counter(lines) - Counter(after[name]), Counter(after[name]) - Counter(lines)
        assert (lost, added) == (Counter(), Counter()), name


def _state(project: Project) -> dict[str, list[str]]:
    """What pg_dump prints of each database, without the facts of the backups."""
    names = psql(project, OWN, "SELECT string_agg(datname, chr(1) ORDER BY 1) FROM pg_database WHERE datallowconn")
    container = f"{project.name}-one-db-1"
    script = "set -o pipefail; pg_dump -U rofecare --create --no-comments | cat -v | LC_ALL=C sort"
    dumps = {}
    for name in names.split("\x01"):
        environment = ("-e", f"PGOPTIONS={constructs.OPTIONS}", "-e", f"PGDATABASE={name}")
        text = project.docker("exec", *environment, container, "bash", "-c", script)
        # The columns of partitions and of inheriting tables are in the order of their parent after a restore.
        ignored = ("--", "\\restrict", "\\unrestrict", "COPY ")
        lines = [line.strip().rstrip(",") for line in text.splitlines() if not line.startswith(ignored)]
        # PostgreSQL writes a list of values in another way when it has read it again.
        dumps[name] = ["\t".join(sorted(line.split("\t"))) for line in lines if " = ANY (" not in line]
    return dumps

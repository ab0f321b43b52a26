"""The SQL that describes databases and roles: lists of names, statements about roles, and the search path of a dump."""

from __future__ import annotations

import pytest

from rofecare_infra.backup.definition import split, values_of
from rofecare_infra.backup.loading import changed_search_path
from rofecare_infra.backup.roles import chosen, statements
from rofecare_infra.backup.superuser import AS_SUPERUSER

SQL = r"""
--
-- Roles; "here"
--
\restrict x;y
SET standard_conforming_strings = on;
CREATE ROLE "a; -- ""b""
c";
ALTER ROLE "a; -- ""b""
c" WITH NOLOGIN PASSWORD 'SCRAM;x''y';
CREATE ROLE app;
COMMENT ON ROLE app IS E'It''s; \' a
-- comment';
ALTER ROLE app SET search_path TO '', 'public';
ALTER ROLE owner SET work_mem TO '9MB';
ALTER ROLE app IN DATABASE x SET work_mem TO '9MB';
GRANT staff TO app WITH ADMIN OPTION, INHERIT TRUE GRANTED BY "the owner";
GRANT SET ON PARAMETER work_mem TO app;
GRANT staff TO other GRANTED BY owner;
"""


def test_statements_end_where_they_do() -> None:
    found = list(statements(SQL))
    assert len(found) == 11
    assert found[1].words == ("CREATE", "ROLE", 'a; -- "b"\nc')
    assert found[2].sql.endswith("PASSWORD 'SCRAM;x''y'")


def test_only_missing_roles_are_created() -> None:
    found = list(chosen(statements(SQL), ["app"], ["app", "owner"]))
    assert found == [
        "CREATE ROLE app",
        "COMMENT ON ROLE app IS E'It''s; \\' a\n-- comment'",
        "ALTER ROLE app SET search_path TO '', 'public'",
        "ALTER ROLE owner SET work_mem TO '9MB'",
        "GRANT staff TO app WITH ADMIN OPTION, INHERIT TRUE",
        "GRANT SET ON PARAMETER work_mem TO app",
    ]
    assert list(chosen(statements(SQL), [], [])) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ('""', ("",)),
        ('"$user", public', ("$user", "public")),
        ('public, "Odd ""q, x", ""', ("public", 'Odd "q, x', "")),
    ],
)
def test_a_list_of_names_is_split(text: str, names: tuple[str, ...]) -> None:
    assert split(text) == names


def test_a_list_of_names_is_set_name_by_name() -> None:
    assert values_of(("public", "it's")) == "'public', 'it''s'"
    assert values_of(()) == "''"


def test_a_dump_gets_another_search_path() -> None:
    before = b"PGDMP.\x00\x38\x00\x00\x00SELECT pg_catalog.set_config('search_path', '', false);\n.rest"
    after = changed_search_path(before, ["public", 'it\'s "x"'])
    statement = b'SELECT pg_catalog.set_config(\'search_path\',\'"public", "it\'\'s ""x"""\', false);\n'
    assert after == b"PGDMP.\x00" + len(statement).to_bytes(4, "little") + statement + b".rest"


def test_the_options_of_sessions_are_words_of_a_shell() -> None:
    assert r"-c default_transaction_isolation=read\ committed" in AS_SUPERUSER
    assert 'if [ "${major:-0}" -ge 17 ]; then PGOPTIONS="$PGOPTIONS -c event_triggers=off' in AS_SUPERUSER

"""How the monitoring gets in: a role in each database that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.errors import CommandError, SettingsError
from rofecare_infra.monitoring import access as admission
from rofecare_infra.monitoring import grant_monitoring_access
from rofecare_infra.platform import Platform
from rofecare_infra.process import Result
from rofecare_infra.progress import Note
from tests.support.fakes import FakeEngine, container, drain, service

NAME = "monitoring_db_password"


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    (tmp_path / NAME).write_text(f"the {NAME}")
    return Platform(
        "rofecare",
        (
            service("a-db", environment={"POSTGRES_DB": "a"}),
            service("b-db", environment={"POSTGRES_DB": "b"}),
            service("redis"),
            service("exporter", "monitoring", secrets=(NAME,)),
            service("prometheus", "monitoring"),
        ),
        secrets={NAME: tmp_path / NAME},
    )


class Psql:
    """Replaces the databases, and records the statements that each received."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.statements: dict[str, str] = {}
        self.refusal = ""
        self.hangs = False
        monkeypatch.setattr(admission, "run", self.run)

    def run(self, argv: list[str], *, stdin: str, timeout: float, check: bool) -> Result:
        assert timeout > 0
        assert not check
        if self.hangs:
            raise CommandError("docker did not end in time", seen="30 s")
        self.statements[argv[3]] = stdin
        # Not to the database of the application, which decides what names mean there.
        assert argv[-1].endswith("-d template1")
        assert "search_path=" in argv[-1]
        assert "the monitoring_db_password" not in " ".join(argv)
        return Result(tuple(argv), 3 if self.refusal else 0, "", self.refusal)


@pytest.fixture
def psql(monkeypatch: pytest.MonkeyPatch) -> Psql:
    return Psql(monkeypatch)


def admitted(platform: Platform, *names: str, **more: Any) -> list[str]:
    events, _ = drain(grant_monitoring_access(platform, FakeEngine([container(name, **more) for name in names])))
    return [event.text for event in events if isinstance(event, Note)]


def test_every_database_that_runs_and_nothing_else(platform: Platform, psql: Psql) -> None:
    assert admitted(platform, "a-db", "b-db", "redis") == []
    assert set(psql.statements) == {"rofecare-a-db-1", "rofecare-b-db-1"}
    for sql in psql.statements.values():
        assert "the monitoring_db_password" not in sql
        assert "PASSWORD 'SCRAM-SHA-256$4096:" in sql
        assert "NOSUPERUSER" in sql
        assert "GRANT pg_monitor TO rofecare_monitoring" in sql
        assert "GRANT pg_use_reserved_connections TO rofecare_monitoring" in sql


def test_a_database_that_is_not_ready_is_not_asked(platform: Platform, psql: Psql) -> None:
    assert admitted(platform, "a-db", health="unhealthy") == []
    assert psql.statements == {}


def test_one_that_refuses_or_hangs_is_named_and_the_rest_goes_on(platform: Platform, psql: Psql) -> None:
    psql.refusal = "ERROR: cannot execute CREATE ROLE in a read-only transaction"
    assert [line.partition(":")[0] for line in admitted(platform, "a-db", "b-db")] == [
        "a-db grants the monitoring no access",
        "b-db grants the monitoring no access",
    ]
    psql.hangs = True
    assert admitted(platform, "a-db") == ["a-db grants the monitoring no access: 30 s"]


def test_without_the_monitoring_nobody_is_admitted(platform: Platform, psql: Psql) -> None:
    plain = Platform("rofecare", platform.services[:3], platform.secrets)
    assert admitted(plain, "a-db") == []
    assert psql.statements == {}


def test_a_secret_that_is_not_there(platform: Platform, psql: Psql) -> None:
    platform.secrets[NAME].unlink()
    with pytest.raises(SettingsError) as caught:
        admitted(platform, "a-db")
    assert NAME in caught.value.expected
    assert psql.statements == {}

"""The metrics of the backups: existing ones, failures and verifications."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rofecare_infra.backup import Entry, metrics
from rofecare_infra.backup.metrics import FAILURE, SUCCESS, VERIFICATION, VERIFIED, folder_of, write
from rofecare_infra.errors import SettingsError
from rofecare_infra.settings import Settings
from tests.support.fakes import settings as some_settings


class Store:
    """Backups as the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: tuple[Entry, ...] = ()
        self.fault: SettingsError | None = None
        monkeypatch.setattr(metrics, "store_of", lambda _settings: self)

    def entries(self) -> tuple[Entry, ...]:
        if self.fault is not None:
            raise self.fault
        return self.found


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    return Store(monkeypatch)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return some_settings(tmp_path, COMPOSE_PROJECT_NAME="clinic")


def entry(name: str, damage: str = "", verified: str = "") -> Entry:
    return Entry(name, Path(name), damage, verified=verified)


def told(settings: Settings) -> dict[str, float]:
    lines = (folder_of(settings) / "backups.prom").read_text().splitlines()
    return {name: float(value) for name, value in map(str.split, lines)}


def moment(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


def test_the_newest_that_is_whole_and_the_last_verification(settings: Settings, store: Store) -> None:
    store.found = (
        entry("20260101T000000Z", verified="2026-01-02T03:00:00+00:00"),
        entry("20260102T000000Z"),
        entry("20260103T000000Z", damage="patient.dump has 3 bytes of 9"),
    )
    write(settings)
    assert told(settings) == {SUCCESS: moment(2026, 1, 2), VERIFIED: moment(2026, 1, 2, 3)}


def test_none_was_ever_verified(settings: Settings, store: Store) -> None:
    store.found = (entry("20260101T000000Z"), entry("20260102T000000Z"))
    write(settings)
    assert told(settings)[VERIFIED] == moment(2026, 1, 1)


def test_what_went_wrong_is_remembered_beside_what_there_is(settings: Settings, store: Store) -> None:
    write(settings, {FAILURE: 1000.0, VERIFICATION: 0})
    assert told(settings) == {FAILURE: 1000.0, VERIFICATION: 0}
    store.found = (entry("20260101T000000Z"),)
    write(settings, {VERIFICATION: 1})
    assert told(settings)[FAILURE] == 1000.0
    assert told(settings)[VERIFICATION] == 1
    # Backups that are gone are not remembered.
    store.found = ()
    write(settings)
    assert told(settings) == {FAILURE: 1000.0, VERIFICATION: 1}


def test_another_user_may_read_it(settings: Settings, store: Store) -> None:
    assert store.found == ()
    write(settings, {VERIFICATION: 1})
    assert folder_of(settings).name == "clinic"
    assert folder_of(settings).stat().st_mode & 0o777 == 0o755
    assert (folder_of(settings) / "backups.prom").stat().st_mode & 0o777 == 0o644


def test_a_backup_is_one_whether_this_can_be_written_or_not(settings: Settings, store: Store) -> None:
    store.fault = SettingsError("the folder of the backups cannot be used")
    write(settings)
    store.fault = None
    settings.state_folder.write_text("a file in the place of the folder")
    write(settings)
    assert not folder_of(settings).exists()


def test_the_alerts_go_by_these_names(root: Path) -> None:
    rules = (root / "docker" / "config" / "prometheus" / "alerts" / "backups.yml").read_text()
    assert [name for name in (SUCCESS, FAILURE, VERIFIED, VERIFICATION) if name not in rules] == []

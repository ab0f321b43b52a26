"""The metrics of the backups: existing ones, failures and verifications."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rofecare_infra.backup import Entry, metrics
from rofecare_infra.backup.metrics import CLOCK, FAILURE, SUCCESS, VERIFICATION, VERIFIED, folder_of, write
from rofecare_infra.errors import SettingsError
from rofecare_infra.project import Project
from tests.support.fakes import FakeEngine, project_of
from tests.support.fakes import settings as some_settings
from tests.support.manifests import MANIFEST


class Store:
    """Backups as the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: tuple[Entry, ...] = ()
        self.fault: SettingsError | None = None
        monkeypatch.setattr(metrics, "store_of", lambda _project: self)

    def entries(self) -> tuple[Entry, ...]:
        if self.fault is not None:
            raise self.fault
        return self.found


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    return Store(monkeypatch)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    values = some_settings(tmp_path, COMPOSE_PROJECT_NAME="clinic")
    return replace(project_of((), FakeEngine()), settings=values)


def entry(name: str, damage: str = "", verified: str = "", clock: str = "", foreign: str = "") -> Entry:
    return Entry(name, Path(name), damage, replace(MANIFEST, id=name, clock=clock), verified, foreign)


def metrics_of(project: Project) -> dict[str, float]:
    lines = (folder_of(project.settings) / "backups.prom").read_text().splitlines()
    return {name: float(value) for name, value in map(str.split, lines)}


def moment(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


def test_the_newest_that_is_whole_and_the_last_verification(project: Project, store: Store) -> None:
    store.found = (
        entry("20260101T000000Z", verified="2026-01-02T03:00:00+00:00"),
        entry("20260102T000000Z"),
        entry("20260103T000000Z", damage="patient.dump has 3 bytes of 9"),
    )
    write(project)
    assert metrics_of(project) == {SUCCESS: moment(2026, 1, 2), VERIFIED: moment(2026, 1, 2, 3), CLOCK: 1}


def test_a_backup_from_the_future_does_not_silence_the_alerts(project: Project, store: Store) -> None:
    ahead = entry("22360101T000000Z", verified="2236-01-02T03:00:00+00:00")
    store.found = (entry("20260101T000000Z"), ahead)
    write(project, {FAILURE: moment(2236, 1, 1)})
    write(project)
    assert metrics_of(project) == {SUCCESS: moment(2026, 1, 1), VERIFIED: moment(2026, 1, 1), CLOCK: 1}
    store.found = (entry("20260101T000000Z"), entry("20260102T000000Z", clock="absurd"))
    write(project)
    assert metrics_of(project) == {SUCCESS: moment(2026, 1, 1), VERIFIED: moment(2026, 1, 1), CLOCK: 0}


def test_foreign_and_incomplete_backups_do_not_count(project: Project, store: Store) -> None:
    incomplete = entry("20260103T000000Z")
    assert incomplete.manifest is not None
    incomplete = replace(incomplete, manifest=replace(incomplete.manifest, missing={"db/shop": "no connections"}))
    store.found = (entry("20260102T000000Z", foreign="x"), entry("20260101T000000Z"), incomplete)
    write(project)
    assert metrics_of(project)[SUCCESS] == moment(2026, 1, 1)


def test_none_was_ever_verified(project: Project, store: Store) -> None:
    store.found = (entry("20260101T000000Z"), entry("20260102T000000Z"))
    write(project)
    assert metrics_of(project)[VERIFIED] == moment(2026, 1, 1)


def test_what_went_wrong_is_remembered_beside_what_there_is(project: Project, store: Store) -> None:
    write(project, {FAILURE: 1000.0, VERIFICATION: 0})
    assert metrics_of(project) == {FAILURE: 1000.0, VERIFICATION: 0}
    store.found = (entry("20260101T000000Z"),)
    write(project, {VERIFICATION: 1})
    assert metrics_of(project)[FAILURE] == 1000.0
    assert metrics_of(project)[VERIFICATION] == 1
    # Backups that are gone are not remembered.
    store.found = ()
    write(project)
    assert metrics_of(project) == {FAILURE: 1000.0, VERIFICATION: 1}


def test_another_user_may_read_it(project: Project, store: Store) -> None:
    assert store.found == ()
    write(project, {VERIFICATION: 1})
    assert folder_of(project.settings).name == "clinic"
    assert folder_of(project.settings).stat().st_mode & 0o777 == 0o755
    assert (folder_of(project.settings) / "backups.prom").stat().st_mode & 0o777 == 0o644


def test_a_backup_is_one_whether_this_can_be_written_or_not(project: Project, store: Store) -> None:
    store.fault = SettingsError("the folder of the backups cannot be used")
    write(project)
    store.fault = None
    project.settings.state_folder.write_text("a file in the place of the folder")
    write(project)
    assert not folder_of(project.settings).exists()


def test_the_alerts_go_by_these_names(root: Path) -> None:
    rules = (root / "docker" / "config" / "prometheus" / "alerts" / "backups.yml").read_text()
    assert [name for name in (SUCCESS, FAILURE, VERIFIED, VERIFICATION) if name not in rules] == []

"""Secrets stay as long as any project depends on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rofecare_infra import secrets
from rofecare_infra.platform import LABEL_VOLUME_OF, Platform
from tests.support.fakes import FakeEngine, service


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "secrets"
    path.mkdir()
    (path / "db_password").write_text("x")
    return path


def platform(project: str, folder: Path) -> Platform:
    services = (
        service("db", volumes=("db-data",), secrets=("db_password",)),
        service("prometheus", "monitoring", volumes=("metrics",), secrets=("db_password",)),
    )
    return Platform(project, services, {"db_password": folder / "db_password"})


def claim(project: str, folder: Path, engine: FakeEngine, *, fresh: bool = False) -> None:
    secrets.claim(platform(project, folder), folder, engine, fresh=fresh)


def release(project: str, folder: Path, engine: FakeEngine) -> tuple[str, ...]:
    return secrets.release(platform(project, folder), folder, engine)


def recorded(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name.startswith(".")}


def test_the_last_project_releases_them(folder: Path) -> None:
    engine = FakeEngine()
    engine.volume_names = ["a_db-data", "b_db-data"]
    claim("a", folder, engine, fresh=True)
    claim("b", folder, engine)
    claim("b", folder, engine)
    assert recorded(folder) == {".used-by-a@an-engine", ".used-by-b@an-engine"}
    engine.volume_names = ["b_db-data"]
    assert release("a", folder, engine) == ("b",)
    engine.volume_names = []
    assert release("b", folder, engine) == ()
    assert recorded(folder) == set()


def test_a_project_that_never_used_them_releases_nothing(folder: Path) -> None:
    engine = FakeEngine()
    engine.volume_names = ["a_db-data"]
    claim("a", folder, engine, fresh=True)
    assert release("b", folder, engine) == ("a",)
    assert recorded(folder) == {".used-by-a@an-engine"}


def test_a_project_without_data_and_containers_no_longer_counts(folder: Path) -> None:
    engine = FakeEngine()
    claim("a", folder, engine, fresh=True)
    assert release("b", folder, engine) == ()


def test_the_copy_of_a_rehearsal_does_not_count(folder: Path) -> None:
    engine = FakeEngine()
    engine.mounted = {"a-rehearsal": {str(folder / "db_password")}}
    claim("a", folder, engine, fresh=True)
    assert release("a", folder, engine) == ()


def test_a_project_on_another_engine_counts(folder: Path) -> None:
    (folder / ".used-by-rofecare@elsewhere").touch()
    engine = FakeEngine()
    claim("rofecare", folder, engine)
    assert release("rofecare", folder, engine) == ("rofecare",)


@pytest.mark.parametrize("claimed", [True, False])
def test_a_platform_that_was_started_by_hand_counts(folder: Path, *, claimed: bool) -> None:
    engine = FakeEngine()
    if claimed:
        claim("b", folder, engine, fresh=True)
    engine.mounted = {"a": {str(folder / "db_password")}, "c": {"/elsewhere/db_password"}}
    assert release("b", folder, engine) == ("a",)


def test_the_projects_of_an_earlier_version_count(folder: Path) -> None:
    engine = FakeEngine()
    engine.volume_names = ["a_db-data", "shop_orders", "c_db-data", "watcher_metrics"]
    engine.labels["d_production_db-data"] = {LABEL_VOLUME_OF: "d"}
    engine.mounted = {"c": {"/elsewhere/db_password"}}
    assert release("b", folder, engine) == ("a", "d")
    claim("b", folder, engine)
    assert recorded(folder) == {f".used-by-{one}@an-engine" for one in "abd"}
    engine.mounted = {}
    assert release("b", folder, engine) == ("a", "d")


def test_a_platform_without_secrets_shares_none(folder: Path) -> None:
    engine = FakeEngine()
    engine.labels["d_production_db-data"] = {LABEL_VOLUME_OF: "d"}
    assert secrets.others(Platform("bare", (service("one"),)), folder, engine) == ()


def test_new_secrets_are_of_one_project(folder: Path) -> None:
    engine = FakeEngine()
    engine.volume_names = ["a_db-data"]
    claim("b", folder, engine, fresh=True)
    assert recorded(folder) == {".used-by-b@an-engine"}


def test_no_folder_is_created(tmp_path: Path) -> None:
    claim("a", tmp_path / "none", FakeEngine())
    assert not (tmp_path / "none").exists()
    assert release("a", tmp_path / "none", FakeEngine()) == ()


def test_a_record_is_no_foreign_file(folder: Path) -> None:
    (folder / "db_password").unlink()
    (folder / ".used-by-a@an-engine").touch()
    folder.chmod(0o755)
    found = secrets.inventory(platform("a", folder), folder)
    assert secrets.create(found, found.missing)

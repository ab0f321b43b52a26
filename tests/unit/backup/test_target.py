"""A backup is restored into a platform of its own mode; on a new server its mode decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra.backup import store_of
from rofecare_infra.backup.manifest import Manifest, from_text, to_text
from rofecare_infra.backup.target import in_mode_of_backup
from rofecare_infra.errors import SettingsError
from rofecare_infra.images import Sources
from rofecare_infra.platform import Platform
from rofecare_infra.project import Project
from tests.support.fakes import FakeCompose, FakeEngine, service, settings
from tests.support.manifests import KEY, MANIFEST

ID = "20261124T223000Z"


def project_with(root: Path, engine: FakeEngine, *, production: bool) -> Project:
    name = "rofecare_production_db-data" if production else "rofecare_db-data"
    services = (service("db", volumes=("db-data",)), service("prometheus", "monitoring", volumes=("metrics",)))
    platform = Platform("rofecare", services, volumes={"db-data": name, "metrics": "rofecare_metrics"})
    values = settings(root, BACKUP_DIR=str(root / "backups"))
    return Project(values, Sources(FakeCompose(root), platform), lambda: engine, production)


def chosen(root: Path, recorded: str, *, production: bool, volumes: tuple[str, ...] = ()) -> bool:
    """Whether the backup is restored in production mode."""
    engine = FakeEngine()
    engine.volume_names = list(volumes)
    project = project_with(root, engine, production=production)
    store = store_of(project)
    draft = store.folder / "draft"
    draft.mkdir(parents=True)
    store.publish(draft, replace(MANIFEST, id=ID, mode=recorded), KEY)
    return in_mode_of_backup(project, ID, lambda: replace(project, production=True)).production


@pytest.mark.parametrize("volumes", [(), ("rofecare_metrics",)])
def test_on_a_new_server_the_mode_of_the_backup_counts(tmp_path: Path, volumes: tuple[str, ...]) -> None:
    assert chosen(tmp_path, "production", production=False, volumes=volumes)


def test_a_development_backup_on_a_new_machine(tmp_path: Path) -> None:
    assert not chosen(tmp_path, "development", production=False)


@pytest.mark.parametrize("recorded", ["production", "development", ""])
def test_an_empty_production_platform_takes_any_backup(tmp_path: Path, recorded: str) -> None:
    assert chosen(tmp_path, recorded, production=True)


@pytest.mark.parametrize(("recorded", "production"), [("production", True), ("development", False), ("", False)])
def test_a_backup_of_the_same_platform(tmp_path: Path, recorded: str, *, production: bool) -> None:
    volumes = ("rofecare_db-data", "rofecare_production_db-data")
    assert chosen(tmp_path, recorded, production=production, volumes=volumes) is production


@pytest.mark.parametrize(("recorded", "production"), [("production", False), ("development", True)])
def test_data_of_the_other_mode_is_not_replaced(tmp_path: Path, recorded: str, *, production: bool) -> None:
    volumes = ("rofecare_db-data", "rofecare_production_db-data")
    with pytest.raises(SettingsError) as caught:
        chosen(tmp_path, recorded, production=production, volumes=volumes)
    assert recorded in caught.value.what
    assert "inv stop-all --volumes" in caught.value.next_step


def test_an_earlier_backup_on_a_new_server_needs_the_mode(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not record") as caught:
        chosen(tmp_path, "", production=False)
    assert "inv init --prod" in caught.value.next_step


def test_a_manifest_of_an_earlier_version_is_read() -> None:
    text = to_text(replace(MANIFEST, mode="production"))
    assert from_text(text).mode == "production"
    earlier: Manifest = from_text(text.replace('"mode": "production"', '"other": 1'))
    assert earlier.mode == ""

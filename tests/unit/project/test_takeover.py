"""The first release of a platform that ran from a checkout: nothing is lost, whenever it is interrupted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rofecare_infra.errors import SettingsError
from rofecare_infra.platform import Platform
from rofecare_infra.project import marker, release, takeover
from rofecare_infra.project.marker import Marker
from rofecare_infra.project.release import Release
from rofecare_infra.settings import Settings, load
from tests.support.fakes import FakeEngine, drain

ENV = """\
GATEWAY_PORT=9000
IMAGES=auto
TLS_CERTIFICATE_FILE=./secrets/site.pem
BACKUP_KEY_FILE=../backup.key
STATE_DIR={state}
"""


@pytest.fixture(autouse=True)
def _small_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """The software itself is copied in the tests of releases."""

    def write(root: Path, state_folder: Path, project: str) -> Release:
        assert root.is_dir()
        folder = state_folder / "releases" / "1234"
        (folder / "docker").mkdir(parents=True, exist_ok=True)
        (folder / "release.json").write_text(f'{{"project": "{project}"}}')
        for name, leads_to in release._LINKS.items():
            if not (folder / name).is_symlink():
                (folder / name).symlink_to(leads_to)
        return Release(folder)

    monkeypatch.setattr(release, "write", write)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    files = {
        ".env": ENV.format(state=tmp_path / "state"),
        "docker/secrets/redis_password": "a secret",
        "docker/secrets/site.pem": "a certificate",
        "docker/docker-compose.override.yml": "services: {}\n",
        "backup.key": "a key",
        ".rofecare/upgrade-rofecare.json": "{}",
        ".rofecare/upgrade-other-rofecare.json": "of another project",
        ".rofecare/metrics/rofecare/backups.prom": "x 1\n",
        ".rofecare/images.mirror.lock": "{}\n",
        "backups/rofecare/20260101T000000Z/manifest.json": "{}",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "docker/secrets/redis_password").chmod(0o444)
    return folder


def settings_of(root: Path) -> Settings:
    settings, problems = load(root, {})
    assert problems == ()
    return settings


def taken_over(root: Path, engine: FakeEngine) -> Settings:
    _, made = drain(takeover.first_release(settings_of(root), engine))
    settings = settings_of(made.folder)
    drain(takeover.clear_checkout(settings, Platform("rofecare", ()), engine))
    return settings


def check_all_there(settings: Settings, state: Path) -> None:
    assert (settings.state_folder, settings.secrets_folder) == (state, state / "secrets")
    secret = settings.secrets_folder / "redis_password"
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == ("a secret", 0o444)
    assert (state / "secrets").stat().st_mode & 0o777 == 0o700
    assert settings.get("GATEWAY_PORT") == "9000"
    certificate, key = settings.path_of("TLS_CERTIFICATE_FILE"), settings.backup_key_file
    assert certificate == state / "secrets" / "site.pem"
    assert key == state / "files" / "backup.key"
    assert (certificate.read_text(), key.read_text()) == ("a certificate", "a key")
    assert (settings.docker_folder / "docker-compose.override.yml").read_text() == "services: {}\n"
    assert (state / "upgrade-rofecare.json").exists()
    assert (state / "metrics" / "rofecare" / "backups.prom").exists()
    assert (state / "images.mirror.lock").read_text() == "{}\n"
    assert (settings.backup_folder / "rofecare" / "20260101T000000Z" / "manifest.json").exists()
    assert "IMAGES" not in (state / "settings.env").read_text()


def test_everything_of_the_platform_is_in_the_state_folder_and_only_there(root: Path, tmp_path: Path) -> None:
    engine = FakeEngine()
    settings = taken_over(root, engine)
    check_all_there(settings, tmp_path / "state")
    assert not (root / "docker" / "secrets").exists()
    assert [path.name for path in (root / ".rofecare").glob("*.json")] == ["upgrade-other-rofecare.json"]
    assert not list((root / "backups" / "rofecare").iterdir())
    found = marker.read(engine, "rofecare")
    assert found is not None
    assert found.state_folder == tmp_path / "state"


def test_a_removed_checkout_takes_nothing_along(root: Path, tmp_path: Path) -> None:
    import shutil

    settings = taken_over(root, FakeEngine())
    shutil.rmtree(root)
    check_all_there(settings_of(settings.root), tmp_path / "state")


def test_settings_of_a_checkout_that_do_not_count_are_named(root: Path) -> None:
    settings = taken_over(root, FakeEngine())
    assert takeover.overlooked(root, settings) == ()
    (root / ".env").write_text("GATEWAY_PORT=9100\nIMAGES=auto\nSTATE_DIR=/elsewhere\n")
    assert takeover.overlooked(root, settings) == ("GATEWAY_PORT",)


STEPS = ["_copy_site", "_copy_secrets", "_copy_journals"]


@pytest.mark.parametrize("step", [*STEPS, "write", "switch", "marker"])
def test_an_interruption_before_the_marker_repeats_it(
    root: Path, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FakeEngine()
    place = takeover if step in STEPS else (marker if step == "marker" else release)
    name = "write" if step == "marker" else step
    usual = getattr(place, name)

    def then_die(*arguments: object) -> None:
        if step != "marker":
            usual(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(place, name, then_die)
        with pytest.raises(KeyboardInterrupt):
            drain(takeover.first_release(settings_of(root), engine))
    assert (root / "docker" / "secrets" / "redis_password").exists()
    assert marker.read(engine, "rofecare") is None
    # Until then the checkout counts, also where its journal has changed meanwhile.
    (root / ".rofecare" / "upgrade-rofecare.json").write_text('{"later": 1}')
    check_all_there(taken_over(root, engine), tmp_path / "state")
    assert "later" in (tmp_path / "state" / "upgrade-rofecare.json").read_text()


def test_secrets_that_a_container_mounts_stay_until_it_is_replaced(root: Path, tmp_path: Path) -> None:
    engine = FakeEngine()
    old = root / "docker" / "secrets" / "redis_password"
    engine.mounted = {"rofecare": {str(old)}}
    settings = taken_over(root, engine)
    check_all_there(settings, tmp_path / "state")
    # A container that the engine restarts needs the file.
    assert old.exists()
    engine.mounted = {"rofecare": {str(settings.secrets_folder / "redis_password")}}
    drain(takeover.clear_checkout(settings, Platform("rofecare", ()), engine))
    assert not old.exists()
    assert not (tmp_path / "state" / "taken-over-from").exists()


def test_secrets_on_which_another_project_depends_stay_in_the_checkout(root: Path, tmp_path: Path) -> None:
    old = root / "docker" / "secrets"
    for name in ("rofecare", "other"):
        (old / f".used-by-{name}@an-engine").touch()
    engine = FakeEngine()
    engine.volume_names = ["other_redis-data"]
    settings = taken_over(root, engine)
    check_all_there(settings, tmp_path / "state")
    assert not list(settings.secrets_folder.glob(".used-by-*"))
    assert (old / "redis_password").exists()
    assert [path.name for path in old.glob(".used-by-*")] == [".used-by-other@an-engine"]


def test_backups_stay_while_the_journal_of_a_restore_names_one(root: Path, tmp_path: Path) -> None:
    (root / ".rofecare" / "restore-rofecare.json").write_text("{}")
    settings = taken_over(root, FakeEngine())
    assert list((root / "backups" / "rofecare").iterdir())
    (tmp_path / "state" / "restore-rofecare.json").unlink()
    drain(takeover.clear_checkout(settings, Platform("rofecare", ()), FakeEngine()))
    check_all_there(settings, tmp_path / "state")


def test_secrets_of_the_state_folder_are_never_replaced(root: Path, tmp_path: Path) -> None:
    (tmp_path / "state" / "secrets").mkdir(parents=True)
    (tmp_path / "state" / "secrets" / "redis_password").write_text("the one that the data was created with")
    taken_over(root, FakeEngine())
    assert (tmp_path / "state" / "secrets" / "redis_password").read_text().startswith("the one")
    assert (root / "docker" / "secrets" / "redis_password").read_text() == "a secret"


def test_data_keeps_its_release_where_only_the_marker_was_lost(root: Path, tmp_path: Path) -> None:
    engine = FakeEngine()
    first = taken_over(root, engine).root
    other = tmp_path / "state" / "releases" / "other"
    first.rename(other)
    release.switch(tmp_path / "state", Release(other))
    marker.remove(engine, "rofecare")
    engine.make_volume("rofecare_production_db-data", "rofecare")
    assert taken_over(root, engine).root == other
    assert marker.exists(engine, "rofecare")
    marker.remove(engine, "rofecare")
    engine.sizes["rofecare_production_db-data"] = 0
    assert taken_over(root, engine).root == first, "nothing depends on the earlier software"


def test_settings_that_exist_are_kept(root: Path, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "settings.env").write_text("GATEWAY_PORT=9100\n")
    assert taken_over(root, FakeEngine()).get("GATEWAY_PORT") == "9100"


def test_a_state_folder_on_another_machine_refuses_changes(root: Path, tmp_path: Path) -> None:
    engine = FakeEngine()
    marker.write(engine, Marker("rofecare", tmp_path / "elsewhere", "an-id"))
    with pytest.raises(SettingsError) as refusal:
        drain(takeover.first_release(settings_of(root), engine))
    assert str(tmp_path / "elsewhere") in refusal.value.seen
    assert (root / "docker" / "secrets" / "redis_password").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_state_folder_that_root_makes_belongs_to_the_owner_of_the_checkout(root: Path, tmp_path: Path) -> None:
    os.chown(root, 4242, 4343)
    taken_over(root, FakeEngine())
    for path in ("", "secrets", "secrets/redis_password", "settings.env", "upgrade-rofecare.json"):
        assert (tmp_path / "state" / path).stat().st_uid == 4242, path

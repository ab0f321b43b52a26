"""A release: complete when it has its name, the same for the same software, and usable without the checkout."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from rofecare_infra.errors import SettingsError
from rofecare_infra.project import release
from rofecare_infra.project.software import interpreter, settings_of_the_site
from rofecare_infra.settings import load, read
from tests.support.project import REPOSITORY

ENV = "# ports\nGATEWAY_PORT=9000\nIMAGES=auto\nMY_OWN=1\n"


def checkout(folder: Path) -> Path:
    (folder / "docker" / "config").mkdir(parents=True)
    (folder / "docker" / "secrets").mkdir()
    (folder / "docker" / "secrets" / "redis_password").write_text("x")
    (folder / "docker" / "docker-compose.yml").write_text("services: {}\n")
    (folder / "docker" / "docker-compose.override.yml").write_text("services: {}\n")
    start = folder / "docker" / "config" / "start.sh"
    start.write_text("echo\n")
    start.chmod(0o700)
    (folder / "monitoring").mkdir()
    (folder / "monitoring" / "runbook.md").write_text("# Runbook\n")
    (folder / "tasks.py").write_text((REPOSITORY / "tasks.py").read_text())
    (folder / ".env").write_text(ENV)
    (folder / "docker" / ".env").symlink_to("../.env")
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkout(tmp_path_factory.mktemp("site") / "checkout")


@pytest.fixture(scope="module")
def written(root: Path) -> release.Release:
    return release.write(root, root.parent / "state", "ward")


def test_it_holds_the_software_and_nothing_of_the_site(written: release.Release) -> None:
    docker = written.folder / "docker"
    assert (docker / "config" / "start.sh").stat().st_mode & 0o777 == 0o755
    assert (docker / "docker-compose.yml").stat().st_mode & 0o777 == 0o644
    # `inv alerts` shows its sections.
    assert (written.folder / "monitoring" / "runbook.md").exists()
    assert json.loads((written.folder / "release.json").read_text())["project"] == "ward"
    # Links to the state folder, where none of it exists yet.
    assert os.path.realpath(docker / "secrets") == str(written.state_folder / "secrets")
    assert not (docker / "docker-compose.override.yml").exists()
    assert not (docker / ".env").exists()
    assert (written.folder / ".env").read_text() == "# ports\nGATEWAY_PORT=8080\nIMAGES=auto\n"


def test_the_defaults_lead_to_the_state_folder(written: release.Release) -> None:
    settings, problems = load(written.folder, {})
    assert problems == ()
    state = written.state_folder
    assert (settings.state_folder, settings.site_folder) == (state, state)
    assert (settings.secrets_folder, settings.backup_folder) == (state / "secrets", state / "backups")
    assert (settings.project, settings.file) == ("ward", state / "settings.env")


def test_the_settings_of_the_site_win_over_the_release_and_the_environment_over_both(
    written: release.Release,
) -> None:
    site = written.state_folder / "settings.env"
    site.write_text("GATEWAY_PORT=9000\nIMAGES=packages\n")
    settings, problems = load(written.folder, {"IMAGES": "registry"})
    assert problems == ()
    assert (settings.get("GATEWAY_PORT"), settings.values["GATEWAY_PORT"].where) == ("9000", "settings.env line 1")
    assert settings.images == "registry"
    site.unlink()


def test_a_release_belongs_to_one_project(written: release.Release) -> None:
    _, problems = load(written.folder, {"COMPOSE_PROJECT_NAME": "other"})
    assert [str(one) for one in problems] == [
        "the environment: COMPOSE_PROJECT_NAME is 'other'; expected ward, as this release"
    ]


def test_the_same_software_is_the_same_release(root: Path, written: release.Release) -> None:
    assert release.write(root, written.state_folder, "ward") == written
    assert [path.name for path in written.folder.parent.iterdir()] == [written.id]


def test_its_tasks_run_without_the_checkout(written: release.Release, tmp_path: Path) -> None:
    release.switch(written.state_folder, written)
    program = release.launcher(written.state_folder)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    script = f"exec {program} --list"
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert "start-all" in done.stdout
    assert str(REPOSITORY) not in program.read_text()
    # The manifest of a backup contains the version of the tasks.
    words = ["-c", "from importlib.metadata import version; print(version('rofecare-infra'))"]
    python = {**environment, "PYTHONPATH": str(written.folder / "packages")}
    done = subprocess.run(
        [interpreter(), "-P", *words], cwd=tmp_path, env=python, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip()
    compiled = list(written.folder.rglob("scripts/rofecare_infra/__pycache__/*.pyc"))
    assert compiled, "every start would compile it again"


def test_the_link_is_switched_and_back(tmp_path: Path) -> None:
    state = tmp_path
    two = [state / "releases" / name for name in ("one", "two")]
    for folder in two:
        folder.mkdir(parents=True)
        (folder / "release.json").write_text("{}")
    assert release.current(state) is None
    first, second = (release.find(state, folder.name) for folder in two)
    assert first is not None
    assert second is not None
    for chosen in (first, second, first):
        release.switch(state, chosen)
        assert release.current(state) == chosen
    (state / "releases" / ".draft-1234").mkdir()
    # A container that the engine restarts needs its files.
    assert release.prune(state, [], [str(two[1] / "docker" / "start.sh")]) == ()
    assert release.prune(state, []) == ("two",)
    assert [path.name for path in (state / "releases").iterdir()] == ["one"]


def test_an_interrupted_release_leaves_nothing_that_counts(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "sync", fail)
    with pytest.raises(KeyboardInterrupt):
        release.write(root, tmp_path, "ward")
    assert list((tmp_path / "releases").iterdir()) == []


def test_a_state_folder_that_cannot_be_written_to_names_the_command(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be used"):
        release.write(root, tmp_path / "file", "ward")
    denied = PermissionError(13, "Permission denied", str(tmp_path))
    assert release.unusable(tmp_path / "missing", denied).next_step.startswith("as root: install -d -o ")
    # A second user never takes the folder from its owner.
    assert release.unusable(tmp_path, denied).next_step.startswith("run the command as ")


def test_variables_for_compose_by_hand(written: release.Release) -> None:
    values = {"B": 'it\'s $5 "x"', "A": "$x y", "C": ""}
    release.write_variables(written, values)
    path = written.folder / "docker" / ".env"
    assert {name: one.value for name, one in read(path)[0].items()} == values
    path.unlink()


def test_what_the_site_changed(root: Path) -> None:
    assert settings_of_the_site(root / ".env") == {"GATEWAY_PORT": "9000", "MY_OWN": "1"}

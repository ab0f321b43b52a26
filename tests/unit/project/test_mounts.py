"""Files of the software that containers mount become readable for every user, whatever umask they were created with."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra.project import Project, mounts
from tests.support.fakes import FakeEngine, project_of


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A checkout that was cloned with umask 077, with a secret beside its files."""
    config = tmp_path / "docker" / "config"
    (config / "alerts").mkdir(parents=True)
    for name in ("metrics.yml", "start.sh", "alerts/host.yml"):
        (config / name).write_text("x")
        (config / name).chmod(0o600)
    (config / "start.sh").chmod(0o700)
    (config / "alerts").chmod(0o700)
    secret = tmp_path / "docker" / "secrets" / "password"
    secret.parent.mkdir(mode=0o700)
    secret.write_text("x")
    secret.chmod(0o600)
    project = project_of([], FakeEngine())
    settings = replace(project.settings, root=tmp_path)
    files = (config / "metrics.yml", config / "start.sh", config / "alerts", secret, Path("/proc/version"))
    sources = replace(project.sources, platform=replace(project.platform, files=files))
    return replace(project, settings=settings, sources=sources)


def modes(project: Project) -> dict[str, int]:
    folder = project.settings.docker_folder
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


def test_a_start_makes_mounted_files_readable_and_leaves_secrets_alone(project: Project) -> None:
    assert mounts.open_up(project) == 4
    assert modes(project) == {
        "config": modes(project)["config"],
        "config/metrics.yml": 0o644,
        "config/start.sh": 0o755,
        "config/alerts": 0o755,
        "config/alerts/host.yml": 0o644,
        "secrets": 0o700,
        "secrets/password": 0o600,
    }
    assert mounts.open_up(project) == 0
    assert list(mounts.problems(project)) == []


def test_what_a_start_can_change_is_no_problem(project: Project) -> None:
    assert list(mounts.problems(project)) == []


def test_files_of_another_owner_are_a_problem(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def chmod(path: Path, _mode: int) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(Path, "chmod", chmod)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert mounts.open_up(project) == 0
    (found,) = mounts.problems(project)
    assert found.where.endswith("docker/config/metrics.yml")
    assert found.what == "users of containers cannot read it, nor 3 others (mode 0600)"
    assert "chmod -R a+rX" in found.expected

"""What a unit repeats of the environment: what no file has, and paths that are the same for everybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from rofecare_infra.hosting import Inherited, inherited
from rofecare_infra.settings import load


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "docker").mkdir()
    names = "${ALERT_WEBHOOK} ${WORKSPACE} ${TLS_HOST} ${GATEWAY_ADDRESS} ${A_PORT:-80}"
    (tmp_path / "docker/docker-compose.yml").write_text(f"services: {{x: {{image: '{names}'}}}}")
    (tmp_path / ".env").write_text("BACKUP_KEEP_DAYS=9\nGATEWAY_ADDRESS=[::1]\nBACKUP_COPY_TO=/mnt/two\nTLS_HOST=his\n")
    monkeypatch.setenv("HOME", "/home/asks")
    return tmp_path


def of(root: Path, **environ: str) -> Inherited:
    settings, problems = load(root, environ)
    assert problems == ()
    return inherited(settings, environ)


def test_only_what_differs_from_the_files(root: Path) -> None:
    found = of(root, BACKUP_DIR="/mnt/usb", BACKUP_KEEP_DAYS="9", GATEWAY_ADDRESS="::1", A_PORT="80", OTHER="x")
    assert found == Inherited({"BACKUP_DIR": "/mnt/usb"})
    assert str(found) == "with BACKUP_DIR=/mnt/usb, from the environment"
    assert str(of(root)) == ""


def test_an_empty_value_hides_that_of_the_file(root: Path) -> None:
    assert of(root, BACKUP_COPY_TO="", TLS_HOST="") == Inherited({"BACKUP_COPY_TO": "", "TLS_HOST": ""})


def test_paths_are_absolute(root: Path) -> None:
    found = of(root, BACKUP_DIR="~/b", BACKUP_COPY_TO="~/c", BACKUP_KEY_FILE="../k", WORKSPACE="..")
    assert found.plain == {
        "BACKUP_DIR": "/home/asks/b",
        "BACKUP_COPY_TO": "/home/asks/c",
        "BACKUP_KEY_FILE": str(root / "k"),
        "WORKSPACE": str(root),
    }
    assert of(root, BACKUP_COPY_TO="me@[::1]:b").plain == {"BACKUP_COPY_TO": "me@[::1]:b"}


def test_secret_values_are_apart_and_not_shown(root: Path) -> None:
    found = of(root, ALERT_WEBHOOK="https://hooks.example/T", BACKUP_DIR="/b")
    assert found.secret == {"ALERT_WEBHOOK": "https://hooks.example/T"}
    assert str(found) == "with ALERT_WEBHOOK=***, BACKUP_DIR=/b, from the environment"
    assert "hooks" not in repr(found)


def test_the_engine_is_the_one_of_the_command(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert of(root, DOCKER_HOST="ssh://me@nas", DOCKER_CERT_PATH="certs", DOCKER_CONTEXT="") == Inherited(
        {"DOCKER_CERT_PATH": str(root / "certs"), "DOCKER_HOST": "ssh://me@nas"}
    )

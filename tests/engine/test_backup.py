"""Backups of real databases: what they hold, what becomes of them when something is wrong."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import leftovers, listed, newest
from tests.support.databases import EVERYTHING, SECRETS, postgres, sql
from tests.support.images import POSTGRES, ensure
from tests.support.project import Project, check

Json = dict[str, Any]
ODD = "Odd 'two \"x"


@pytest.fixture(scope="module")
def project(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Two servers, one with everything that a database can hold, one with a name that has to be quoted."""
    assert engine is not None
    ensure(POSTGRES)
    services = {"one-db": postgres("one", "one"), "two-db": postgres(ODD, "two")}
    project = Project(
        tmp_path_factory.mktemp("backup") / "p", services, volumes={"one": {}, "two": {}}, secrets=SECRETS
    )
    project.environment["GATE_TIMEOUT"] = "120"
    key = project.root / "key"
    key.write_text("0123456789abcdef0123456789abcdef")
    project.environment["BACKUP_KEY_FILE"] = str(key)
    try:
        check(project.inv("start-all"), 0)
        sql(project, "one-db", "one", EVERYTHING)
        sql(project, "two-db", ODD, "CREATE TABLE x AS SELECT n FROM generate_series(1, 100) n")
        yield project
    finally:
        project.clean()


@pytest.fixture(scope="module")
def taken(project: Project) -> Path:
    """One good backup."""
    check(project.inv("backup"), 0, "secrets encrypted")
    return newest(project)


@pytest.fixture
def copy(taken: Path) -> Iterator[Path]:
    """A copy of it, for a test to spoil: an hour older, so that no backup taken meanwhile finds it expired."""
    spoilt = taken.with_name(f"{datetime.now(UTC) - timedelta(hours=1):%Y%m%dT%H%M%SZ}")
    shutil.copytree(taken, spoilt)
    (spoilt / "verified.json").unlink(missing_ok=True)
    yield spoilt
    shutil.rmtree(spoilt)


def test_everything_comes_out_equal(project: Project, taken: Path) -> None:
    check(project.inv("verify-backup"), 0, "one-db: one restored, 8 tables with 1209 rows are equal", "two-db: Odd")
    assert listed(project)[-1]["verified"]
    assert leftovers(project) == []
    tables = json.loads((taken / "manifest.json").read_text())["databases"][0]["facts"]["tables"]
    assert tables["public.patients"]["rows"] == 500
    assert tables["public.visits_2"]["rows"] == 335


def test_no_secret_is_in_it_unencrypted(project: Project, taken: Path) -> None:
    secret = (project.root / "docker/secrets/db_password").read_bytes()
    for path in taken.iterdir():
        content = path.read_bytes()
        assert secret not in content, path.name
        assert b"SCRAM-SHA-256$" not in content, path.name
    assert taken.stat().st_mode & 0o077 == 0


def test_the_secrets_are_laid_open_with_the_key_alone(project: Project, taken: Path, tmp_path: Path) -> None:
    check(project.inv("unpack-backup", taken.name, "--to", str(tmp_path / "open")), 0)
    secret = (project.root / "docker/secrets/db_password").read_text()
    assert (tmp_path / "open/secrets/db_password").read_text() == secret
    assert "SCRAM-SHA-256$" in (tmp_path / "open/roles/one-db.sql").read_text()
    assert (tmp_path / "open/configuration/docker/docker-compose.yml").exists()
    assert (tmp_path / "open").stat().st_mode & 0o077 == 0
    key = project.environment.pop("BACKUP_KEY_FILE")
    try:
        check(project.inv("unpack-backup", taken.name, "--to", str(tmp_path / "shut")), 0, "secrets not unpacked")
    finally:
        project.environment["BACKUP_KEY_FILE"] = key
    assert not (tmp_path / "shut/secrets").exists()
    check(project.inv("unpack-backup", taken.name, "--to", str(tmp_path / "shut")), 2, "already exists")


def test_content_that_differs_is_no_verified_backup(project: Project, copy: Path) -> None:
    """Every checksum of a file is right, and the dump is one of other content: only the comparison shows it."""
    sql(project, "two-db", ODD, "UPDATE x SET n = 1000 WHERE n = 7")
    try:
        check(project.inv("backup"), 0)
    finally:
        sql(project, "two-db", ODD, "UPDATE x SET n = 7 WHERE n = 1000")
    other = newest(project)
    manifest = json.loads((copy / "manifest.json").read_text())
    name = next(one["file"] for one in manifest["databases"] if one["service"] == "two-db")
    shutil.copy(other / name, copy / name)
    shutil.rmtree(other)
    content = (copy / name).read_bytes()
    manifest["files"][name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    text = json.dumps(manifest)
    (copy / "manifest.json").write_text(text)
    (copy / "manifest.sha256").write_text(f"{hashlib.sha256(text.encode()).hexdigest()}  manifest.json\n")
    check(project.inv("verify-backup", copy.name), 8, name, "public.x has other content")
    assert not (copy / "verified.json").exists()
    assert leftovers(project) == []


KINDS = pytest.mark.parametrize(
    "kind", [".dump", ".roles.sql", "manifest.json", "manifest.sha256", "configuration.tar", "secrets.sealed"]
)


@KINDS
def test_one_byte_that_changed(project: Project, copy: Path, kind: str) -> None:
    path = next(path for path in sorted(copy.iterdir()) if path.name.endswith(kind))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x20
    path.write_bytes(content)
    check(project.inv("verify-backup", copy.name), 8, path.name)
    assert not (copy / "verified.json").exists()


@KINDS
@pytest.mark.parametrize("left", [None, 0, 0.5], ids=["missing", "empty", "half"])
def test_a_file_that_is_not_all_there(project: Project, copy: Path, kind: str, left: float | None) -> None:
    path = next(path for path in sorted(copy.iterdir()) if path.name.endswith(kind))
    content = path.read_bytes()
    path.unlink()
    if left is not None:
        path.write_bytes(content[: int(len(content) * left)])
    check(project.inv("verify-backup", copy.name), 8, path.name)
    if kind == ".dump":
        check(project.inv("restore", copy.name), 8, path.name)
    assert not (copy / "verified.json").exists()
    assert leftovers(project) == []


def test_a_backup_of_another_project(project: Project, copy: Path) -> None:
    """Whole, and with checksums that are right: but not of this one."""
    manifest = json.loads((copy / "manifest.json").read_text())
    text = json.dumps(manifest | {"project": "another-project"})
    (copy / "manifest.json").write_text(text)
    (copy / "manifest.sha256").write_text(f"{hashlib.sha256(text.encode()).hexdigest()}  manifest.json\n")
    check(project.inv("restore", copy.name), 8, "another-project")
    check(project.inv("verify-backup", copy.name), 8, "another-project")
    assert leftovers(project) == []


@pytest.mark.usefixtures("taken")
def test_a_database_that_is_down(project: Project) -> None:
    before = listed(project)
    project.docker("stop", f"{project.name}-two-db-1")
    try:
        check(project.inv("backup"), 8, "two-db", "its container is exited")
    finally:
        project.docker("start", f"{project.name}-two-db-1")
        check(project.inv("start-all"), 0)
    assert [one["id"] for one in listed(project)] == [one["id"] for one in before]
    assert leftovers(project) == []


@pytest.mark.usefixtures("taken")
def test_interrupted_while_verifying_nothing_stays(project: Project) -> None:
    with project.popen("verify-backup") as running:
        end = time.monotonic() + 60
        while not leftovers(project):
            assert time.monotonic() < end
        running.send_signal(signal.SIGTERM)
        output, _ = running.communicate(timeout=60)
    check((running.returncode, output), 130)
    assert leftovers(project) == []


def test_a_backup_without_any_database(engine: object, tmp_path: Path) -> None:
    assert engine is not None
    project = Project(tmp_path / "p", {})
    check(project.inv("backup"), 8, "there is nothing to back up")
    check(project.inv("verify-backup"), 8, "there is no backup")

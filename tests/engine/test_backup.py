"""Backups of real databases: what they hold, what becomes of them when something is wrong."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyrage import encrypt, x25519

from rofecare_infra.backup import key
from tests.support.backups import decrypted, key_of, leftovers, listed, newest
from tests.support.databases import EVERYTHING, SECRETS, postgres, sql
from tests.support.images import POSTGRES, ensure
from tests.support.project import Project, check

Json = dict[str, Any]
ODD = "Odd 'two \"x"


def sign(project: Project, folder: Path, text: str) -> None:
    """Replace the manifest as someone does who has the key."""
    settings = SimpleNamespace(backup_key_file=key_of(project), backup_folder=project.root / "backups")
    (folder / "manifest.json").write_text(text)
    (folder / "manifest.hmac").write_text(f"{key.key_of(settings).mac(text.encode())}\n")  # type: ignore[arg-type]


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
    try:
        check(project.inv("start-all"), 0)
        sql(project, "one-db", "one", EVERYTHING)
        sql(project, "two-db", ODD, "CREATE TABLE x AS SELECT n FROM generate_series(1, 100) n")
        yield project
    finally:
        project.clean()


@pytest.fixture(scope="module")
def taken(project: Project) -> Path:
    """One good backup; the first one creates the key."""
    check(project.inv("backup"), 0, f"created the key of the backups: {key_of(project)}")
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
    tables = json.loads(decrypted(project, taken / "one-db.one.facts.json.age"))["facts"]["tables"]
    assert tables["public.patients"]["rows"] == 500
    assert tables["public.visits_2"]["rows"] == 335


def test_no_content_is_in_it_unencrypted(project: Project, taken: Path) -> None:
    secret = (project.root / "docker/secrets/db_password").read_bytes()
    for path in taken.iterdir():
        content = path.read_bytes()
        for word in (secret, b"SCRAM-SHA-256$", b"PGDMP", b"CREATE ", b"patients"):
            assert word not in content, path.name
        assert content.startswith(b"age-encryption.org/") == (path.suffix == ".age"), path.name
    assert taken.stat().st_mode & 0o077 == 0


def test_secrets_and_roles_are_unpacked_with_the_key(project: Project, taken: Path, tmp_path: Path) -> None:
    check(project.inv("unpack-backup", taken.name, "--to", str(tmp_path / "open")), 0)
    secret = (project.root / "docker/secrets/db_password").read_text()
    assert (tmp_path / "open/secrets/db_password").read_text() == secret
    assert "SCRAM-SHA-256$" in (tmp_path / "open/roles/one-db.sql").read_text()
    assert (tmp_path / "open/configuration/docker/docker-compose.yml").exists()
    assert (tmp_path / "open").stat().st_mode & 0o077 == 0
    check(project.inv("unpack-backup", taken.name, "--to", str(tmp_path / "open")), 2, "already exists")


def test_a_dump_is_restored_without_this_software(project: Project, taken: Path) -> None:
    """As documented: age and pg_restore alone."""
    container = ["docker", "exec", "-i", f"{project.name}-two-db-1"]
    subprocess.run([*container, "createdb", "-U", "rofecare", "byhand"], check=True)
    age = subprocess.Popen(
        ["age", "--decrypt", "--identity", str(key_of(project)), str(taken / "two-db.Odd%20%27two%20%22x.dump.age")],
        stdout=subprocess.PIPE,
    )
    with age:
        subprocess.run([*container, "pg_restore", "-U", "rofecare", "-d", "byhand"], stdin=age.stdout, check=True)
    try:
        assert sql(project, "two-db", "byhand", "SELECT sum(n) FROM x") == "5050"
    finally:
        subprocess.run([*container, "dropdb", "-U", "rofecare", "byhand"], check=True)


def test_another_key_or_none(project: Project, copy: Path, tmp_path: Path) -> None:
    """The backup was made with one key; the machine has another one, or has lost it."""
    other = tmp_path / "other.key"
    other.write_text(f"{x25519.Identity.generate()}\n")
    project.environment["BACKUP_KEY_FILE"] = str(other)
    try:
        for task in ("verify-backup", "restore"):
            check(project.inv(task, copy.name), 8, "was not made with the key of this platform", "manifest.hmac")
        other.unlink()
        check(project.inv("restore", copy.name), 3, "the key of the backups cannot be used", str(other))
        check(project.inv("backup"), 3, "the key of the backups cannot be used", str(other))
    finally:
        del project.environment["BACKUP_KEY_FILE"]
    assert not other.exists()
    assert leftovers(project) == []


def test_a_consistent_change_of_someone_without_the_key(project: Project, copy: Path) -> None:
    """The public key is in the manifest: files, sizes and digests all match each other."""
    name = next(path for path in copy.iterdir() if path.name.endswith(".roles.sql.age")).name
    recipient = x25519.Recipient.from_str(json.loads((copy / "manifest.json").read_text())["recipient"])
    content = encrypt(b"CREATE ROLE intruder SUPERUSER LOGIN;\n", [recipient])
    (copy / name).write_bytes(content)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"][name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    for service in manifest["servers"].values():
        service["roles"].append("intruder")
    text = json.dumps(manifest, indent=1)
    (copy / "manifest.json").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    for task in ("verify-backup", "restore"):
        check(project.inv(task, copy.name), 8, "or was changed")
    (copy / "manifest.hmac").write_text(f"{digest}\n")
    check(project.inv("restore", copy.name), 8, "or was changed")
    # As a backup of an earlier version it does not pass, either.
    (copy / "manifest.hmac").unlink()
    (copy / "manifest.sha256").write_text(f"{digest}  manifest.json\n")
    check(project.inv("restore", copy.name, "--unencrypted"), 8, "is damaged")
    assert sql(project, "one-db", "one", "SELECT count(*) FROM pg_roles WHERE rolname = 'intruder'") == "0"
    assert leftovers(project) == []


def test_content_that_differs_is_no_verified_backup(project: Project, copy: Path) -> None:
    """The backup is authentic, and its dump has other content than was recorded: only the comparison shows it."""
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
    sign(project, copy, json.dumps(manifest))
    check(project.inv("verify-backup", copy.name), 8, name, "public.x has other content")
    assert not (copy / "verified.json").exists()
    assert leftovers(project) == []


KINDS = pytest.mark.parametrize(
    "kind", [".dump.age", ".facts.json.age", ".roles.sql.age", "manifest.json", "manifest.hmac", "secrets.tar.age"]
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
    if kind == ".dump.age":
        check(project.inv("restore", copy.name), 8, path.name)
    assert not (copy / "verified.json").exists()
    assert leftovers(project) == []


def test_a_backup_of_another_project(project: Project, copy: Path) -> None:
    """Whole, and with checksums that are right: but not of this one."""
    manifest = json.loads((copy / "manifest.json").read_text())
    sign(project, copy, json.dumps(manifest | {"project": "another-project"}))
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


def test_a_backup_from_the_future_removes_nothing_and_is_not_the_newest_for_ever(project: Project, taken: Path) -> None:
    """It was taken while the clock was ten years ahead and nothing contradicted it."""
    made = []
    for name, sequence in (("20200101T000000Z", 0), ("20360101T000000Z", 900)):
        made.append(taken.with_name(name))
        shutil.copytree(taken, made[-1])
        (made[-1] / "verified.json").unlink(missing_ok=True)
        fields = json.loads((taken / "manifest.json").read_text())
        sign(project, made[-1], json.dumps(fields | {"id": name, "sequence": sequence}))
    project.environment |= {"BACKUP_KEEP_DAYS": "1", "BACKUP_KEEP_COUNT": "1"}
    try:
        answer = project.inv("backup")
        check(answer, 8, "the clock cannot be right", "before the newest backup", "inv backup --accept-clock")
        marked = listed(project)[-1]
        assert (marked["sequence"], bool(marked["clock"])) == (901, True)
        assert all(one.exists() for one in made)
        check(project.inv("backup", "--accept-clock"), 0, "backup 20200101T000000Z removed")
        accepted = listed(project)[-1]
        assert (accepted["sequence"], accepted["clock"], accepted["platform"]) == (902, None, marked["platform"])
        assert taken.exists()
        check(project.inv("backups"), 0, "CLOCK: the clock shows")
    finally:
        del project.environment["BACKUP_KEEP_DAYS"], project.environment["BACKUP_KEEP_COUNT"]
        for one in made:
            shutil.rmtree(one, ignore_errors=True)

"""Restores of real databases: the new state or the old one, never a mix, whatever happens on the way."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import decrypted, key_of, listed, newest
from tests.support.databases import EVERYTHING, SECRETS, postgres, sql
from tests.support.images import POSTGRES, ensure
from tests.support.project import FOREVER, Project, check, service
from tests.support.rounds import ROUNDS
from tests.support.terminal import Terminal

Json = dict[str, Any]
DATABASES = {"one-db": "one", "two-db": "two", "three-db": "three"}


def make(folder: Path) -> Project:
    """Three databases, a shop that uses two of them, and an ingress in front of it."""
    needs = {"one-db": {"condition": "service_healthy"}, "two-db": {"condition": "service_healthy"}}
    polite = f"trap 'exit 0' TERM; {FOREVER}"
    services = {
        **{name: postgres(database, database) for name, database in DATABASES.items()},
        "shop": service(polite, phase="business", depends_on=needs, restart="always"),
        "ingress": service(polite, phase="spring-cloud", restart="always"),
    }
    services["ingress"]["labels"]["com.rofecare.entry"] = "true"
    volumes: dict[str, object] = {database: {} for database in DATABASES.values()}
    project = Project(folder, services, volumes=volumes, secrets=SECRETS)
    project.environment["GATE_TIMEOUT"] = "120"
    return project


@pytest.fixture(scope="module")
def project(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The platform of these tests, with the mark `first` in all of its databases, and a backup of that."""
    assert engine is not None
    ensure(POSTGRES)
    project = make(tmp_path_factory.mktemp("restore") / "p")
    try:
        check(project.inv("start-all"), 0)
        for name, database in DATABASES.items():
            sql(project, name, database, EVERYTHING if name == "one-db" else "CREATE TABLE x (n int)")
            sql(project, name, database, "CREATE TABLE mark AS SELECT 'first' AS mark")
        check(project.inv("backup"), 0)
        yield project
    finally:
        project.clean()


@pytest.fixture
def first(project: Project) -> str:
    """The id of the backup of the first state; the databases are in another one."""
    change(project, "second")
    return str(listed(project)[0]["id"])


def change(project: Project, mark: str) -> None:
    for name, database in DATABASES.items():
        sql(project, name, database, f"UPDATE mark SET mark = '{mark}'")  # noqa: S608 - a word of this file


def marks(project: Project) -> dict[str, str]:
    return {name: sql(project, name, database, "SELECT mark FROM mark") for name, database in DATABASES.items()}


def everywhere(mark: str) -> dict[str, str]:
    return dict.fromkeys(DATABASES, mark)


def reachable(project: Project) -> set[str]:
    """The states that a client sees now, in the databases that let it in."""
    found = set()
    for name, database in DATABASES.items():
        container = f"{project.name}-{name}-1"
        argv = ["docker", "exec", container, "psql", "-XAtU", "rofecare", "-d", database, "-c", "SELECT mark FROM mark"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            found.add(done.stdout.strip())
    return found


def traces(project: Project) -> str:
    """Databases beside ours."""
    query = """
        SELECT datname FROM pg_database
        WHERE datname LIKE 'rofecare_restore%' OR NOT datallowconn AND datname <> 'template0'
    """
    return "".join(sql(project, name, "template1", query) for name in DATABASES)


def test_the_state_of_the_backup_is_back_and_the_other_one_kept(project: Project, first: str) -> None:
    secret = (project.root / "docker/secrets/db_password").read_text()
    check(project.inv("restore", first), 0, "restored: backup " + first, "3 databases came out equal")
    assert marks(project) == everywhere("first")
    assert traces(project) == ""
    assert sql(project, "one-db", "one", "SHOW work_mem") == "7MB"
    for name in ("shop", "ingress"):
        assert project.inspect(name)["State"]["Health"]["Status"] == "healthy"
    assert (project.root / "docker/secrets/db_password").read_text() == secret
    safety = listed(project)[-1]
    assert safety["reason"] == f"before the restore of {first}"
    check(project.inv("restore", safety["id"]), 0)
    assert marks(project) == everywhere("second")


def test_one_service_alone(project: Project, first: str) -> None:
    check(project.inv("restore", first, "--only", "shop"), 0, "2 databases came out equal")
    # The backup before it does not count as one of the whole platform.
    assert list(listed(project)[-1]["missing"]) == ["three-db"]
    assert marks(project) == {"one-db": "first", "two-db": "first", "three-db": "second"}
    check(project.inv("restore", first, "--only", "three-db"), 0, "1 databases came out equal")
    assert marks(project) == everywhere("first")
    check(project.inv("restore", first, "--only", "ingress"), 2, "ingress has no database")
    check(project.inv("restore", first, "--only", "unknown"), 2)


def test_a_service_that_does_not_get_ready_brings_the_old_state_back(project: Project, first: str) -> None:
    sick = {"services": {"shop": {"healthcheck": {"test": ["CMD-SHELL", "false"]}}}}
    project.write("docker-compose.override.yml", sick)
    try:
        project.environment["GATE_TIMEOUT"] = "12"
        check(project.inv("restore", first), 6, "shop is not ready", "rolled back to the old state")
        assert marks(project) == everywhere("second")
        assert traces(project) == ""
    finally:
        project.environment["GATE_TIMEOUT"] = "120"
        (project.root / "docker/docker-compose.override.yml").unlink()
    check(project.inv("start-all"), 0)


@pytest.mark.full
def test_a_decided_restore_goes_forward(project: Project, first: str) -> None:
    journal = project.root / ".rofecare" / f"restore-{project.name}.json"
    with project.popen("restore", first) as running:
        end = time.monotonic() + 200
        while not (journal.exists() and '"finishing"' in journal.read_text()):
            assert running.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
        running.kill()
    assert reachable(project) == {"first"}
    # The previous data is backed up before it is dropped, also here.
    known = len(listed(project))
    check(project.inv("start-all"), 0, "was interrupted: completing it", "taken of the previous data", "up: 5 of 5")
    assert marks(project) == everywhere("first")
    assert traces(project) == ""
    safety = listed(project)[known:]
    assert [one["reason"] for one in safety] == [f"before the restore of {first}"]
    check(project.inv("restore", safety[0]["id"]), 0)
    assert marks(project) == everywhere("second")


def test_a_backup_that_is_damaged_changes_nothing(project: Project, first: str) -> None:
    path = next((project.root / "backups" / project.name / first).glob("two-db*.dump.age"))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    before = {name: project.inspect(name)["Id"] for name in (*DATABASES, "shop")}
    try:
        check(project.inv("restore", first), 8, path.name)
    finally:
        path.write_bytes(content)
    assert {name: project.inspect(name)["Id"] for name in before} == before
    assert marks(project) == everywhere("second")


@pytest.mark.timeout(300 * (ROUNDS + 2))
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
@pytest.mark.parametrize(
    "moments",
    [
        pytest.param([0.5], id="once"),
        pytest.param([random.uniform(0.1, 1.0) for _ in range(ROUNDS)], id="random", marks=pytest.mark.soak),  # noqa: S311 - no secret
    ],
)
def test_an_interrupted_restore_leaves_one_state_or_the_other(
    project: Project, first: str, sign: int, moments: list[float]
) -> None:
    began = time.monotonic()
    check(project.inv("restore", first, timeout=600), 0)
    takes = time.monotonic() - began
    seen = []
    for part in moments:
        change(project, "second")
        moment = part * takes
        with project.popen("restore", first) as running:
            try:
                running.wait(moment)
            except subprocess.TimeoutExpired:
                running.send_signal(sign)
            output, _ = running.communicate(timeout=600)
        assert "Traceback" not in output
        states = reachable(project)
        assert len(states) <= 1, (moment, states, output)
        if sign == signal.SIGTERM and running.returncode == 130:
            # At once, without another command.
            assert states == {"second"}, output
        if sign == signal.SIGKILL and "shop" not in up(project):
            # Nor does the engine bring up what was stopped.
            assert not project.docker("ps", "-aq", "--filter", f"name={project.name}-shop-1")
        check(project.inv("start-all", timeout=600), 0)
        found = marks(project)
        assert found in (everywhere("first"), everywhere("second")), (moment, found, output)
        assert traces(project) == ""
        seen.append((round(moment / takes, 2), found["one-db"]))
    # Shown by `pytest -s`, and when it fails.
    print(f"a restore takes {takes:.1f} s; interrupted at (part, state afterwards): {seen}")  # noqa: T201


def up(project: Project) -> list[str]:
    return project.docker(
        "ps", "--format", '{{.Label "com.docker.compose.service"}}', "--filter", f"name={project.name}"
    ).split()


def test_another_project_as_on_a_new_server(project: Project, first: str, tmp_path: Path) -> None:
    other = make(tmp_path / "new")
    folder = project.root / "backups" / project.name / first
    try:
        # Nothing runs there yet, and there are no secrets; a copy of the key is there.
        key_of(other).parent.mkdir()
        shutil.copy(key_of(project), key_of(other))
        check(other.inv("restore", str(folder)), 8, f"project {project.name}")
        check(other.inv("restore", str(folder), "--from-project", project.name), 0, "3 databases came out equal")
        assert marks(other) == everywhere("first")
        check(other.inv("start-all"), 0, "up: 5 of 5")
        # As new as it is, its own backup has the same content.
        check(other.inv("backup"), 0)
        mine, theirs = facts(project, folder), facts(other, newest(other))
        assert mine == theirs
        assert "public.patients" in mine["one-db/one"]["tables"]
    finally:
        other.clean()


def facts(project: Project, folder: Path) -> dict[str, Json]:
    manifest = json.loads((folder / "manifest.json").read_text())
    return {
        f"{one['service']}/{one['name']}": json.loads(decrypted(project, folder / one["description"]))["facts"]
        for one in manifest["databases"]
    }


@pytest.mark.full
def test_a_restore_whose_terminal_is_gone_is_rolled_back_and_says_so(project: Project, first: str) -> None:
    journal = Path(project.root, ".rofecare", f"restore-{project.name}.json")
    with Terminal(project, "restore", first) as terminal:
        terminal.read_until(journal.exists)
        terminal.hang_up()
        assert terminal.process.wait(200) == 130
    assert marks(project) == everywhere("second")
    assert traces(project) == ""
    assert {"shop", "ingress"} <= set(up(project))
    assert not journal.exists()
    noted = (f"note: inv restore --id={first} (user ", "was interrupted by SIGHUP", "the restore is rolled back")
    check(project.inv("backups"), 0, *noted)
    assert "note:" not in project.inv("backups")[1], "it is shown once"
    outcome = project.inv("status")
    check(outcome, 0, *noted)
    assert "unfinished restore" not in outcome[1]


@pytest.mark.full
def test_a_restore_without_a_terminal_continues_to_its_end(project: Project, first: str) -> None:
    """Started with nohup; its output fails from the second line on."""
    with Terminal(project, "restore", first, ignore_hangup=True) as terminal:
        terminal.read_until(lambda: bool(terminal.output))
        terminal.hang_up()
        assert terminal.process.wait(200) == 0
    assert marks(project) == everywhere("first")
    check(project.inv("status"), 0, "could not write its output", "it ended with exit code 0: completed")

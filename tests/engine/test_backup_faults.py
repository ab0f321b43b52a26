"""Backups that are killed, that find no room, or that Kafka is in: nothing half looks whole, nothing is lost."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from rofecare_infra.backup.server import Server
from rofecare_infra.process import to_end, transfer
from tests.support.backups import leftovers, listed
from tests.support.databases import SECRETS, postgres, sql
from tests.support.images import POSTGRES, ensure
from tests.support.project import FOREVER, Project, check, service
from tests.support.rounds import ROUNDS

BUSY = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name IN ('pg_dump', 'psql') AND pid <> pg_backend_pid()
"""
QUERY = "SELECT count(*), sum(n), md5(string_agg(text, ',' ORDER BY n)) FROM x"


@pytest.fixture(scope="module")
def project(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A database with some megabytes, and two services that keep files as Kafka and Zookeeper do."""
    assert engine is not None
    ensure(POSTGRES)
    keeper = f"trap 'exit 0' TERM; {FOREVER}"
    labels = {"com.rofecare.phase": "infrastructure", "com.rofecare.backup": "kafka"}
    services = {
        "one-db": postgres("one", "one"),
        "coordinator": service(keeper, labels=labels, volumes=["coordinator:/data"]),
        "broker": service(
            keeper,
            labels=labels,
            volumes=["broker:/var/lib/log"],
            depends_on={"coordinator": {"condition": "service_healthy"}},
        ),
    }
    volumes: dict[str, object] = {"one": {}, "coordinator": {}, "broker": {}}
    project = Project(tmp_path_factory.mktemp("faults") / "p", services, volumes=volumes, secrets=SECRETS)
    project.environment["GATE_TIMEOUT"] = "120"
    try:
        check(project.inv("start-all", timeout=600), 0)
        rows = "SELECT n, md5(n::text) || md5((n + 1)::text) AS text FROM generate_series(1, 60000) n"
        sql(project, "one-db", "one", f"CREATE TABLE x AS {rows}")
        yield project
    finally:
        project.clean()


@pytest.mark.parametrize(
    "moments",
    [
        pytest.param([0.4, 0.8], id="twice"),
        pytest.param([random.uniform(0.3, 1.0) for _ in range(4 * ROUNDS)], id="random", marks=pytest.mark.soak),  # noqa: S311 - no secret
    ],
)
@pytest.mark.timeout(300 + 60 * ROUNDS)
def test_a_killed_backup_leaves_a_whole_one_or_none(project: Project, moments: list[float]) -> None:
    before = sql(project, "one-db", "one", QUERY)
    began = time.monotonic()
    check(project.inv("backup", timeout=600), 0)
    takes = time.monotonic() - began
    whole = 0
    for moment in moments:
        known = {one["id"] for one in listed(project)}
        with project.popen("backup") as running:
            try:
                running.wait(moment * takes)
            except subprocess.TimeoutExpired:
                running.send_signal(signal.SIGKILL)
            running.communicate(timeout=600)
        found = listed(project)
        assert [one for one in found if one["damage"]] == []
        new = [one for one in found if one["id"] not in known]
        whole += len(new)
        assert not any(one["verified"] for one in new)
        # What it had begun in the database ends, too.
        end = time.monotonic() + 60
        while sql(project, "one-db", "one", BUSY) != "0":
            assert time.monotonic() < end
    assert sql(project, "one-db", "one", QUERY) == before
    check(project.inv("backup", timeout=600), 0)
    assert leftovers(project) == []
    check(project.inv("verify-backup", timeout=600), 0, "60000 rows came out equal")
    print(f"a backup takes {takes:.1f} s; killed {len(moments)} times, {whole} backups were complete already")  # noqa: T201


@pytest.mark.alone
def test_a_watched_program_ends_on_time_and_leaves_no_process(project: Project) -> None:
    """An output that is still open after the program has ended costs two seconds each time."""
    container = f"{project.name}-one-db-1"
    took = []
    for _ in range(3):
        began = time.monotonic()
        argv = Server("one-db", container).argv("one", "sh", "-c", "echo done; exit 3", watched=True)
        output: list[bytes] = []
        result = to_end(transfer(argv, sink=output.append))
        took.append(time.monotonic() - began)
        assert (result.returncode, b"".join(output)) == (3, b"done\n")
    assert min(took) < 1.5
    end = time.monotonic() + 10
    while "cat" in project.docker("top", container, "-eo", "pid,comm").split():
        assert time.monotonic() < end
    assert project.inspect("one-db")["RestartCount"] == 0


def test_a_disk_without_room(project: Project) -> None:
    """Too small to begin with, and one that the tables' size fits and the margin does not save."""
    for size, message in (("2m", "there is no disk space for a backup"), ("24m", "no backup was taken")):
        small = project.root / f"small-{size}"
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(small)], check=True)
        try:
            if size == "24m":
                # Filled between the check of the free space and the first write.
                fill(small, project)
                continue
            project.environment["BACKUP_DIR"] = str(small)
            check(project.inv("backup"), 8, message, "MiB free")
            assert [path.name for path in small.rglob("*")] == [project.name]
        finally:
            project.environment.pop("BACKUP_DIR", None)
            subprocess.run(["umount", str(small)], check=True)


def fill(small: Path, project: Project) -> None:
    """Take the room away once the backup has begun."""
    project.environment["BACKUP_DIR"] = str(small)
    with project.popen("backup") as running:
        end = time.monotonic() + 120
        while not list(small.glob("*/.partial-*")) and running.poll() is None:
            assert time.monotonic() < end
        # Until nothing more fits: the backup writes at the same time.
        with suppress(OSError), (small / "greedy").open("wb", buffering=0) as greedy:
            while greedy.write(bytes(1 << 16)):
                pass
        output, _ = running.communicate(timeout=300)
    check((running.returncode, output), 8, "no backup was taken", "No space left on device")
    assert not list(small.glob("*/.partial-*"))
    assert not list(small.glob("*/2*"))


@pytest.mark.soak
@pytest.mark.timeout(300 + 60 * ROUNDS)
def test_a_disk_that_fills_up_at_a_random_moment(project: Project) -> None:
    """A whole backup or none, whatever was being written; what is listed as whole verifies."""
    check(project.inv("backup", timeout=600), 0)
    codes = []
    for number in range(2 * ROUNDS):
        small = project.root / f"filling-{number}"
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(small)], check=True)
        project.environment["BACKUP_DIR"] = str(small)
        try:
            with project.popen("backup") as running:
                end = time.monotonic() + 120
                while not list(small.glob("*/.partial-*")) and running.poll() is None:
                    assert time.monotonic() < end
                    time.sleep(0.01)
                time.sleep(random.uniform(0, 2))  # noqa: S311 - no secret
                with suppress(OSError), (small / "greedy").open("wb", buffering=0) as greedy:
                    while greedy.write(bytes(1 << 20)):
                        pass
                output, _ = running.communicate(timeout=300)
            assert running.returncode in {0, 8}, output
            codes.append(running.returncode)
            (small / "greedy").unlink()
            assert not list(small.glob("*/.partial-*"))
            whole = [one for one in listed(project) if str(small) in one["folder"]]
            assert [one["damage"] for one in whole] == [None] * (running.returncode == 0)
            if whole:
                check(project.inv("verify-backup", whole[0]["id"], timeout=600), 0)
        finally:
            project.environment.pop("BACKUP_DIR", None)
            subprocess.run(["umount", str(small)], check=True)
    check(project.inv("backup", timeout=600), 0)
    print(f"a disk filled up {len(codes)} times, {codes.count(0)} backups were complete already")  # noqa: T201


def written(project: Project, name: str, path: str) -> str:
    return project.docker("exec", f"{project.name}-{name}-1", "sh", "-c", f"cat {path}; stat -c %u:%g:%a {path}")


def test_kafka_and_zookeeper_go_and_come_back_together(project: Project) -> None:
    script = "mkdir -p /data/deep; echo first > /data/deep/x; chown 1000:1000 /data/deep/x; chmod 640 /data/deep/x"
    project.docker("exec", f"{project.name}-coordinator-1", "sh", "-c", script)
    project.docker("exec", f"{project.name}-broker-1", "sh", "-c", "echo first > /var/lib/log/y; : > /var/lib/log/gone")
    before = (written(project, "coordinator", "/data/deep/x"), written(project, "broker", "/var/lib/log/y"))
    started = [project.inspect(name)["State"]["StartedAt"] for name in ("coordinator", "broker")]
    done = project.inv("backup", "--with-kafka", timeout=600)
    check(done, 0, "kafka: volumes broker, coordinator archived")
    assert started == [project.inspect(name)["State"]["StartedAt"] for name in ("coordinator", "broker")]
    first = listed(project)[-1]["id"]
    for name in ("coordinator", "broker"):
        assert project.inspect(name)["State"]["Health"]["Status"] == "healthy"
    check(project.inv("verify-backup", timeout=600), 0, "volume broker: an archive of")
    project.docker("exec", f"{project.name}-coordinator-1", "sh", "-c", "echo second > /data/deep/x")
    project.docker("exec", f"{project.name}-broker-1", "sh", "-c", "rm /var/lib/log/gone; echo > /var/lib/log/more")
    check(project.inv("restore", first, "--with-kafka", timeout=600), 0, "volume broker restored")
    assert (written(project, "coordinator", "/data/deep/x"), written(project, "broker", "/var/lib/log/y")) == before
    assert project.docker("exec", f"{project.name}-broker-1", "ls", "/var/lib/log").split() == ["gone", "y"]
    safety = listed(project)[-1]["id"]
    check(project.inv("restore", safety, "--with-kafka", timeout=600), 0)
    assert written(project, "coordinator", "/data/deep/x").startswith("second")
    archive = next((project.root / "backups" / project.name / first).glob("broker.*"))
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    check(project.inv("verify-backup", first, timeout=600), 8, archive.name)
    check(project.inv("restore", first, "--with-kafka", timeout=600), 8, archive.name)
    assert json.loads((archive.parent / "manifest.json").read_text())["volumes"]["kafka"]["services"] == [
        "coordinator",
        "broker",
    ]

"""A walk through a real platform: start from nothing, use, one backup and restore, stop, remove."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import Clients
from tests.support.documented import BUSINESS, CLOUD, DATABASES, EVERYTHING
from tests.support.events import Recording, recording
from tests.support.load import Account, Ask, Load
from tests.support.platform import FirstStart, PlatformUnderTest, docker, moment
from tests.support.routes import PATHS

Json = dict[str, Any]
pytestmark = pytest.mark.timeout(1200)

PHASES = ({*DATABASES, "redis", "zookeeper", "kafka"}, {*CLOUD}, {*BUSINESS})
# Inside their phases.
CONFIG, DISCOVERY, GATEWAY = CLOUD
NEEDS = {"kafka": {"zookeeper"}, DISCOVERY: {CONFIG}, GATEWAY: {CONFIG, DISCOVERY}}
MESSAGE = "written before the stop"
WRITES = [Ask(name, "POST", f"{path}/records", lambda: {"name": uuid.uuid4().hex}) for name, path in PATHS.items()]


def test_all_22_containers_are_healthy(platform: PlatformUnderTest, first_start: FirstStart) -> None:
    assert "up: 22 of 22 containers ready" in first_start.output
    states = {name: one["State"]["Health"]["Status"] for name, one in platform.containers().items()}
    assert states == dict.fromkeys(EVERYTHING, "healthy")


def test_nothing_starts_before_what_it_needs_and_the_phase_before_are_healthy(first_start: FirstStart) -> None:
    healthy, started = first_start.recording.healthy(), first_start.started
    for name in EVERYTHING:
        for need in _awaited(name):
            assert healthy[need] <= started[name], (need, name)
    # Kafka does not wait for the databases, of which the slowest takes longer than ZooKeeper.
    assert started["kafka"] < max(healthy[name] for name in DATABASES)


def test_the_critical_path_of_the_recorded_start_is_that_of_the_engine(first_start: FirstStart) -> None:
    recorded = {one["name"]: one for one in first_start.timeline["services"]}
    assert set(recorded) == set(EVERYTHING)
    assert first_start.timeline["outcome"] == "ready"
    healthy = {name: found.timestamp() for name, found in first_start.recording.healthy().items()}
    for name, one in recorded.items():
        inspected = first_start.containers[name]
        assert one["created"] == pytest.approx(moment(inspected["Created"]).timestamp(), abs=0.01), name
        assert one["started"] == pytest.approx(moment(inspected["State"]["StartedAt"]).timestamp(), abs=0.01), name
        # The engine reports the event after the end of the health check.
        assert one["ready"] == pytest.approx(healthy[name], abs=1.0), name
    path = [step["service"] for step in first_start.timeline["critical_path"]]
    expected = [max(healthy, key=lambda name: healthy[name])]
    while awaited := _awaited(expected[0]):
        expected.insert(0, max(awaited, key=lambda name: healthy[name]))
    # Where two became ready at almost the same moment, either is right.
    assert len(path) == len(expected)
    assert [healthy[name] for name in path] == pytest.approx([healthy[name] for name in expected], abs=0.1)


def _awaited(service: str) -> set[str]:
    """What a service waits for: all of the phase before its own, and its dependencies in its own phase."""
    number = next(number for number, phase in enumerate(PHASES) if service in phase)
    return {*(PHASES[number - 1] if number else ()), *NEEDS.get(service, ())}


def test_no_secret_is_exposed(platform: PlatformUnderTest) -> None:
    secrets = {path.name: path.read_text() for path in platform.secrets.glob("[!.]*")}
    assert {name for name, value in secrets.items() if len(value) != 64} == set()
    inspected = json.dumps(platform.containers())
    processes = "\n".join(_read(path) for path in Path("/proc").glob("[0-9]*/cmdline"))
    logged = "\n".join(docker("logs", platform.container(name)) for name in platform.containers())
    for name, value in secrets.items():
        assert value not in inspected, f"{name} in docker inspect"
        assert value not in processes, f"{name} in a process's arguments"
        assert value not in logged, f"{name} in a log"


def test_every_container_is_hardened(platform: PlatformUnderTest) -> None:
    for name, one in platform.containers().items():
        assert one["HostConfig"]["CapDrop"] == ["ALL"], name
        assert "no-new-privileges:true" in one["HostConfig"]["SecurityOpt"], name
        assert one["Config"]["User"].partition(":")[0] not in {"", "0", "root"}, name
        for bindings in one["HostConfig"]["PortBindings"].values():
            assert {binding["HostIp"] for binding in bindings} == {"127.0.0.1"}, name


def test_status_shows_22_ready_services(platform: PlatformUnderTest) -> None:
    table = platform.expect(0, "status")
    assert "22 of 22 ready" in table
    rows = json.loads(platform.expect(0, "status", "--json"))["services"]
    assert len(rows) == 22
    assert all(row["ready"] and row["memory_bytes"] > 1_000_000 for row in rows)


def test_a_second_start_changes_nothing(platform: PlatformUnderTest) -> None:
    before = platform.started()
    assert "22 of 22" in platform.expect(0, "start-all")
    assert platform.started() == before


def test_only_the_killed_container_is_started_again(platform: PlatformUnderTest) -> None:
    before = platform.started()
    docker("kill", platform.container("rofecare-service-finance"))
    assert platform.inv("status")[0] == 7
    platform.expect(0, "start-all")
    after = platform.started()
    assert {name for name in after if after[name] != before[name]} == {"rofecare-service-finance"}


def test_smoke_passes(platform: PlatformUnderTest) -> None:
    platform.wait_for_smoke()
    platform.expect(0, "smoke")


def test_clients_reach_all_eleven_components(platform: PlatformUnderTest) -> None:
    table, clients = platform.expect(0, "start-infra"), Clients(platform)
    databases = {key: port for key, port in platform.ports.items() if key.endswith("_DB_PORT")}
    assert len(databases) == 8
    for key, port in databases.items():
        name = key.removesuffix("_DB_PORT").lower()
        assert f"jdbc:postgresql://localhost:{port}/rofecare_{name}" in table
        assert clients.sql(name, "select current_database()") == f"rofecare_{name}"
    assert clients.redis("ping") == "PONG"
    clients.kafka("from-the-host", "-P", stdin="hello\n")
    assert "hello" in clients.kafka("from-the-host", "-C", "-o", "beginning", "-e", "-q")
    assert "Mode: standalone" in clients.zookeeper("srvr")


def test_a_backup_is_verified_and_restored(platform: PlatformUnderTest, tmp_path: Path) -> None:
    environment = {"BACKUP_DIR": str(tmp_path)}
    databases = {name: one["Id"] for name, one in platform.containers().items() if name.endswith("-db")}
    for name in databases:
        platform.sql(name, "DROP TABLE IF EXISTS mark; CREATE TABLE mark AS SELECT 'before' AS mark")
    platform.expect(0, "backup", environment=environment)
    taken: Json = json.loads(platform.expect(0, "backups", "--json", environment=environment))[-1]
    manifest = json.loads((Path(taken["folder"]) / "manifest.json").read_text())
    assert {one["service"] for one in manifest["databases"]} == set(databases)
    output = platform.expect(0, "verify-backup", environment=environment)
    # It contains the tables of the services, too.
    counts = re.findall(r"restored, (\d+) tables with", output)
    assert len(counts) == len(databases)
    assert all(int(count) > 1 for count in counts)
    for name in databases:
        platform.sql(name, "UPDATE mark SET mark = 'after'")
    output = platform.expect(0, "restore", taken["id"], environment=environment)
    assert f"{len(databases)} databases came out equal" in output
    assert {platform.sql(name, "SELECT mark FROM mark") for name in databases} == {"before"}
    assert {name: platform.containers()[name]["Id"] for name in databases} == databases
    for name in databases:
        platform.sql(name, "DROP TABLE mark")
    platform.wait_for_smoke(120)


@dataclass(frozen=True)
class Stopped:
    """What clients sent while the platform was stopped, and the events of the engine."""

    load: Load
    recording: Recording
    containers_left: Mapping[str, Json]


@pytest.fixture(scope="module")
def stopped(platform: PlatformUnderTest) -> Stopped:
    """The platform, stopped while clients write through the gateway."""
    clients = Clients(platform)
    clients.sql("clinical", "drop table if exists kept")
    clients.sql("clinical", f"create table kept as select '{MESSAGE}'::text as message")
    clients.redis("set", "kept", MESSAGE)
    clients.kafka("kept", "-P", stdin=f"{MESSAGE}\n")
    base = f"http://127.0.0.1:{platform.ports['GATEWAY_PORT']}"
    with recording(platform.name) as events, Load(base, WRITES, rate=40, login=Account(), timeout=40) as load:
        time.sleep(5)
        platform.expect(0, "stop-all")
    return Stopped(load, events, platform.containers())


def test_a_stop_under_load_kills_no_process(stopped: Stopped, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\nstopped under load:\n{stopped.load.summary()}\n")
    assert stopped.containers_left == {}
    ends = stopped.recording.ends()
    assert len(ends) == 22
    assert not [name for name, code in ends if code == "137"]
    order = [name for name, _ in ends]
    # The ingress stops first, so that the requests that it accepted can still be answered.
    assert order[0] == "rofecare-gateway"
    assert order.index("kafka") < order.index("zookeeper")
    for service in PATHS:
        assert len([shot for shot in stopped.load.of(service) if shot.ok]) > 1, service


@pytest.mark.full
def test_an_interrupted_start_resumes_and_no_data_is_lost(platform: PlatformUnderTest, stopped: Stopped) -> None:
    """What the platform acknowledged before the stop is there; what it did not answer was not done."""
    with platform.popen("start-all") as running:
        _wait_for(platform, "rofecare-config-server")
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=60)
    assert running.returncode == 130, output
    assert "left running" in output.splitlines()[-1]
    before = platform.started()
    assert "rofecare-service-patient" not in before
    platform.start()
    after = platform.started()
    assert {name: after[name] for name in before if name != "rofecare-config-server"} == {
        name: before[name] for name in before if name != "rofecare-config-server"
    }
    clients = Clients(platform)
    for service in PATHS:
        kept = set(clients.sql(service, "select name from record").split())
        acknowledged = {str((shot.sent or {})["name"]) for shot in stopped.load.of(service) if shot.ok}
        assert acknowledged <= kept, f"{service} lost acknowledged records"
        cut = {str((shot.sent or {})["name"]) for shot in stopped.load.of(service) if not shot.status} & kept
        assert not cut, f"{service} has records that it did not acknowledge"
    assert clients.sql("clinical", "select message from kept") == MESSAGE
    assert clients.redis("get", "kept") == MESSAGE
    assert clients.kafka("kept", "-C", "-o", "beginning", "-e", "-q") == MESSAGE


def test_volumes_and_secrets_of_this_project_are_removed(platform: PlatformUnderTest) -> None:
    docker("volume", "create", "foreign-to-rofecare")
    try:
        output = platform.expect(0, "stop-all", "--volumes")
        assert docker("volume", "ls", "-q", "--filter", "name=foreign-to-rofecare") == "foreign-to-rofecare"
    finally:
        docker("volume", "rm", "foreign-to-rofecare")
    assert f"{platform.name}_identity-db-data" in output
    assert "identity_db_password" in output
    for kind, listing in (("container", "-aq"), ("volume", "-q"), ("network", "-q")):
        assert docker(kind, "ls", listing, "--filter", f"label=com.docker.compose.project={platform.name}") == ""
    assert not platform.secrets.exists()


def _wait_for(platform: PlatformUnderTest, service: str) -> None:
    end = time.monotonic() + 300
    while service not in platform.containers():
        assert time.monotonic() < end, f"{service} was not created"
        time.sleep(0.3)
    # The creation may not be complete; the wait for readiness is to be interrupted.
    time.sleep(1.0)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""  # the process ended meanwhile

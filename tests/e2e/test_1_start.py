"""The platform starts from nothing, in the documented order, and keeps its secrets to itself."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from tests.e2e.conftest import FirstStart
from tests.support.platform import PlatformUnderTest, docker

# The first of them builds every image on a bare machine.
pytestmark = pytest.mark.timeout(1600)

BUSINESS = (
    "identity",
    "patient",
    "clinical",
    "medical-technology",
    "pharmacy",
    "finance",
    "platform",
    "interoperability",
)
STAGES = (
    {*(f"{name}-db" for name in BUSINESS), "redis", "zookeeper"},
    {"kafka"},
    {"rofecare-config-server"},
    {"rofecare-discovery-server"},
    {"rofecare-gateway"},
    {f"rofecare-service-{name}" for name in BUSINESS},
)


def test_all_22_are_healthy(platform: PlatformUnderTest, first_start: FirstStart) -> None:
    assert "up: 22 of 22 containers ready" in first_start.output
    states = {name: one["State"]["Health"]["Status"] for name, one in platform.containers().items()}
    assert states == dict.fromkeys(set().union(*STAGES), "healthy")


def test_no_container_was_started_before_the_stage_before_it_was_healthy(
    platform: PlatformUnderTest, first_start: FirstStart
) -> None:
    healthy, started = first_start.recording.healthy(), platform.started()
    for before, after in pairwise(STAGES):
        assert max(healthy[name] for name in before) <= min(started[name] for name in after), (before, after)


def test_no_secret_shows(platform: PlatformUnderTest) -> None:
    secrets = {path.name: path.read_text() for path in platform.secrets.iterdir()}
    assert all(len(value) == 64 for value in secrets.values())
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


def test_status_tells_the_same(platform: PlatformUnderTest) -> None:
    table = platform.expect(0, "status")
    assert "22 of 22 ready" in table
    rows = json.loads(platform.expect(0, "status", "--json"))["services"]
    assert len(rows) == 22
    assert all(row["ready"] and row["memory_bytes"] > 1_000_000 for row in rows)


def test_a_second_start_touches_nothing(platform: PlatformUnderTest) -> None:
    before = platform.started()
    assert "22 of 22" in platform.expect(0, "start-all")
    assert platform.started() == before


def test_only_what_was_killed_is_started_again(platform: PlatformUnderTest) -> None:
    before = platform.started()
    docker("kill", platform.container("rofecare-service-finance"))
    assert platform.inv("status")[0] == 7
    platform.expect(0, "start-all")
    after = platform.started()
    assert {name for name in after if after[name] != before[name]} == {"rofecare-service-finance"}


def _read(path: Path) -> str:
    try:
        return path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""  # it ended meanwhile

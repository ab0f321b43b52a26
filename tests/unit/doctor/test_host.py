"""What is judged of a machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rofecare_infra.doctor import host
from rofecare_infra.doctor.finding import Level, error_of, ok, problem, refusal
from rofecare_infra.doctor.host import Host
from rofecare_infra.engine import Machine
from rofecare_infra.errors import CommandError, SettingsError
from tests.support.fakes import service

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
GIB = 1 << 30
GOOD = Host(NOW, NOW - timedelta(days=90), {Path("/data"): 100 * GIB}, {"vm/max_map_count": 262144}, 8 * GIB)
MACHINE = Machine("28.0.1", 4, 8 * GIB, "/var/lib/docker", ())


@pytest.mark.parametrize("engine", [None, NOW, NOW - timedelta(minutes=4)])
def test_a_clock_that_agrees_with_everything(engine: datetime | None) -> None:
    assert host.clock(GOOD, engine).level is Level.OK


@pytest.mark.parametrize("engine", [NOW + timedelta(minutes=6), NOW - timedelta(hours=1)])
def test_a_clock_that_differs_from_that_of_the_engine(engine: datetime) -> None:
    found = host.clock(GOOD, engine)
    assert (found.level, found.remedy) == (Level.PROBLEM, "timedatectl set-ntp true, or timedatectl set-time")


def test_a_clock_before_the_software_was_written() -> None:
    found = host.clock(replace(GOOD, newest=NOW + timedelta(days=2)), None)
    assert found.level is Level.PROBLEM
    assert "it shows 2026-06-01 12:00, the newest file of this software is of 2026-06-03 12:00" in found.seen


@pytest.mark.parametrize(
    ("free", "images", "level"),
    [(100, True, Level.OK), (3, False, Level.OK), (3, True, Level.WARNING), (1, False, Level.PROBLEM)],
)
def test_free_space(free: int, images: bool, level: Level) -> None:  # noqa: FBT001 - a parameter of the test
    (found,) = host.disk(replace(GOOD, free={Path("/data"): free * GIB}), images=images)
    assert (found.level, found.seen) == (level, f"{free}.0 GiB free for /data")


def test_memory_and_cores() -> None:
    applications = [service(f"app-{number}", checkout="x") for number in range(11)]
    levels = {one.point: one.level for one in host.capacity(MACHINE, applications, 8 * GIB, running=False)}
    assert levels == {"memory": Level.OK, "cores": Level.OK}
    small = replace(MACHINE, memory=3 * GIB, cores=1)
    levels = {one.point: one.level for one in host.capacity(small, applications, 8 * GIB, running=False)}
    assert levels == {"memory": Level.PROBLEM, "cores": Level.WARNING}
    # A limit below the usual amount counts, and so does each replica.
    limited = [replace(one, memory=100 << 20, replicas=2) for one in applications]
    (memory, _) = host.capacity(small, limited, 0, running=False)
    assert memory.seen == "3072 MiB; the selected services need about 2200 MiB"


def test_memory_in_use_by_other_programs_counts_while_the_platform_is_down() -> None:
    applications = [service(checkout="x")]
    (memory, _) = host.capacity(MACHINE, applications, 10 << 20, running=False)
    assert memory.level is Level.WARNING
    (memory, _) = host.capacity(MACHINE, applications, 10 << 20, running=True)
    assert memory.level is Level.OK


def test_the_kernel() -> None:
    (found,) = host.settings_of_the_kernel(replace(GOOD, kernel={"vm/max_map_count": 1000}))
    assert (found.level, found.remedy) == (Level.WARNING, "sysctl -w vm.max_map_count=65530")
    assert next(iter(host.settings_of_the_kernel(GOOD))).level is Level.OK


def test_this_machine_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").touch()
    seen = host.read(tmp_path, [tmp_path / "not" / "there"], NOW)
    assert seen.free[tmp_path / "not" / "there"] > 0
    assert seen.available > 0


def test_the_first_problem_decides_about_the_exit_code() -> None:
    assert error_of([ok("clock", "x")]) is None
    error = error_of([ok("clock", "x"), problem("name", "x", "y", SettingsError), problem("ports", "x", "y")])
    assert error is not None
    assert (error.exit_code, error.seen) == (3, "2 problems: name, ports")


def test_an_error_with_several_problems_becomes_as_many_lines() -> None:
    several = refusal("settings", SettingsError("x", details=["1. .env line 3: a; expected b", "2. c"]))
    assert [one.line for one in several] == ["problem  settings   .env line 3: a; expected b", "problem  settings   c"]
    (single,) = refusal("name", CommandError("taken", seen="by a", next_step="do b"))
    assert single.line == "problem  name       taken: by a; do b"

"""Every task is documented, and the list of tasks waits for nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from invoke.tasks import Task

from bootstrapping.needs import LIST, TASKS_WITH_DEV_TOOLS, TASKS_WITHOUT_ENGINE, TOOLS
from rofecare_infra.boundary.command import Command
from tests.support.namespace import load_namespace

EXPECTED = {
    "start-all",
    "start-infra",
    "build",
    "stop-all",
    "logs",
    "search-logs",
    "init",
    "status",
    "smoke",
    "timeline",
    "start-monitoring",
    "stop-monitoring",
    "alerts",
    "install-service",
    "test",
    "lint",
}


@pytest.fixture(scope="module")
def tasks(root: Path) -> dict[str, Task]:  # type: ignore[type-arg]
    namespace = load_namespace(root)
    return {name: namespace[name] for name in namespace.task_names}


def test_the_tasks(tasks: dict[str, Task]) -> None:  # type: ignore[type-arg]
    assert set(tasks) >= EXPECTED


def test_the_bootstrap_names_only_tasks_that_exist(tasks: dict[str, Task]) -> None:  # type: ignore[type-arg]
    named = {*TOOLS, *TASKS_WITHOUT_ENGINE, *TASKS_WITH_DEV_TOOLS} - {LIST}
    assert named <= set(tasks)


def test_each_is_documented_in_a_line(tasks: dict[str, Task]) -> None:  # type: ignore[type-arg]
    for name, task in tasks.items():
        first = (task.__doc__ or "").strip().splitlines()[:1]
        assert first, f"{name} has no docstring"
        assert first[0].endswith("."), f"{name}: {first[0]}"


def test_each_flag_is_documented(tasks: dict[str, Task]) -> None:  # type: ignore[type-arg]
    for name, task in tasks.items():
        silent = [argument.name for argument in task.get_arguments() if not argument.help]
        assert silent == [], f"{name} does not say what these are for: {silent}"


def test_each_changes_the_platform_alone_or_only_shows_it(tasks: dict[str, Task]) -> None:  # type: ignore[type-arg]
    """A new task belongs to one of the two; `install-service` and `schedule-backups` change the host alone."""
    shown = {
        "doctor",
        "support",
        "status",
        "why",
        "timeline",
        "logs",
        "search-logs",
        "smoke",
        "sbom",
        "alerts",
        "backups",
        "nodes",
        "outdated",
        "unpack-backup",
        "unlock",
    }
    elsewhere = {"install-service", "schedule-backups", "test", "lint", "dashboards", "bench"}
    changing = {name for name, task in tasks.items() if isinstance(task, Command) and task.changes}
    assert set(tasks) - changing == shown | elsewhere


def test_no_task_runs_another_by_itself(tasks: dict[str, Task]) -> None:  # type: ignore[type-arg]
    assert [name for name, task in tasks.items() if task.pre or task.post] == []


def test_the_list_of_tasks_is_short_and_quick(root: Path) -> None:
    """What is slow to import is imported by the task that needs it: `inv --list` must not wait for the docker SDK."""
    slow = {"docker", "rich", "requests", "psutil", "tenacity", "dotenv", "json.tool"}
    program = f"import sys, tasks; print(sorted({slow!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert len((root / "tasks.py").read_text().splitlines()) <= 150

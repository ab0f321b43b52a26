"""Unfinished changes are recovered in one order: upgrades, rotations, restores."""

from __future__ import annotations

import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from rofecare_infra import recovery
from rofecare_infra.process import complete, interruptible
from rofecare_infra.progress import Event
from rofecare_infra.project import Project
from tests.support.fakes import FakeEngine, drain, project_of, service


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []

    def step(name: str) -> object:
        def run(project: Project, **options: bool) -> Generator[Event, None, Project]:
            found.append(" ".join([name, *(f"{key}={value}" for key, value in options.items())]))
            yield from ()
            return project

        return run

    monkeypatch.setattr("rofecare_infra.upgrade.recover", step("upgrade"))
    monkeypatch.setattr("rofecare_infra.rotation.recover", step("rotation"))
    monkeypatch.setattr("rofecare_infra.backup.recover", step("restore"))
    monkeypatch.setattr(recovery, "prepare", step("images"))
    return found


@pytest.mark.parametrize("restart", [True, False])
def test_the_order(done: list[str], monkeypatch: pytest.MonkeyPatch, *, restart: bool) -> None:
    monkeypatch.setattr("rofecare_infra.backup.is_interrupted", lambda _settings: True)
    drain(recovery.recover(project_of([service("db")], FakeEngine()), restart=restart))
    assert done == ["upgrade", "rotation", "images", f"restore restart={restart}"]


def test_without_an_interrupted_restore_no_images_are_looked_for(done: list[str]) -> None:
    drain(recovery.recover(project_of([service("db")], FakeEngine())))
    assert done == ["upgrade", "rotation"]


def test_a_signal_is_raised_after_the_recovery(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(project: Project) -> Generator[Event, None, Project]:
        complete()
        signal.raise_signal(signal.SIGHUP)
        done.append("upgrade")
        yield from ()
        return project

    monkeypatch.setattr("rofecare_infra.upgrade.recover", interrupted)
    with pytest.raises(KeyboardInterrupt), interruptible():
        drain(recovery.recover(project_of([service("db")], FakeEngine())))
    assert done == ["upgrade", "rotation"]


def test_every_command_that_changes_the_platform_recovers_first(root: Path) -> None:
    """Reads the tasks: a new one that starts, restores, rotates or upgrades cannot leave it out."""
    changes = (
        "lifecycle.start(",
        "history.start(",
        "room.restore(",
        "rotation.rotate(",
        "room.upgrade(",
        "room.rehearse(",
        "take_before_removal(",
    )
    seen = set()
    for path in (root / "scripts/rofecare_infra/boundary/tasks").glob("*.py"):
        for body in path.read_text(encoding="utf-8").split("\n@command(")[1:]:
            if any(change in body for change in changes):
                name = body.partition("\ndef ")[2].partition("(")[0]
                seen.add(name)
                first = min(body.index(change) for change in changes if change in body)
                assert "project = scope.follow(recover(" in body[:first], name
    assert seen == {"start_all", "start_infra", "stop_all", "start_monitoring", "restore", "rotate", "upgrade"}

"""An upgrade is interrupted at each of its effects: the old state or the new one, and no acknowledged write lost."""

from __future__ import annotations

import importlib
import itertools
import json
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rofecare_infra import backup, lifecycle, state
from rofecare_infra.errors import CommandError, ServiceFailedError
from rofecare_infra.process import Result, to_end
from rofecare_infra.project import Project
from rofecare_infra.upgrade import recover, upgrade
from rofecare_infra.upgrade.journal import Entry, journal_of
from tests.support.decisions import Killed, Plan, Stage, World, unchanged
from tests.support.interruptions import every_interrupted_recovery, every_interruption, interrupted

EARLIER = {
    "services": {"db": "db:1", "gateway": "gateway:1", "app": "app:v1"},
    "images": {"app:v1": "sha256:v1"},
    "backup": "before",
    "touched": ["app"],
}


@pytest.fixture(params=[False, True], ids=["stopped", "held"])
def stage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """With an ingress that is stopped, and with one that is held closed."""
    stage = Stage(tmp_path, monkeypatch, held=request.param)
    numbers = itertools.count()

    def taken(_project: Project, *_words: Any) -> Generator[Any, None, Any]:
        yield from ()
        name = stage.world.back_up(f"backup-{next(numbers)}")
        return SimpleNamespace(id=name, backup=SimpleNamespace(id=name), rows=1)

    def restored(project: Project, name: str, **_more: Any) -> Generator[Any, None, Any]:
        yield from ()
        assert not lifecycle.open_services(project), "data is replaced while the ingress is open"
        stage.world.restore(name)
        return SimpleNamespace(safety=SimpleNamespace(id="safety"))

    def fetched(_target: Project, _clock: Any) -> Generator[Any, None, None]:
        yield from ()
        stage.world.effect(lambda: None)

    for name in ("plan", "rollback", "recover"):
        monkeypatch.setattr(importlib.import_module(f"rofecare_infra.upgrade.{name}"), "prepare", unchanged)
    monkeypatch.setattr("rofecare_infra.upgrade.run.fetch", fetched)
    monkeypatch.setattr(backup, "take_verified", taken)
    monkeypatch.setattr(backup, "take_last", taken)
    monkeypatch.setattr(backup, "restore", restored)
    return stage


def to_v2(world: World) -> None:
    to_end(upgrade(world.project, "v2", clock=world.clock.clock))


def start_all(world: World) -> None:
    """What `inv start-all` does."""
    project = to_end(recover(world.project, clock=world.clock.clock))
    app = world.up("app")
    assert app is None or app.image == f"app:{world.tag}", "recovered into a mixture"
    to_end(lifecycle.start(project, clock=world.clock.clock))
    to_end(lifecycle.reopen(project))
    assert not journal_of(world.settings).exists()


def test_the_order(stage: Stage) -> None:
    world = stage.world
    to_v2(world)
    assert world.tag == "v2"
    world.check("a whole upgrade")
    assert not journal_of(world.settings).exists()


def test_every_interruption_ends_in_one_state(stage: Stage) -> None:
    assert every_interruption(stage, to_v2, start_all) >= 90


def test_an_interrupted_recovery_is_recovered_from(stage: Stage) -> None:
    every_interrupted_recovery(stage, to_v2, start_all)


def test_a_kill_after_an_interruption_is_recovered_from(stage: Stage) -> None:
    """After ^C, also right after the write of the decision, and killed on the way back or forward."""
    for first in itertools.count(1):
        for second in itertools.count(first + 1):
            world = stage.new()
            plans = (Plan(first, KeyboardInterrupt, after=True), Plan(second, Killed))
            outcome = interrupted(world, to_v2, *plans)
            if outcome is None:
                return
            world.interrupted_at()
            start_all(world)
            world.check(f"interrupted at {first}, killed at {second}")
            if not isinstance(outcome, Killed):
                break


def test_a_service_that_is_not_ready_rolls_everything_back(stage: Stage) -> None:
    world = stage.world
    start = world.start

    def sick(name: str, image: str) -> None:
        start(name, image)
        if image == "app:v2":
            world.engine.present[-1] = replace(world.engine.present[-1], health="unhealthy")

    stage.monkeypatch.setattr(world, "start", sick)
    with pytest.raises(ServiceFailedError, match="the upgrade was rolled back"):
        to_v2(world)
    assert world.tag == "v1"
    world.check("a rollback")
    start_all(world)
    world.check("a start after it")


def test_a_tag_that_cannot_be_written_stops_before_the_downtime(stage: Stage) -> None:
    world = stage.world

    replace_file = state.replace

    def refuse(path: Path, content: str | bytes, *, mode: int | None = None) -> None:
        if path.name == ".env":
            raise PermissionError(1, "Operation not permitted", str(path))
        replace_file(path, content, mode=mode)

    stage.monkeypatch.setattr("rofecare_infra.upgrade.tag.state.replace", refuse)
    with pytest.raises(CommandError, match="SERVICES_TAG cannot be written"):
        to_v2(world)
    world.check("an upgrade that was refused")
    assert not world.backups
    assert not journal_of(world.settings).exists()


def test_an_ingress_that_does_not_open_rolls_nothing_back(stage: Stage) -> None:
    world = stage.world
    start = world.start

    def sick(name: str, image: str) -> None:
        start(name, image)
        if name == "gateway":
            world.engine.present[-1] = replace(world.engine.present[-1], health="unhealthy")

    def refused(argv: Sequence[str]) -> Result:
        return Result((), 1, "", "No space left on device") if "open" in argv else shell(argv)

    shell = world.shell
    stage.monkeypatch.setattr(world, "start", sick)
    stage.monkeypatch.setattr(world, "shell", refused)
    with pytest.raises(ServiceFailedError, match="decided, but it is not finished") as caught:
        to_v2(world)
    assert "inv start-all" in caught.value.next_step
    assert world.tag == world.data.schema == "v2"
    stage.monkeypatch.setattr(world, "start", start)
    stage.monkeypatch.setattr(world, "shell", shell)
    world.engine.present[-1] = replace(world.engine.present[-1], health="healthy")
    start_all(world)
    world.check("a start after it")


def test_the_tag_of_what_runs_already_is_written(stage: Stage) -> None:
    world = stage.world
    world.start("app", "app:v2")
    to_v2(world)
    assert world.tag == "v2"
    world.check("nothing differed")


@pytest.mark.parametrize(("closed", "way"), [(1.0, "opened since"), (1.0, "gone"), (1e9, "running")])
def test_a_journal_of_the_version_before_is_not_acted_on_where_it_is_ambiguous(
    stage: Stage, closed: float, way: str
) -> None:
    world = stage.world
    world.start("app", "app:v2")
    _earlier(world, closed)
    if way == "gone":
        world.engine.present = []
    with pytest.raises(ServiceFailedError, match="requests may have been accepted since") as caught:
        to_end(recover(world.project))
    text = " ".join((caught.value.seen, *caught.value.details))
    assert str(journal_of(world.settings).path) in text, way
    assert "inv restore before" in text
    assert "v2" in text or way == "gone"
    assert world.data.schema == "v2"


def test_a_journal_of_the_version_before_with_a_closed_ingress_is_rolled_back(stage: Stage) -> None:
    world = stage.world
    world.engine.stop("id-gateway")
    world.back_up("before")
    world.start("app", "app:v2")
    _earlier(world, 1e9)
    start_all(world)
    assert world.tag == "v1"
    world.check("the recovery")


def test_an_ingress_that_was_started_by_hand_is_not_acted_on(stage: Stage) -> None:
    world = stage.world
    journal_of(world.settings).write(Entry({"app": "app:v1"}, {}, "before", ("app",), 1.0))
    with pytest.raises(ServiceFailedError, match="requests may have been accepted since"):
        to_end(recover(world.project))


def _earlier(world: World, closed: float) -> None:
    path = journal_of(world.settings).path
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**EARLIER, "closed": closed}))

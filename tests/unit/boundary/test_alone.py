"""A changing command holds the lock of the checkout's project; `inv unlock` shows and removes it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from invoke.config import Config
from invoke.context import Context
from invoke.exceptions import Exit

from rofecare_infra.boundary import command
from rofecare_infra.boundary.alone import spoken
from rofecare_infra.boundary.tasks.platform import unlock
from rofecare_infra.engine import Holder, this_command
from rofecare_infra.errors import SettingsError
from tests.support.fakes import FakeEngine

NAME = "rofecare-lock-ward"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    engine = FakeEngine()
    monkeypatch.setattr("rofecare_infra.engine.connect", lambda: engine)
    return engine


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A checkout whose project has a name of its own."""
    monkeypatch.delenv("COMPOSE_PROJECT_NAME", raising=False)
    (tmp_path / ".env").write_text("COMPOSE_PROJECT_NAME=ward\n")
    return Context(Config(overrides={"checkout": str(tmp_path)}))


def left_by(engine: FakeEngine, holder: Holder) -> None:
    assert engine.reserve(NAME, {"com.rofecare.lock": "ward", **holder.labels})


def elsewhere(text: str = "inv restore") -> Holder:
    holder = this_command(text)
    return replace(holder, process=replace(holder.process, host="other", boot="other", machine="other"))


def ended() -> Holder:
    holder = this_command("inv upgrade")
    return replace(holder, process=replace(holder.process, started="1"))


def test_the_lock_is_held_inside_and_released_afterwards(context: Context, engine: FakeEngine) -> None:
    held: list[str] = []

    @command(changes=True)
    def change_it(_root: Path, *, to: str = "", json: bool = False) -> None:
        assert not json
        held.extend(one.labels["com.rofecare.lock.command"] for one in engine.present if one.name == NAME)
        if to == "wrong":
            raise SettingsError("it failed")

    change_it(context, to="v2", json=False)
    assert held == ["inv change-it --to=v2"]
    assert engine.present == []
    with pytest.raises(Exit):
        change_it(context, to="wrong")
    assert engine.present == []


def test_a_task_that_only_shows_needs_no_engine(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rofecare_infra.engine.connect", lambda: pytest.fail("it needs no engine"))

    @command()
    def show(_root: Path) -> None:
        """Show it."""

    show(context)


def test_a_second_one_does_nothing(context: Context, engine: FakeEngine) -> None:
    left_by(engine, this_command("inv upgrade --to=v2"))
    ran: list[Path] = []

    @command(changes=True)
    def change(root: Path) -> None:
        ran.append(root)

    with pytest.raises(Exit) as caught:
        change(context)
    assert (caught.value.code, ran) == (5, [])
    assert "inv upgrade --to=v2" in str(caught.value.message)


def test_a_replaced_lock_is_reported(context: Context, engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    @command(changes=True)
    def change(_root: Path, *, json: bool = False) -> None:
        assert json is not None

    left_by(engine, ended())
    change(context)
    assert capsys.readouterr().out.startswith("the lock of a command that ended")
    left_by(engine, ended())
    change(context, json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["event"] == "Note"
    assert "inv upgrade" in printed["text"]


def test_unlock_shows_the_holder_and_refuses(context: Context, engine: FakeEngine) -> None:
    left_by(engine, elsewhere("inv restore --only=identity"))
    with pytest.raises(Exit) as caught:
        unlock(context)
    assert caught.value.code == 5
    assert "inv restore --only=identity" in str(caught.value.message)
    assert "inv unlock --force" in str(caught.value.message)
    assert len(engine.present) == 1


@pytest.mark.parametrize("holder", [elsewhere(), ended()], ids=["elsewhere", "ended"])
def test_unlock_removes_it_when_forced(
    context: Context, engine: FakeEngine, capsys: pytest.CaptureFixture[str], holder: Holder
) -> None:
    left_by(engine, holder)
    unlock(context, force=True)
    assert f"removed the lock of {holder.command}" in capsys.readouterr().out
    assert engine.present == []
    unlock(context, force=True)
    assert capsys.readouterr().out == "no command is changing ward\n"


def test_unlock_never_removes_the_lock_of_a_command_that_runs_here(context: Context, engine: FakeEngine) -> None:
    left_by(engine, this_command("inv upgrade"))
    with pytest.raises(Exit) as caught:
        unlock(context, force=True)
    assert caught.value.code == 5
    assert "kill " in str(caught.value.message)
    assert len(engine.present) == 1


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ({}, "inv start-all"),
        ({"prod": True, "monitoring": False, "to": ""}, "inv start-all --prod"),
        ({"from_project": "a b", "only": ["x", "y"]}, "inv start-all '--from-project=a b' --only=x --only=y"),
    ],
)
def test_the_command_is_named_as_it_is_typed(flags: dict[str, object], text: str) -> None:
    assert spoken("start_all", flags) == text

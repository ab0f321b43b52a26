"""A restore is interrupted at each of its effects: old data or restored data, and no acknowledged write lost."""

from __future__ import annotations

import importlib
import json
from collections.abc import Generator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rofecare_infra import backup, lifecycle
from rofecare_infra.backup import existing, integrity, saving, swap
from rofecare_infra.backup.journal import Entry, Step, Target, journal_of
from rofecare_infra.errors import CommandError, ServiceFailedError, VerificationError
from rofecare_infra.process import to_end
from rofecare_infra.project import Project
from tests.support.decisions import Data, Stage, World
from tests.support.interruptions import every_interrupted_recovery, every_interruption

restoring = importlib.import_module("rofecare_infra.backup.restore")
recovering = importlib.import_module("rofecare_infra.backup.recover")
RECORD = SimpleNamespace(service="db", name="shop", facts=SimpleNamespace(tables={}))
ENTRY = {
    "backup": "one",
    "targets": [{"service": "db", "name": "shop", "existed": True}],
    "stopped": ["app", "gateway"],
    "entries": ["gateway"],
    "safety": "",
}


class Databases:
    """The databases beside the present one; each world has its own."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._beside: dict[int, dict[str, Data]] = {}
        # The worlds in which the new database belongs to the application.
        self.handed_over: set[int] = set()

    @property
    def beside(self) -> dict[str, Data]:
        """The new or the old database of the present world."""
        return self._beside.setdefault(id(self._stage.world), {})

    def _effect(self, action: Any) -> None:
        self._stage.world.effect(action)

    def load(self, *_: Any) -> Generator[Any, None, None]:
        """Restore beside the present one."""
        yield from ()
        self._effect(lambda: self.beside.update(new=Data(origin="restored")))

    def hand_over(self, _: Any, targets: Sequence[Target]) -> None:
        """Give the new one to the application, beside the present one."""
        assert [target.name for target in targets] == ["shop"]
        assert {*self.beside} == {"new"}
        self._effect(lambda: self.handed_over.add(id(self._stage.world)))

    def swap(self, *_: Any) -> None:
        """Exchange the two."""
        assert id(self._stage.world) in self.handed_over
        self._effect(lambda: self._exchange("old", "new"))

    def roll_back(self, *_: Any) -> None:
        """Exchange them again, if they were."""
        if "old" in self.beside:
            self._effect(lambda: self._exchange("new", "old"))

    def save(self) -> str:
        """Back up the old one, under the name of a safety backup."""
        world = self._stage.world
        assert "safety" not in world.backups or world.backups["safety"] == self.beside["old"]
        self._effect(lambda: world.backups.update(safety=self.beside["old"].copy()))
        return "safety"

    def replaced(self, *_: Any) -> dict[str, dict[str, str]]:
        """Whether there is an old one."""
        return {"db": {"old": "shop"} if "old" in self.beside else {}}

    def drop(self, *_: Any, old: bool) -> None:
        """Drop one of them: the old one only if it is in a backup, and the ingress is not waiting for that."""
        if old and "old" in self.beside:
            assert self._stage.world.backups["safety"] == self.beside["old"], "dropped without a backup"
        self._effect(lambda: self.beside.pop("old" if old else "new", None))

    def _exchange(self, to: str, source: str) -> None:
        world = self._stage.world
        assert not lifecycle.open_services(world.project), "data is replaced while the ingress is open"
        self.beside[to] = world.data
        world.data = self.beside.pop(source)


@pytest.fixture(params=[False, True], ids=["stopped", "held"])
def stage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """With an ingress that is stopped, and with one that is held closed."""
    stage = Stage(tmp_path, monkeypatch, held=request.param)
    databases = Databases(stage)
    (tmp_path / "roles.sql").write_text("")
    manifest = SimpleNamespace(
        servers={"db": SimpleNamespace(roles_file="roles.sql", roles=())}, databases=(RECORD,), volumes={}, missing={}
    )

    def checked(*_: Any, **__: Any) -> Generator[Any, None, Any]:
        yield from ()
        return SimpleNamespace(id="one", folder=tmp_path, manifest=manifest)

    def taken(*_: Any, **__: Any) -> Generator[Any, None, Any]:
        yield from ()
        return SimpleNamespace(id=databases.save(), folder=tmp_path, manifest=manifest)

    def nothing(*_: Any, **__: Any) -> Generator[Any, None, Any]:
        yield from ()
        return {}

    monkeypatch.setattr(integrity, "check", checked)
    monkeypatch.setattr(
        restoring,
        "store_of",
        lambda _: SimpleNamespace(find=Path, folder=tmp_path, project="rofecare", usable_key=nothing),
    )
    monkeypatch.setattr(restoring, "_servers_of", lambda *_: {"db": SimpleNamespace(image_id="i")})
    monkeypatch.setattr(existing, "sizes", lambda _: {("db", "shop"): 1})
    monkeypatch.setattr(existing, "require_room", lambda *_: None)
    monkeypatch.setattr(saving, "take_unchecked", taken)
    monkeypatch.setattr(recovering, "store_of", lambda _: None)
    monkeypatch.setattr(restoring.roles, "add_roles", lambda *_: ())
    monkeypatch.setattr(restoring.database, "load", databases.load)
    monkeypatch.setattr(restoring.database, "compare", nothing)
    monkeypatch.setattr(restoring, "hand_over", databases.hand_over)
    monkeypatch.setattr(recovering, "_servers", nothing)
    for name in ("swap", "roll_back", "drop", "replaced"):
        monkeypatch.setattr(swap, name, getattr(databases, name))
    monkeypatch.setattr(swap, "allow_connections", lambda *_: None)
    monkeypatch.setattr(swap, "allow_connections_to_old", lambda *_: None)
    return stage


def _forget(world: World, container: str) -> None:
    world.engine.present = [one for one in world.engine.present if one.id != container]


def restore(world: World) -> None:
    to_end(backup.restore(world.project, "one", clock=world.clock.clock))


def start(world: World) -> None:
    """What `inv start-all` does."""
    to_end(backup.recover(world.project, restart=False, clock=world.clock.clock))
    to_end(lifecycle.start(world.project, clock=world.clock.clock))
    to_end(lifecycle.reopen(world.project))


def start_all(world: World) -> None:
    """The same, where nothing prevents it from completing the restore."""
    start(world)
    assert not journal_of(world.settings).exists()


def write_journal(world: World, step: str, **more: object) -> None:
    path = journal_of(world.settings).path
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**ENTRY, "step": step, **more}))


def test_a_restore(stage: Stage) -> None:
    world = stage.world
    restore(world)
    assert world.data.origin == "restored"
    world.check("a whole restore")
    assert not journal_of(world.settings).exists()


def test_every_interruption_ends_in_one_state(stage: Stage) -> None:
    assert every_interruption(stage, restore, start_all) >= 80


def test_an_interrupted_recovery_is_recovered_from(stage: Stage) -> None:
    every_interrupted_recovery(stage, restore, start_all)


def test_an_ingress_that_does_not_open_rolls_nothing_back(stage: Stage) -> None:
    world = stage.world

    def refuse(_project: Project, _clock: Any) -> Generator[Any, None, None]:
        yield from ()
        raise CommandError("the ingress cannot be started", seen="a port in use")

    with stage.monkeypatch.context() as patch:
        patch.setattr(lifecycle, "open_ingress", refuse)
        with pytest.raises(ServiceFailedError, match="decided, but it is not finished") as caught:
            restore(world)
    assert "inv start-all" in caught.value.next_step
    assert world.data.origin == "restored"
    entry = journal_of(world.settings).read()
    assert entry is not None
    assert entry.decided
    start_all(world)
    assert world.data.origin == "restored"
    world.check("a start after it")


def test_without_room_for_the_safety_backup_the_old_data_stays(stage: Stage) -> None:
    world = stage.world

    def full(*_: Any, **__: Any) -> Generator[Any, None, None]:
        yield from ()
        raise VerificationError("there is no disk space for a backup", seen="1 MiB free")

    with stage.monkeypatch.context() as patch:
        patch.setattr(saving, "take_unchecked", full)
        for _ in range(2):
            # A second restore does not begin.
            with pytest.raises(VerificationError, match="previous data could not be backed up") as caught:
                restore(world)
            assert "1 MiB free" in caught.value.seen
            assert "inv start-all" in caught.value.next_step
            assert any("db: shop is now old" in line for line in caught.value.details)
            # Requests are answered, from the restored data, also after another start.
            start(world)
            assert world.is_open
            assert world.data.origin == "restored"
            assert "safety" not in world.backups
            assert journal_of(world.settings).exists()
    start_all(world)
    assert world.backups["safety"].origin == "present"
    world.check("a start after there is room")


def test_requests_do_not_wait_for_the_safety_backup(stage: Stage) -> None:
    world = stage.world
    moments: list[bool] = []
    take = saving.__dict__["take_unchecked"]

    def observed(*words: Any, **more: Any) -> Generator[Any, None, Any]:
        moments.append(world.is_open)
        return (yield from take(*words, **more))

    stage.monkeypatch.setattr(saving, "take_unchecked", observed)
    restore(world)
    assert moments == [True]


def test_a_journal_of_the_version_before_with_swapped_databases_goes_forward(stage: Stage) -> None:
    world = stage.world
    world.data = Data(origin="restored", rows=[7])
    write_journal(world, "swapped")
    start_all(world)
    assert 7 in world.data.rows
    world.check("the recovery")


@pytest.mark.parametrize("step", ["swapping", "undoing"])
def test_an_ingress_that_was_started_by_hand_is_not_acted_on(stage: Stage, step: str) -> None:
    world = stage.world
    write_journal(world, step, closed=1.0)
    with pytest.raises(VerificationError, match="requests may have been accepted since") as caught:
        start_all(world)
    text = " ".join((caught.value.seen, *caught.value.details))
    assert "rofecare-gateway-1 was started at" in text
    assert f"rm {journal_of(world.settings).path}" in text
    assert journal_of(world.settings).exists()


@pytest.mark.parametrize("step", list(Step))
def test_one_step_is_the_decision(step: Step) -> None:
    entry = Entry("one", step, (), ("app", "gateway"), ("gateway",))
    assert entry.decided == (step in {Step.SWAPPED, Step.FINISHING})
    assert entry.behind == ("app",)

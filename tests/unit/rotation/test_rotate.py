"""A change step by step, with servers in memory: what is refused, what is undone, what a next command ends."""

from __future__ import annotations

import importlib
import itertools
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra.errors import GateTimeoutError, RofecareError, ServiceFailedError, SettingsError
from rofecare_infra.process import interruptible
from rofecare_infra.rotation import recover, rotate
from rofecare_infra.rotation.credentials import Database
from rofecare_infra.rotation.files import SecretFile
from rofecare_infra.rotation.rotate import Entry, journal_of
from rofecare_infra.state import Journal
from tests.support.decisions import Killed, unchanged
from tests.support.fakes import container, drain
from tests.support.rotations import OLD, Redis, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_each_user_is_restarted_once_and_the_old_one_opens_no_more(world: World) -> None:
    report = world.rotate()
    assert world.engine.restarted == ["id-app", "id-web"]
    assert set(report.restarted) == {"rofecare-app-1", "rofecare-web-1"}
    new = world.file.read_text()
    assert world.server._takes(new)
    assert not world.server._takes(OLD)
    assert journal_of(world.settings).read() is None
    assert not [one for one in world.server.received if OLD in one or new in one], "a password in an argument"


def test_a_secret_of_another_project_too_is_not_changed(world: World) -> None:
    world.engine.mounted = {"other": {str(world.file)}}
    with pytest.raises(SettingsError, match="also those of other"):
        world.rotate()
    assert world.as_before()
    assert world.engine.restarted == []


def test_a_user_that_is_not_up_is_left_alone(world: World) -> None:
    world.engine.present[1] = container("app", status="exited", health=None)
    world.rotate()
    assert world.engine.restarted == ["id-web"]


def test_one_that_does_not_come_back_undoes_it_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.engine.outcome = {"web": container("web", health="unhealthy", probe="no login")}
    seen: list[str] = []
    start = world.engine.start

    def start_well_the_second_time(name: str) -> None:
        if name in seen:
            world.engine.outcome = {}
        seen.append(name)
        start(name)

    monkeypatch.setattr(world.engine, "start", start_well_the_second_time)
    with pytest.raises(GateTimeoutError, match="db_password was not changed"):
        world.rotate()
    assert world.as_before()
    assert seen == ["id-app", "id-web", "id-app", "id-web"]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
def test_a_signal_during_the_rollback_of_a_failure_does_not_stop_it(
    world: World, monkeypatch: pytest.MonkeyPatch, sign: signal.Signals
) -> None:
    world.engine.outcome = {"web": container("web", health="unhealthy", probe="no login")}
    seen: list[str] = []
    start = world.engine.start

    def interrupted_the_second_time(name: str) -> None:
        if name in seen:
            world.engine.outcome = {}
            signal.raise_signal(sign)
        seen.append(name)
        start(name)

    monkeypatch.setattr(world.engine, "start", interrupted_the_second_time)
    with pytest.raises(GateTimeoutError, match="db_password was not changed"), interruptible():
        world.rotate()
    assert world.as_before()
    assert seen == ["id-app", "id-web", "id-app", "id-web"]


def test_an_interruption_undoes_it_all(world: World) -> None:
    def interrupt(_seconds: float) -> None:
        world.engine.outcome = {}
        raise KeyboardInterrupt

    world.engine.outcome = {"app": container("app", health="starting")}
    with pytest.raises(KeyboardInterrupt):
        drain(rotate(world.project, "db", shell=world.server, clock=replace(world.clock.clock, sleep=interrupt)))
    assert world.as_before()


def test_an_interruption_of_its_first_note_leaves_no_note(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Journal.write

    def interrupt(journal: Journal[Entry], entry: Entry) -> Entry:
        write(journal, entry)
        raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        world.rotate()
    assert world.as_before()
    assert world.engine.restarted == []


def test_a_reader_that_goes_away_undoes_it_all(world: World) -> None:
    events = rotate(world.project, "db", shell=world.server, clock=world.clock.clock)
    while not world.engine.restarted:
        next(events)
    events.close()
    assert world.as_before()


@pytest.mark.parametrize(
    ("name", "state"),
    [("db", {"status": "exited"}), ("app", {"health": "unhealthy"}), ("web", {"status": "paused"})],
)
def test_what_is_not_in_order_is_refused_before_anything_is_changed(
    world: World, name: str, state: dict[str, object]
) -> None:
    world.engine.present = [
        container(one.service, **state) if one.service == name else one for one in world.engine.present
    ]
    with pytest.raises(ServiceFailedError):
        world.rotate()
    assert world.as_before()
    assert world.engine.stopped == []


def test_a_server_that_lets_everybody_in_proves_nothing(world: World) -> None:
    world.server.trusting = True
    with pytest.raises(ServiceFailedError):
        world.rotate()
    assert world.file.read_text() == OLD
    assert world.engine.stopped == []


def test_a_server_that_falls_meanwhile_leaves_both_for_the_next_command(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = world.engine.stop

    def fall(name: str) -> None:
        stop(name)
        if name == "id-web":
            world.server.deaf = True

    monkeypatch.setattr(world.engine, "stop", fall)
    with pytest.raises(RofecareError, match="neither be changed nor rolled back"):
        world.rotate()
    assert (world.file.parent / ".db_password.old").read_text() == OLD
    assert journal_of(world.settings).read() == Entry("db_password")


def test_what_was_proven_stays(world: World) -> None:
    world.rotate()
    new = world.file.read_text()
    (world.file.parent / ".db_password.old").write_text(OLD)
    journal_of(world.settings).write(Entry("db_password", proven=True))
    drain(recover(world.project, shell=world.server, clock=world.clock.clock))
    assert world.file.read_text() == new
    assert journal_of(world.settings).read() is None
    assert [path.name for path in world.file.parent.iterdir()] == ["db_password"]


def test_an_interruption_right_after_the_decision_keeps_the_new_secret(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Journal.write

    def interrupt(journal: Journal[Entry], entry: Entry) -> Entry:
        write(journal, entry)
        if entry.proven:
            raise KeyboardInterrupt
        return entry

    monkeypatch.setattr(Journal, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        world.rotate()
    new = world.file.read_text()
    assert new != OLD
    assert world.server._takes(new)
    assert journal_of(world.settings).read() is None
    assert [path.name for path in world.file.parent.iterdir()] == ["db_password"]


def test_after_a_kill_at_any_moment_the_file_and_the_server_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("rofecare_infra.rotation.rotate")
    # The database runs all the time.
    monkeypatch.setattr(module, "prepare", unchanged)
    monkeypatch.setattr(module.lifecycle, "start", lambda project, **_: unchanged(project))
    stops = importlib.import_module("rofecare_infra.rotation.change")
    monkeypatch.setattr(stops, "stop_together", lambda engine, wave: [engine.stop(one.id) for one in wave])
    seen: set[bool] = set()
    for number in itertools.count(1):
        world, count = World(tmp_path / str(number)), itertools.count(1)
        with monkeypatch.context() as patch:
            for owner, names in (
                (world.engine, ("stop", "start")),
                (Journal, ("write", "clear")),
                (SecretFile, ("stage", "switch", "roll_back", "commit")),
                (Database, ("set",)),
            ):
                for name in names:
                    patch.setattr(owner, name, _killed_at(number, count, getattr(owner, name)))
            try:
                world.rotate()
            except Killed:
                pass
            else:
                break
        drain(recover(world.project, shell=world.server, clock=world.clock.clock))
        assert world.server._takes(world.file.read_text()), number
        assert journal_of(world.settings).read() is None
        assert [path.name for path in world.file.parent.iterdir()] == ["db_password"], number
        seen.add(world.file.read_text() == OLD)
    assert number > 8
    assert seen == {True, False}, "back before the decision, forward after it"


def test_a_redis_that_a_killed_rotation_stopped_starts_before_its_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stops = importlib.import_module("rofecare_infra.rotation.change")
    monkeypatch.setattr(stops, "stop_together", lambda engine, wave: [engine.stop(one.id) for one in wave])
    world = World(tmp_path, Redis)
    start = world.engine.start

    def killed_at_the_server(name: str) -> None:
        if name == "id-db":
            raise Killed
        start(name)

    with monkeypatch.context() as patch:
        patch.setattr(world.engine, "start", killed_at_the_server)
        with pytest.raises(Killed):
            world.rotate()
    world.engine.restarted.clear()
    drain(recover(world.project, shell=world.server, clock=world.clock.clock))
    assert world.engine.restarted == ["id-db", "id-app", "id-web"]
    assert world.as_before()


def _killed_at(number: int, count: Iterator[int], effect: Callable[..., object]) -> Callable[..., object]:
    def run(*arguments: object, **options: object) -> object:
        if next(count) >= number:
            raise Killed
        return effect(*arguments, **options)

    return run

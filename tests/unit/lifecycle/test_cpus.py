"""CPU limits: lifted while a service starts, and as the compose files say at any other time."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from rofecare_infra.compose import Compose
from rofecare_infra.engine import Container
from rofecare_infra.errors import EngineError
from rofecare_infra.images import Sources
from rofecare_infra.lifecycle import cpus
from rofecare_infra.lifecycle.cpus import corrections
from rofecare_infra.platform import Platform
from rofecare_infra.process import Fate, Result
from rofecare_infra.project import Project
from tests.support.fakes import FakeEngine, container, service, settings

SERVICES = (service("db", cpus=0.5), service("app", "business", cpus=1.5), service("free"))


def of(name: str, limit: float, **more: object) -> Container:
    return container(name, cpus=limit, **more)


def test_lifted_while_it_starts_and_restored_when_it_is_ready() -> None:
    seen = [of("db", 0.5), of("app", 1.5), of("free", 0.0)]
    lifted = corrections(SERVICES, seen, ["app", "free"], 4)
    assert lifted == {4.0: (of("app", 1.5).id,)}
    assert corrections(SERVICES, [of("app", 4.0)], ["app"], 4) == {}
    assert corrections(SERVICES, [of("app", 4.0)], [], 4) == {1.5: (of("app", 4.0).id,)}


def test_every_replica() -> None:
    seen = [of("app", 1.5, id="a"), of("app", 4.0, id="b"), of("app", 1.5, id="c")]
    assert corrections(SERVICES, seen, ["app"], 4) == {4.0: ("a", "c")}
    assert corrections(SERVICES, seen, [], 4) == {1.5: ("b",)}


def test_on_a_machine_with_fewer_cores_than_the_limit_nothing_is_lowered() -> None:
    assert corrections(SERVICES, [of("app", 1.5)], ["app"], 1) == {}


@pytest.mark.parametrize("status", ["exited", "created", "paused", "restarting"])
def test_only_running_containers(status: str) -> None:
    assert corrections(SERVICES, [of("app", 4.0, status=status)], [], 4) == {}


def test_what_a_killed_start_left_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def run(argv: list[str], **_options: object) -> Result:
        ran.append(argv)
        return Result((), 0, "", "")

    monkeypatch.setattr(cpus, "run", run)
    left = [of("db", 2.0), of("app", 1.5)]
    cpus.restore(Platform("rofecare", SERVICES), FakeEngine(left))
    assert ran == [["docker", "update", "--cpus", "0.5", left[0].id]]
    cpus.restore(Platform("rofecare", SERVICES[2:]), FakeEngine(left))
    assert len(ran) == 1


@pytest.mark.parametrize(("fate", "restored"), [(None, True), (Fate.ENDED, True), (Fate.RUNNING, False)])
def test_a_command_that_only_reads_restores_limits_unless_another_one_changes_them(
    monkeypatch: pytest.MonkeyPatch, fate: Fate | None, *, restored: bool
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(cpus, "run", lambda argv, **_options: ran.append(argv))
    monkeypatch.setattr(cpus, "lock_of", lambda *_: SimpleNamespace(fate=fate) if fate is not None else None)
    engine = FakeEngine([of("db", 2.0)])
    sources = Sources(Compose(Path()), Platform("rofecare", SERVICES))
    cpus.restore_unless_changing(Project(settings(Path()), sources, lambda: engine))
    assert bool(ran) is restored


def test_an_engine_that_does_not_answer_is_no_reason_to_print_nothing() -> None:
    def connect() -> FakeEngine:
        raise EngineError("it does not answer")

    sources = Sources(Compose(Path()), Platform("rofecare", SERVICES))
    cpus.restore_unless_changing(Project(settings(Path()), sources, connect))

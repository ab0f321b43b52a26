"""What a start changes, in which order, and its errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from rofecare_infra.engine import Container, Image
from rofecare_infra.errors import CommandError, EngineError, GateTimeoutError, ServiceFailedError
from rofecare_infra.lifecycle import start
from rofecare_infra.platform import Service
from rofecare_infra.progress import Event, StageBegan, StageReady
from rofecare_infra.project import Project
from rofecare_infra.state import Clock
from tests.support.fakes import FakeClock, FakeCompose, FakeEngine, container, drain, port, project_of, service

SERVICES = (
    service("db"),
    service("redis"),
    service("kafka", depends_on=("db",)),
    service("config", "spring-cloud"),
    service("app", "business", depends_on=("db", "config")),
)
READY = tuple(container(one.name) for one in SERVICES)


@pytest.fixture(autouse=True)
def _free_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rofecare_infra.lifecycle.failure.is_free", lambda _address, _port: True)


def started(work: Project, **options: object) -> tuple[list[Event], tuple[Container, ...]]:
    clock = FakeClock()
    return drain(start(work, clock=clock.clock, **options))  # type: ignore[arg-type]


def compose_of(work: Project) -> FakeCompose:
    assert isinstance(work.sources.compose, FakeCompose)
    return work.sources.compose


def test_from_nothing_stage_by_stage() -> None:
    work = project_of(SERVICES, FakeEngine())
    events, containers = started(work)
    assert compose_of(work).started == [("db", "redis"), ("kafka",), ("config",), ("app",)]
    assert {one.service for one in containers} == {one.name for one in SERVICES}
    ready = [event for event in events if isinstance(event, StageReady)]
    assert [(one.phase, one.number, one.total) for one in ready] == [
        ("infrastructure", 1, 4),
        ("infrastructure", 2, 4),
        ("spring-cloud", 3, 4),
        ("business", 4, 4),
    ]


def test_what_is_ready_is_not_touched() -> None:
    work = project_of(SERVICES, FakeEngine(READY))
    events, containers = started(work)
    assert compose_of(work).started == []
    assert containers == READY
    assert not [event for event in events if isinstance(event, StageBegan)]
    assert all(event.started == () for event in events if isinstance(event, StageReady))


def test_each_question_is_asked_once_in_a_start() -> None:
    engine = FakeEngine(READY)
    work = project_of(SERVICES, engine)
    started(work)
    assert sorted(engine.asked_for_images) == sorted(one.image for one in SERVICES)
    assert compose_of(work).compared == [frozenset(one.config_hash for one in READY)]


@pytest.mark.parametrize(
    "state",
    [
        {"status": "exited", "exit_code": 137, "health": None},
        {"status": "dead", "health": None},
        {"config_hash": "of yesterday"},
        {"image_id": "sha256:of-yesterday"},
    ],
    ids=["killed", "dead", "another configuration", "another image"],
)
def test_only_what_is_not_as_described_is_started_again(state: dict[str, object]) -> None:
    changed = container("config", **state)
    work = project_of(SERVICES, FakeEngine([*(one for one in READY if one.service != "config"), changed]))
    started(work)
    assert compose_of(work).started == [("config",)]


def test_one_that_was_created_is_started_without_compose() -> None:
    created = container("config", status="created", health=None)
    engine = FakeEngine([*(one for one in READY if one.service != "config"), created])
    work = project_of(SERVICES, engine)
    started(work)
    assert (compose_of(work).started, engine.restarted) == ([], [created.id])


@pytest.mark.parametrize(
    "state", [{"config_hash": "of yesterday"}, {"image_id": "sha256:of-yesterday"}, {"error": "port is allocated"}]
)
def test_one_that_was_created_otherwise_is_left_to_compose(state: dict[str, object]) -> None:
    created = container("config", status="created", health=None, **state)
    engine = FakeEngine([*(one for one in READY if one.service != "config"), created])
    work = project_of(SERVICES, engine)
    started(work)
    assert (compose_of(work).started, engine.restarted) == ([("config",)], [])


def test_containers_of_later_phases_are_created_meanwhile_if_there_are_none() -> None:
    engine = FakeEngine([container("app", config_hash="of yesterday")])
    work = project_of(SERVICES, engine, creates=True)
    started(work)
    assert compose_of(work).created == [("config",)]
    assert compose_of(work).started == [("db", "redis"), ("kafka",), ("app",)]
    assert engine.restarted == [container("config").id]


def test_a_container_that_does_not_start_is_left_to_compose(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine()

    def refuse(_container: str) -> None:
        raise CommandError("the container engine refused a request")

    monkeypatch.setattr(engine, "start", refuse)
    work = project_of(SERVICES, engine, creates=True)
    started(work)
    assert compose_of(work).started == [("db", "redis"), ("kafka",), ("config",), ("app",)]


def test_a_service_starts_as_soon_as_what_it_needs_is_ready() -> None:
    slow = container("redis", health="starting")
    work = project_of(SERVICES, FakeEngine(), outcome={"redis": slow})
    engine = work.engine
    assert isinstance(engine, FakeEngine)
    ahead: list[tuple[str, ...]] = []

    @contextmanager
    def awake(_project: str, clock: Clock) -> Iterator[Clock]:
        def sleep(seconds: float) -> None:
            clock.sleep(seconds)
            ahead.extend(compose_of(work).started)
            engine.present = [replace(one, health="healthy") for one in engine.present]

        yield replace(clock, sleep=sleep)

    engine.awake = awake  # type: ignore[method-assign, assignment]
    events, _ = started(work)
    # Kafka needs the database alone.
    assert ahead == [("db", "redis"), ("kafka",)]
    stages = [(type(one), one.number) for one in events if isinstance(one, StageBegan | StageReady)][:4]
    assert stages == [(StageBegan, 1), (StageBegan, 2), (StageReady, 1), (StageReady, 2)]


def test_either_hash_of_compose_is_the_same_configuration() -> None:
    engine = FakeEngine([replace(one, config_hash=f"other-{one.service}") for one in READY])
    work = project_of(SERVICES, engine)
    started(work)
    assert compose_of(work).started == []


def test_one_that_is_gone_is_started_again() -> None:
    work = project_of(SERVICES, FakeEngine([one for one in READY if one.service != "app"]))
    started(work)
    assert compose_of(work).started == [("app",)]


def test_one_that_is_starting_is_waited_for_not_started_again() -> None:
    starting = [replace(one, health="starting") if one.service == "db" else one for one in READY]
    engine = FakeEngine(starting)
    work = project_of(SERVICES, engine)
    engine.looks = [starting, starting, starting, READY]
    started(work)
    assert compose_of(work).started == []


def test_a_one_shot_that_is_done_is_not_run_again() -> None:
    once = service("migrate", has_healthcheck=False, one_shot=True)
    done = container("migrate", status="exited", exit_code=0, health=None)
    work = project_of([once], FakeEngine([done]))
    started(work)
    assert compose_of(work).started == []


def test_a_missing_replica_is_started() -> None:
    twice = service("app", "business", replicas=2)
    both = container("app", id="second")
    work = project_of([twice], FakeEngine([container("app")]))
    compose = compose_of(work)
    work.engine.looks = [[container("app")]] * 3 + [[container("app"), both]]  # type: ignore[attr-defined]
    started(work)
    assert compose.started == [("app",)]


def test_some_phases_alone() -> None:
    work = project_of(SERVICES, FakeEngine())
    _, containers = started(work, phases=["infrastructure"])
    assert compose_of(work).started == [("db", "redis"), ("kafka",)]
    assert {one.service for one in containers} == {"db", "redis", "kafka"}


def failing(kind: type[Exception], services: Sequence[Service], outcome: Container) -> tuple[Project, Exception]:
    engine = FakeEngine()
    work = project_of(services, engine, outcome={outcome.service: outcome})
    engine.log = {outcome.id: ("first line", "FATAL: no space left on device")}
    with pytest.raises(kind) as caught:
        started(work)
    return work, caught.value


def test_a_crash_names_its_cause_and_shows_the_log_and_nothing_later_starts() -> None:
    crashed = container("kafka", status="exited", exit_code=3, health=None, probe="")
    work, error = failing(ServiceFailedError, SERVICES, crashed)
    assert compose_of(work).started[-1] == ("kafka",)
    assert isinstance(error, ServiceFailedError)
    assert (error.what, error.seen) == ("kafka failed", "exited with code 3")
    assert error.details[:3] == (
        "last log lines of rofecare-kafka-1:",
        "| first line",
        "| FATAL: no space left on device",
    )
    assert error.next_step == "inv logs kafka"


def test_never_ready_ends_at_the_deadline_with_the_last_probe() -> None:
    hanging = container("db", health="starting", probe="no response")
    work, error = failing(GateTimeoutError, SERVICES, hanging)
    assert compose_of(work).started == [("db", "redis")]
    assert isinstance(error, GateTimeoutError)
    assert error.what == "db is not ready"
    assert error.seen.endswith("starting: no response")
    assert error.expected == "ready within 10 s (GATE_TIMEOUT in .env)"
    assert "last health probe: no response" in error.details


def test_one_that_falls_while_a_later_stage_starts_is_no_false_up() -> None:
    engine = FakeEngine()
    work = project_of(SERVICES, engine)
    fallen = [replace(one, status="exited", exit_code=1) if one.service == "db" else one for one in READY]
    before: list[Container] = []
    engine.looks = [before, before, READY, READY, READY, READY, READY, READY, READY, fallen]
    with pytest.raises(ServiceFailedError, match="db failed"):
        started(work)


def test_one_that_is_unhealthy_again_at_the_end_is_no_false_up() -> None:
    engine = FakeEngine()
    work = project_of(SERVICES, engine)
    sick = [replace(one, health="unhealthy", probe="HTTP/1.1 503") if one.service == "app" else one for one in READY]
    engine.looks = [READY] * 7 + [sick]
    with pytest.raises(ServiceFailedError, match="app is no longer ready"):
        started(work)


def test_an_engine_that_goes_away_during_the_wait() -> None:
    engine = FakeEngine()
    work = project_of(SERVICES, engine)
    engine.looks = [[], [], EngineError("the container engine does not answer")]
    with pytest.raises(EngineError):
        started(work)


def test_a_port_that_is_taken_is_known_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rofecare_infra.lifecycle.failure.is_free", lambda _address, number: number != 8081)
    monkeypatch.setattr("rofecare_infra.lifecycle.failure.holder_of", lambda _port: "java (pid 42)")
    last = replace(SERVICES[-1], ports=(port(8081),))
    work = project_of([*SERVICES[:-1], last], FakeEngine())
    with pytest.raises(CommandError) as caught:
        started(work)
    assert compose_of(work).started == []
    assert caught.value.what == "app cannot use port 8081"
    assert caught.value.seen == "it is held by java (pid 42)"


def test_the_port_of_its_own_container_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rofecare_infra.lifecycle.failure.is_free", lambda _address, _port: False)
    mine = replace(SERVICES[0], ports=(port(5432),))
    engine = FakeEngine([container("db", config_hash="old")])
    engine.publishers[5432] = container("db")
    work = project_of([mine], engine)
    started(work)
    assert compose_of(work).started == [("db",)]


def test_compose_that_refuses_is_quoted() -> None:
    engine = FakeEngine()
    said = ("Container rofecare-db-1  Creating", "Error response from daemon: no such network")
    work = project_of(SERVICES, engine, refusal=said)
    with pytest.raises(CommandError) as caught:
        started(work)
    assert caught.value.what == "db, redis could not be started"
    assert caught.value.seen == "Error response from daemon: no such network"


def test_an_image_that_is_there_is_neither_built_nor_pulled(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_arguments: object) -> None:
        pytest.fail("pulled")

    monkeypatch.setattr("rofecare_infra.images.fetch", never)
    started(project_of(SERVICES, FakeEngine()))


def test_an_image_that_is_missing_is_pulled_first(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine()
    work = project_of(SERVICES, engine)
    del engine.images["image/app:1"]

    def fetch(image: str, whose: str, *_: object) -> list[Event]:
        assert (image, whose) == ("image/app:1", "app")
        assert compose_of(work).started == []
        engine.images[image] = Image("sha256:1")
        return []

    monkeypatch.setattr("rofecare_infra.images.fetch", fetch)
    started(work)
    assert len(compose_of(work).started) == 4

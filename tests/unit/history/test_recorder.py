"""What a start records: which services, which moments, how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rofecare_infra import state
from rofecare_infra.engine import Container
from rofecare_infra.errors import CommandError, EngineError, GateTimeoutError, RofecareError, ServiceFailedError
from rofecare_infra.history import Outcome, StartRecord, folder_of, read, start, write
from rofecare_infra.history.recorder import failed_service, service_start
from rofecare_infra.platform import Service
from rofecare_infra.progress import Event, Note, StageReady
from rofecare_infra.project import Project
from tests.support.fakes import FakeClock, FakeEngine, container, drain, project_of, service, settings
from tests.support.starts import at, begun, start_of

SERVICES = (service("db"), service("redis"), service("app", "business", depends_on=("db",)))


def moment(second: float) -> str:
    """A moment after 12:00 on the day of the tests, as the engine writes it."""
    return f"2026-11-23T12:00:{second:09.6f}123Z"


# 12:00 that day.
NOON = 1795435200.0


def made(name: str, created: float, started: float, ready: float | None, /, **more: object) -> Container:
    first = moment(ready) if ready is not None else ""
    moments = {"created_at": moment(created), "started_at": moment(started), "ready_at": first}
    return container(name, **{**moments, **more})


OUTCOME = {
    "db": made("db", 1, 2, 5),
    "redis": made("redis", 1, 2.5, 3),
    "app": made("app", 10, 11, 30, restarts=1),
}


@pytest.fixture(autouse=True)
def _free_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rofecare_infra.lifecycle.failure.is_free", lambda _address, _port: True)


def work_of(
    folder: Path, services: Sequence[Service] = SERVICES, engine: FakeEngine | None = None, /, **more: object
) -> Project:
    found = project_of(services, engine or FakeEngine(), **{"outcome": OUTCOME, **more})
    return replace(found, settings=settings(folder, GATE_TIMEOUT="10"))


def noon() -> FakeClock:
    clock = FakeClock()
    clock.time = NOON
    return clock


def records(work: Project) -> tuple[StartRecord, ...]:
    found = read(folder_of(work.settings))
    assert found.notes == ()
    return found.records


def notes(events: Sequence[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Note)]


def test_a_start_is_recorded_with_the_moments_of_the_engine(tmp_path: Path) -> None:
    work = work_of(tmp_path)
    events, containers = drain(start(work, clock=noon().clock))
    assert {one.service for one in containers} == {"db", "redis", "app"}
    assert [event.number for event in events if isinstance(event, StageReady)] == [1, 2]
    (record,) = records(work)
    assert (record.project, record.outcome, record.service, record.cause) == ("rofecare", Outcome.READY, "", "")
    assert record.began == NOON
    assert [(one.name, one.stage, one.phase, one.needs, one.restarts) for one in record.services] == [
        ("db", 1, "infrastructure", (), 0),
        ("redis", 1, "infrastructure", (), 0),
        ("app", 2, "business", ("db",), 1),
    ]
    app = record.services[2]
    assert (app.created, app.started, app.ready) == (NOON + 10, NOON + 11, NOON + 30)
    assert (app.container, app.image) == ("rofecare-app-1", "sha256:1")
    assert notes(events) == []


def test_a_start_that_starts_nothing_is_not_recorded(tmp_path: Path) -> None:
    work = work_of(tmp_path, SERVICES, FakeEngine([*OUTCOME.values()]))
    drain(start(work, clock=noon().clock))
    assert not folder_of(work.settings).exists()


def test_only_what_was_started_is_recorded(tmp_path: Path) -> None:
    work = work_of(tmp_path, SERVICES, FakeEngine([OUTCOME["db"], OUTCOME["redis"]]))
    drain(start(work, clock=noon().clock))
    (record,) = records(work)
    assert record.names == {"app"}


def test_some_phases_alone(tmp_path: Path) -> None:
    work = work_of(tmp_path)
    drain(start(work, phases=["infrastructure"], clock=noon().clock))
    (record,) = records(work)
    assert record.names == {"db", "redis"}


@pytest.mark.parametrize(
    ("broken", "kind", "outcome", "cause"),
    [
        (
            made("app", 10, 11, None, status="exited", exit_code=3, health=None),
            ServiceFailedError,
            Outcome.FAILED,
            "app failed",
        ),
        (made("app", 10, 11, None, health="starting"), GateTimeoutError, Outcome.TIMEOUT, "app is not ready"),
    ],
)
def test_a_start_that_fails_is_recorded_with_its_cause(
    tmp_path: Path, broken: Container, kind: type[RofecareError], outcome: Outcome, cause: str
) -> None:
    work = work_of(tmp_path, outcome={**OUTCOME, "app": broken})
    with pytest.raises(kind):
        drain(start(work, clock=noon().clock))
    (record,) = records(work)
    assert (record.outcome, record.service) == (outcome, "app")
    assert record.cause.startswith(cause)
    assert [one.ready for one in record.services] == [NOON + 5, NOON + 3, None]
    assert not record.is_complete


def test_a_start_in_which_compose_fails_records_what_was_started(tmp_path: Path) -> None:
    engine = FakeEngine()
    old = made("redis", 0, 0, 1, config_hash="of yesterday", started_at="2026-11-22T12:00:00Z")
    work = work_of(tmp_path, SERVICES, engine, refusal=("Error: no space left on device",))
    missing = [old]
    there = [OUTCOME["db"], old]
    engine.looks = [missing, missing, missing, there]
    with pytest.raises(CommandError):
        drain(start(work, clock=noon().clock))
    (record,) = records(work)
    assert record.names == {"db"}, "redis has been running since yesterday"
    assert record.outcome is Outcome.FAILED


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(28, "No space left on device")])
def test_a_record_that_cannot_be_written_is_one_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def refuse(*_words: object, **_more: object) -> None:
        raise error

    monkeypatch.setattr(state, "replace", refuse)
    work = work_of(tmp_path)
    events, containers = drain(start(work, clock=noon().clock))
    assert len(containers) == 3
    (note,) = notes(events)
    assert note.startswith("this start is not recorded")
    assert note.endswith(str(error.strerror))


def test_a_failed_start_keeps_its_error_when_it_cannot_be_recorded(tmp_path: Path) -> None:
    work = work_of(tmp_path, outcome={**OUTCOME, "db": made("db", 1, 2, None, status="exited", exit_code=3)})
    (tmp_path / ".rofecare").write_text("a file in place of the folder")
    with pytest.raises(ServiceFailedError):
        drain(start(work, clock=noon().clock))


def test_the_moments_are_those_of_the_clock_of_the_engine(tmp_path: Path) -> None:
    class Silent(FakeEngine):
        def time(self) -> datetime:
            raise EngineError("it does not answer")

    known, unknown = FakeEngine(), Silent()
    known.now = datetime.fromtimestamp(NOON, UTC)
    for engine in (known, unknown):
        work = work_of(tmp_path / type(engine).__name__, SERVICES, engine)
        clock = noon()
        clock.time = NOON - 50
        drain(start(work, clock=clock.clock))
        (record,) = records(work)
        assert record.began == (NOON if engine is known else NOON - 50)


def test_a_slow_start_is_noted_once_it_can_be_compared(tmp_path: Path) -> None:
    work = work_of(tmp_path, [service("db")], outcome={"db": made("db", 1, 2, 40)})
    quick = start_of([begun("db", 1, 1, 6)])
    for number in range(1, 4):
        write(folder_of(work.settings), at(quick, NOON - 1000 * number))
    engine = work.engine
    assert isinstance(engine, FakeEngine)
    starting = [made("db", 1, 2, None, health="starting")]
    engine.looks = [[], [], *[starting] * 60, [made("db", 1, 2, 20)]]
    slow = replace(work, settings=settings(tmp_path, GATE_TIMEOUT="100"))
    events, _ = drain(start(slow, clock=noon().clock))
    (note,) = notes(events)
    assert note == (
        "this start took 22 s instead of 6 s (median of 3); on its critical path db grew most: 18 s instead of 5 s; "
        "see inv timeline --compare"
    )


def test_the_first_time_that_a_service_was_ready_counts(tmp_path: Path) -> None:
    work = work_of(tmp_path, SERVICES[:2])
    engine = work.engine
    assert isinstance(engine, FakeEngine)
    first = [OUTCOME["db"], made("redis", 1, 2, None, health="starting")]
    engine.looks = [[], [], [], first, [made("db", 1, 8, 9, restarts=1), OUTCOME["redis"]]]
    drain(start(work, clock=noon().clock))
    (record,) = records(work)
    assert [(one.name, one.ready, one.restarts) for one in record.services] == [
        ("db", NOON + 5, 0),
        ("redis", NOON + 3, 0),
    ]


@pytest.mark.parametrize(
    ("names", "error", "expected"),
    [
        ("db app", "app failed: out of memory", "app"),
        ("db app", "db is not ready", "db"),
        ("db app", "db, app could not be started", "db"),
        ("db app", "the engine does not answer", ""),
    ],
)
def test_the_service_that_an_error_names(names: str, error: str, expected: str) -> None:
    assert failed_service(CommandError(error), names.split()) == expected


def test_the_gate_decides_where_the_engine_no_longer_has_the_first_health_check() -> None:
    dropped = made("db", 1, 2, None)
    assert service_start(service("db"), 1, [dropped], 77.0).ready == 77.0
    assert service_start(service("db"), 1, [dropped], None).ready is None
    assert service_start(service("db"), 1, [made("db", 1, 2, 5)], 77.0).ready == NOON + 5


def test_a_service_that_runs_once_is_ready_when_it_has_ended() -> None:
    once = service("migrate", has_healthcheck=False, one_shot=True)
    done = made("migrate", 1, 2, None, status="exited", health=None, finished_at=moment(9))
    assert service_start(once, 1, [done], 77.0).ready == NOON + 9


def test_of_two_replicas_the_last_one_counts() -> None:
    first, second = made("app", 1, 2, 9, name="app-1"), made("app", 1, 3, 5, name="app-2")
    found = service_start(service("app", "business", replicas=2), 1, [first, second], 77.0)
    assert (found.container, found.started, found.ready) == ("app-1", NOON + 2, NOON + 9)

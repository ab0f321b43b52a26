"""From a verdict to an error that names the first cause and the next command."""

from __future__ import annotations

import pytest

from rofecare_infra.engine import Container, Death, Engine
from rofecare_infra.errors import CommandError, EngineError, ServiceFailedError
from rofecare_infra.gates import observe
from rofecare_infra.lifecycle import failure
from rofecare_infra.platform import Platform
from rofecare_infra.process import Result
from tests.support.fakes import FakeEngine, container, port, service

PLATFORM = Platform(
    "rofecare",
    (
        service("db"),
        service("rofecare-service-patient", "business"),
        service("migrate", has_healthcheck=False, one_shot=True),
        service("unchecked", has_healthcheck=False),
    ),
)

APP = service("app", "business", depends_on=("kafka",))
OTHER = service("other", "business", depends_on=("app", "kafka"))


def failed(*containers: Container, engine: FakeEngine | None = None) -> ServiceFailedError:
    names = {one.service for one in containers}
    services = [one for one in PLATFORM.services if one.name in names]
    seen = observe(services, containers, {}, waited=10.0)
    return failure.failed(PLATFORM, engine or FakeEngine(containers), seen)


def test_the_first_to_fall_is_the_cause_the_others_are_listed() -> None:
    error = failed(
        container("rofecare-service-patient", status="exited", exit_code=1, finished_at="2026-01-01T00:00:02Z"),
        container("db", status="exited", exit_code=3, finished_at="2026-01-01T00:00:01Z"),
    )
    assert (error.what, error.seen) == ("db failed", "exited with code 3")
    assert error.details[-1] == "also failed: rofecare-service-patient (exited with code 1)"


def test_the_next_command_uses_the_short_name() -> None:
    error = failed(container("rofecare-service-patient", status="exited", exit_code=1))
    assert error.next_step == "inv logs patient"
    assert error.expected == "running and healthy"


def test_a_crash_loop_says_how_it_ended() -> None:
    looping = container("db", restarts=3)
    engine = FakeEngine([looping])
    engine.deaths[looping.id] = Death(1, oom_killed=False)
    assert failed(looping, engine=engine).seen == "crash loop: restarted 3 times, last exit code 1"
    engine.deaths[looping.id] = Death(137, oom_killed=True)
    assert failed(looping, engine=engine).seen.endswith("last out of memory, exit code 137")


def test_a_paused_one_is_woken_up() -> None:
    assert failed(container("db", status="paused")).next_step.startswith("docker unpause rofecare-db-1")


def test_a_missing_health_check_is_a_defect_of_the_file() -> None:
    error = failed(container("unchecked", health=None))
    assert error.next_step.startswith("add a healthcheck to unchecked")


def test_a_one_shot_was_expected_to_end_well() -> None:
    error = failed(container("migrate", status="exited", exit_code=3, health=None))
    assert (error.seen, error.expected) == ("exited with code 3", "exit code 0")


def test_a_container_that_is_gone() -> None:
    seen = observe([PLATFORM.service("db")], [], {}, 1.0)
    error = failure.failed(PLATFORM, FakeEngine(), seen)
    assert (error.what, error.seen, error.details) == ("db failed", "the container does not exist", ())


def test_evidence_is_the_log_and_the_probe() -> None:
    down = container("db", status="exited", exit_code=1, probe="no response")
    engine = FakeEngine([down])
    engine.log[down.id] = tuple(f"line {number}" for number in range(100))
    details = failed(down, engine=engine).details
    assert details[0] == "last log lines of rofecare-db-1:"
    assert details[-2:] == ("| line 99", "last health probe: no response")
    assert len(details) == 14
    assert failed(container("db", status="exited", exit_code=1)).details == ("rofecare-db-1 has logged nothing",)


def test_the_first_cause_is_what_the_others_need() -> None:
    platform = Platform("rofecare", (service("zookeeper"), service("kafka", depends_on=("zookeeper",)), APP, OTHER))
    down = container("zookeeper", status="exited", exit_code=1)
    waiting = [container(name, health="starting") for name in ("kafka", "app", "other")]
    engine = FakeEngine([down, *waiting])
    engine.log[down.id] = ("one", "java.lang.OutOfMemoryError: Java heap space", *["later"] * 50)
    stage = observe([APP, OTHER], waiting, {}, 300.0)
    error = failure.timed_out(platform, engine, stage, 300.0)
    assert error.what == "zookeeper failed: the JVM is out of memory: Java heap space"
    assert error.seen == "after 300 s: exited with code 1"
    assert error.next_step == "raise -Xmx in JAVA_OPTIONS, or in the variables of the service"
    assert error.details[0] == "waiting for zookeeper: app, other, kafka"
    now = failure.current_failure(platform, engine)
    assert now is not None
    assert (now.what, now.seen) == (error.what, "exited with code 1")
    alone = failure.current_failure(platform, engine, "app")
    assert alone is not None
    assert alone.what == error.what


def test_nothing_that_is_ready_has_a_cause() -> None:
    platform = Platform("rofecare", (service("db"), APP))
    assert failure.current_failure(platform, FakeEngine([container("db")])) is None
    absent = failure.current_failure(platform, FakeEngine([container("db")]), "app")
    assert absent is not None
    assert absent.seen == "the container does not exist"
    nothing = failure.current_failure(platform, FakeEngine())
    assert nothing is not None
    assert nothing.next_step == "inv start-all"


def test_a_log_that_cannot_be_read_does_not_hide_who_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: FakeEngine, __: str, ___: int) -> tuple[str, ...]:
        raise CommandError("refused", seen="the driver does not support reading")

    monkeypatch.setattr(FakeEngine, "log_tail", refuse)
    error = failed(container("db", status="exited", exit_code=3))
    assert error.what == "db failed"
    assert error.details == ("the log of rofecare-db-1 cannot be read: the driver does not support reading",)


def test_an_engine_that_went_away_is_the_first_cause() -> None:
    engine = FakeEngine()
    engine.looks = [EngineError("the container engine does not answer")]
    with pytest.raises(EngineError):
        failure.not_started(PLATFORM, [service()], engine, Result((), 1, "", "error during connect"))


@pytest.mark.parametrize(
    ("stderr", "seen"),
    [
        ("Creating\nError response from daemon: x\nlast", "Error response from daemon: x"),
        ("something\nlast", "last"),
        ("", "docker compose up exited with 1"),
    ],
)
def test_what_compose_said(stderr: str, seen: str) -> None:
    error = failure.not_started(PLATFORM, [service()], FakeEngine(), Result((), 1, "", stderr))
    assert error.seen == seen


def test_a_container_of_another_project_that_holds_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure, "is_free", lambda _address, _port: False)
    engine = FakeEngine()
    engine.publishers[5432] = container("postgres", name="somebodys-postgres-1")
    error = failure.taken_port(PLATFORM, [service(ports=(port(5432),))], engine)
    assert error is not None
    assert error.seen == "it is held by container somebodys-postgres-1"


def test_free_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure, "is_free", lambda _address, _port: True)
    engine: Engine = FakeEngine()
    assert failure.taken_port(PLATFORM, [service(ports=(port(5432),))], engine) is None


def test_the_same_service_of_another_project_holds_the_port_like_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure, "is_free", lambda _address, _port: False)
    engine = FakeEngine()
    wanted = service(ports=(port(5432),))
    engine.publishers[5432] = container(wanted.name, labels={"com.docker.compose.project": "elsewhere"})
    assert failure.taken_port(PLATFORM, [wanted], engine) is not None
    engine.publishers[5432] = container(wanted.name, labels={"com.docker.compose.project": "rofecare"})
    assert failure.taken_port(PLATFORM, [wanted], engine) is None


def test_a_port_that_another_service_of_the_project_leaves_in_this_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure, "is_free", lambda _address, _port: False)
    engine = FakeEngine()
    engine.publishers[8080] = container("gateway", labels={"com.docker.compose.project": "rofecare"})
    front, gateway = service("front", ports=(port(8080),)), service("gateway")
    assert failure.taken_port(PLATFORM, [gateway, front], engine) is None
    assert failure.taken_port(PLATFORM, [front], engine) is not None, "the gateway stays as it is"
    keeping = service("gateway", ports=(port(8080),))
    assert failure.taken_port(PLATFORM, [front, keeping], engine) is not None


def test_log_lines_neither_endless_nor_commanding() -> None:
    assert failure.printable("\x1b[31mred\ttab") == "?[31mred\ttab"
    assert failure.printable("x" * 1000) == "x" * 300 + "... (1000 characters)"

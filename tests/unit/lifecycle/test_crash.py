"""A crash or a health check that stays the same fails at once; what may pass gets a second attempt."""

from __future__ import annotations

import pytest

from rofecare_infra.engine import Container
from rofecare_infra.errors import CommandError
from rofecare_infra.gates import Failed, Observation, Pending, observe
from rofecare_infra.lifecycle.crash import Crashes
from tests.support.fakes import FakeEngine, container, service

PERMANENT = ("org.example.TariffException: no tariff for 2027",)
PASSING = ("Caused by: java.net.ConnectException: Connection refused",)


def judged(one: Container, log: tuple[str, ...], before: int = 0) -> Observation:
    engine = FakeEngine([one])
    engine.log[one.id] = log
    seen = observe([service("app")], [one], {one.id: before}, 1.0)
    return Crashes(engine).judged(seen, {one.id: before})


@pytest.mark.parametrize(
    "one",
    [
        container("app", status="restarting", exit_code=1),
        container("app", health="starting", restarts=1),
    ],
)
def test_a_crash_with_a_lasting_cause_is_a_failure(one: Container) -> None:
    verdict = judged(one, PERMANENT).verdicts["app"]
    assert isinstance(verdict, Failed)
    assert verdict.container == one.id
    assert isinstance(judged(one, PASSING).verdicts["app"], Pending)
    assert isinstance(judged(one, ()).verdicts["app"], Pending)


def test_restarts_before_the_wait_do_not_count() -> None:
    one = container("app", health="starting", restarts=4)
    assert isinstance(judged(one, PERMANENT, before=4).verdicts["app"], Pending)


def test_the_log_is_read_once_for_each_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    one = container("app", health="starting", restarts=1)
    engine, read = FakeEngine([one]), []

    def log_tail(_: FakeEngine, name: str, __: int) -> tuple[str, ...]:
        read.append(name)
        raise CommandError("refused", seen="the driver does not support reading")

    monkeypatch.setattr(FakeEngine, "log_tail", log_tail)
    crashes, seen = Crashes(engine), observe([service("app")], [one], {}, 1.0)
    assert crashes.judged(seen, {}) == seen
    assert crashes.judged(seen, {}) == seen
    assert read == [one.id]


CLOSED = "Connection refused: nothing listens on port 9000, but on 8081 9081"
BEGUN = '{"message":"Starting Application v1 using Java 21"}'
DONE = '{"message":"Started Application in 3.1 seconds (process running for 4)"}'


def closed(monkeypatch: pytest.MonkeyPatch, *log: str, probe: str = CLOSED, now: str = CLOSED) -> tuple[str, int]:
    """The cause of the failure, if it is one, and how often the health check was run."""
    one = container("app", health="starting", probe=probe)
    ran: list[Container] = []

    def failure_now(seen: Container) -> str:
        ran.append(seen)
        return now

    monkeypatch.setattr("rofecare_infra.lifecycle.crash.failure_now", failure_now)
    verdict = judged(one, log).verdicts["app"]
    return (verdict.cause if isinstance(verdict, Failed) else ""), len(ran)


def test_an_application_that_has_started_opens_no_further_port(monkeypatch: pytest.MonkeyPatch) -> None:
    cause = "its health check cannot pass: nothing listens on port 9000, but on 8081 9081"
    assert closed(monkeypatch, BEGUN, DONE) == (cause, 1)
    assert closed(monkeypatch, BEGUN) == ("", 0)
    # It was restarted since.
    assert closed(monkeypatch, BEGUN, DONE, BEGUN) == ("", 0)
    assert closed(monkeypatch) == ("", 0)


def test_the_last_health_check_may_be_older_than_the_end_of_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    assert closed(monkeypatch, BEGUN, DONE, now="") == ("", 1)
    nothing = "Connection refused: nothing listens on port 9000"
    assert closed(monkeypatch, BEGUN, DONE, probe=nothing) == ("", 0)


def test_its_own_port_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = "Connection refused: nothing listens on port 8081 (SERVER_PORT), but on 9000 9090"
    assert closed(monkeypatch, BEGUN, DONE, probe=probe, now=probe)[0].endswith("8081 (SERVER_PORT), but on 9000 9090")

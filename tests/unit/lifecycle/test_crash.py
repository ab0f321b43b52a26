"""A crash that will repeat itself fails at once; what may pass gets a second attempt."""

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

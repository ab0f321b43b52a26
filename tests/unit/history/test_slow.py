"""The log lines of slow services: read beside the polls of a start, which never wait for them."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra import history
from rofecare_infra.engine import Container
from rofecare_infra.errors import EngineError
from rofecare_infra.history.slow import LastLines, SlowServices, last_line
from rofecare_infra.progress import Logged, Observed, StageReady
from tests.support.fakes import FakeClock, FakeEngine, container, drain, project_of, service, settings


class Blocked:
    """A reader that answers when the test allows it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.allowed = threading.Event()
        self.text = "loading"

    def __call__(self, name: str) -> str:
        self.asked.append(name)
        assert self.allowed.wait(30)
        return f"{name}: {self.text}"


def ended() -> None:
    """Wait for the readers of logs."""
    for thread in threading.enumerate():
        if thread.name.startswith("log of "):
            thread.join(30)


def poll(slow: SlowServices, now: float, *names: str) -> list[object]:
    return list(slow.logged(Observed(now, dict.fromkeys(names, "starting")), now))


def test_a_poll_does_not_wait_for_a_log_and_the_next_one_has_its_line() -> None:
    reader = Blocked()
    slow = SlowServices(LastLines(reader), {"db": 1.0})
    assert poll(slow, 0.0, "db") == []
    for now in (10.0, 10.4, 12.0, 15.0):
        assert poll(slow, now, "db") == []
    reader.allowed.set()
    ended()
    assert reader.asked == ["db"], "one at a time"
    assert poll(slow, 16.0, "db") == [Logged("db", "db: loading")]
    assert poll(slow, 16.4, "db") == [], "it is handed over once"
    reader.text = "listening"
    assert poll(slow, 18.0, "db") == []
    ended()
    assert poll(slow, 18.4, "db") == [Logged("db", "db: listening")]
    assert reader.asked == ["db"] * 2


def test_only_a_few_logs_are_read_at_once() -> None:
    reader = Blocked()
    names = [f"service-{number}" for number in range(20)]
    slow = SlowServices(LastLines(reader), {})
    assert poll(slow, 0.0, *names) == poll(slow, 40.0, *names) == poll(slow, 50.0, *names) == []
    reader.allowed.set()
    ended()
    assert len(reader.asked) == 4


def test_a_service_that_became_ready_has_no_line() -> None:
    reader = Blocked()
    slow = SlowServices(LastLines(reader), {})
    assert poll(slow, 0.0, "db") == poll(slow, 40.0, "db") == []
    reader.allowed.set()
    ended()
    assert list(slow.logged(Observed(41.0, {"db": ""}), 41.0)) == []


@pytest.mark.parametrize("error", [EngineError("gone"), None])
def test_a_log_without_a_line_is_asked_for_again(error: EngineError | None) -> None:
    def read(_name: str) -> str:
        if error is not None:
            raise error
        return ""

    lines = LastLines(read)
    for _ in range(6):
        lines.ask("db")
        ended()
    assert lines.take() == {}


def test_the_last_line_is_the_message_of_a_line_in_json() -> None:
    engine = FakeEngine([container("db")])
    work = project_of([service("db")], engine)
    assert last_line(work, "db") == ""
    engine.log["id-db"] = ("first", '{"@timestamp": "2026-11-28T04:44:08Z", "log.level": "INFO", "message": "loading"}')
    assert last_line(work, "db") == "loading"


class Hanging(FakeEngine):
    """Returns no log until the test allows it; its container is ready after some time."""

    def __init__(self, clock: FakeClock, ready_at: float) -> None:
        super().__init__()
        self._clock = clock
        self._ready_at = ready_at
        self.allowed = threading.Event()

    def containers(self, project: str) -> tuple[Container, ...]:
        """Those that were started."""
        health = "healthy" if self._clock.time >= self._ready_at else "starting"
        return tuple(replace(one, health=health) for one in super().containers(project))

    def log_tail(self, container: str, lines: int) -> tuple[str, ...]:
        """Later."""
        assert self.allowed.wait(30)
        return super().log_tail(container, lines)


def test_a_start_goes_on_while_the_engine_returns_no_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rofecare_infra.lifecycle.failure.is_free", lambda _address, _port: True)
    clock = FakeClock()
    engine = Hanging(clock, ready_at=clock.time + 90)
    work = replace(project_of([service("db")], engine), settings=settings(tmp_path, GATE_TIMEOUT="120"))
    try:
        events, _ = drain(history.start(work, clock=clock.clock))
    finally:
        engine.allowed.set()
        ended()
    assert sum(isinstance(one, Observed) for one in events) > 200
    assert any(isinstance(one, StageReady) for one in events)
    assert not any(isinstance(one, Logged) for one in events)

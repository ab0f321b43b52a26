"""Logs go on through restarts and replacements: no line twice, none lost."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from rofecare_infra.engine import Container
from rofecare_infra.errors import CommandError, EngineError, RofecareError
from rofecare_infra.logs import Line, follow, history
from tests.support.fakes import FakeEngine, container

Entry = tuple[str, str]
WHOLE = 100_000
UNREADABLE = CommandError("refused", seen="no reading")


def at(second: float, text: str) -> Entry:
    return (f"2026-01-01T00:00:{second:012.9f}Z", text)


class LoggingEngine(FakeEngine):
    """Each container has sessions: the lines until its log ends for the first time, for the second time, ..."""

    def __init__(self, containers: Sequence[Container], sessions: dict[str, list[list[Entry] | RofecareError]]) -> None:
        super().__init__(containers)
        self.sessions = sessions
        self.written: dict[str, list[Entry]] = {}
        self.asked: list[tuple[str, float | None, int | None]] = []
        # What happens when the log of a container ends.
        self.on_end: dict[str, Callable[[], None]] = {}

    def follow_log(self, container: str, *, since: float | None, tail: int | None) -> Iterator[Entry]:
        self.asked.append((container, since, tail))
        session = self.sessions[container].pop(0) if self.sessions[container] else []
        if isinstance(session, RofecareError):
            raise session
        # As the engine does: what was written before comes again, from that whole second on.
        before = self.written.setdefault(container, [])
        again = [entry for entry in before if since is None or _second(entry) >= int(since) % 60]
        before += session
        yield from again[-WHOLE if tail is None else -tail :] if tail != 0 else []
        yield from session
        if session and container in self.on_end:
            self.on_end[container]()

    def past_log(self, container: str, *, since: float | None, tail: int | None) -> list[Entry]:
        assert since is None
        if container not in self.written:
            raise UNREADABLE
        return self.written[container][-(tail or WHOLE) :]


def _second(entry: Entry) -> int:
    return int(entry[0][17:19])


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    # By its full name: in the package, `follow` is the function.
    monkeypatch.setattr(sys.modules["rofecare_infra.logs.follow"], "_INTERVAL", 0.01)


def read(engine: LoggingEngine, services: Sequence[str], *, rounds: int = 12, tail: int | None = None) -> list[Line]:
    left = iter(range(rounds))
    lines = follow(engine, "rofecare", services, since=None, tail=tail, goes_on=lambda: next(left, None) is not None)
    return list(lines)


def texts(lines: Sequence[Line]) -> list[str]:
    return [line.text for line in lines]


def test_a_restart_in_the_middle() -> None:
    engine = LoggingEngine([container("app")], {"id-app": [[at(1.1, "a"), at(1.2, "b")], [at(1.3, "c"), at(2, "d")]]})
    assert texts(read(engine, ["app"])) == ["a", "b", "c", "d"]
    # Read again from the whole second of the last line that was shown.
    assert engine.asked[1][1] is not None


def test_a_container_that_was_replaced() -> None:
    engine = LoggingEngine(
        [container("app")], {"id-app": [[at(1, "old")]], "id-new": [[at(5, "new 1"), at(6, "new 2")]]}
    )

    def replaced() -> None:
        engine.present = [container("app", id="id-new")]

    engine.on_end["id-app"] = replaced
    lines = read(engine, ["app"], tail=0)
    assert texts(lines) == ["old", "new 1", "new 2"]
    # The new one from its first line, whatever the tail of the first look was.
    assert ("id-new", None, None) in engine.asked


def test_a_container_that_ended_is_read_once() -> None:
    ended = container("app", status="exited", health=None)
    engine = LoggingEngine([ended], {"id-app": [[at(1, "last words")]]})
    assert texts(read(engine, ["app"])) == ["last words"]
    assert len(engine.asked) == 1


def test_one_that_ended_and_runs_again_goes_on() -> None:
    engine = LoggingEngine([container("app")], {"id-app": [[at(1, "a")], [at(9, "b")]]})
    running = engine.present[0]
    down = replace(running, status="exited")
    engine.looks = [[running], [down], [down], [running]]
    assert texts(read(engine, ["app"])) == ["a", "b"]


def test_one_that_waits_for_its_next_restart_is_not_asked_again() -> None:
    engine = LoggingEngine([container("app")], {"id-app": [[at(1, "a")], [at(9, "b")]]})
    first = engine.present[0]
    waiting = replace(first, status="restarting")
    # The next run was over before anybody looked: its lines are read all the same.
    engine.looks = [[first], *[[waiting]] * 3, *[[replace(waiting, started_at="2026-01-01T00:00:08Z")]] * 8]
    assert texts(read(engine, ["app"])) == ["a", "b"]
    assert len(engine.asked) == 2


def test_several_services_and_nobody_elses() -> None:
    engine = LoggingEngine(
        [container("app"), container("db"), container("other")],
        {"id-app": [[at(1, "from app")]], "id-db": [[at(1, "from db")]], "id-other": [[at(1, "not asked for")]]},
    )
    lines = read(engine, ["app", "db"])
    assert {(line.service, line.text) for line in lines} == {("app", "from app"), ("db", "from db")}


def test_a_service_that_is_not_there_yet_is_awaited() -> None:
    engine = LoggingEngine([], {"id-app": [[at(1, "at last")]]})
    engine.looks = [[], [], [container("app")]]
    assert texts(read(engine, ["app"], tail=5)) == ["at last"]
    assert engine.asked[0] == ("id-app", None, None)


def test_the_tail_concerns_the_first_look() -> None:
    engine = LoggingEngine([container("app")], {"id-app": [[]]})
    engine.written["id-app"] = [at(1, "a"), at(2, "b"), at(3, "c")]
    assert texts(read(engine, ["app"], rounds=2, tail=2)) == ["b", "c"]


def test_an_engine_that_goes_away_is_said() -> None:
    engine = LoggingEngine([container("app")], {"id-app": [[at(1, "a")], EngineError("gone")]})
    lines = follow(engine, "rofecare", ["app"], since=None, tail=None)
    assert next(lines).text == "a"
    with pytest.raises(EngineError, match="gone"):
        next(lines)


def test_a_log_that_cannot_be_read_does_not_hide_the_others() -> None:
    engine = LoggingEngine([container("app"), container("db")], {"id-app": [UNREADABLE], "id-db": [[at(1, "a")]]})
    found = texts(read(engine, ["app", "db"], rounds=3))
    assert sorted(found) == ["a", "the log of rofecare-app-1 cannot be read: no reading"]
    assert [name for name, _, _ in engine.asked].count("id-app") == 1
    engine.written = {"id-db": [at(1, "a")]}
    assert len(history(engine, "rofecare", ["app", "db"], since=None, tail=None)) == 2


def test_history_is_in_the_order_of_time() -> None:
    engine = LoggingEngine([container("app"), container("db"), container("other")], {})
    engine.written = {"id-app": [at(1, "a"), at(4, "d")], "id-db": [at(2, "b"), at(3, "c")], "id-other": [at(0, "x")]}
    lines = history(engine, "rofecare", ["app", "db"], since=None, tail=None)
    assert [(line.service, line.text) for line in lines] == [("app", "a"), ("db", "b"), ("db", "c"), ("app", "d")]
    assert [line.container for line in lines] == ["id-app", "id-db", "id-db", "id-app"]
    assert texts(history(engine, "rofecare", ["app"], since=None, tail=1)) == ["d"]

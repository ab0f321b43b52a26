"""An ingress that is closed by a file while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from rofecare_infra.errors import CommandError
from rofecare_infra.lifecycle import hold, status
from rofecare_infra.platform import Platform
from rofecare_infra.process import Result
from tests.support.fakes import FakeClock, FakeEngine, container, drain, service

PATH = "/data/closed"
FRONT = container("front", labels={"com.rofecare.hold": PATH})
METRICS = """# HELP caddy_http_requests_in_flight Number of requests currently handled by this server.
caddy_http_requests_in_flight{{handler="headers",server="srv1"}} {0}
caddy_http_requests_in_flight{{handler="metrics",server="srv0"}} 1
caddy_http_requests_in_flight{{handler="subroute",server="srv1"}} {0}
promhttp_metric_handler_requests_in_flight 1
"""


class Shell:
    """Answers `docker exec` for the container: files are those of the engine, metrics those of the test."""

    def __init__(self, engine: FakeEngine, metrics: Sequence[str]) -> None:
        self.engine = engine
        self.metrics: Iterator[str] = iter(metrics)
        self.full = False

    def __call__(self, argv: Sequence[str], **_more: object) -> Result:
        """One command in the container."""
        assert argv[:3] == ["docker", "exec", FRONT.name]
        if argv[3] == "wget":
            return Result(tuple(argv), 0, next(self.metrics), "")
        if self.full:
            return Result(tuple(argv), 1, "", "touch: No space left on device")
        change = self.engine.files.add if argv[6] == "close" else self.engine.files.discard
        change((FRONT.id, argv[7]))
        return Result(tuple(argv), 0, "", "")


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine([FRONT])


def shell(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine, *metrics: str) -> Shell:
    found = Shell(engine, metrics)
    monkeypatch.setattr(hold, "run", found)
    return found


def test_requests_are_counted_without_those_for_the_metrics() -> None:
    assert hold.requests_in_progress(METRICS.format(3)) == 3
    assert hold.requests_in_progress(METRICS.format(0)) == 0
    assert hold.requests_in_progress("") is None
    assert hold.requests_in_progress('caddy_http_requests_in_flight{handler="headers",server="srv1"} 0') is None


def test_it_is_closed_when_the_accepted_requests_are_answered(
    monkeypatch: pytest.MonkeyPatch, engine: FakeEngine
) -> None:
    shell(monkeypatch, engine, METRICS.format(2), METRICS.format(1), METRICS.format(0))
    clock = FakeClock()
    events = list(hold.close(engine, FRONT, clock.clock))
    assert hold.is_closed(engine, FRONT)
    assert [str(event) for event in events if "2 requests in progress" in str(event)]
    assert len(clock.slept) == 2
    assert engine.stopped == [], "it answers all the time"


@pytest.mark.parametrize("metrics", [[METRICS.format(1)] * 1000, ["no metrics of Caddy"]])
def test_a_restart_ends_requests_that_do_not_end(
    monkeypatch: pytest.MonkeyPatch, engine: FakeEngine, metrics: list[str]
) -> None:
    shell(monkeypatch, engine, *metrics)
    clock = FakeClock()
    drain(hold.close(engine, FRONT, clock.clock))
    assert clock.time <= 140.0
    assert (engine.stopped, engine.restarted) == ([FRONT.id], [FRONT.id])
    assert hold.is_closed(engine, FRONT)


def test_a_full_disk_leaves_it_open(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    shell(monkeypatch, engine).full = True
    with pytest.raises(CommandError, match="front cannot be closed") as refused:
        drain(hold.close(engine, FRONT, FakeClock().clock))
    assert "No space left" in refused.value.seen
    assert engine.stopped == []


def test_it_is_opened_if_it_is_closed(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    shell(monkeypatch, engine)
    assert list(hold.reopen(engine, FRONT)) == []
    engine.files.add((FRONT.id, PATH))
    assert [str(event) for event in hold.reopen(engine, FRONT) if "front is open" in str(event)]
    assert not hold.is_closed(engine, FRONT)


def test_status_shows_that_it_is_closed(engine: FakeEngine) -> None:
    platform = Platform("rofecare", (service("front", "business"),))
    assert [row.ready for row in status(platform, engine)] == [True]
    engine.files.add((FRONT.id, PATH))
    (row,) = status(platform, engine)
    assert (row.ready, row.health, row.reason.partition(":")[0]) == (False, "healthy", "closed")

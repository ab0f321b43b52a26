"""The monitoring is known while it is there, and leaves without the platform."""

from __future__ import annotations

from rofecare_infra.engine import Engine
from rofecare_infra.errors import EngineError
from rofecare_infra.lifecycle import stop_monitoring
from rofecare_infra.platform import LABEL_PHASE, Platform
from rofecare_infra.project.containers import ProjectContainers
from tests.support.fakes import FakeClock, FakeEngine, container, drain, service

DATABASE = container("db", labels={LABEL_PHASE: "infrastructure"})
MONITORING = tuple(container(name, labels={LABEL_PHASE: "monitoring"}) for name in ("alertmanager", "prometheus"))
PLATFORM = Platform(
    "rofecare",
    (
        service("db"),
        service("alertmanager", "monitoring"),
        service("prometheus", "monitoring", depends_on=("alertmanager",)),
    ),
)


def test_it_is_there_as_long_as_one_of_its_containers_is() -> None:
    assert ProjectContainers("rofecare", lambda: FakeEngine([DATABASE, MONITORING[0]])).is_watched
    assert not ProjectContainers("rofecare", lambda: FakeEngine([DATABASE])).is_watched


def test_an_engine_that_does_not_answer_shows_no_monitoring() -> None:
    def connect() -> Engine:
        raise EngineError("no answer")

    assert not ProjectContainers("rofecare", connect).is_watched
    assert not ProjectContainers("rofecare", connect).is_production


def test_it_is_stopped_in_reverse_and_removed_and_the_platform_stays() -> None:
    engine = FakeEngine([DATABASE, *MONITORING])
    _, report = drain(stop_monitoring(engine, PLATFORM, clock=FakeClock().clock))
    assert engine.stopped == ["id-prometheus", "id-alertmanager"]
    assert report.stopped == ("rofecare-alertmanager-1", "rofecare-prometheus-1")
    assert engine.present == [DATABASE]


def test_without_it_there_is_nothing_to_do() -> None:
    events, report = drain(stop_monitoring(FakeEngine([DATABASE]), PLATFORM, clock=FakeClock().clock))
    assert events == []
    assert report.stopped == ()

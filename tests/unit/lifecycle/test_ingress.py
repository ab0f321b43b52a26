"""What closes and opens: an ingress with a hold goes on running, any other is stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from rofecare_infra import lifecycle
from rofecare_infra.engine import Container
from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.lifecycle import hold
from rofecare_infra.platform import LABEL_HOLD, LABEL_INGRESS
from rofecare_infra.process import Result, to_end
from rofecare_infra.progress import Event
from rofecare_infra.project import Project
from rofecare_infra.state import Clock
from tests.support.fakes import FakeClock, FakeEngine, container, project_of, service

INGRESS = {LABEL_INGRESS: "true"}
HELD = {**INGRESS, LABEL_HOLD: "/data/closed"}
SERVICES = (
    service("gateway", "spring-cloud", labels=INGRESS),
    service("shop", "business"),
    service("front", "business", labels=HELD),
)
FILE = ("id-front", "/data/closed")
_NOON, _ONE = "2026-01-01T12:00:00Z", 1767272400.0


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    engine = FakeEngine([container(one.name, labels=one.labels, started_at=_NOON) for one in SERVICES])

    def run(argv: Sequence[str], **_more: object) -> Result:
        if argv[3] == "wget":
            return Result((), 0, 'caddy_http_requests_in_flight{handler="metrics",server="srv0"} 1\n', "")
        (engine.files.add if argv[6] == "close" else engine.files.discard)((FILE[0], argv[7]))
        return Result((), 0, "", "")

    monkeypatch.setattr(hold, "run", run)
    return engine


@pytest.fixture
def project(engine: FakeEngine) -> Project:
    return project_of(SERVICES, engine)


def test_closing_and_opening(project: Project, engine: FakeEngine) -> None:
    clock = FakeClock().clock
    assert lifecycle.open_services(project) == ("gateway", "front")
    to_end(lifecycle.close_ingress(project, clock))
    assert lifecycle.open_services(project) == ()
    assert ([one.service for one in engine.present], engine.files) == (["shop", "front"], {FILE})
    to_end(lifecycle.open_ingress(project, clock))
    assert ({one.service for one in engine.present}, engine.files) == ({"shop", "front", "gateway"}, set())
    assert engine.stopped == ["id-gateway"]


def test_one_with_a_hold_that_does_not_run_is_removed(project: Project, engine: FakeEngine) -> None:
    engine.stop("id-front")
    to_end(lifecycle.close_ingress(project, FakeClock().clock))
    assert ([one.service for one in engine.present], engine.files) == (["shop"], set())


def test_what_may_be_started_behind_a_closed_ingress(project: Project, engine: FakeEngine) -> None:
    assert [one.name for one in lifecycle.behind_ingress(project)] == ["shop"]
    engine.files.add(FILE)
    assert [one.name for one in lifecycle.behind_ingress(project)] == ["shop", "front"]
    engine.stop("id-front")
    assert [one.name for one in lifecycle.behind_ingress(project)] == ["shop"], "it may not be closed as a new one"


def test_whether_requests_were_accepted_since(project: Project, engine: FakeEngine) -> None:
    engine.remove("id-gateway")
    assert lifecycle.opened_since(project, _ONE) == "rofecare-front-1 is open"
    assert "was started at 2026-01-01T12:00" in lifecycle.opened_since(project, _ONE - 7200)
    engine.files.add(FILE)
    assert lifecycle.opened_since(project, _ONE - 7200) == "", "a restart does not open it"
    assert lifecycle.is_closed_since(project, _ONE)


def test_traffic_is_not_tested_through_a_closed_ingress(project: Project, engine: FakeEngine) -> None:
    lifecycle.require_open(project)
    engine.files.add(FILE)
    with pytest.raises(ServiceFailedError, match="front is closed"):
        lifecycle.require_open(project)


def test_a_start_opens_what_was_left_closed(project: Project, engine: FakeEngine) -> None:
    assert list(lifecycle.reopen(project)) == []
    engine.files.add(FILE)
    assert [event for event in lifecycle.reopen(project) if "front is open" in str(event)]
    assert engine.files == set()


def test_a_replica_that_another_node_starts_meanwhile_is_not_overlooked(project: Project, engine: FakeEngine) -> None:
    stack = replace(project, stack=True)
    engine.present = [container("front", labels=HELD, node="node1", started_at=_NOON)]
    late = container("front", id="id-late", name="front.late", labels=HELD, node="node2", started_at=_NOON)

    def polled(_engine: FakeEngine, one: Container, _clock: Clock) -> Iterator[Event]:
        engine.files.add((one.id, "/data/closed"))
        engine.present.append(late)
        yield from ()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hold, "close", polled)
        with pytest.raises(ServiceFailedError, match="front cannot be closed on all nodes") as caught:
            to_end(lifecycle.close_ingress(stack, FakeClock().clock))
    assert caught.value.seen == "front.late was started on node2 meanwhile"
    assert lifecycle.opened_since(stack, _ONE) == "front.late is open"


def test_a_replica_that_does_not_run_has_accepted_nothing(project: Project, engine: FakeEngine) -> None:
    stack = replace(project, stack=True)
    engine.present = [container("front", labels=HELD, status="restarting", node="node1")]
    assert not lifecycle.opened_since(stack, _ONE)
    assert lifecycle.opened_since(project, _ONE) == "rofecare-front-1 is open", "on one server its file is known"

"""Tasks of a stack as the containers that the judge understands."""

from __future__ import annotations

from typing import Any

import pytest

from rofecare_infra.engine import Container
from rofecare_infra.engine.stack import _pieces
from rofecare_infra.engine.tasks import containers_of_tasks
from rofecare_infra.gates import Failed, Pending, Ready, Verdict, judge
from rofecare_infra.platform import Service
from tests.support.stacks import service, task


def verdict(tasks: list[dict[str, Any]], described: dict[str, Any] | None = None, **more: Any) -> Verdict:
    described = described or service()
    found = containers_of_tasks([described], tasks, {"n1": "node1", "n2": "node2"})
    return judge(Service("db", "infrastructure", "db:1", **more), found, {}, 0.0)


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        pytest.param([task("running")], Ready(), id="running: its health check passes"),
        pytest.param([task("starting")], Pending("starting"), id="starting"),
        pytest.param([task("preparing")], Pending("created, not started yet"), id="preparing"),
        pytest.param([], Pending("created, not started yet"), id="no task yet, or of an earlier definition"),
        pytest.param(
            [task("pending", error="no suitable node (constraints)")],
            Failed("not started: no suitable node (constraints)", "s1.1"),
            id="no node",
        ),
        pytest.param(
            [task("failed", code=1, error="task: non-zero exit (1)"), task("ready", number=2)],
            Pending("restarted: exited with code 1"),
            id="first restart",
        ),
        pytest.param(
            [
                task("failed", code=1, error="task: non-zero exit (1)"),
                task("failed", number=2, code=1, error="task: non-zero exit (1)"),
                task("starting", number=3),
            ],
            Failed("crash loop: restarted 2 times", "s1.1"),
            id="crash loop",
        ),
        pytest.param(
            [task("failed", code=137, error="task: non-zero exit (137): dockerexec: unhealthy container")],
            Failed("task: non-zero exit (137): dockerexec: unhealthy container", "s1.1"),
            id="unhealthy, not restarted",
        ),
        pytest.param(
            [task("rejected", error="No such image: db:1"), task("ready", number=2)],
            Failed("not started: No such image: db:1", "s1.1"),
            id="no image",
        ),
        pytest.param([task("shutdown"), task("running", number=2)], Ready(), id="replaced"),
    ],
)
def test_one_replica(tasks: list[dict[str, Any]], expected: Verdict) -> None:
    assert verdict(tasks) == expected


def test_what_is_on_a_node_that_does_not_answer_is_lost() -> None:
    lost = task("running", NodeID="n9")
    assert verdict([lost]) == Pending("created, not started yet")
    waiting = task("pending", number=2, error="no suitable node", NodeID="")
    assert verdict([lost, waiting]) == Failed("not started: no suitable node", "s1.1")


def test_a_job_that_has_ended() -> None:
    assert verdict([task("complete")], one_shot=True) == Ready()


def test_of_three_replicas_one_still_runs_by_the_earlier_definition() -> None:
    tasks = [task("running"), task("running", slot=2, number=2)]
    assert verdict(tasks, service(3), replicas=3) == Pending("created, not started yet")
    assert verdict([*tasks, task("running", slot=3, number=3)], service(3), replicas=3) == Ready()


def test_a_service_on_every_node_waits_for_all_of_them() -> None:
    described = service(None, ServiceStatus={"DesiredTasks": 2})
    first, second = task("running", slot=0), task("running", slot=0, number=2, NodeID="n2")
    assert verdict([first], described) == Pending("created, not started yet")
    assert verdict([first, second], described) == Ready()


@pytest.mark.parametrize("state", ["paused", "rollback_started", "rollback_paused"])
def test_an_update_that_was_given_up(state: str) -> None:
    described = service(UpdateStatus={"State": state, "Message": "task t9 failed"})
    found = verdict([task("running")], described)
    assert found == Failed(f"not started: the update was given up ({state}): task t9 failed", "s1.1")


def test_after_its_rollback_a_service_is_as_before() -> None:
    described = service(UpdateStatus={"State": "rollback_completed", "Message": "rollback completed"})
    assert verdict([task("running")], described) == Ready()


def test_what_the_record_of_a_replica_contains() -> None:
    (found,) = containers_of_tasks([service()], [task("failed", code=1), task("running", number=2)], {"n1": "node1"})
    assert found == Container(
        id="s1.1",
        name="his_db.1.t2",
        service="db",
        status="running",
        health="healthy",
        restarts=1,
        created_at="2026-01-01T00:00:02Z",
        started_at="2026-01-01T00:00:02Z",
        ready_at="2026-01-01T00:00:02Z",
        image="db:1",
        image_id="db:1",
        labels={"com.rofecare.phase": "infrastructure"},
        node="node1",
    )


def test_the_pieces_of_a_log_arrive_in_any_chunks() -> None:
    log = b"".join(bytes([1, 0, 0, 0]) + len(one).to_bytes(4, "big") + one for one in (b"a b\n", b"", b"c d\n"))
    for size in range(1, len(log) + 1):
        chunks = [log[begin : begin + size] for begin in range(0, len(log), size)]
        assert list(_pieces(iter(chunks))) == [b"a b\n", b"", b"c d\n"]

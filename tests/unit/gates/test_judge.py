"""The judge's table, row by row."""

from __future__ import annotations

import itertools

import pytest

from rofecare_infra.gates import Failed, Pending, Ready, judge
from rofecare_infra.gates.judge import RESTART_LIMIT, UNMARKED_GRACE
from tests.support.fakes import container, service

STATUSES = ("created", "running", "paused", "restarting", "removing", "exited", "dead")
HEALTH = (None, "starting", "healthy", "unhealthy")


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        pytest.param({}, Ready(), id="healthy"),
        pytest.param({"health": "starting"}, Pending("starting"), id="starting"),
        pytest.param(
            {"health": "starting", "probe": "no response"}, Pending("starting: no response"), id="starting, probed"
        ),
        pytest.param(
            {"health": "unhealthy", "probe": "HTTP/1.1 503"}, Pending("unhealthy: HTTP/1.1 503"), id="unhealthy"
        ),
        pytest.param(
            {
                "health": "starting",
                "probe": 'OCI runtime: exec: "bash": executable file not found in $PATH',
            },
            Failed("its health check cannot pass: its image does not contain bash", "id-db"),
            id="a program that is not there",
        ),
        pytest.param(
            {"health": "starting", "probe": 'HTTP/1.1 404 {"status":404}'},
            Failed("its health check cannot pass: it answers 404, so readiness has another port or path", "id-db"),
            id="answers 404",
        ),
        pytest.param(
            {"health": "starting", "probe": 'HTTP/1.0 401 Unauthorized from port 9000, /up {"status":401}'},
            Failed(
                "its health check cannot pass: "
                "it answers 401 Unauthorized from port 9000, /up, so readiness has another port or path",
                "id-db",
            ),
            id="another port or path",
        ),
        pytest.param({"status": "created", "health": None}, Pending("created, not started yet"), id="created"),
        pytest.param(
            {"status": "created", "health": None, "error": "port in use"},
            Failed("not started: port in use", "id-db"),
            id="refused by the engine",
        ),
        pytest.param(
            {"status": "restarting", "exit_code": 1, "restarts": 1},
            Pending("restarted: exited with code 1"),
            id="first restart",
        ),
        pytest.param(
            {"status": "restarting", "exit_code": 1, "restarts": 2},
            Failed("crash loop: restarted 2 times", "id-db"),
            id="crash loop",
        ),
        pytest.param({"restarts": 5}, Failed("crash loop: restarted 5 times", "id-db"), id="crash loop seen healthy"),
        pytest.param(
            {"status": "exited", "exit_code": 3, "health": None}, Failed("exited with code 3", "id-db"), id="exited"
        ),
        pytest.param(
            {"status": "exited", "exit_code": 1, "health": "unhealthy"},
            Failed("exited with code 1", "id-db"),
            id="exited with a probe",
        ),
        pytest.param(
            {"status": "exited", "exit_code": 0, "health": None}, Failed("exited with code 0", "id-db"), id="ended"
        ),
        pytest.param(
            {"status": "exited", "exit_code": 0, "health": "healthy"},
            Failed("exited with code 0", "id-db"),
            id="ended after it was healthy",
        ),
        pytest.param(
            {"status": "exited", "exit_code": 137, "health": None},
            Failed("killed by SIGKILL (exit code 137)", "id-db"),
            id="killed",
        ),
        pytest.param(
            {"status": "exited", "exit_code": 137, "oom_killed": True},
            Failed("out of memory: killed by the kernel (exit code 137)", "id-db"),
            id="out of memory",
        ),
        pytest.param(
            {"status": "exited", "exit_code": 127, "error": "exec: no such file"},
            Failed("exec: no such file", "id-db"),
            id="no such program",
        ),
        pytest.param({"status": "paused"}, Failed("paused: it does not answer", "id-db"), id="paused"),
        pytest.param({"status": "removing"}, Failed("the container does not exist", "id-db"), id="removing"),
        pytest.param({"status": "dead"}, Failed("the container does not exist", "id-db"), id="dead"),
    ],
)
def test_each_row_of_the_table(state: dict[str, object], verdict: object) -> None:
    assert judge(service(), [container(**state)], {}, waited=1.0) == verdict


@pytest.mark.parametrize("waited", [0.0, UNMARKED_GRACE, 1000.0])
def test_a_service_without_container_is_gone(waited: float) -> None:
    assert judge(service(), [], {}, waited) == Failed("the container does not exist")


@pytest.mark.parametrize(
    ("code", "verdict"), [(0, Ready()), (3, Failed("exited with code 3", "id-db"))], ids=["good", "bad"]
)
def test_a_one_shot_is_judged_by_its_end(code: int, verdict: object) -> None:
    one_shot = service(has_healthcheck=False, one_shot=True)
    ended = container(status="exited", exit_code=code, health=None)
    assert judge(one_shot, [ended], {}, waited=1.0) == verdict


def test_a_one_shot_may_work_as_long_as_it_wants() -> None:
    one_shot = service(has_healthcheck=False, one_shot=True)
    assert judge(one_shot, [container(health=None)], {}, waited=1000.0) == Pending("not completed yet")


def test_a_one_shot_that_nobody_marked_may_end_well() -> None:
    ended = container(status="exited", exit_code=0, health=None)
    assert judge(service(has_healthcheck=False), [ended], {}, waited=1.0) == Ready()


def test_no_health_check_is_a_defect_once_it_has_not_ended() -> None:
    unchecked = service(has_healthcheck=False)
    running = container(health=None)
    assert isinstance(judge(unchecked, [running], {}, waited=UNMARKED_GRACE - 0.1), Pending)
    verdict = judge(unchecked, [running], {}, waited=UNMARKED_GRACE)
    assert verdict == Failed("no health check: its readiness cannot be determined", "id-db")


def test_restarts_from_before_the_wait_do_not_count() -> None:
    restarted = container(restarts=7)
    assert judge(service(), [restarted], {"id-db": 7}, waited=1.0) == Ready()
    assert isinstance(judge(service(), [restarted], {"id-db": 7 - RESTART_LIMIT}, waited=1.0), Failed)


def test_every_replica_counts() -> None:
    twice = service(replicas=2)
    first, second = container(id="a"), container(id="b")
    assert judge(twice, [first, second], {}, 1.0) == Ready()
    assert judge(twice, [first], {}, 1.0) == Failed("1 of 2 containers do not exist")
    assert judge(twice, [first, container(id="b", health="starting")], {}, 1.0) == Pending("starting")
    fallen = container(id="b", status="exited", exit_code=1)
    assert judge(twice, [container(id="a", health="starting"), fallen], {}, 1.0) == Failed("exited with code 1", "b")


@pytest.mark.parametrize(("status", "health"), [*itertools.product(STATUSES, HEALTH)])
@pytest.mark.parametrize("code", [0, 1, 137])
@pytest.mark.parametrize("restarts", [0, 1, 2])
def test_ready_is_only_what_runs_and_is_healthy(status: str, health: str | None, code: int, restarts: int) -> None:
    seen = container(status=status, health=health, exit_code=code, restarts=restarts)
    verdict = judge(service(), [seen], {}, waited=1000.0)
    assert isinstance(verdict, Ready) == (status == "running" and health == "healthy" and restarts < RESTART_LIMIT)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("code", [0, 3])
def test_a_one_shot_is_ready_only_after_a_good_end(status: str, code: int) -> None:
    one_shot = service(has_healthcheck=False, one_shot=True)
    verdict = judge(one_shot, [container(status=status, health=None, exit_code=code)], {}, waited=1000.0)
    assert isinstance(verdict, Ready) == (status == "exited" and code == 0)


def test_what_is_awaited_is_ready_when_it_has_ended_well_whatever_its_health_is() -> None:
    awaited = service(one_shot=True, awaited=True)
    assert judge(awaited, [container(health="healthy")], {}, waited=1.0) == Pending("not completed yet")
    assert judge(awaited, [container(status="exited", exit_code=0, health="healthy")], {}, waited=1.0) == Ready()
    assert isinstance(judge(awaited, [container(status="exited", exit_code=3)], {}, waited=1.0), Failed)
